"""How long a process worked, and on how much CPU, without what its start cost."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Took:
    """Wall clock and this process's CPU, in seconds."""

    seconds: float
    cpu_seconds: float


def most_memory_mb(process: int | str = "self") -> int:
    """The most that the process has held. What `getrusage` says begins with what the process that started it held."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


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
