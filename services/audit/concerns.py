"""The life of a concern: escalated at once, escalated further while nobody answers, closed by what made the child safe.

Its events belong to the audit's order, so whoever changes a concern has locked the audit's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import audits
from services.audit.domain.concerns import Chain, acknowledge_by, chain
from services.audit.models import Audit, Concern
from shared.access import Role, Scope, people
from shared.events import ConcernAcknowledged, ConcernClosed, ConcernEscalated, Event, TextWritten
from shared.messaging import notify

CONCERNS = "concerns"
"""The channel that tells open pages that a concern changed."""


class ConcernError(Exception):
    """The concern has moved on; the message says how."""


async def chain_of(session: AsyncSession, audit: Audit) -> Chain:
    """Whom the council would tell about this case, before anybody implicated is left out."""
    team = await people.team(session, audit.team_id) if audit.team_id else None
    managers = await people.managers_of(session, audit.team_id) if audit.team_id else []
    heads = await people.heads_of(session, team.service) if team is not None else []
    directors = await people.people_with_role(session, Role.DCS)
    qa = await people.people_with_role(session, Role.QA_MANAGER)
    return chain(*([person.person_id for person in group] for group in (managers, heads, directors, qa)))


async def escalate(
    session: AsyncSession,
    audit: Audit,
    *,
    concern_id: UUID,
    by: str,
    worry: str,
    telephoned: str,
    implicated: Sequence[str],
    lado: bool,
    at: datetime,
) -> list[Event]:
    """Tell the chain at once. The practitioner and whoever authorised the work are never among those told."""
    barred = _barred(audit, implicated)
    told = (await chain_of(session, audit)).told_at(0, barred)
    concern = Concern(
        concern_id=concern_id,
        audit_id=audit.audit_id,
        child_id=audit.child_id,
        raised_by=by,
        raised_at=at,
        worry=worry,
        telephoned=telephoned,
        implicated=barred,
        recipients=list(told),
        lado=lado,
        acknowledge_by=acknowledge_by(at),
    )
    session.add(concern)
    words = {"worry": worry, "telephoned": telephoned}
    escalated = _escalated(audit, concern, at)
    await notify(session, CONCERNS, str(concern_id))
    return [escalated, _words(audit, concern, words, at)]


def _barred(audit: Audit, implicated: Sequence[str]) -> list[str]:
    """Who must not be told: those named, the practitioner, and whoever authorised the work."""
    return sorted({*implicated, *(person for person in (audit.worker_id, audit.authorised_by) if person)})


async def said_already(session: AsyncSession, audit: Audit, by: str, worry: str) -> Concern | None:
    """The open concern that this person has raised in the same words: a button pressed twice raises one."""
    query = sa.select(Concern).where(
        col(Concern.audit_id) == audit.audit_id,
        col(Concern.raised_by) == by,
        col(Concern.worry) == worry,
        col(Concern.closed_at).is_(None),
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


def _escalated(audit: Audit, concern: Concern, at: datetime) -> ConcernEscalated:
    audit.version += 1
    return ConcernEscalated(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        concern_id=concern.concern_id,
        child_id=concern.child_id,
        raised_by=concern.raised_by,
        recipients=tuple(concern.recipients),
        lado=concern.lado,
        acknowledge_by=concern.acknowledge_by,
    )


def _words(audit: Audit, concern: Concern, parts: dict[str, str], at: datetime) -> TextWritten:
    return TextWritten(
        occurred_at=at, version=audit.version, text_id=concern.concern_id, about=audit.audit_id, parts=parts
    )


async def escalate_unanswered(session: AsyncSession, now: datetime) -> list[Event]:
    """Tell the next of the chain about every concern that nobody has taken in hand in time; the last step again."""
    found = await session.execute(
        sa.select(Concern)
        .where(
            col(Concern.acknowledged_at).is_(None), col(Concern.closed_at).is_(None), col(Concern.acknowledge_by) < now
        )
        .order_by(col(Concern.audit_id), col(Concern.concern_id))
    )
    events: list[Event] = []
    for waiting in found.scalars().all():
        audit = await audits.locked(session, waiting.audit_id)
        concern = await session.get_one(Concern, waiting.concern_id, populate_existing=True)
        if concern.acknowledged_at is not None or concern.closed_at is not None:
            continue
        whole = await chain_of(session, audit)
        # Asked again: a correction may have shown since who did the work, or who signed it off.
        concern.implicated = _barred(audit, concern.implicated)
        concern.step = min(concern.step + 1, whole.ends_at(concern.implicated))
        told = whole.told_at(concern.step, concern.implicated)
        known = [person for person in concern.recipients if person not in concern.implicated]
        concern.recipients = list(dict.fromkeys([*known, *told]))
        concern.acknowledge_by = acknowledge_by(now)
        events.append(_escalated(audit, concern, now))
        await notify(session, CONCERNS, str(concern.concern_id))
    return events


async def acknowledge(session: AsyncSession, audit: Audit, concern: Concern, by: str, at: datetime) -> list[Event]:
    """Somebody has it in hand. It stays open."""
    if concern.acknowledged_at is not None or concern.closed_at is not None:
        raise ConcernError("Somebody has this concern in hand already.")
    concern.acknowledged_by, concern.acknowledged_at = by, at
    audit.version += 1
    await notify(session, CONCERNS, str(concern.concern_id))
    return [
        ConcernAcknowledged(
            occurred_at=at,
            version=audit.version,
            audit_id=audit.audit_id,
            concern_id=concern.concern_id,
            acknowledged_by=by,
        )
    ]


async def close(
    session: AsyncSession, audit: Audit, concern: Concern, *, by: str, made_safe: str, at: datetime
) -> list[Event]:
    """What made the child safe is recorded: only that closes a concern."""
    if concern.closed_at is not None:
        raise ConcernError("This concern is closed already.")
    concern.closed_by, concern.closed_at, concern.made_safe = by, at, made_safe
    audit.version += 1
    closed = ConcernClosed(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, concern_id=concern.concern_id, closed_by=by
    )
    await notify(session, CONCERNS, str(concern.concern_id))
    words = {"worry": concern.worry, "telephoned": concern.telephoned, "made_safe": made_safe}
    return [closed, _words(audit, concern, words, at)]


def visible(scope: Scope) -> sa.ColumnElement[bool]:
    """The concerns that this person may see: those they raised or were told of; QA all but those that implicate them.

    Somebody implicated sees nothing, whatever else they are.
    """
    me = sa.literal(scope.person_id)
    told = sa.or_(col(Concern.raised_by) == me, me == sa.any_(col(Concern.recipients)))
    may = sa.true() if scope.has(Role.QA_MANAGER) else told
    behind = sa.exists().where(
        col(Audit.audit_id) == col(Concern.audit_id),
        sa.or_(col(Audit.worker_id) == me, col(Audit.authorised_by) == me),
    )
    return sa.and_(may, sa.not_(me == sa.any_(col(Concern.implicated))), ~behind)


async def concerns(session: AsyncSession, scope: Scope) -> list[Concern]:
    """The concerns that this person may see: the open ones first, the newest first among them."""
    query = sa.select(Concern).where(visible(scope))
    ordered = query.order_by(col(Concern.closed_at).is_not(None), col(Concern.raised_at).desc()).limit(200)
    return list((await session.execute(ordered)).scalars())


async def concern(session: AsyncSession, scope: Scope, concern_id: UUID) -> Concern | None:
    """One concern, if this person may see it."""
    query = sa.select(Concern).where(col(Concern.concern_id) == concern_id, visible(scope))
    return (await session.execute(query)).scalar_one_or_none()


async def open_concerns(session: AsyncSession, audit_id: UUID) -> int:
    """How many concerns about this audit's child are open."""
    query = sa.select(sa.func.count()).where(col(Concern.audit_id) == audit_id, col(Concern.closed_at).is_(None))
    return int((await session.execute(query)).scalar_one())
