"""What the driver itself raises is told apart as what comes through SQLAlchemy is."""

from __future__ import annotations

import asyncpg
import pytest

from shared.messaging.faults import is_world_down


@pytest.mark.parametrize(
    "error",
    [asyncpg.DeadlockDetectedError(), asyncpg.ConnectionDoesNotExistError(), asyncpg.InterfaceError("it is closed")],
)
def test_what_the_driver_says_of_the_world_passes_by_itself(error: Exception) -> None:
    assert is_world_down(error)


@pytest.mark.parametrize("error", [asyncpg.CheckViolationError(), asyncpg.DataError("no such date"), ValueError()])
def test_what_the_driver_refuses_is_our_bug(error: Exception) -> None:
    assert not is_world_down(error)
