"""A file of staff: workers, teams and who was in which team when; one table, or the SSD's three extracts.

Columns are matched by pattern, so that `Worker ID`, `staff_id` and the SSD's `prof_professional_id` are one. A file
adds and moves; it takes nobody out and gives no role but those of casework. A manager manages the teams that they are
in now: one that they left, or will join, is not theirs to see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec import structs

from services.intake.domain import cells
from services.intake.domain.annex_a import Sheet, headed_twice
from services.intake.domain.cells import Cell
from services.intake.domain.plausibility import clean
from services.intake.domain.refusal import FileRefusedError, Refusal
from shared.events import Role, TeamKind, TeamMembership

COLUMNS: Mapping[str, str] = {
    "worker_id": r"professionalid$|^(worker|staff|employee|person).*(id|number|no)$|^id$",
    "team_id": r"team.*(id|code)$|professionalteam$",
    "team_name": r"team.*name|^team$|^allocatedteam$",
    "service": r"^service|parentname$|department",
    "team_kind": r"team.*(kind|type)",
    "name": r"name$|^worker$|^allocatedworker$",
    "role": r"role$|jobtitle|^job$|position",
    "email": r"e?mail",
    "since": r"start|since|from|joined",
    "until": r"end|until|^to$|left",
}
"""The first that fits a header that no field before it has taken."""

ROLES = (
    (Role.HEAD_OF_SERVICE, r"head of service|service (manager|lead)|head_of_service"),
    (Role.TEAM_MANAGER, r"team (manager|leader)|practice (manager|lead)|team_manager"),
    (Role.PRACTITIONER, r"social worker|practitioner|worker|case.?holder|practitioner"),
)
"""What a job title makes somebody, the first that fits."""

_BESIDE = re.compile(
    r"assistant|deputy|administrat|business support|\b(pa|p\.a\.|secretary|trainee|student)\b"
    r"|\bto (a |the )?(head|team|practice|service)"
)
"""In the title of somebody beside a manager: "Assistant Team Manager", "PA to the Head of Service"."""


@dataclass(frozen=True)
class Entry:
    """What one row says: of a team, of a worker, or of a worker's time in a team."""

    worker_id: str | None = None
    name: str | None = None
    email: str | None = None
    role: str | None = None
    team_id: str | None = None
    team_name: str | None = None
    team_kind: str | None = None
    service: str | None = None
    since: date | None = None
    until: date | None = None

    def stands_on(self, day: date) -> bool:
        """Whether what it says of a time is so on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True)
class StaffRow:
    """A row: where it stands, what it says or what is wrong with it."""

    sheet: str
    number: int
    cells: Mapping[str, Cell]
    headers: Mapping[str, str]
    read: Entry | Refusal


def rows(sheets: Sequence[Sheet], today: date) -> Iterator[StaffRow]:
    """Every row of every sheet that names workers or teams; teams first. FileRefusedError where none does."""
    found = [(sheet, *header) for sheet in sheets if (header := _header(sheet)) is not None]
    if not found:
        raise FileRefusedError("this is no staff file: no sheet has a column for a worker's or a team's id")
    for sheet, at, columns in sorted(found, key=lambda each: "worker_id" in each[2]):
        headers = {name: clean(str(sheet.rows[at][index])) for name, index in columns.items()}
        for index in range(at + 1, len(sheet.rows)):
            row = sheet.rows[index]
            values = {name: row[column] if column < len(row) else None for name, column in columns.items()}
            if any(cells.text(value) is not None for value in values.values()):
                read = _read(values, today, sheet.from_1904, needs_worker="worker_id" in columns)
                yield StaffRow(sheet.name, sheet.first_row + index, values, headers, read)


def standing(held: Sequence[TeamMembership], day: date) -> set[str]:
    """The teams that somebody is in on that day."""
    return {each.team_id for each in held if each.stands_on(day)}


def moved(
    held: Sequence[TeamMembership], entry: Entry, today: date, listed: Collection[str] = ()
) -> tuple[TeamMembership, ...]:
    """A worker's teams by date after this row. Where it gives no date, they moved on the day of the file.

    Of two teams that no row closes the one that they joined later closes the other, in whatever order the rows come: a
    list gives a move a start and no end, and in both teams they would see the children of both. Two teams at once is
    what began on one day or was added on the person's own page since, and whatever a manager has, who may have several.

    `listed` are the teams in which the file has the worker now: no row of it takes them out of another's.
    """
    if entry.team_id is None:
        return tuple(held)
    since = entry.since or today
    same = [each for each in held if each.team_id == entry.team_id and _touches(each, since, dated=bool(entry.since))]
    others = [each for each in held if each not in same]
    if entry.since is None:
        ended = max(since, date.min + timedelta(days=1))
        stay = [each for each in others if each.until is not None or each.team_id in listed]
        left = [each for each in others if each not in stay]
        others = [*stay, *(structs.replace(each, until=max(ended, each.since)) for each in left)]
    elif entry.until is None and not _may_have_several(entry):
        others = [_left(each, since) for each in others]
    first = min((each.since for each in same), default=since)
    last = TeamMembership(team_id=entry.team_id, since=first, until=entry.until or _moved_on(entry, same, others))
    return tuple(sorted((*others, last), key=lambda each: (each.since, each.team_id)))


def _may_have_several(entry: Entry) -> bool:
    return role_of(entry.role) not in (None, Role.PRACTITIONER)


def _left(held: TeamMembership, day: date) -> TeamMembership:
    """What began before that day and has no end ends with it."""
    return structs.replace(held, until=day) if held.until is None and held.since < day else held


def _moved_on(entry: Entry, same: Sequence[TeamMembership], others: Sequence[TeamMembership]) -> date | None:
    """When the worker had left the team of a dated row, for they had joined another; what lasts is left as it is."""
    since = entry.since
    if since is None or _may_have_several(entry) or any(each.until is None for each in same):
        return None
    return min((each.since for each in others if each.until is None and each.since > since), default=None)


def role_of(title: str | None) -> str | None:
    """The role that a job title gives; none where it is none of casework.

    Whoever works to a manager is none: what managers see is given to them by name, or by a title of their own.
    """
    said = (title or "").casefold()
    roles = (role for role, pattern in ROLES if said and re.search(pattern, said))
    return next((role.value for role in roles if role == Role.PRACTITIONER or not _BESIDE.search(said)), None)


def kind_of(words: str | None, name: str) -> str:
    """What a team does, by what is said or by its name."""
    said = f"{words or ''} {name}".casefold()
    patterns = (
        (TeamKind.FRONT_DOOR, r"front.?door|mash|mach|multi.?agency safeguarding hub|first contact"),
        (TeamKind.DISABILITY, r"disab"),
        (TeamKind.LOOKED_AFTER, r"looked.?after|children in (our )?care|care leaver|leaving care"),
        (TeamKind.ASSESSMENT, r"assessment|duty"),
        (TeamKind.SAFEGUARDING, r"safeguarding|child protection|family support"),
    )
    return next((kind.value for kind, pattern in patterns if re.search(pattern, said)), TeamKind.OTHER.value)


def _touches(held: TeamMembership, since: date, *, dated: bool) -> bool:
    """Whether a row is about this membership: its own start, or, undated, the one that lasts."""
    return held.since == since if dated else held.until is None


def _read(values: Mapping[str, Cell], today: date, from_1904: bool, *, needs_worker: bool) -> Entry | Refusal:
    worker = cells.identifier(values.get("worker_id"), "worker_id") if needs_worker else None
    since = cells.day(values.get("since"), "since", from_1904=from_1904)
    until = cells.day(values.get("until"), "until", from_1904=from_1904)
    for value in (worker, since, until):
        if isinstance(value, Refusal):
            return value
    assert not isinstance(worker, Refusal) and not isinstance(since, Refusal) and not isinstance(until, Refusal)  # noqa: S101, PT018
    if since is not None and until is not None and until < since:
        return Refusal("ends_before_start", "until", "It ended before it started")
    if since is not None and since > today:
        return Refusal("in_the_future", "since", "This date lies after the day that the record speaks of")
    text = {name: (cells.text(values.get(name)) or "")[:100] or None for name in COLUMNS}
    team_id = (text["team_id"] or text["team_name"] or "")[:64] or None
    if worker is None and team_id is None:
        return Refusal("missing", "team_id", "There is no id here")
    return Entry(
        worker_id=worker,
        name=text["name"],
        email=text["email"],
        role=text["role"],
        team_id=team_id,
        team_name=text["team_name"],
        team_kind=text["team_kind"],
        service=text["service"],
        since=since,
        until=until,
    )


def _header(sheet: Sheet) -> tuple[int, dict[str, int]] | None:
    for at, row in enumerate(sheet.rows[:15]):
        squashed = [re.sub(r"[^a-z0-9]", "", clean(str(cell or "")).casefold()) for cell in row]
        columns: dict[str, int] = {}
        for name, pattern in COLUMNS.items():
            used = set(columns.values())
            fitting = (i for i, text in enumerate(squashed) if i not in used and re.search(pattern, text))
            if (index := next(fitting, None)) is not None:
                columns[name] = index
        if "worker_id" in columns or ("team_id" in columns and "team_name" in columns):
            twice = headed_twice(row, columns)
            if twice is not None:
                raise FileRefusedError(f"{sheet.name} has two columns that are headed {twice}")
            return at, columns
    return None
