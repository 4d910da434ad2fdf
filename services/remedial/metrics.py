"""Remedial's business metrics: how many actions moved, and how many loops closed. Never an id in a label."""

from prometheus_client import Counter

from shared.observability.metrics import REGISTRY

MOVES = Counter("caseloop_action_moves_total", "What happened to actions, by move.", ["move"], registry=REGISTRY)
LOOPS = Counter("caseloop_loops_total", "Loops that closed or reopened.", ["what"], registry=REGISTRY)
