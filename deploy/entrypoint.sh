#!/bin/sh
# What the image runs: the name of a service, `migrate`, `topics`, or any other command as it stands.
set -eu
case "${1:-}" in
intake | audit | remedial | reporting)
	exec uvicorn "services.$1.app:app" --host 0.0.0.0 --port 8000 --loop uvloop --log-level warning \
		--no-access-log --no-server-header --proxy-headers --timeout-graceful-shutdown 3
	;;
migrate) exec python -m shared.migrate intake audit remedial reporting ;;
topics) exec python -m deploy.local.cli topics apply ;;
*) exec "$@" ;;
esac
