"""The life of an audit: opened when its case is drawn, allocated, claimed, given back, completed, amended.

Whoever changes an audit has locked its row and bumps its version, so that its events are in order. Nothing here
commits; every function returns the events that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import draws
from services.audit.domain import allocation, audit_form
from services.audit.domain.audit_form import AuditForm
from services.audit.domain.programme import Programme, audit_id, is_away
from services.audit.domain.sampling import Outcome
from services.audit.draws import Drawn, Standing
from services.audit.models import OPEN_STATES, Amendment, Audit, AuditState, Challenge, Flag, HandOver
from shared.access import people
from shared.events import (
    AssessmentRecorded,
    AuditAmended,
    AuditCompleted,
    AuditWithdrawn,
    CaseAllocated,
    CaseReturned,
    CaseSampled,
    Event,
    StrengthRecognised,
    TextErased,
    TextWritten,
)
from shared.messaging import notify
from shared.working_days import add_working_days, local_date

INBOX = "inbox"
"""The channel that tells every replica's open inboxes what changed."""


class ReturnReason(StrEnum):
    """Why an auditor gives a case back. The words stay here; the event carries the code."""

    CONFLICT = "conflict"
    NOT_AUDITABLE = "not_auditable"
    AWAY = "away"
    WORKLOAD = "workload"


RETURN_REASONS = {
    ReturnReason.CONFLICT: "I have a conflict of interest",
    ReturnReason.NOT_AUDITABLE: "The case cannot be audited (the record is missing, restricted or not this theme)",
    ReturnReason.AWAY: "I am away",
    ReturnReason.WORKLOAD: "I have too many cases",
}


class AuditConflictError(Exception):
    """Somebody else was first, or the case has moved on; the message says what happened."""


@dataclass
class Desk:
    """What allocation looks at while a batch of cases is allotted: open audits, and audits of each team, by auditor."""

    load: dict[str, int]
    team_load: dict[tuple[str, str | None], int]
    own_teams: dict[str, frozenset[str]]
    families: dict[str, str]

    def choose(self, plan: Programme, audit: Audit, day: date) -> str | None:
        """The auditor of this case, who from now on has one more."""
        auditor_id: str | None = self._of_family(plan, audit, day) or allocation.choose(
            plan.auditors,
            case_of(audit),
            self.load,
            day,
            own_teams=self.own_teams,
            team_load={person: count for (person, team), count in self.team_load.items() if team == audit.team_id},
        )
        if auditor_id is not None:
            self.load[auditor_id] = self.load.get(auditor_id, 0) + 1
            key = (auditor_id, audit.team_id)
            self.team_load[key] = self.team_load.get(key, 0) + 1
            if audit.family_key:
                self.families.setdefault(audit.family_key, auditor_id)
        return auditor_id

    def _of_family(self, plan: Programme, audit: Audit, day: date) -> str | None:
        """One family, one reading: whoever has the siblings, if nothing stands against it."""
        held = self.families.get(audit.family_key or "")
        auditor = plan.auditor(held) if held else None
        if auditor is None or is_away(auditor, day):
            return None
        barred = allocation.bar(auditor, case_of(audit), self.own_teams.get(auditor.person, frozenset()))
        return None if barred else auditor.person


def case_of(audit: Audit) -> allocation.Case:
    """What allocation needs to know of it."""
    return allocation.Case(audit.audit_id, audit.team_id, audit.worker_id, audit.authorised_by)


async def desk(session: AsyncSession, plan: Programme, day: date) -> Desk:
    """How the programme's auditors stand today."""
    held = await session.execute(
        sa.select(col(Audit.auditor_id), col(Audit.team_id), col(Audit.state), sa.func.count())
        .where(col(Audit.programme_id) == plan.programme_id, col(Audit.auditor_id).is_not(None))
        .group_by(col(Audit.auditor_id), col(Audit.team_id), col(Audit.state))
    )
    standing = Desk({}, {}, await own_teams(session, plan, day), await _families(session, plan))
    for auditor_id, team_id, state, count in held:
        if auditor_id is None:
            continue
        if state in OPEN_STATES:
            standing.load[auditor_id] = standing.load.get(auditor_id, 0) + count
        key = (auditor_id, team_id)
        standing.team_load[key] = standing.team_load.get(key, 0) + count
    return standing


