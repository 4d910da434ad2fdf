"""An intake of its own for each test: a fresh database, a council and its secret."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers
from services.intake.settings import Settings
from tests.support.databases import ServiceDatabase

SAMPLES = Path(__file__).parents[4] / "shared" / "data"


def sample(name: str) -> Path:
    """A real sample beside the repository; skipped where a stranger's clone has none, a failure in CI."""
    path = SAMPLES / name
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"the sample {name} is missing")
        pytest.skip(f"the sample {name} is not beside this clone")
    return path


@pytest.fixture
async def engine(database: ServiceDatabase, keys: tuple[str, bytes]) -> AsyncEngine:
    """Intake's own database, empty."""
    return await database("intake")


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, bytes]:
    """The council and its secret, also where the handlers look for them."""
    secret = secrets.token_hex(32)
    for name in ("pseudonym", "session"):
        (tmp_path / f"{name}.key").write_text(secret)
        monkeypatch.setenv(f"CASELOOP_{name.upper()}_KEY_FILE", str(tmp_path / f"{name}.key"))
    monkeypatch.setenv("CASELOOP_COUNCIL", "999")
    handlers.deployment.cache_clear()
    return "999", secret.encode()


@pytest.fixture
async def app(engine: AsyncEngine, keys: tuple[str, bytes]) -> FastAPI:
    """The whole service on that database, without its background work."""
    from services.intake.app import build

    return build(Settings(database_url=engine.url.render_as_string(hide_password=False)))
