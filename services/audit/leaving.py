"""A case leaves the sample: given back by its auditor, or withdrawn upstream. The next in line replaces it.

Whoever ends an audit has locked its row and bumps its version, so that its events are in order.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import draws, rulings, theme_weeks
from services.audit.audits import AuditConflictError, open_audits, told
from services.audit.domain.audit_form import AuditForm
from services.audit.domain.sampling import Outcome
from services.audit.draws import Drawn
from services.audit.models import OPEN_STATES, Amendment, Audit, AuditState, Challenge, Flag, HandOver
from services.audit.moves import ReturnReason, handed_over
from services.audit.standings import Standing, keep_late, theme_draw
from shared.events import AuditWithdrawn, CaseReturned, Event, TextErased


async def give_back(
    session: AsyncSession, standing: Standing | None, audit: Audit, *, reason: ReturnReason, why: str, at: datetime
) -> list[Event]:
    """The auditor returns the case with a reason; the next-lowest priority of its week replaces it.

    After the programme's end (no `standing`) nothing does, nor ever for a re-audit: another may be drawn.

    The caller has locked the programme's themes before the audit, the order in which every draw locks.
    """
    if audit.state not in OPEN_STATES or audit.auditor_id is None:
        raise AuditConflictError("This case has moved on and cannot be returned any more.")
    audit.version += 1
    returned = CaseReturned(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=audit.auditor_id, reason=reason
    )
    session.add(handed_over(audit, audit.auditor_id, None, why, at))
    audit.state = AuditState.RETURNED
    await session.flush()
    await told(session, audit)
    if standing is None or audit.re_audit_of is not None:
        return [returned]
    return [returned, *await replace(session, standing, audit, Outcome.RETURNED, at)]


async def withdraw(session: AsyncSession, standing: Standing | None, audit: Audit, at: datetime) -> list[Event]:
    """The case was withdrawn upstream: an open audit ends and is replaced, any other is kept without its text."""
    if audit.state == AuditState.COMPLETED:
        return await _flag_without_text(session, audit, at)
    await _forget(session, audit)
    if audit.state not in OPEN_STATES:
        return []
    audit.version += 1
    audit.state = AuditState.WITHDRAWN
    withdrawn = AuditWithdrawn(occurred_at=at, version=audit.version, audit_id=audit.audit_id)
    await session.flush()
    await told(session, audit)
    if standing is None or audit.re_audit_of is not None:
        return [withdrawn]
    return [withdrawn, *await replace(session, standing, audit, Outcome.WITHDRAWN, at)]


async def _flag_without_text(session: AsyncSession, audit: Audit, at: datetime) -> list[Event]:
    """Erase every word about the case, in the audit, in what it said before and in what was answered; grades stay."""
    form = AuditForm.model_validate_json(audit.form)
    audit.version += 1
    await _forget(session, audit)
    ids = [finding.finding_id for finding in form.findings] + [strength.strength_id for strength in form.strengths]
    for amendment in (await session.execute(sa.select(Amendment).where(_of(Amendment, audit)))).scalars():
        before = AuditForm.model_validate_json(amendment.form)
        amendment.form, amendment.reason = "{}", ""
        ids += [amendment.amendment_id, *(finding.finding_id for finding in before.findings)]
        ids += [strength.strength_id for strength in before.strengths]
    for challenge in (await session.execute(sa.select(Challenge).where(_of(Challenge, audit)))).scalars():
        challenge.words = ""
        challenge.answer = None if challenge.answer is None else ""
        ids.append(challenge.challenge_id)
    return [TextErased(occurred_at=at, version=audit.version, text_id=text_id) for text_id in dict.fromkeys(ids)]


async def _forget(session: AsyncSession, audit: Audit) -> None:
    """Forget what never left this service: the form, the comment, why the case was chosen and why it changed hands."""
    audit.flag, audit.form, audit.comment = Flag.WITHDRAWN, "{}", None
    audit.chosen_because = None if audit.chosen_because is None else ""
    for handed in (await session.execute(sa.select(HandOver).where(_of(HandOver, audit)))).scalars():
        handed.reason = ""


def _of(table: type[Amendment] | type[Challenge] | type[HandOver], audit: Audit) -> sa.ColumnElement[bool]:
    return col(table.audit_id) == audit.audit_id


async def replace(
    session: AsyncSession, standing: Standing, audit: Audit, outcome: Outcome, at: datetime
) -> list[Event]:
    """Note that a case left the sample, and draw the next-lowest priority of its week, or of the week now open."""
    draw = await theme_draw(session, standing, audit.theme_id, audit.week)
    decided = await rulings.decision(session, audit.programme_id, audit.assessment_id)
    draw.week = draw.week.note() if audit.by_hand else draw.week.give_back()
    draw.note(audit.assessment_id, decided.unit, audit.priority, outcome)
    await rulings.set_outcomes(session, audit.programme_id, [(audit.assessment_id, outcome)])
    drawn: list[Drawn] = []
    if not audit.by_hand:
        drawn = await theme_weeks.pick(session, standing, draw, count=1, outcome=Outcome.REPLACEMENT, at=at)
    events: list[Event] = [*await keep_late(session, standing, draw, at)]
    now_open = standing.themes.get(audit.theme_id)
    if not drawn and not audit.by_hand and now_open is not None and now_open is not draw:
        drawn = await theme_weeks.pick(session, standing, now_open, count=1, outcome=Outcome.REPLACEMENT, at=at)
        events += await draws.keep(session, [now_open], at)
    return [*events, *await open_audits(session, standing.plan, drawn, at)]
