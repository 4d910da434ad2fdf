"""The monthly report to the board: the words people write, and the figures frozen when it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from services.reporting.domain.figures import Figure, ThemeRow
from services.reporting.domain.suppression import suppressed

PASSAGES: Mapping[str, str] = {
    "matters": "What matters this month",
    "known": "What do we know about the quality and impact of practice?",
    "how": "How do we know it?",
    "next": "What will we do next?",
}
"""The passages of a report: what matters first, then the three questions that the inspectorate asks of councils."""

LONGEST = 4000


class Stage(StrEnum):
    """A report is a draft until it is published; then it never changes."""

    DRAFT = "draft"
    PUBLISHED = "published"


def report_id(programme_id: UUID, month: date) -> UUID:
    """One report for a programme and month, stable across its editions."""
    return uuid5(programme_id, f"board-report/{month:%Y-%m}")


def month_of(day: date) -> date:
    """The first of that day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first of the month after."""
    return month_of(month + timedelta(days=31))


def month_before(month: date) -> date:
    """The first of the month before."""
    return month_of(month - timedelta(days=1))


@dataclass(frozen=True)
class FrozenFigures:
    """What a report shows: of the month, of the month before, and of the programme so far, by code."""

    month: Mapping[str, Figure] = field(default_factory=dict)
    before: Mapping[str, Figure] = field(default_factory=dict)
    so_far: Mapping[str, Figure] = field(default_factory=dict)
    themes: Sequence[ThemeRow] = field(default=())
    themes_so_far: Sequence[ThemeRow] = field(default=())


FROZEN = TypeAdapter(FrozenFigures)
"""To and from the JSON that is stored."""


@dataclass(frozen=True)
class PublicRow:
    """A theme's audits by rating as they may be published; None is a count that is hidden."""

    name: str
    red: int | None
    amber: int | None
    green: int | None


def for_publication(themes: Sequence[ThemeRow]) -> list[PublicRow]:
    """Audits by theme and rating with small counts hidden, and what would give them away."""
    shown = suppressed([(theme.red, theme.amber, theme.green) for theme in themes])
    return [PublicRow(theme.name, *cells) for theme, cells in zip(themes, shown, strict=True)]
