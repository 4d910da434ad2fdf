"""What the processes said, each line with its process's name before it: from their logs, now or as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.home import Home
from deploy.local.ports import SERVICES

PROCESSES = ("postgres", "kafka", "migrate", *SERVICES, "caddy", "demo", "supervisor")
FOLLOW_SECONDS = 0.2
WIDTH = max(map(len, PROCESSES))


@dataclass
class Tail:
    """One log, read from a place on; whole lines only."""

    process: str
    path: Path
    position: int = 0
    _rest: bytes = field(default=b"")

    def lines(self) -> list[str]:
        """What was added since, with the prefix."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.position:
                    # A fresh log took its place
                    self.position = 0
                file.seek(self.position)
                added = file.read()
        except FileNotFoundError:
            return []
        self.position += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [f"{self.process:<{WIDTH}} | {line.decode(errors='replace')}" for line in whole]


def tails(home: Home, processes: Sequence[str] = PROCESSES, *, from_now: bool = False) -> list[Tail]:
    """The logs of these processes, from their beginning or from their end on."""
    paths = {process: home.log(process) for process in processes}
    return [
        Tail(process, path, path.stat().st_size if from_now and path.exists() else 0) for process, path in paths.items()
    ]


def follow(wanted: Sequence[Tail], ended: Callable[[], bool]) -> Iterator[str]:
    """Each line as it comes, until `ended`; then what is left."""
    while not ended():
        for tail in wanted:
            yield from tail.lines()
        time.sleep(FOLLOW_SECONDS)
    for tail in wanted:
        yield from tail.lines()
