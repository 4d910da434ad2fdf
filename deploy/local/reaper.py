"""Leave nothing running: a small process that outlives its parent by a moment and stops what the parent had started.

Its standard input is a pipe that only the parent holds. Lines `+pid` and `-pid` name process groups that began and
ended. When the pipe closes, however the parent died (kill -9 included), the groups that remain are stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

PATIENCE_SECONDS = 5.0


class Reaper:
    """The parent's end of the pipe."""

    def __init__(self, keep_open: int | None = None) -> None:
        """`keep_open` is the descriptor of a lock that is to be held until everything has stopped."""
        self._keep_open = keep_open
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def revive(self, pids: Iterable[int]) -> bool:
        """If it was killed itself, start another that watches these; whether that was so."""
        if self._process.poll() is None:
            return False
        self._process = self._start()
        for pid in pids:
            self.watch(pid)
        return True

    def _start(self) -> subprocess.Popen[str]:
        # -I -S: it needs nothing but the standard library and starts in a few milliseconds
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
            bufsize=1,
            pass_fds=() if self._keep_open is None else (self._keep_open,),
        )

    def watch(self, pid: int) -> None:
        """From now on the group that this process leads is stopped when we die."""
        self._say(f"+{pid}")

    def forget(self, pid: int) -> None:
        """It has ended; its number may be another's tomorrow."""
        self._say(f"-{pid}")

    def close(self) -> None:
        """Stop what is still watched, then the reaper itself."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _say(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)


def remaining(lines: Iterable[str]) -> set[int]:
    """The process groups that began and did not end, once there are no more lines."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def stop(groups: set[int]) -> None:
    """Ask every group to stop; kill those that have not within PATIENCE_SECONDS."""
    for group in groups:
        _send(group, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(_send(group, None) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        _send(group, signal.SIGKILL)


def _send(group: int, what: signal.Signals | None) -> bool:
    try:
        os.killpg(group, what or 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Wait for the parent's end."""
    # A Ctrl-C meant for the parent must not end the one that tidies up after it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop(remaining(sys.stdin))


if __name__ == "__main__":
    main()
