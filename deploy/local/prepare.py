"""What is fetched and made once, so that no first start waits for it: jars, Kafka's AOT cache, PostgreSQL's place."""

from __future__ import annotations

import sys

from deploy.local import kafka, postgres
from deploy.local.jars import class_path
from deploy.local.refusal import Failed, Refused


def main() -> None:
    """Prepare the servers; exit 2 with one line when this machine will not do."""
    try:
        class_path()
        postgres.binaries()
    except Refused as refusal:
        sys.stderr.write(f"refused: {refusal}\n")
        raise SystemExit(2) from refusal
    try:
        kafka.train()
    except Failed as failure:
        # Without the cache Kafka takes two seconds instead of one: no reason to stop
        sys.stderr.write(f"Kafka's AOT cache was not made ({failure}); it starts without\n")


if __name__ == "__main__":
    main()
