"""What is fetched and made once, so that no first start waits for it: jars, Kafka's AOT cache, compiled modules."""

from __future__ import annotations

import subprocess
import sys

from deploy.local import kafka, postgres
from deploy.local.home import REPOSITORY
from deploy.local.jars import class_path
from deploy.local.refusal import Failed, Refused
from deploy.local.stack import APPS

BESIDE_THE_SERVICES = ("uvicorn", "uvloop", "shared.migrate")


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
    compile_services()


def compile_services() -> None:
    """Import every service once: else four processes would compile the same modules side by side at the first start."""
    modules = [*BESIDE_THE_SERVICES, *(app.partition(":")[0] for app in APPS.values())]
    # What is wrong with a service is said when it is started, not here
    subprocess.run(
        [sys.executable, "-c", f"import {', '.join(modules)}"], cwd=REPOSITORY, capture_output=True, check=False
    )


if __name__ == "__main__":
    main()
