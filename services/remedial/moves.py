"""What people do to actions: see, start, report, verify, return, reassign, extend, chase, withdraw, reopen.

Each takes the action in hand under its loop's lock, asks the rules whether this person may, makes the move and returns
what is to be told. What does not exist for the person answers 404; what a rule bars says so (`Refused`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial import queries, words
from services.remedial.calendar import proclaimed
from services.remedial.domain import deadlines, oversight
from services.remedial.domain.life import Move, after
from services.remedial.domain.notices import Kind
from services.remedial.domain.ownership import OWNING, Because, team_after
from services.remedial.domain.refusal import Refused
from services.remedial.domain.second_look import is_drawn
from services.remedial.hand import Hand
from services.remedial.loops import locked_loop, settle
from services.remedial.models import Action, Programme
from shared.access import Scope, people
from shared.events import (
    ActionChased,
    ActionExtended,
    ActionReassigned,
    ActionReopened,
    ActionReported,
    ActionReturned,
    ActionSeen,
    ActionStarted,
    ActionVerified,
    ActionWithdrawn,
    EscalationAcknowledged,
    Event,
    VerificationChecked,
)
from shared.working_days import end_of_working_day, local_date


@dataclass(frozen=True)
class Report:
    """What the owner says: what was done, what difference it made for the child, where the evidence is."""

    done: str
    difference: str
    evidence: str = ""

    def parts(self) -> dict[str, str]:
        """As passages; none for what was left empty."""
        held = {"done": self.done, "difference": self.difference, "evidence": self.evidence}
        return {name: said for name, said in held.items() if said}


@dataclass(frozen=True)
class By:
    """Who acts, and when."""

    scope: Scope
    now: datetime
    chance: float = 1.0
    """Uniform in [0, 1), drawn at the edge: decides whether a verification gets a second look."""


async def take(session: AsyncSession, by: By, action_id: UUID, move: Move) -> Hand:
    """The action in hand, after every rule about this person and this move has been asked.

    Raises:
        HTTPException: 404 where the action, or the move, does not exist for this person.
        Refused: where a bar stands, or the move is not possible as the action stands.
    """
    audit_id = await queries.audit_of(session, by.scope, action_id)
    loop = await locked_loop(session, audit_id) if audit_id else None
    action = await session.get(Action, action_id, populate_existing=True) if loop else None
    if loop is None or action is None:
        raise HTTPException(404)
    service = await queries.service_of(session, action.team_id)
    moderators = await queries.moderators_of(session, action.audit_id)
    concerned = action.concerned(service, moderators, await queries.whose_work_too(session, action_id))
    # Asked again under the lock: it may have changed hands since it was looked up.
    if not oversight.sees(by.scope, concerned) or not oversight.has_role_for(move, by.scope, concerned):
        raise HTTPException(404)
    if barred := oversight.bar(move, by.scope, concerned):
        raise barred
    after(action.state_now, move)
    return Hand(session, loop, action, by.scope.person_id, by.now)


async def see(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    """The owner opened a raised action."""
    hand = await take(session, by, action_id, Move.SEE)
    hand.step(Move.SEE)
    return await _told(hand, ActionSeen(**hand.about(), by=hand.by))


async def start(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    """The owner is working on it."""
    hand = await take(session, by, action_id, Move.START)
    hand.step(Move.START)
    return await _told(hand, ActionStarted(**hand.about(), by=hand.by))


async def report(session: AsyncSession, by: By, action_id: UUID, said: Report) -> list[Event]:
    """The owner, or their manager for them, says that it is done."""
    hand = await take(session, by, action_id, Move.REPORT)
    hand.action.reported_by, hand.action.reported_at = hand.by, by.now
    hand.step(Move.REPORT, action_id)
    hand.events += await words.write(session, action_id, hand.loop.audit_id, said.parts(), by.now)
    await hand.note(Kind.REPORTED, hand.action.auditor_id)
    return await _told(hand, ActionReported(**hand.about(), by=hand.by))


async def verify(session: AsyncSession, by: By, action_id: UUID, grade_after: str | None = None) -> list[Event]:
    """Somebody else confirmed that it is done. With the audit's last action the loop closes, re-rated or confirmed."""
    hand = await take(session, by, action_id, Move.VERIFY)
    grade_after = await _known_grade(hand, grade_after)
    action = hand.action
    action.verified_by, action.verified_at = hand.by, by.now
    action.in_time = deadlines.in_time(action.reported_at or by.now, action.first_due_at)
    if is_drawn(by.chance):
        action.check_drawn_at = by.now
        action.checked_by = action.checked_at = action.check_upheld = None
    hand.step(Move.VERIFY)
    events = await _told(hand, ActionVerified(**hand.about(), by=hand.by, in_time=action.in_time))
    return events + await settle(session, hand.loop, by.now, grade_after=grade_after)


async def check(session: AsyncSession, by: By, action_id: UUID, *, upheld: bool, reason: str = "") -> list[Event]:
    """The second look at a verification. Where it is not upheld, the action is asked for again, with the reason."""
    hand = await take(session, by, action_id, Move.CHECK)
    action = hand.action
    if action.check_drawn_at is None or action.checked_at is not None:
        raise Refused("This verification does not wait for a second look.")
    if not upheld and not reason:
        raise Refused("Enter why it is not done after all.", "reason")
    action.checked_by, action.checked_at, action.check_upheld = hand.by, by.now, upheld
    hand.step(Move.CHECK)
    events = await _told(hand, VerificationChecked(**hand.about(), by=hand.by, upheld=upheld))
    return events if upheld else events + await _reopen(hand, by, reason)