async def own_teams(session: AsyncSession, plan: Programme, day: date) -> dict[str, frozenset[str]]:
    """The teams whose work is each auditor's own: those they belong to and those they manage."""
    found: dict[str, frozenset[str]] = {}
    for auditor in plan.auditors:
        person = await people.person(session, auditor.person)
        if person is not None:
            found[auditor.person] = person.teams_on(day) | person.manages
    return found


async def _families(session: AsyncSession, plan: Programme) -> dict[str, str]:
    rows = await session.execute(
        sa.select(col(Audit.family_key), col(Audit.auditor_id)).where(
            col(Audit.programme_id) == plan.programme_id,
            col(Audit.state).in_(OPEN_STATES),
            col(Audit.family_key).is_not(None),
            col(Audit.auditor_id).is_not(None),
        )
    )
    return {str(family): str(auditor) for family, auditor in rows}


async def open_audits(
    session: AsyncSession, plan: Programme, sampled: Sequence[Drawn], at: datetime, *, by_hand: bool = False
) -> list[Event]:
    """Open an audit for each case of one programme that was drawn, and allocate it."""
    if not sampled:
        return []
    events: list[Event] = []
    standing = await desk(session, plan, sampled[0].sampled_on)
    rounds = await _rounds(session, sampled)
    for drawn in sampled:
        audit = _opened(drawn, rounds.get(drawn.case.assessment_id, 0) + 1, by_hand=by_hand)
        session.add(audit)
        events.append(_case_sampled(audit, at))
        auditor_id = standing.choose(plan, audit, drawn.sampled_on)
        if auditor_id is not None:
            events.append(_allocate(audit, plan, auditor_id, drawn.sampled_on, at))
    await session.flush()
    # One note for the batch: whoever looks reads the whole list again.
    await notify(session, INBOX)
    return events


def audit_of(events: Sequence[Event]) -> UUID:
    """The audit that these events opened."""
    return next(event.audit_id for event in events if isinstance(event, CaseSampled))


async def _rounds(session: AsyncSession, sampled: Sequence[Drawn]) -> dict[UUID, int]:
    """How often each of these cases has been put before an auditor of the programme so far."""
    ids = {drawn.case.assessment_id for drawn in sampled}
    rows = await session.execute(
        sa.select(col(Audit.assessment_id), sa.func.count())
        .where(col(Audit.assessment_id).in_(ids), col(Audit.programme_id) == sampled[0].programme_id)
        .group_by(col(Audit.assessment_id))
    )
    return {row[0]: row[1] for row in rows}


def _opened(drawn: Drawn, round_: int, *, by_hand: bool) -> Audit:
    case = drawn.case
    return Audit(
        audit_id=audit_id(drawn.programme_id, case.assessment_id, round_),
        assessment_id=case.assessment_id,
        child_id=case.child_id,
        programme_id=drawn.programme_id,
        theme_id=drawn.theme_id,
        week=drawn.week,
        kind=case.kind,
        priority=drawn.priority,
        threshold=drawn.threshold,
        outcome=drawn.outcome,
        by_hand=by_hand,
        sampled_on=drawn.sampled_on,
        authorised_on=case.authorised_on,
        team_id=case.team_id,
        worker_id=case.worker_id,
        authorised_by=case.authorised_by,
        family_key=case.family_key,
        facts=case.model_dump_json(exclude_defaults=True),
    )


def _case_sampled(audit: Audit, at: datetime) -> CaseSampled:
    audit.version += 1
    return CaseSampled(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        assessment_id=audit.assessment_id,
        child_id=audit.child_id,
        programme_id=audit.programme_id,
        theme_id=audit.theme_id,
        week=audit.week,
        kind=audit.kind,
        priority=audit.priority,
        threshold=audit.threshold,
        by_hand=audit.by_hand,
        sampled_on=audit.sampled_on,
        authorised_on=audit.authorised_on,
        team_id=audit.team_id,
        worker_id=audit.worker_id,
        authorised_by=audit.authorised_by,
    )


