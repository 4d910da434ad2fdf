"""A re-audit: once the loop of an audit has closed, somebody else looks at the same work again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.audit.domain.programme import Programme


class Standing(StrEnum):
    """Where the loop of an audit stands, as remedial says."""

    OPEN = "open"
    CLOSED = "closed"
    HELD = "held"
    """Closed, and nothing came back."""
    CAME_BACK = "came_back"
    """Closed, and something happened to the child since."""
    REOPENED = "reopened"
    """An action is asked for again."""


HAS_CLOSED = frozenset({Standing.CLOSED, Standing.HELD, Standing.CAME_BACK})
"""All that the audit asked for is verified, whatever happened since."""


@dataclass(frozen=True, slots=True)
class First:
    """What decides whether an audit may be looked at again."""

    completed: bool
    withdrawn: bool
    standing: str | None
    """Where its loop stands; None where nothing was asked for."""
    open_again: bool
    """Whether a re-audit of it is open."""


def bar(first: First) -> str | None:
    """Why no re-audit can be drawn now, in words for people; None where one can."""
    if not first.completed:
        return "The audit is not complete, so there is nothing to look at again."
    if first.withdrawn:
        return "The sender withdrew the case, so it is not audited any more."
    if first.open_again:
        return "A re-audit of this case is open already."
    if first.standing not in HAS_CLOSED:
        return "Its loop has not closed: a re-audit looks at what came of the actions, once they are verified."
    return None


class Change(StrEnum):
    """How the grade moved from one audit to the next."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


def change(plan: Programme, before: str, after: str) -> Change | None:
    """How the grade moved on the programme's scale, whose first step is the best; None where a version changed it."""
    order = [step.code for step in plan.scale]
    if before not in order or after not in order:
        return None
    moved = order.index(after) - order.index(before)
    return Change.SAME if moved == 0 else Change.BETTER if moved < 0 else Change.WORSE
