"""What waits for an auditor: their open cases, those they could take, and actions to verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.models import OPEN_STATES, Audit, AuditState, Loop
from services.audit.queries.cases import Case, cases_of, programmes_of
from services.audit.queries.siblings import beside
from shared.access import Scope


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


@dataclass(frozen=True, slots=True)
class Inbox:
    """What stands in one auditor's inbox: their own open audits, and those that they could take."""

    mine: list[Case]
    total: int
    others: list[Case]


LONGEST_INBOX = 200


async def inbox(session: AsyncSession, scope: Scope, wanted: Wanted) -> Inbox:
    """The auditor's open audits, first due first, families together; and colleagues' cases that nobody has begun."""
    own = sa.and_(col(Audit.auditor_id) == scope.person_id, col(Audit.state).in_(OPEN_STATES))
    mine = (await session.execute(_narrowed(own, wanted))).scalars().all()
    total = len(mine)
    if wanted.narrows or total == LONGEST_INBOX:
        total = (await session.execute(sa.select(sa.func.count()).select_from(Audit).where(own))).scalar_one()
    free = sa.and_(
        col(Audit.programme_id).in_(programmes_of(scope)),
        col(Audit.state).in_((AuditState.WAITING, AuditState.ALLOCATED)),
        col(Audit.auditor_id).is_distinct_from(scope.person_id),
        col(Audit.worker_id).is_distinct_from(scope.person_id),
        col(Audit.authorised_by).is_distinct_from(scope.person_id),
        sa.not_(col(Audit.audited_by).contains([scope.person_id])),
        col(Audit.saved) == 0,
    )
    others = await session.execute(_narrowed(free, wanted).limit(50))
    return Inbox(
        mine=_families_together(await beside(session, scope, await cases_of(session, scope, mine))),
        total=total,
        others=await cases_of(session, scope, others.scalars().all()),
    )


def _narrowed(which: sa.ColumnElement[bool], wanted: Wanted) -> sa.Select[Audit]:
    query = sa.select(Audit).where(which)
    if wanted.theme:
        query = query.where(col(Audit.theme_id) == wanted.theme)
    if wanted.team:
        query = query.where(col(Audit.team_id) == wanted.team)
    first = col(Audit.authorised_on) if wanted.sort == "age" else col(Audit.due_on)
    return query.order_by(first.nulls_first(), col(Audit.authorised_on), col(Audit.audit_id)).limit(LONGEST_INBOX)


def _families_together(cases: Sequence[Case]) -> list[Case]:
    """Each family where its first case stands."""
    place = {case.audit.family_key: at for at, case in reversed(list(enumerate(cases)))}
    numbered = list(enumerate(cases))
    return [case for _, case in sorted(numbered, key=lambda each: (_place(place, *each), each[0]))]


def _place(place: Mapping[str | None, int], at: int, case: Case) -> int:
    return place[case.audit.family_key] if case.audit.family_key else at


async def waiting_for_me(session: AsyncSession, scope: Scope) -> int:
    """How many actions of this auditor's audits are reported done and wait to be verified."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(col(Loop.waiting)), 0))
        .join(Audit, col(Audit.audit_id) == col(Loop.audit_id))
        .where(col(Audit.auditor_id) == scope.person_id)
    )
    return int((await session.execute(query)).scalar_one())