def _allocate(audit: Audit, plan: Programme, auditor_id: str, day: date, at: datetime) -> CaseAllocated:
    audit.auditor_id = auditor_id
    audit.state = AuditState.ALLOCATED
    audit.due_on = audit.due_on or add_working_days(day, plan.audit_working_days)
    audit.version += 1
    return CaseAllocated(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=auditor_id, due_on=audit.due_on
    )


async def told(session: AsyncSession, audit: Audit) -> None:
    """Tell the open inboxes: an id, nothing more."""
    await notify(session, INBOX, str(audit.audit_id))


async def locked(session: AsyncSession, audit_id: UUID) -> Audit:
    """The audit, which nobody else changes until this transaction ends."""
    return await session.get_one(Audit, audit_id, with_for_update=True, populate_existing=True)


async def claim(session: AsyncSession, plan: Programme, audit: Audit, person_id: str, at: datetime) -> list[Event]:
    """The auditor takes the case. AuditConflictError when somebody has begun it, or when they must not audit it."""
    if audit.state not in {AuditState.WAITING, AuditState.ALLOCATED} or audit.saved:
        raise AuditConflictError("This case is no longer free: somebody has begun it.")
    if audit.auditor_id == person_id:
        return []
    await _must_be_fit(session, plan, audit, person_id, local_date(at))
    if audit.auditor_id is not None:
        session.add(_hand_over(audit, audit.auditor_id, person_id, "claimed by a colleague", at))
    event = _allocate(audit, plan, person_id, local_date(at), at)
    await told(session, audit)
    return [event]


async def _must_be_fit(session: AsyncSession, plan: Programme, audit: Audit, person_id: str, day: date) -> None:
    auditor = plan.auditor(person_id)
    if auditor is None:
        raise AuditConflictError("Only an auditor of the programme can take this case.")
    teams = await own_teams(session, plan, day)
    barred = allocation.bar(auditor, case_of(audit), teams.get(person_id, frozenset()))
    if barred:
        raise AuditConflictError(f"This auditor cannot take the case: {barred}.")


def _hand_over(audit: Audit, auditor_id: str, to: str | None, reason: str, at: datetime) -> HandOver:
    return HandOver(
        audit_id=audit.audit_id, version=audit.version, auditor_id=auditor_id, to_auditor_id=to, reason=reason, at=at
    )


async def hand_over(
    session: AsyncSession, plan: Programme, audit: Audit, to: str, *, reason: ReturnReason, why: str, at: datetime
) -> list[Event]:
    """The case goes from its auditor to another, draft and all."""
    if audit.state not in OPEN_STATES or audit.auditor_id is None:
        raise AuditConflictError("This case has moved on and cannot be handed over any more.")
    await _must_be_fit(session, plan, audit, to, local_date(at))
    before = audit.auditor_id
    audit.version += 1
    returned = CaseReturned(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=before, reason=reason
    )
    session.add(_hand_over(audit, before, to, why, at))
    allocated = _allocate(audit, plan, to, local_date(at), at)
    await told(session, audit)
    return [returned, allocated]


async def reassign_absent(session: AsyncSession, plan: Programme, day: date, at: datetime) -> list[Event]:
    """What an absent auditor has not begun goes to a colleague; nobody's work waits for a return from leave."""
    away = [auditor.person for auditor in plan.auditors if is_away(auditor, day)]
    if not away:
        return []
    found = await session.execute(
        sa.select(Audit)
        .where(
            col(Audit.programme_id) == plan.programme_id,
            col(Audit.state) == AuditState.ALLOCATED,
            col(Audit.saved) == 0,
            col(Audit.auditor_id).in_(away),
        )
        .order_by(col(Audit.audit_id))
        .with_for_update()
    )
    events: list[Event] = []
    standing = await desk(session, plan, day)
    for audit in found.scalars().all():
        before = str(audit.auditor_id)
        colleague = standing.choose(plan, audit, day)
        if colleague is None or colleague == before:
            continue
        audit.version += 1
        events.append(
            CaseReturned(
                occurred_at=at,
                version=audit.version,
                audit_id=audit.audit_id,
                auditor_id=before,
                reason=ReturnReason.AWAY,
            )
        )
        session.add(_hand_over(audit, before, colleague, "away", at))
        events.append(_allocate(audit, plan, colleague, day, at))
        await told(session, audit)
    return events


