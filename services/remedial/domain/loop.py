"""When the loop of an audit is closed: every action that is still asked for is verified, and there is at least one."""

from collections.abc import Iterable
from enum import StrEnum

from services.remedial.domain.life import OPEN, State


class Standing(StrEnum):
    """Where the loop of an audit stands."""

    EMPTY = "empty"
    """Nothing is asked for: no action was raised, or every one was withdrawn."""
    OPEN = "open"
    CLOSED = "closed"


def standing_of(actions: Iterable[State]) -> Standing:
    """Where the loop stands with its actions in these states."""
    states = list(actions)
    if any(state in OPEN for state in states):
        return Standing.OPEN
    return Standing.CLOSED if State.VERIFIED in states else Standing.EMPTY
