#!/bin/sh
# Write the secrets that docker-compose.yml reads, once: .env (database passwords) and .secrets/ (keys).
set -eu
cd "$(dirname "$0")/.."
umask 077
secret() { head -c 48 /dev/urandom | base64 | tr -d '+/=\n'; }

if [ ! -e .env ]; then
	for name in POSTGRES CASELOOP_INTAKE CASELOOP_AUDIT CASELOOP_REMEDIAL CASELOOP_REPORTING; do
		echo "${name}_PASSWORD=$(secret)"
	done >.env.draft
	mv .env.draft .env
fi
mkdir -p .secrets
for key in session pseudonym; do
	[ -e ".secrets/$key.key" ] || secret >".secrets/$key.key"
	# Compose mounts the file as it is, and the service that reads it is not its owner
	chmod 644 ".secrets/$key.key"
done