async def correct(
    session: AsyncSession, plan: Programme, audit: Audit, case: AssessmentRecorded, at: datetime
) -> list[Event]:
    """Another team, worker or manager stands behind the work of an open audit.

    Where that bars its auditor, somebody else reads the case from the beginning: nobody audits their own work, whoever
    turns out later to have done it.
    """
    behind = allocation.Case(audit.audit_id, case.team_id, case.worker_id, case.authorised_by)
    released = await _release_if_barred(session, plan, audit, behind, at)
    audit.team_id, audit.worker_id, audit.authorised_by = case.team_id, case.worker_id, case.authorised_by
    if released is None:
        return []
    await session.flush()
    day = local_date(at)
    colleague = (await desk(session, plan, day)).choose(plan, audit, day)
    return [released] if colleague is None else [released, _allocate(audit, plan, colleague, day, at)]


async def _release_if_barred(
    session: AsyncSession, plan: Programme, audit: Audit, behind: allocation.Case, at: datetime
) -> CaseReturned | None:
    auditor = plan.auditor(audit.auditor_id) if audit.auditor_id else None
    if auditor is None:
        return None
    teams = await own_teams(session, plan, local_date(at))
    barred = allocation.bar(auditor, behind, teams.get(auditor.person, frozenset()))
    if barred is None:
        return None
    audit.version += 1
    session.add(_hand_over(audit, auditor.person, None, barred, at))
    audit.auditor_id, audit.state = None, AuditState.WAITING
    audit.form, audit.saved, audit.saved_tab, audit.comment, audit.comment_by = "{}", 0, "", None, None
    return CaseReturned(
        occurred_at=at,
        version=audit.version,
        audit_id=audit.audit_id,
        auditor_id=auditor.person,
        reason=ReturnReason.CONFLICT,
    )


async def give_back(
    session: AsyncSession, standing: Standing | None, audit: Audit, *, reason: ReturnReason, why: str, at: datetime
) -> list[Event]:
    """The auditor returns the case with a reason; the next-lowest priority of its week replaces it.

    After the programme's end (no `standing`) nothing does.

    The caller has locked the programme's themes before the audit, the order in which every draw locks.
    """
    if audit.state not in OPEN_STATES or audit.auditor_id is None:
        raise AuditConflictError("This case has moved on and cannot be returned any more.")
    audit.version += 1
    returned = CaseReturned(
        occurred_at=at, version=audit.version, audit_id=audit.audit_id, auditor_id=audit.auditor_id, reason=reason
    )
    session.add(_hand_over(audit, audit.auditor_id, None, why, at))
    audit.state = AuditState.RETURNED
    await session.flush()
    await told(session, audit)
    if standing is None:
        return [returned]
    return [returned, *await replace(session, standing, audit, Outcome.RETURNED, at)]


async def withdraw(session: AsyncSession, standing: Standing | None, audit: Audit, at: datetime) -> list[Event]:
    """The case was withdrawn upstream: an open audit ends and is replaced, a completed one is kept without its text."""
    if audit.state == AuditState.COMPLETED:
        return await _flag_without_text(session, audit, at)
    if audit.state not in OPEN_STATES:
        return []
    audit.version += 1
    audit.state, audit.flag, audit.form, audit.comment = AuditState.WITHDRAWN, Flag.WITHDRAWN, "{}", None
    withdrawn = AuditWithdrawn(occurred_at=at, version=audit.version, audit_id=audit.audit_id)
    await session.flush()
    await told(session, audit)
    if standing is None:
        return [withdrawn]
    return [withdrawn, *await replace(session, standing, audit, Outcome.WITHDRAWN, at)]


