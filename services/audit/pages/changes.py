"""What differs between two looks at a list, row by row: so much travels to an open page, and not the list again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.audit.queries.waiting import Inbox, Line


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is drawn: it is drawn again where any of this has changed."""

    line: Line
    after_family: bool = False
    """Whether the row above is of the same family."""
    suggested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Come:
    """Rows that come to stand together, above the row of `before`; the last of all where that is None."""

    before: UUID | None
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows that left, rows that look different in their place, and rows that came."""

    left: list[UUID]
    changed: list[Row]
    come: list[Come]

    def __bool__(self) -> bool:
        return bool(self.left or self.changed or self.come)


def own_rows(inbox: Inbox) -> list[Row]:
    """The auditor's own cases."""
    above: str | None = None
    rows = []
    for line in inbox.mine:
        after_family = line.family_key is not None and line.family_key == above
        rows.append(Row(line, after_family, inbox.suggested.get(line.audit_id, ())))
        above = line.family_key
    return rows


def free_rows(inbox: Inbox) -> list[Row]:
    """The cases of colleagues."""
    return [Row(line) for line in inbox.others]


def changes(before: Sequence[Row], now: Sequence[Row]) -> Changes | None:
    """What to do to the list before so that it is the list now.

    None where it has to be drawn whole: one of them is empty, and so no list, or rows have changed places.
    """
    if bool(before) != bool(now):
        return None
    was = {row.line.audit_id: row for row in before}
    is_now = {row.line.audit_id: row for row in now}
    stayed = [name for name in was if name in is_now]
    if stayed != [name for name in is_now if name in was]:
        return None
    return Changes(
        left=[name for name in was if name not in is_now],
        changed=[is_now[name] for name in stayed if is_now[name] != was[name]],
        come=list(_come(was, now)),
    )


def _come(was: Mapping[UUID, Row], now: Sequence[Row]) -> Iterator[Come]:
    """Neighbours as one: where one of them would stand above another, that one is not on the page yet."""
    fresh: list[Row] = []
    for row in now:
        if row.line.audit_id not in was:
            fresh.append(row)
        elif fresh:
            yield Come(row.line.audit_id, fresh)
            fresh = []
    if fresh:
        yield Come(None, fresh)
