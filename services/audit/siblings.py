"""An auditor answers whether two cases are siblings; whom that makes one family is read together from then on.

An answer changes no draw. It may be taken back: the last answer on a pair stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.audits import AuditConflictError, told
from services.audit.domain.siblings import families, pair_of
from services.audit.models import Audit, SiblingAnswer
from shared.events import Event, SiblingsConfirmed, SiblingsParted

_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtext('audit.siblings'), hashtext(:programme))")
"""Two answers that join one family from both ends would each see half of it."""


async def answer(
    session: AsyncSession, audit: Audit, other: Audit, *, are_siblings: bool, by: str, at: datetime
) -> list[Event]:
    """Keep the answer, and tell of each audit whose family it changes.

    Raises:
        AuditConflictError: where the sender has said which family it is.
    """
    if audit.programme_id != other.programme_id or audit.child_id == other.child_id:
        raise AuditConflictError("These two cases cannot be siblings.")
    await session.execute(_ONE_AT_A_TIME, {"programme": str(audit.programme_id)})
    concerned = await _locked(session, await _reached(session, audit, other))
    if any(each.family_key and not is_confirmed(each) for each in concerned):
        raise AuditConflictError("The case management system says which family this case is of.")
    await _keep(session, audit.audit_id, other.audit_id, are_siblings=are_siblings, by=by, at=at)
    keys = _keys(concerned, await _confirmed(session, concerned))
    return [
        event
        for each in concerned
        if each.family_key != keys[each.audit_id]
        for event in await _join(session, each, keys[each.audit_id], by, at)
    ]


def _keys(concerned: Sequence[Audit], confirmed: Sequence[tuple[UUID, UUID]]) -> dict[UUID, str | None]:
    """The family of each audit: that of its work, whichever of its audits, a re-audit say, was answered about."""
    first: dict[UUID, UUID] = {}
    for each in sorted(concerned, key=lambda each: (each.re_audit_of is not None, each.audit_id)):
        first.setdefault(each.assessment_id, each.audit_id)
    stands_for = {each.audit_id: first[each.assessment_id] for each in concerned}
    keys = families(first.values(), [(stands_for[one], stands_for[other]) for one, other in confirmed])
    return {audit_id: keys[of_work] for audit_id, of_work in stands_for.items()}


def is_confirmed(audit: Audit) -> bool:
    """Whether a person said of which family the case is, and not its sender."""
    return (audit.family_key or "").startswith("confirmed:")


async def _reached(session: AsyncSession, audit: Audit, other: Audit) -> set[UUID]:
    """Every audit of the two pieces of work, and of everybody who is of either's family so far."""
    here = col(Audit.programme_id) == audit.programme_id
    works = col(Audit.assessment_id).in_((audit.assessment_id, other.assessment_id))
    keys = sa.select(col(Audit.family_key)).where(here, works, col(Audit.family_key).is_not(None))
    family = sa.select(col(Audit.assessment_id)).where(here, col(Audit.family_key).in_(keys))
    members = sa.select(col(Audit.audit_id)).where(here, sa.or_(works, col(Audit.assessment_id).in_(family)))
    return set((await session.execute(members)).scalars())


async def _locked(session: AsyncSession, ids: set[UUID]) -> Sequence[Audit]:
    """In one order, so that two answers cannot deadlock."""
    query = sa.select(Audit).where(col(Audit.audit_id).in_(ids)).order_by(col(Audit.audit_id)).with_for_update()
    return (await session.execute(query.execution_options(populate_existing=True))).scalars().all()


async def _keep(session: AsyncSession, one: UUID, other: UUID, *, are_siblings: bool, by: str, at: datetime) -> None:
    first, second = pair_of(one, other)
    said = {"siblings": are_siblings, "answered_by": by, "answered_at": at}
    statement = insert(SiblingAnswer).values(audit_id=first, other_id=second, **said)
    await session.execute(statement.on_conflict_do_update(index_elements=["audit_id", "other_id"], set_=said))


async def _confirmed(session: AsyncSession, concerned: Sequence[Audit]) -> list[tuple[UUID, UUID]]:
    ids = [each.audit_id for each in concerned]
    rows = await session.execute(
        sa.select(col(SiblingAnswer.audit_id), col(SiblingAnswer.other_id)).where(
            col(SiblingAnswer.siblings), col(SiblingAnswer.audit_id).in_(ids), col(SiblingAnswer.other_id).in_(ids)
        )
    )
    return [(one, other) for one, other in rows]


async def _join(session: AsyncSession, audit: Audit, key: str | None, by: str, at: datetime) -> list[Event]:
    audit.family_key = key
    audit.version += 1
    await told(session, audit)
    if key is None:
        return [SiblingsParted(occurred_at=at, version=audit.version, audit_id=audit.audit_id, by=by)]
    return [SiblingsConfirmed(occurred_at=at, version=audit.version, audit_id=audit.audit_id, by=by, family_key=key)]
