"""A CIN census of 500 MB goes through the whole of intake, by command line and by the page, within 200 MB of memory."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.sessions import COOKIE, read_key, sign_system
from tests.service.intake.test_cin_census import ASSESSMENT, census
from tests.support.backend import free_ports
from tests.support.eventually import eventually

MEGABYTE = 1024 * 1024
LARGE = 500 * MEGABYTE
MOST_MEGABYTES = 200
AROUND = b"<Disabilities>" + b"<Disability>LD</Disability>" * 250 + b"</Disabilities>"
"""What a child's part of the file holds beside its rows."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, int]:
    """A census larger than 500 MB, and how many children it has, with a referral and an assessment each."""
    head, rest = census(ASSESSMENT).split(b"<Child>")
    tail = b"</Children></Message>"
    child = b"<Child>" + rest.removesuffix(tail).replace(b"</ChildIdentifiers>", b"</ChildIdentifiers>" + AROUND)
    number = LARGE // len(child) + 1
    path = tmp_path / "census.xml"
    with path.open("wb") as file:
        file.write(head)
        for each in range(number):
            file.write(child.replace(b">C1<", b">C%d<" % each))
        file.write(tail)
    return path, number


@pytest.fixture
async def origin(engine: AsyncEngine, keys: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Intake as it is deployed, in a process of its own."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("CASELOOP_ORIGIN", address)
    monkeypatch.setenv("CASELOOP_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("INTAKE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    command = ("-m", "uvicorn", "services.intake.app:app", "--port", str(port), "--log-level", "error")
    serving = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=DEVNULL, stderr=DEVNULL)

    async def answers() -> bool:
        async with httpx.AsyncClient() as http:
            with suppress(httpx.TransportError):
                return (await http.get(f"{address}/health/live")).is_success
        return False

    await eventually(answers, timeout=60)
    yield address
    most = peak_of(serving.pid)
    serving.terminate()
    await serving.wait()
    assert most < MOST_MEGABYTES


def peak_of(pid: int) -> int:
    """The most megabytes that a process ever had in memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) // 1024


def test_the_command_line_gives_it(origin: str, large: tuple[Path, int]) -> None:
    """Neither the service nor the command line holds it in memory."""
    path, number = large
    caseloop = str(Path(sys.executable).with_name("caseloop"))
    command = [caseloop, "import", "cin-census", str(path), "--as-of", "2024-03-31", "--json"]
    given = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert given.returncode == 0, given.stderr[-2000:]
    assert json.loads(given.stdout.splitlines()[-1])["accepted"] == 2 * number
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024 < MOST_MEGABYTES


async def test_the_page_takes_it(origin: str, engine: AsyncEngine, large: tuple[Path, int]) -> None:
    """Answered at once, and followed until it is taken in."""
    path, number = large
    session = sign_system(read_key(Path(os.environ["CASELOOP_SESSION_KEY_FILE"])), "business_support")
    async with httpx.AsyncClient(base_url=origin, cookies={COOKIE: session}, timeout=300) as http:
        with path.open("rb") as content:
            given = await http.post(
                "/intake/uploads",
                data={"as_of": "2024-03-31", "kind": "cin-census"},
                files={"file": ("census.xml", content)},
                headers={"sec-fetch-site": "same-origin"},
            )
        assert given.status_code == 303
        assert "Being read" in (await http.get(given.headers["location"])).text

        async def finished() -> None:
            async with engine.connect() as connection:
                assert (await connection.execute(sa.text("SELECT state, accepted FROM upload"))).one() == (
                    "finished",
                    2 * number,
                )

        await eventually(finished, timeout=1800)
        assert f"{2 * number:,} rows" in (await http.get(given.headers["location"])).text