async def _flag_without_text(session: AsyncSession, audit: Audit, at: datetime) -> list[Event]:
    """Erase every word about the case, in the audit, in what it said before and in what was answered; grades stay."""
    form = AuditForm.model_validate_json(audit.form)
    audit.version += 1
    audit.flag, audit.form, audit.comment = Flag.WITHDRAWN, "{}", None
    audit.chosen_because = None if audit.chosen_because is None else ""
    ids = [finding.finding_id for finding in form.findings] + [strength.strength_id for strength in form.strengths]
    for amendment in (await session.execute(sa.select(Amendment).where(_of(Amendment, audit)))).scalars():
        before = AuditForm.model_validate_json(amendment.form)
        amendment.form, amendment.reason = "{}", ""
        ids += [amendment.amendment_id, *(finding.finding_id for finding in before.findings)]
        ids += [strength.strength_id for strength in before.strengths]
    for handed in (await session.execute(sa.select(HandOver).where(_of(HandOver, audit)))).scalars():
        handed.reason = ""
    for challenge in (await session.execute(sa.select(Challenge).where(_of(Challenge, audit)))).scalars():
        challenge.words = ""
        challenge.answer = None if challenge.answer is None else ""
        ids.append(challenge.challenge_id)
    return [TextErased(occurred_at=at, version=audit.version, text_id=text_id) for text_id in dict.fromkeys(ids)]


def _of(table: type[Amendment] | type[Challenge] | type[HandOver], audit: Audit) -> sa.ColumnElement[bool]:
    return col(table.audit_id) == audit.audit_id


async def replace(
    session: AsyncSession, standing: Standing, audit: Audit, outcome: Outcome, at: datetime
) -> list[Event]:
    """Note that a case left the sample, and draw the next-lowest priority of its week, or of the week now open."""
    draw = await draws.theme_draw(session, standing, audit.theme_id, audit.week)
    decided = await draws.decision(session, audit.programme_id, audit.assessment_id)
    draw.week = draw.week.note() if audit.by_hand else draw.week.give_back()
    draw.note(audit.assessment_id, decided.unit, audit.priority, outcome)
    await draws.set_outcomes(session, audit.programme_id, [(audit.assessment_id, outcome)])
    drawn: list[Drawn] = []
    if not audit.by_hand:
        drawn = await draws.pick(session, standing, draw, count=1, outcome=Outcome.REPLACEMENT, at=at)
    events: list[Event] = [*await draws.keep_late(session, standing, draw, at)]
    now_open = standing.themes.get(audit.theme_id)
    if not drawn and not audit.by_hand and now_open is not None and now_open is not draw:
        drawn = await draws.pick(session, standing, now_open, count=1, outcome=Outcome.REPLACEMENT, at=at)
        events += await draws.keep(session, [now_open], at)
    return [*events, *await open_audits(session, standing.plan, drawn, at)]


@dataclass(frozen=True, slots=True)
class Save:
    """Which page saves, and the last save that it has seen."""

    tab: str
    saved: int

    def is_older_than(self, audit: Audit) -> bool:
        """Whether another page has saved since: what this one holds would overwrite it."""
        return self.saved != audit.saved and (not self.tab or self.tab != audit.saved_tab)


def save_draft(audit: Audit, form: AuditForm, save: Save, at: datetime) -> None:
    """Keep the draft. AuditConflictError when a newer one was saved meanwhile: it is never overwritten."""
    if audit.state not in {AuditState.ALLOCATED, AuditState.CHECKING}:
        raise AuditConflictError("This audit is no longer open, so nothing was saved.")
    if save.is_older_than(audit):
        raise AuditConflictError("A newer version of this audit was saved somewhere else, so this one was not saved.")
    _keep(audit, form, save, at)


def _keep(audit: Audit, form: AuditForm, save: Save, at: datetime) -> None:
    audit.form = form.model_dump_json(exclude_defaults=True)
    audit.saved += 1
    audit.saved_tab = save.tab
    audit.saved_at = at


