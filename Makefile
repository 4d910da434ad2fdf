# Caseloop's daily commands; `make` lists them. Each does what set-up it needs by itself, once.
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
.DEFAULT_GOAL := help

bin := .venv/bin
# A stamp is only worth something in the place where it was made: a copied tree is set up afresh.
stamps := .venv/stamps/$(subst /,_,$(subst $() ,_,$(CURDIR)))
pages := $(wildcard shared/web/static/*.*)

$(stamps)/python: requirements.lock pyproject.toml deploy/setup.sh
	@echo "setting up .venv"
	@sh deploy/setup.sh python
	@mkdir -p $(@D) && touch $@

$(stamps)/assets: package.json package-lock.json .npmrc shared/web/build.py $(pages) | $(stamps)/python
	@echo "setting up the page assets"
	@sh deploy/setup.sh assets
	@mkdir -p $(@D) && touch $@

$(stamps)/servers: deploy/kafka/jars.lock | $(stamps)/python
	@echo "setting up Kafka and PostgreSQL"
	@sh deploy/setup.sh servers
	@mkdir -p $(@D) && touch $@

.PHONY: setup
setup: $(stamps)/python $(stamps)/assets $(stamps)/servers ## Fetch and make everything that is needed; .venv/bin/caseloop is there then
	@:

.PHONY: up
up: setup ## Start the stack here; Ctrl-C stops it
	@$(bin)/caseloop up

.PHONY: down
down: $(stamps)/python ## Stop the stack
	@$(bin)/caseloop down

.PHONY: demo
demo: setup ## Start the stack with a synthetic council at work in it
	@$(bin)/caseloop demo

.PHONY: test
test: setup ## Run the tests, on real Kafka and PostgreSQL (args=... for pytest)
	@$(bin)/pytest $(args)

.PHONY: check
check: $(stamps)/python ## Check format, lint, types, import boundaries and the lock
	@$(bin)/ruff check --no-cache .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@$(bin)/pytest -q tests/contracts/test_repo_truths.py

.PHONY: fix
fix: $(stamps)/python ## Mend what a machine can mend of `make check`
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

.PHONY: system
system: setup ## Run the whole loop, and the stack itself: start, stop, restart
	@$(bin)/pytest -m "slow or not slow" tests/system tests/stack $(args)

.PHONY: faults
faults: setup ## Run the violent failures: kill, cut, duplicate, poison
	@$(bin)/pytest -m "slow or not slow" $(wildcard tests/faults) tests/messaging tests/stack $(args)

.PHONY: browser
browser: setup ## Run the pages in Chromium, with axe-core
	@$(bin)/pytest -m "slow or not slow" tests/browser $(args)

.PHONY: bench
bench: setup ## Measure the hot path beside its floor
	@$(bin)/python -m tests.bench $(args)

.PHONY: bench-year
bench-year: setup ## Take a year of England through intake and sampling (args="--events 50000" for less)
	@$(bin)/python -m tests.bench.year $(args)

.PHONY: bench-latency
bench-latency: setup ## Measure from a record's send to an auditor's open inbox
	@$(bin)/python -m tests.bench.latency $(args)

.PHONY: bench-rows
bench-rows: setup ## Measure what an event costs with 0.1, 1 and 5 million stored before it
	@$(bin)/python -m tests.bench.rows $(args)

.PHONY: bench-push
bench-push: setup ## Measure how long a push of a hundred new children takes
	@$(bin)/python -m tests.bench.push $(args)

.PHONY: bench-pages
bench-pages: setup ## Measure remedial's pages with 200,000 actions
	@$(bin)/python -m tests.bench.pages $(args)

.PHONY: migration
migration: $(stamps)/python ## Write an empty migration: service=audit name=what_changes
	@test -n "$(service)" -a -n "$(name)" || { echo "refused: say make migration service=audit name=what_changes" >&2; exit 2; }
	@$(bin)/python -m deploy.local.migration "$(service)" "$(name)"

.PHONY: events
events: $(stamps)/python ## Write the JSON Schema of every event and the golden examples that are missing
	@$(bin)/python -m tests.contracts.vocabulary

.PHONY: dlq
dlq: $(stamps)/python ## List the dead letters of the running stack
	@$(bin)/caseloop dead-letters list

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
