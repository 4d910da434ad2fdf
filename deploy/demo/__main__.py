"""`python -m deploy.demo`: tell the demo's story to the stack that the environment names (`caseloop demo` does so)."""

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from deploy.demo.story import Deployment, Pace, tell
from shared.observability.logs import configure_logs


def main() -> None:
    """Run until the live cases are done; 1 where the stack did not play along."""
    asked = _arguments()
    configure_logs("demo")
    where = Deployment(
        origin=os.environ["CASELOOP_ORIGIN"],
        kafka=os.environ["CASELOOP_KAFKA"],
        session_key=Path(os.environ["CASELOOP_SESSION_KEY_FILE"]),
    )
    asyncio.run(tell(where, _say, Pace(seconds=asked.every, cases=asked.cases), asked.seed))


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m deploy.demo", description="A synthetic council at work in a running stack.")
    parser.add_argument("--every", type=float, default=Pace.seconds, metavar="SECONDS", help="between live cases")
    parser.add_argument("--cases", type=int, default=Pace.cases, metavar="N", help="live cases before it ends")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another council, other cases")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
