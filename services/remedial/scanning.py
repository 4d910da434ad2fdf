"""The scan of a file before anybody else is given it: a command of the deployment's own, run with the file's path.

One contract, which `clamdscan --fdpass --no-summary` keeps as it is: 0 says clean, 1 says not clean, and whatever else
happens, a time-out too, says that nobody knows. Only a clean file is taken.
"""

import asyncio
import os
import shlex
import signal
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

PASSED_ON = ("PATH", "LANG", "HOME", "TMPDIR")
"""What a scanner hears of this process's environment: never its secrets."""


class Verdict(StrEnum):
    """What the scan says."""

    CLEAN = "clean"
    NOT_CLEAN = "not_clean"
    UNKNOWN = "unknown"


async def scan(command: str, path: Path, seconds: float) -> Verdict:
    """Run the command on the file. It and all it started are gone when this returns."""
    try:
        running = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            start_new_session=True,
        )
    except (OSError, ValueError):
        return Verdict.UNKNOWN
    try:
        code = await asyncio.wait_for(running.wait(), seconds)
    except TimeoutError:
        return Verdict.UNKNOWN
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        await running.wait()
    return {0: Verdict.CLEAN, 1: Verdict.NOT_CLEAN}.get(code, Verdict.UNKNOWN)
