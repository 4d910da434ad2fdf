"""Settling what is in quarantine: correct and resubmit it, or dismiss it with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import episodes, recording
from services.intake.domain.cin_census import wrong_factors
from services.intake.domain.context import stated
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.statements import FIELDS, statement
from services.intake.domain.work import Road, Submission
from services.intake.models import Quarantined
from services.intake.uploads import DELETED, Claimed
from shared.events import EpisodeKind, Event
from shared.working_days import local_date


def fields_of(one: Quarantined) -> tuple[str, ...]:
    """The fields that a person may correct; none where nothing of it could be read."""
    named = FIELDS.get(one.kind or "", ())
    if not named:
        return ()
    return ("id", *named) if "id" in one.fields else named


async def resubmit(
    session: AsyncSession, keys: recording.Keys, one: Quarantined, fields: Mapping[str, str], by: str, now: datetime
) -> list[Event] | Refusal:
    """Take it in as corrected, said now; what is still wrong with it, where something is."""
    if one.kind in set(EpisodeKind):
        kept = await _keep(session, keys, one, fields, now)
        if isinstance(kept, list):
            _settle(one, "resubmitted", by, now, None)
        return kept
    today = local_date(now)
    read = statement(one.kind or "", one.road, fields, today, now)
    if isinstance(read, Refusal):
        return read
    wrong = _still_wrong(one, fields, read)
    if wrong is not None:
        return wrong
    claimed = Claimed()
    recorded = await recording.record(session, [read], keys, claimed)
    outcome = recorded.outcomes[0]
    if outcome is Outcome.DELETED:
        return DELETED
    if isinstance(outcome, Refusal):
        return outcome
    one.assessment_id = claimed.named[0] if claimed.named else await _named(session, read)
    _settle(one, "resubmitted", by, now, None)
    return recorded.events


def _still_wrong(one: Quarantined, fields: Mapping[str, str], read: Submission) -> Refusal | None:
    """What one record alone does not show: the rules of its census, and what it said beside the other rows."""
    told = BESIDE_OTHERS.get(one.code, ())
    if one.field in told and all(fields.get(name, "").strip() == one.fields.get(name, "") for name in told):
        return Refusal(one.code, one.field, one.sentence)
    return wrong_factors(one.kind or "", read.said) if one.road == Road.CENSUS and read.said is not None else None


BESIDE_OTHERS = {"id_of_another_child": ("child",), "overlaps": ("started_on", "finished_on")}
"""Why a row was refused because of others of its file, and which of its fields decide it."""


async def _keep(
    session: AsyncSession, keys: recording.Keys, one: Quarantined, fields: Mapping[str, str], now: datetime
) -> list[Event] | Refusal:
    """Keep a plan, a period or an open case, as of the day of which it was said: what is said of a later day stands."""
    said_on = one.as_of or local_date(now)
    read = stated(one.kind or "", one.road, fields, said_on)
    if isinstance(read, Refusal):
        return read
    return (await episodes.keep(session, keys, [read], said_on, now)).events


async def _named(session: AsyncSession, read: Submission) -> UUID | None:
    """The record that a sender's own id stands for."""
    values = {"road": str(read.road), "kind": str(read.kind), "sender_id": read.sender_id}
    found: UUID | None = await session.scalar(_NAMED, values)
    return found


_NAMED = sa.text(
    "SELECT assessment_id FROM work WHERE (road, kind, sender_id) = (:road, :kind, :sender_id) UNION ALL "
    "SELECT assessment_id FROM alias WHERE (road, kind, sender_id) = (:road, :kind, :sender_id)"
)


def dismiss(one: Quarantined, by: str, now: datetime, why: str) -> None:
    """Leave it out for good, for a reason."""
    _settle(one, "dismissed", by, now, why)


def _settle(one: Quarantined, state: str, by: str, now: datetime, why: str | None) -> None:
    one.state, one.settled_by, one.settled_at, one.why = state, by, now, why
