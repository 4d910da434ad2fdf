"""Findings that an open action answers too: joined with it, parted from it, and their loops settled when it moves on.

A finding's audit and the action's may be two, with two loops. Whoever decides on a finding holds both, locked at once
(`both_loops`); whoever moves an action holds its own alone and only notes whose loops are to be settled, so that a page
never waits for more than one. A moment later `settle_noted` settles what was noted, each by its own.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import words
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.joining import Alone, Place, alone_because
from services.remedial.domain.life import OPEN, State
from services.remedial.domain.notices import Kind
from services.remedial.hand import LIVE, SYSTEM
from services.remedial.loops import about_loop
from services.remedial.models import Action, Join, Joined, Loop, Step
from services.remedial.notices import note_action
from services.remedial.owners import find_owner
from shared.events import Event, Finding, FindingJoined, FindingParted
from shared.messaging import notify


async def joins_of(session: AsyncSession, loop: Loop) -> dict[UUID, Joined]:
    """What was decided of this audit's findings so far, by finding."""
    rows = await session.execute(sa.select(Joined).where(col(Joined.audit_id) == loop.audit_id))
    return {row.finding_id: row for row in rows.scalars()}


async def answering_audits(session: AsyncSession, findings: Sequence[Finding]) -> set[UUID]:
    """The audits of the actions that are meant to answer these findings, as far as they are known yet."""
    actions = {action_id_of(finding.acts_with) for finding in findings if finding.acts_with is not None}
    if not actions:
        return set()
    return set(
        (await session.execute(sa.select(col(Action.audit_id)).where(col(Action.action_id).in_(actions)))).scalars()
    )


async def decide(
    session: AsyncSession,
    loop: Loop,
    findings: Sequence[Finding],
    own: Mapping[UUID, Action],
    at: datetime,
    held: Collection[UUID],
) -> list[Event]:
    """Decide on every finding that another's action is meant to answer, and part those that are not any more.

    What was decided stays decided while the audit names the same action. `own` are this audit's actions by finding;
    one that is about to be raised is not among them. `held` are the audits whose loops are locked.
    """
    known = await joins_of(session, loop)
    wanted = {finding.finding_id: finding for finding in findings if finding.acts_with is not None}
    events: list[Event] = []
    for finding_id, row in known.items():
        if finding_id not in wanted or wanted[finding_id].acts_with != row.acts_with:
            events += await part(session, loop, row, at)
            await session.delete(row)
    await session.flush()
    raised_now = {finding.finding_id for finding in findings if finding.needs_action and _comes(own, finding)}
    for finding in sorted(wanted.values(), key=lambda each: action_id_of(each.acts_with or each.finding_id)):
        decided = known.get(finding.finding_id)
        if decided is not None and decided.acts_with == finding.acts_with:
            decided.domain, decided.severity, decided.level = finding.domain, finding.severity, finding.level
            continue
        row = _row(loop, finding)
        session.add(row)
        if finding.acts_with in raised_now:
            events += _join(loop, row, loop.audit_id, State.RAISED, at)
        else:
            events += await decide_one(session, loop, row, at, held)
    return events


def _comes(own: Mapping[UUID, Action], finding: Finding) -> bool:
    """Whether this audit is about to raise the finding's action, or to ask for it again."""
    return finding.finding_id not in own or own[finding.finding_id].state == State.WITHDRAWN


def _row(loop: Loop, finding: Finding) -> Joined:
    acts_with = finding.acts_with or finding.finding_id
    return Joined(
        finding_id=finding.finding_id,
        audit_id=loop.audit_id,
        acts_with=acts_with,
        action_id=action_id_of(acts_with),
        join=Join.WAITING,
        named_owner=finding.owner_id,
        domain=finding.domain,
        severity=finding.severity,
        level=finding.level,
    )


async def decide_one(
    session: AsyncSession, loop: Loop, row: Joined, at: datetime, held: Collection[UUID]
) -> list[Event]:
    """Join the finding, or note that it stands alone and why. It waits where its action is not known yet.

    So it does where the action became known after the loops were locked, and its own is not among them: it could move.
    """
    await session.flush()
    action = await session.get(Action, row.action_id, populate_existing=True)
    if action is None or action.audit_id not in held:
        return []
    owner = await find_owner(session, row.named_owner, loop.worker_id, loop.team_id)
    finding = Place(loop.audit_id, loop.auditor_id, loop.team_id, owner.person_id)
    its = Place(action.audit_id, action.auditor_id, action.team_id, action.owner_id)
    because = alone_because(finding, its, action.state_now)
    if because is None and await answers_no_more(session, loop, action):
        because = Alone.WITHDRAWN
    if because is not None:
        row.join, row.because = Join.ALONE, because
        return []
    await _note(session, action, "join", at)
    await note_action(session, action.owner_id, Kind.JOINED, action, at, occasion=str(row.finding_id))
    return _join(loop, row, action.audit_id, action.state_now, at)


async def answers_no_more(session: AsyncSession, loop: Loop, action: Action) -> bool:
    """Whether another audit's action was withdrawn, or its case: nobody could say of that what was done."""
    is_erased = action.state_now in OPEN and await words.are_erased(session, action.action_id)
    return action.state_now == State.WITHDRAWN or (action.audit_id != loop.audit_id and is_erased)


def _join(loop: Loop, row: Joined, action_audit_id: UUID, state: State, at: datetime) -> list[Event]:
    row.join, row.because, row.action_audit_id, row.action_state = Join.JOINED, None, action_audit_id, state
    return [
        FindingJoined(
            **about_loop(loop, at),
            finding_id=row.finding_id,
            action_id=row.action_id,
            action_audit_id=action_audit_id,
            team_id=loop.team_id,
            domain=row.domain,
            severity=row.severity,
        )
    ]


async def part(
    session: AsyncSession, loop: Loop, row: Joined, at: datetime, because: Alone | None = None
) -> list[Event]:
    """The action no longer answers the finding; with `because`, it stands alone from now on."""
    was_joined = row.join == Join.JOINED
    row.join, row.because = Join.ALONE, because
    action = await session.get(Action, row.action_id) if was_joined else None
    if action is None:
        return []
    await _note(session, action, "part", at)
    return [FindingParted(**about_loop(loop, at), finding_id=row.finding_id, action_id=row.action_id)]


async def _note(session: AsyncSession, action: Action, what: str, at: datetime) -> None:
    """Add to the action's timeline, and let its pages know; its state stays."""
    session.add(
        Step(action_id=action.action_id, move=what, at=at, by=SYSTEM, state=action.state, owner_id=action.owner_id)
    )
    await notify(session, LIVE, str(action.action_id))


def as_finding(row: Joined) -> Finding:
    """What the audit said of the finding, as one that needs an action of its own."""
    return Finding(
        finding_id=row.finding_id,
        domain=row.domain,
        level=row.level,
        severity=row.severity,
        needs_action=True,
        owner_id=row.named_owner,
    )