async def send_back(session: AsyncSession, by: By, action_id: UUID, reason: str) -> list[Event]:
    """Not done yet: back to the owner, with the reason. The due date stands."""
    hand = await take(session, by, action_id, Move.RETURN)
    hand.action.returns += 1
    hand.step(Move.RETURN, await hand.because(reason))
    await hand.note(Kind.RETURNED, hand.action.owner_id)
    return await _told(hand, ActionReturned(**hand.about(), by=hand.by))


async def reassign(session: AsyncSession, by: By, action_id: UUID, owner_id: str, reason: str) -> list[Event]:
    """Somebody else owns it from now on. The due date stands; reassignments are counted beside it."""
    hand = await take(session, by, action_id, Move.REASSIGN)
    owner = await people.person(session, owner_id)
    if owner is None or not owner.active:
        raise Refused("Choose somebody who is in the staff directory.", "owner")
    if owner.roles.isdisjoint(OWNING):
        raise Refused("Choose somebody from the list: this person could not report it done.", "owner")
    if owner_id == hand.action.owner_id:
        raise Refused("Choose somebody else: this person already owns the action.", "owner")
    hand.action.owner_id, hand.action.owner_because = owner_id, Because.HANDED_OVER
    hand.action.team_id = team_after(hand.action.team_id, owner.teams_on(local_date(by.now)) | owner.manages)
    hand.action.reassignments += 1
    hand.action.watch_from(max(hand.action.due_on, local_date(by.now)))
    hand.step(Move.REASSIGN, await hand.because(reason))
    await hand.note(Kind.HANDED_OVER, owner_id)
    told = ActionReassigned(**hand.about(), by=hand.by, owner_id=owner_id, team_id=hand.action.team_id)
    return await _told(hand, told)


async def extend(session: AsyncSession, by: By, action_id: UUID, due_on: date, reason: str) -> list[Event]:
    """A later due date. The first one stays the measure of timeliness."""
    hand = await take(session, by, action_id, Move.EXTEND)
    _due(hand, deadlines.extended(by.now, hand.action.due_on, due_on, await proclaimed(session)))
    hand.action.extensions += 1
    hand.step(Move.EXTEND, await hand.because(reason), due_on=due_on)
    return await _told(hand, ActionExtended(**hand.about(), by=hand.by, due_on=due_on, due_at=hand.action.due_at))


async def chase(session: AsyncSession, by: By, action_id: UUID, how: str) -> list[Event]:
    """Somebody asked the owner how far it is; `how` is kept as words."""
    hand = await take(session, by, action_id, Move.CHASE)
    hand.action.chases += 1
    hand.step(Move.CHASE, await hand.because(how) if how else None)
    return await _told(hand, ActionChased(**hand.about(), by=hand.by))


async def acknowledge(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    """Whoever it was escalated to has it in hand."""
    hand = await take(session, by, action_id, Move.ACKNOWLEDGE)
    action = hand.action
    if action.escalated_at is None or action.acknowledged_at is not None:
        raise Refused("No escalation of this action waits to be taken in hand.")
    action.acknowledged_by, action.acknowledged_at = hand.by, by.now
    hand.step(Move.ACKNOWLEDGE)
    return await _told(hand, EscalationAcknowledged(**hand.about(), step=action.escalated_step, by=hand.by))


async def withdraw(session: AsyncSession, by: By, action_id: UUID, reason: str) -> list[Event]:
    """No longer asked for. The loop may close with what is left."""
    hand = await take(session, by, action_id, Move.WITHDRAW)
    hand.step(Move.WITHDRAW, await hand.because(reason))
    events = await _told(hand, ActionWithdrawn(**hand.about(), by=hand.by))
    return events + await settle(session, hand.loop, by.now)


async def reopen(session: AsyncSession, by: By, action_id: UUID, reason: str) -> list[Event]:
    """Not right after all: asked for again with a fresh allowance of the same length, and the loop is open again."""
    return await _reopen(await take(session, by, action_id, Move.REOPEN), by, reason)


async def _reopen(hand: Hand, by: By, reason: str) -> list[Event]:
    session = hand.session
    hand.events = []
    given = deadlines.Allowance(hand.action.working_days, deadlines.Rule(hand.action.due_rule))
    _due(hand, deadlines.deadline(by.now, given, await proclaimed(session)).on)
    hand.action.verified_by = hand.action.verified_at = hand.action.in_time = None
    hand.action.check_drawn_at = None
    hand.step(Move.REOPEN, await hand.because(reason), due_on=hand.action.due_on)
    await hand.note(Kind.RAISED, hand.action.owner_id)
    told = ActionReopened(**hand.about(), by=hand.by, due_on=hand.action.due_on, due_at=hand.action.due_at)
    events = await _told(hand, told)
    return events + await settle(session, hand.loop, by.now, because="reopened")


async def _known_grade(hand: Hand, grade: str | None) -> str | None:
    programme = await hand.session.get(Programme, hand.loop.programme_id)
    scale = {str(step["code"]) for step in programme.scale} if programme else set()
    if grade is not None and grade not in scale:
        raise Refused("Choose one of the programme's grades.", "grade")
    return grade


def _due(hand: Hand, on: date) -> None:
    hand.action.due_on, hand.action.due_at = on, end_of_working_day(on)
    hand.action.watch_from(on)


async def _told(hand: Hand, event: Event) -> list[Event]:
    await hand.tell_pages()
    return [*hand.events, event]
