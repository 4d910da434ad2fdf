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
        """What was added since, as it is shown."""
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
        shown = (self.shown(line.decode(errors="replace")) for line in whole)
        return [line for line in shown if line is not None]

    def shown(self, line: str) -> str | None:
        """How a line is shown; None where it is not."""
        return f"{self.process:<{WIDTH}} | {line}"


class Story(Tail):
    """The log of the demo, which speaks to a person: no prefix, and no lines that are for programs."""

    def shown(self, line: str) -> str | None:
        return None if line.startswith("{") else line


def tails(home: Home, processes: Sequence[str] = PROCESSES) -> list[Tail]:
    """The logs of these processes, from their beginning on."""
    return [Tail(process, home.log(process)) for process in processes]


def tails_from_now(home: Home) -> list[Tail]:
    """The logs of all processes, from their end on."""
    return [Tail(process, home.log(process), _size(home.log(process))) for process in PROCESSES]


def story(home: Home) -> Tail:
    """What the demo tells, from now on."""
    return Story("demo", home.log("demo"), _size(home.log("demo")))


def follow(wanted: Sequence[Tail], ended: Callable[[], bool]) -> Iterator[str]:
    """Each line as it comes, until `ended`; then what is left."""
    while not ended():
        for tail in wanted:
            yield from tail.lines()
        time.sleep(FOLLOW_SECONDS)
    for tail in wanted:
        yield from tail.lines()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
