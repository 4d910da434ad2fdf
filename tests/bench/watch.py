"""How long a process worked, and on how much CPU, without what its start cost."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Took:
    """Wall clock and this process's CPU, in seconds."""

    seconds: float
    cpu_seconds: float


class Watch:
    """Begins with the first batch."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def begin(self) -> None:
        """Begin, unless begun."""
        if self._began is None:
            self._began = (time.monotonic(), time.process_time())

    def took(self) -> Took:
        """What it took since."""
        wall, cpu = self._began or (time.monotonic(), time.process_time())
        return Took(time.monotonic() - wall, time.process_time() - cpu)
