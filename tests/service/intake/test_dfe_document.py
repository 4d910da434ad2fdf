"""The DfE's document against the running endpoint: schemathesis finds no answer that the document does not know."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from tests.service.intake.conftest import sample
from tests.service.intake.test_annex_a import by_command_line
from tests.support.backend import free_ports
from tests.support.eventually import eventually

FEW, MANY = 30, 500
"""Examples at random, beside the cases that schemathesis derives from the document."""

TOO_MANY_IS_413 = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413]
"""
"""The document answers more than a hundred children with 413, which schemathesis does not take for a refusal."""

SECONDS = 400
"""It takes twenty; a machine that does ten other things takes its time."""
LONG = 3600

pytestmark = pytest.mark.timeout(LONG + 30)


@pytest.fixture
async def origin(app: FastAPI) -> AsyncIterator[str]:
    """Intake on a socket; its sender may push as fast as the test can."""
    (port,) = free_ports(1)
    app.state.service.settings.pushes_per_second = app.state.service.settings.pushes_at_once = 100_000
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}/intake"
    server.should_exit = True
    await serving


def document(folder: Path, *, ours: bool) -> Path:
    """The document as it stands; or for this council's code alone, so that every body is looked at."""
    stands = sample("dfe_csc_api/openapi.json")
    if not ours:
        return stands
    stated = json.loads(stands.read_text())
    (operation,) = stated["paths"].values()
    (code,) = operation["parameters"]
    code["schema"] = {"type": "integer", "enum": [999]}
    narrowed = folder / "openapi.json"
    narrowed.write_text(json.dumps(stated))
    return narrowed


@pytest.mark.parametrize(
    ("ours", "examples"),
    [
        pytest.param(True, FEW, id="this council"),
        pytest.param(False, FEW, id="any", marks=pytest.mark.slow),
        pytest.param(True, MANY, id="this council, hundreds", marks=pytest.mark.slow),
    ],
)
async def test_schemathesis_finds_no_failure(
    app: FastAPI, origin: str, tmp_path: Path, ours: bool, examples: int
) -> None:
    async with by_command_line(app) as http:
        token = (await http.post("/intake/senders", json={"name": "Schemathesis"})).json()["token"]
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(TOO_MANY_IS_413)
    options = ("--url", origin, "--header", f"Authorization: Bearer {token}", "--checks", "all")
    bounds = ("--max-examples", str(examples), "--seed", "1", "--no-shrink", "--suppress-health-check", "all")
    running = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", settings, "run", str(document(tmp_path, ours=ours)), *options, *bounds, "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(running.communicate(), SECONDS if examples == FEW else LONG)
    finally:
        with suppress(ProcessLookupError):
            running.kill()
    assert running.returncode == 0, said.decode()[-6000:]