async def complete(session: AsyncSession, plan: Programme, audit: Audit, form: AuditForm, at: datetime) -> list[Event]:
    """The audit is final: graded, with its findings, their words on the topic of texts, strengths told the same day.

    The caller has found no `problems` in the form.
    """
    if audit.state not in {AuditState.ALLOCATED, AuditState.CHECKING}:
        raise AuditConflictError("This audit is no longer open, so it was not completed.")
    _grade(audit, plan, form)
    audit.state = AuditState.COMPLETED
    audit.completed_at, audit.completed_on = at, local_date(at)
    audit.version += 1
    completed = AuditCompleted.model_validate(_state(audit, plan, form, at))
    await told(session, audit)
    return [completed, *_texts(audit, form, at), *_recognised(audit, form, at)]


def _grade(audit: Audit, plan: Programme, form: AuditForm) -> None:
    step = plan.step(form.grade)
    if step is None:
        raise ValueError("an audit without a grade is not complete")
    audit.grade, audit.rag = step.code, step.rag


def _state(audit: Audit, plan: Programme, form: AuditForm, at: datetime) -> dict[str, object]:
    return {
        "occurred_at": at,
        **audit.model_dump(
            include={
                "version",
                "audit_id",
                "assessment_id",
                "child_id",
                "programme_id",
                "theme_id",
                "kind",
                "auditor_id",
                "team_id",
                "worker_id",
                "authorised_by",
                "authorised_on",
                "sampled_on",
                "grade",
                "rag",
                "by_hand",
            }
        ),
        "sections": audit_form.grades_of(form, plan),
        "findings": audit_form.findings_of(form),
        "strengths": len(form.strengths),
        "minutes": form.minutes,
    }


def _texts(audit: Audit, form: AuditForm, at: datetime) -> list[TextWritten]:
    parts = {
        finding.finding_id: {"finding": finding.finding, "action": finding.action} for finding in form.findings
    } | {strength.strength_id: {"strength": strength.strength} for strength in form.strengths}
    return [
        TextWritten(
            occurred_at=at,
            version=audit.version,
            text_id=text_id,
            about=audit.audit_id,
            parts={name: text for name, text in passages.items() if text},
        )
        for text_id, passages in parts.items()
    ]


def _recognised(audit: Audit, form: AuditForm, at: datetime) -> list[StrengthRecognised]:
    events = []
    for strength in form.strengths:
        audit.version += 1
        events.append(
            StrengthRecognised(
                occurred_at=at,
                version=audit.version,
                audit_id=audit.audit_id,
                strength_id=strength.strength_id,
                worker_id=audit.worker_id,
                team_id=audit.team_id,
                domain=strength.domain,
            )
        )
    return events


async def amend(
    session: AsyncSession,
    plan: Programme,
    audit: Audit,
    form: AuditForm,
    *,
    amendment_id: UUID,
    reason: str,
    by: str,
    save: Save,
    at: datetime,
) -> list[Event]:
    """The completed audit says something else from now on; what it said before is kept, with the reason."""
    if audit.state != AuditState.COMPLETED or audit.flag == Flag.WITHDRAWN:
        raise AuditConflictError("Only a completed audit whose case still stands can be amended.")
    before = AuditForm.model_validate_json(audit.form)
    form = form.of(audit.audit_id, before)
    if form == before and save.saved != audit.saved:
        # The same page sent twice: it is amended already.
        return []
    if save.is_older_than(audit):
        raise AuditConflictError("This audit was amended somewhere else meanwhile, so your amendment was not saved.")
    session.add(
        Amendment(
            amendment_id=amendment_id,
            audit_id=audit.audit_id,
            version=audit.version,
            form=audit.form,
            grade=str(audit.grade),
            reason=reason,
            amended_by=by,
            amended_at=at,
        )
    )
    _grade(audit, plan, form)
    _keep(audit, form, save, at)
    audit.version += 1
    amended = AuditAmended.model_validate({**_state(audit, plan, form, at), "amendment_id": amendment_id})
    why = TextWritten(
        occurred_at=at, version=audit.version, text_id=amendment_id, about=audit.audit_id, parts={"reason": reason}
    )
    known = {strength.strength_id for strength in before.strengths}
    fresh = form.model_copy(
        update={"strengths": tuple(each for each in form.strengths if each.strength_id not in known)}
    )
    await told(session, audit)
    return [amended, why, *_texts(audit, form, at), *_recognised(audit, fresh, at)]
