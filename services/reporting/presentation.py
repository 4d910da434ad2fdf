"""How a figure reads: the same words on the board, on the home pages, in exports and in reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.reporting.domain.board_report import FrozenFigures
from services.reporting.domain.figures import FIGURES, RATE_FROM, Definition, Figure, Group, Unit
from services.reporting.domain.filters import Filters

LATE = {"actions_overdue", "loops_not_held", "concerns_open"}
"""Figures of which every one above nought should be looked at."""


@dataclass(frozen=True)
class Card:
    """A figure as a page shows it."""

    code: str
    label: str
    value: str
    note: str
    late: bool
    href: str | None

    @property
    def id(self) -> str:
        return f"figure-{self.code}"

    @property
    def is_nought(self) -> bool:
        return self.value == "0"


def in_words(figure: Figure) -> str:
    """The figure itself: "12", "83%", "3.5 days"; "7 of 9" where a rate would say nothing; "none yet" of nothing."""
    match figure.unit:
        case Unit.COUNT:
            return f"{figure.value or 0:,.0f}"
        case Unit.SHARE if not figure.of:
            return "none yet"
        case Unit.SHARE if figure.value is None:
            return f"{figure.part or 0:,} of {figure.of or 0:,}"
        case Unit.SHARE:
            return f"{figure.value:.0%}"
        case _ if figure.value is None:
            return "none yet"
        case _:
            return f"{figure.value:g} {'day' if figure.value == 1 else 'days'}"


def beside(figure: Figure) -> str:
    """What a figure stands on, and how sure it is."""
    match figure.unit:
        case Unit.SHARE if figure.value is not None:
            return f"{figure.part or 0:,} of {figure.of or 0:,}; 95% interval {figure.low:.0%} to {figure.high:.0%}"
        case Unit.SHARE if figure.of:
            return f"no rate below {RATE_FROM}"
        case Unit.DAYS | Unit.WORKING_DAYS if figure.value is not None:
            days = "working days; " if figure.unit == Unit.WORKING_DAYS else ""
            return f"{days}middle half {figure.low:g} to {figure.high:g}; {figure.of or 0:,} in all"
        case _:
            return ""


def cards(figures: Mapping[str, Figure], filters: Filters, *, opens: Mapping[str, bool]) -> dict[Group, list[Card]]:
    """The figures in their groups. `opens` says which lists ("audits", "actions") this person may open."""
    grouped: dict[Group, list[Card]] = {group: [] for group in Group}
    for code, definition in FIGURES.items():
        grouped[definition.group].append(_card(definition, figures[code], filters, opens))
    return grouped


def _card(definition: Definition, figure: Figure, filters: Filters, opens: Mapping[str, bool]) -> Card:
    return Card(
        code=definition.code,
        label=definition.name,
        value=in_words(figure),
        note=beside(figure),
        late=definition.code in LATE and bool(figure.value),
        href=_list(definition, filters) if figure.value and _may_open(definition, opens) else None,
    )


def _may_open(definition: Definition, opens: Mapping[str, bool]) -> bool:
    return definition.opens is not None and any(
        may and definition.opens.startswith(f"/reporting/{name}?") for name, may in opens.items()
    )


def _list(definition: Definition, filters: Filters) -> str:
    narrowed = filters.query()
    return f"{definition.opens}&{narrowed}" if narrowed else str(definition.opens)


@dataclass(frozen=True)
class Compared:
    """A figure of a report: of the month, of the month before it, and of the programme so far."""

    name: str
    meaning: str
    month: str
    before: str
    so_far: str


STANDING = {"actions_open", "actions_overdue", "actions_reported", "audits_waiting", "concerns_open"}
"""What stands at a moment: shown for the programme so far, since of one month's cases alone it would mislead."""


def compared(figures: FrozenFigures) -> list[Compared]:
    """The figures of a report in the order of the registry; those that an older report does not hold are left out."""
    return [
        Compared(
            definition.name,
            code,
            "" if code in STANDING else in_words(figures.month[code]),
            "" if code in STANDING else in_words(figures.before[code]),
            in_words(figures.so_far[code]),
        )
        for code, definition in FIGURES.items()
        if code in figures.so_far
    ]
