"""From an audit's state to its actions: raised, changed, handed over, withdrawn or reopened, exactly once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial import erasing, joining
from services.remedial.calendar import proclaimed
from services.remedial.domain import deadlines
from services.remedial.domain.amendment import Ask, Asked, Held, action_id_of, asked_of
from services.remedial.domain.deadlines import Deadline
from services.remedial.domain.life import Move
from services.remedial.domain.notices import Kind
from services.remedial.hand import SYSTEM, Hand
from services.remedial.loops import locked_loops, settle
from services.remedial.models import Action, Join, Joined, Loop, Programme
from services.remedial.notices import note_support
from services.remedial.owners import find_owner
from shared.events import (
    ActionChanged,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionWithdrawn,
    AuditAmended,
    AuditCompleted,
    Event,
    Finding,
)
from shared.working_days import local_date


async def follow_all(session: AsyncSession, audits: Sequence[AuditCompleted | AuditAmended]) -> list[Event]:
    """Bring the actions of these audits to what each now asks for, each audit in its order."""
    loops = await _loops_of(session, audits)
    ordered = sorted(audits, key=lambda audit: audit.audit_id)
    return [event for audit in ordered for event in await _follow(session, audit, loops)]


async def _follow(
    session: AsyncSession, audit: AuditCompleted | AuditAmended, loops: Mapping[UUID, Loop]
) -> list[Event]:
    """An older state than the one known changes nothing. `loops` are all that the transaction holds."""
    loop = loops[audit.audit_id]
    if audit.version <= loop.audit_version:
        return []
    _copy(audit, loop)
    own = await _actions_of(session, loop)
    events = await joining.decide(session, loop, audit.findings, own, audit.occurred_at, loops)
    alone = {row.finding_id for row in (await joining.joins_of(session, loop)).values() if row.join == Join.ALONE}
    findings = [
        structs.replace(each, needs_action=True) if each.finding_id in alone else each for each in audit.findings
    ]
    why = audit.amendment_id if isinstance(audit, AuditAmended) else None
    following = await _following(session, loop, audit.occurred_at, why)
    asked = asked_of(findings, {finding_id: _held(action) for finding_id, action in own.items()})
    events += [event for each in asked for event in await following.do(each, own.get(each.finding_id))]
    return events + await settle(session, loop, audit.occurred_at)


async def raise_alone(session: AsyncSession, loop: Loop, rows: Sequence[Joined], at: datetime) -> list[Event]:
    """Give each of these findings, which nothing answers any more, an action of its own. The caller holds the loop.

    Where a finding's words were erased meanwhile, none is kept about its action either.
    """
    own = await _actions_of(session, loop)
    following = await _following(session, loop, at, None)
    ids = {row.finding_id for row in rows}
    held = {finding_id: _held(action) for finding_id, action in own.items() if finding_id in ids}
    asked = asked_of([joining.as_finding(row) for row in rows], held)
    events = [event for each in asked for event in await following.do(each, own.get(each.finding_id))]
    return [*events, *await erasing.erase_with_findings(session, ids, at)]


def _held(action: Action) -> Held:
    return Held(action.state_now, action.domain, action.severity, action.named_owner)


async def _following(session: AsyncSession, loop: Loop, at: datetime, why: UUID | None) -> _Following:
    joins = await joining.joins_of(session, loop)
    alone = {row.finding_id: row.because for row in joins.values() if row.join == Join.ALONE}
    return _Following(session, loop, at, await _deadline(session, loop, at), why, alone)


@dataclass
class _Following:
    """One audit being followed: what its findings ask for becomes moves of its actions.

    `why` is under which id its amendment gives the reason; `alone` why findings have an action of their own although
    another's was meant to answer them.
    """

    session: AsyncSession
    loop: Loop
    at: datetime
    deadline: Deadline
    why: UUID | None
    alone: Mapping[UUID, str | None]

    async def do(self, asked: Asked, action: Action | None) -> list[Event]:
        """Do one thing that was asked, and say so."""
        if action is None:
            return [] if asked.finding is None else await self._raise(asked.finding)
        hand = Hand(self.session, self.loop, action, SYSTEM, self.at)
        if asked.ask is Ask.WITHDRAW:
            self._withdraw(hand)
        elif asked.finding is not None:
            await self._bring_in_line(asked.ask, hand, asked.finding)
        await hand.tell_pages()
        return hand.events

    async def _raise(self, finding: Finding) -> list[Event]:
        owner = await find_owner(self.session, finding.owner_id, self.loop.worker_id, self.loop.team_id)
        action = Action(
            action_id=action_id_of(finding.finding_id),
            audit_id=self.loop.audit_id,
            finding_id=finding.finding_id,
            child_id=self.loop.child_id,
            programme_id=self.loop.programme_id,
            theme_id=self.loop.theme_id,
            auditor_id=self.loop.auditor_id,
            worker_id=self.loop.worker_id,
            authorised_by=self.loop.authorised_by,
            owner_id=owner.person_id,
            owner_because=owner.because,
            named_owner=finding.owner_id,
            team_id=self.loop.team_id,
            domain=finding.domain,
            severity=finding.severity,
            level=finding.level,
            rag=self.loop.rag,
            raised_at=self.at,
            due_on=self.deadline.on,
            due_at=self.deadline.at,
            first_due_on=self.deadline.on,
            first_due_at=self.deadline.at,
            working_days=self.deadline.allowance.working_days,
            due_rule=self.deadline.allowance.rule,
            watched_from=self.deadline.on,
            alone_because=self.alone.get(finding.finding_id),
        )
        self.session.add(action)
        hand = Hand(self.session, self.loop, action, SYSTEM, self.at)
        hand.log("raise", self.why, due_on=action.due_on)
        hand.events.append(_raised(hand))
        await hand.note(Kind.RAISED, action.owner_id)
        if action.owner_id is None:
            await note_support(self.session, action, self.at, str(self.loop.version))
        await hand.tell_pages()
        return hand.events

    def _withdraw(self, hand: Hand) -> None:
        hand.step(Move.WITHDRAW, self.why)
        hand.events.append(ActionWithdrawn(**hand.about(), by=self.loop.auditor_id))

    async def _bring_in_line(self, ask: Ask, hand: Hand, finding: Finding) -> None:
        hand.action.domain, hand.action.severity, hand.action.level = finding.domain, finding.severity, finding.level
        if ask is Ask.CHANGE:
            hand.step(Move.CHANGE, self.why)
            hand.events.append(ActionChanged(**hand.about(), domain=finding.domain, severity=finding.severity))
        elif ask is Ask.HAND_OVER:
            await self._hand_over(hand, finding)
        elif ask is Ask.REOPEN:
            self._reopen(hand)
            await hand.note(Kind.RAISED, hand.action.owner_id)

    async def _hand_over(self, hand: Hand, finding: Finding) -> None:
        action = hand.action
        action.named_owner = finding.owner_id
        owner = await find_owner(self.session, finding.owner_id, self.loop.worker_id, self.loop.team_id)
        action.owner_id, action.owner_because = owner.person_id, owner.because
        action.watch_from(max(action.due_on, local_date(self.at)))
        hand.step(Move.REASSIGN, self.why)
        await hand.note(Kind.HANDED_OVER, action.owner_id)
        hand.events.append(
            ActionReassigned(**hand.about(), by=self.loop.auditor_id, owner_id=action.owner_id, team_id=action.team_id)
        )

    def _reopen(self, hand: Hand) -> None:
        hand.action.due_on, hand.action.due_at = self.deadline.on, self.deadline.at
        hand.action.watch_from(self.deadline.on)
        hand.step(Move.REOPEN, self.why, due_on=self.deadline.on)
        hand.events.append(
            ActionReopened(
                **hand.about(), by=self.loop.auditor_id, due_on=hand.action.due_on, due_at=hand.action.due_at
            )
        )


def _raised(hand: Hand) -> ActionRaised:
    action = hand.action
    return ActionRaised(
        **hand.about(),
        finding_id=action.finding_id,
        child_id=action.child_id,
        programme_id=action.programme_id,
        theme_id=action.theme_id,
        auditor_id=action.auditor_id,
        owner_id=action.owner_id,
        team_id=action.team_id,
        domain=action.domain,
        severity=action.severity,
        rag=action.rag,
        due_on=action.due_on,
        due_at=action.due_at,
        working_days=action.working_days,
        alone_because=action.alone_because,
    )


async def _loops_of(session: AsyncSession, audits: Sequence[AuditCompleted | AuditAmended]) -> Mapping[UUID, Loop]:
    """The audits' loops, and those of the actions that are to answer their findings, all locked at once.

    Made first where this is the first that is heard of an audit: in the order of the ids as well, and before any lock,
    so that whoever waits for a row that another is making holds nothing that somebody waits for.
    """
    first = {audit.audit_id: audit for audit in reversed(audits)}
    for _, audit in sorted(first.items()):
        facts = {name: getattr(audit, name) for name in _COPIED} | {"completed_at": audit.occurred_at}
        fresh = {"audit_id": audit.audit_id, "version": 0, "audit_version": 0, "standing": "empty"}
        await session.execute(insert(Loop).values(**fresh, **facts).on_conflict_do_nothing())
    findings = [finding for audit in audits for finding in audit.findings]
    return await locked_loops(session, {*first, *await joining.answering_audits(session, findings)})


_COPIED = (
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
    "grade",
    "rag",
    "strengths",
)


def _copy(audit: AuditCompleted | AuditAmended, loop: Loop) -> None:
    for name in _COPIED:
        setattr(loop, name, getattr(audit, name))
    loop.audit_version = audit.version


async def _actions_of(session: AsyncSession, loop: Loop) -> dict[UUID, Action]:
    rows = await session.execute(sa.select(Action).where(col(Action.audit_id) == loop.audit_id))
    return {action.finding_id: action for action in rows.scalars()}


async def _deadline(session: AsyncSession, loop: Loop, at: datetime) -> Deadline:
    programme = await session.get(Programme, loop.programme_id)
    given = deadlines.allowance(
        loop.rag,
        programme.action_working_days if programme else None,
        programme.red_action_working_days if programme else None,
    )
    return deadlines.deadline(at, given, await proclaimed(session))
