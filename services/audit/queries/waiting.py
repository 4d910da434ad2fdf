"""What waits for an auditor: their open cases, those they could take, and actions to verify."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.domain.siblings import signs_of
from services.audit.models import OPEN_STATES, Audit, AuditState, ChildLink, Loop, ThemeRow
from services.audit.queries.cases import EPISODES, cases_of, name_of, programmes_of
from services.audit.queries.siblings import beside
from shared.access import Scope
from shared.events import AssessmentRecorded, Kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody narrows and sorts the inbox."""

    theme: str = ""
    team: str = ""
    sort: str = "due"

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return bool(self.theme or self.team)


class Line(NamedTuple):
    """What a list shows of one case, and by what it is arranged: so much is read of it, and no more."""

    audit_id: UUID
    child_id: UUID
    kind: str
    outcome: str
    by_hand: bool
    authorised_on: date
    due_on: date | None
    team_id: str | None
    worker_id: str | None
    family_key: str | None
    state: str
    flag: str | None
    auditor_id: str | None
    saved: int
    re_audit_of: UUID | None
    facts: str
    theme: str
    case_id: str | None

    @property
    def name(self) -> str:
        """ "Case 4229480", or the start of the pseudonym."""
        return name_of(self.case_id, self.child_id)

    def age(self, today: date) -> int | None:
        """Calendar days since the work was finished; none for what was open and not finished when it was drawn."""
        return None if self.kind in EPISODES else (today - self.authorised_on).days

    @property
    def may_have_siblings(self) -> bool:
        """Whether it carries the signs by which siblings are suggested. Where they cannot be, nothing is parsed."""
        if self.family_key or (self.kind != Kind.REFERRAL and "referred_on" not in self.facts):
            return False
        return signs_of(AssessmentRecorded.read(self.facts)) is not None


_COLUMNS = (
    *(col(getattr(Audit, name)) for name in Line._fields[:-2]),
    sa.func.coalesce(col(ThemeRow.name), col(Audit.theme_id)),
    col(ChildLink.case_id),
)

LONGEST_INBOX = 200
MOST_OTHERS = 50


@dataclass(frozen=True, slots=True)
class Inbox:
    """What stands in one auditor's inbox: their own open audits, and those that they could take."""

    mine: list[Line]
    total: int
    others: list[Line]
    suggested: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)
    """Who may be a sibling of a case of mine, by name."""


async def inbox(session: AsyncSession, scope: Scope, wanted: Wanted) -> Inbox:
    """The auditor's open audits, first due first, families together; and colleagues' cases that nobody has begun."""
    mine = arranged(await session.execute(own_lines(scope, wanted)))
    total = len(mine)
    if wanted.narrows or total == LONGEST_INBOX:
        total = (await session.execute(sa.select(sa.func.count()).select_from(Audit).where(_own(scope)))).scalar_one()
    others = await session.execute(_free_lines(scope, wanted))
    return Inbox(mine, total, [Line._make(row) for row in others], await _suggested(session, scope, mine))


def own_lines(scope: Scope, wanted: Wanted) -> sa.Select[tuple[object, ...]]:
    """The open audits of one auditor in the order in which they are due; `arranged` puts families together."""
    return _narrowed(_own(scope), wanted).limit(LONGEST_INBOX)


def arranged(rows: Iterable[Sequence[object]]) -> list[Line]:
    """Each family where its first case stands."""
    lines = [Line._make(row) for row in rows]
    if not any(line.family_key for line in lines):
        return lines
    place = {line.family_key: at for at, line in reversed(list(enumerate(lines)))}
    numbered = enumerate(lines)
    return [line for _, line in sorted(numbered, key=lambda each: (_place(place, *each), each[0]))]


def _place(place: Mapping[str | None, int], at: int, line: Line) -> int:
    return place[line.family_key] if line.family_key else at


def _own(scope: Scope) -> sa.ColumnElement[bool]:
    return sa.and_(col(Audit.auditor_id) == scope.person_id, _in(OPEN_STATES))


def _free_lines(scope: Scope, wanted: Wanted) -> sa.Select[tuple[object, ...]]:
    free = sa.and_(
        col(Audit.programme_id).in_(programmes_of(scope)),
        _in((AuditState.WAITING, AuditState.ALLOCATED)),
        col(Audit.auditor_id).is_distinct_from(scope.person_id),
        col(Audit.worker_id).is_distinct_from(scope.person_id),
        col(Audit.authorised_by).is_distinct_from(scope.person_id),
        sa.not_(col(Audit.audited_by).contains([scope.person_id])),
        col(Audit.saved) == 0,
    )
    return _narrowed(free, wanted).limit(MOST_OTHERS)


def _in(states: Iterable[AuditState]) -> sa.ColumnElement[bool]:
    """The states are written out: a prepared statement that is given them cannot use the index of what is open."""
    return col(Audit.state).in_([sa.literal_column(f"'{state}'") for state in states])


def _narrowed(which: sa.ColumnElement[bool], wanted: Wanted) -> sa.Select[tuple[object, ...]]:
    of_theme = sa.and_(
        col(ThemeRow.programme_id) == col(Audit.programme_id), col(ThemeRow.theme_id) == col(Audit.theme_id)
    )
    query = (
        sa.select(*_COLUMNS)
        .select_from(Audit)
        .outerjoin(ThemeRow, of_theme)
        .outerjoin(ChildLink, col(ChildLink.child_id) == col(Audit.child_id))
        .where(which)
    )
    if wanted.theme:
        query = query.where(col(Audit.theme_id) == wanted.theme)
    if wanted.team:
        query = query.where(col(Audit.team_id) == wanted.team)
    first = col(Audit.authorised_on) if wanted.sort == "age" else col(Audit.due_on)
    return query.order_by(first.nulls_first(), col(Audit.authorised_on), col(Audit.audit_id))


async def _suggested(session: AsyncSession, scope: Scope, mine: Sequence[Line]) -> Mapping[UUID, tuple[str, ...]]:
    ids = [line.audit_id for line in mine if line.may_have_siblings]
    if not ids:
        return {}
    audits = (await session.execute(sa.select(Audit).where(col(Audit.audit_id).in_(ids)))).scalars().all()
    cases = await beside(session, scope, await cases_of(session, scope, audits))
    return {case.audit.audit_id: tuple(each.name for each in case.suggested) for case in cases if case.suggested}


async def waiting_for_me(session: AsyncSession, scope: Scope) -> int:
    """How many actions of this auditor's audits are reported done and wait to be verified."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(col(Loop.waiting)), 0))
        .join(Audit, col(Audit.audit_id) == col(Loop.audit_id))
        .where(col(Audit.auditor_id) == scope.person_id)
    )
    return int((await session.execute(query)).scalar_one())
