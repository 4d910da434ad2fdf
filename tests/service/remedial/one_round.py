"""One round of sending as a process of its own, to be killed by whoever receives what it sends.

`python -m tests.service.remedial.one_round DATABASE-URL notify ADDRESS KEY` or `… smtp PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from services.remedial import sending
from services.remedial.channels import Channel, Notify, Smtp
from shared.db import create_engine


def channel(kind: str, *told: str) -> Channel:
    """The way out that the test has set up."""
    if kind == "notify":
        return Notify(told[0], told[1], "template-1")
    return Smtp("127.0.0.1", int(told[0]), "caseloop@council.example", start_tls=False)


if __name__ == "__main__":
    url, at, *way = sys.argv[1:]
    asyncio.run(sending.send_due(create_engine(url), datetime.fromisoformat(at), channel(*way), "https://c.example"))
