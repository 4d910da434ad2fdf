"""A fresh trial for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from shared.db import create_engine
from tests.messaging.trial import Trial
from tests.support.backend import Database


@pytest.fixture
async def trial(fresh_database: Callable[..., Database]) -> AsyncIterator[Trial]:
    """A database of its own, under the role of a service."""
    url = fresh_database().url("audit")
    engine = create_engine(url)
    made = Trial(engine, url)
    await made.prepare()
    yield made
    await engine.dispose()
