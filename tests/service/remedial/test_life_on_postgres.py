"""The life of actions driven at random through the real moves on PostgreSQL, against a model kept beside it.

`pytest -o log_cli=true --log-cli-level=INFO` shows how often each move was made from each state.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fastapi import HTTPException
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import attachments, moves
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.file_kind import Kind
from services.remedial.domain.life import LIFE, OPEN, Move, State
from services.remedial.domain.loop import standing_of
from services.remedial.domain.refusal import Refused
from services.remedial.models import Action, Attachment, Loop
from services.remedial.moves import By
from shared.access import Scope
from shared.db import create_engine, sessions
from shared.events import ActionEvent, Event, LoopClosed, LoopEvent, LoopReopened
from shared.working_days import add_working_days, local_date
from tests.service.remedial.council import (
    AUDITOR,
    COLLEAGUE,
    HEAD,
    MANAGER,
    MONDAY,
    OTHER_AUDITOR,
    PEOPLE,
    PROGRAMME_OPENED,
    QA,
    SUPPORT,
    WORKER,
    amended,
    completed,
    finding,
)
from tests.service.remedial.delivering import deliver, know
from tests.support.backend import Database
from tests.unit.remedial.files import png

Make = Callable[[AsyncSession, By, UUID], Coroutine[Any, Any, list[Event]]]

log = logging.getLogger(__name__)

MADE: Counter[tuple[str, str]] = Counter()
"""How often each move was made from each state, over all runs."""


async def _extend(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    action = await session.get_one(Action, action_id)
    later = add_working_days(max(action.due_on, local_date(by.now)), 1)
    return await moves.extend(session, by, action_id, later, "Leave.")


async def _reassign(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    action = await session.get_one(Action, action_id)
    return await moves.reassign(
        session, by, action_id, "worker-1" if action.owner_id != "worker-1" else "worker-2", "Cover."
    )


async def _attach(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    """One more file; where there are as many as an action takes, in place of another."""
    standing = await _files(session, action_id)
    gone = await attachments.remove(session, by, action_id, standing[0]) if len(standing) == attachments.MOST else []
    content = png(uuid4().bytes)
    offered = attachments.Offered(
        BytesIO(content), "drawing.png", Kind.PNG, len(content), sha256(content).digest(), scanned=False
    )
    return [*gone, *await attachments.attach(session, by, action_id, offered)]


async def _remove(session: AsyncSession, by: By, action_id: UUID) -> list[Event]:
    """One file less; where there is none, of one that was attached for it."""
    attached = [] if await _files(session, action_id) else await _attach(session, by, action_id)
    (one, *_) = await _files(session, action_id)
    return [*attached, *await attachments.remove(session, by, action_id, one)]


async def _files(session: AsyncSession, action_id: UUID) -> list[UUID]:
    standing = sa.and_(col(Attachment.action_id) == action_id, col(Attachment.gone_at).is_(None))
    return list((await session.execute(sa.select(col(Attachment.attachment_id)).where(standing))).scalars())


REPORT = moves.Report("Done.", "It helped.")
MOVES: dict[Move, tuple[Scope, Make]] = {
    Move.SEE: (WORKER, moves.see),
    Move.START: (MANAGER, moves.start),
    Move.REPORT: (MANAGER, lambda session, by, action_id: moves.report(session, by, action_id, REPORT)),
    Move.ATTACH: (MANAGER, _attach),
    Move.DETACH: (MANAGER, _remove),
    Move.VERIFY: (AUDITOR, moves.verify),
    Move.RETURN: (QA, lambda session, by, action_id: moves.send_back(session, by, action_id, "Not yet.")),
    Move.EXTEND: (HEAD, _extend),
    Move.REASSIGN: (SUPPORT, _reassign),
    Move.CHASE: (SUPPORT, lambda session, by, action_id: moves.chase(session, by, action_id, "")),
    Move.WITHDRAW: (QA, lambda session, by, action_id: moves.withdraw(session, by, action_id, "Wrong.")),
    Move.REOPEN: (QA, lambda session, by, action_id: moves.reopen(session, by, action_id, "Again.")),
}
STRANGERS = (COLLEAGUE, OTHER_AUDITOR)


class LivesOfActions(RuleBasedStateMachine):
    """One audit, up to four findings, and everybody who may touch its actions."""

    engine: AsyncEngine
    runner: asyncio.Runner

    @initialize()
    def complete_an_audit(self) -> None:
        self.findings = [finding(), finding("voice")]
        self.audit = completed(*self.findings)
        self.now: datetime = MONDAY
        self.amendments = 0
        self.told: list[Event] = []
        self.states: dict[UUID, State] = {}
        self._heard(self.runner.run(deliver(self.engine, self.audit)))

    def _heard(self, events: list[Event]) -> None:
        self.told += [told for told in events if isinstance(told, ActionEvent | LoopEvent)]

    def _now(self) -> datetime:
        self.now += timedelta(hours=5)
        return self.now

    async def _make(self, who: Scope, make: Make, action_id: UUID) -> list[Event]:
        async with sessions(self.engine)() as session, session.begin():
            return await make(session, By(who, self._now()), action_id)

    @rule(place=st.integers(0, 3), data=st.data())
    def somebody_who_may_makes_a_possible_move(self, place: int, data: st.DataObject) -> None:
        action_id = action_id_of(self.findings[place % len(self.findings)].finding_id)
        before = self.states[action_id]
        move = data.draw(st.sampled_from(sorted(set(LIFE[before]) & set(MOVES))))
        who, make = MOVES[move]
        if move is Move.SEE and self.runner.run(self._owner(action_id)) != who.person_id:
            return
        self._heard(self.runner.run(self._make(who, make, action_id)))
        self.states[action_id] = LIFE[before][move]
        MADE[before, move] += 1

    @rule(place=st.integers(0, 3), move=st.sampled_from(sorted(MOVES)))
    def an_impossible_move_is_refused(self, place: int, move: Move) -> None:
        action_id = action_id_of(self.findings[place % len(self.findings)].finding_id)
        if move not in LIFE[self.states[action_id]]:
            with pytest.raises((Refused, HTTPException)):
                self.runner.run(self._make(*MOVES[move], action_id))

    @rule(place=st.integers(0, 3), move=st.sampled_from(sorted(MOVES)), who=st.sampled_from(STRANGERS))
    def a_stranger_changes_nothing(self, place: int, move: Move, who: Scope) -> None:
        action_id = action_id_of(self.findings[place % len(self.findings)].finding_id)
        if self.runner.run(self._owner(action_id)) == who.person_id:
            return
        with pytest.raises((Refused, HTTPException)):
            self.runner.run(self._make(who, MOVES[move][1], action_id))

    @precondition(lambda self: self.amendments < 3)
    @rule(drop=st.booleans(), domain=st.sampled_from(["planning", "recording"]))
    def the_audit_is_amended(self, drop: bool, domain: str) -> None:
        self.amendments += 1
        kept = self.findings[1:] if drop else self.findings
        changed = [structs.replace(each, domain=domain) for each in kept]
        if len(self.findings) < 4:
            self.findings = [*self.findings, added := finding(domain)]
            changed.append(added)
        state = amended(self.audit, *changed, version=5 + self.amendments, at=self._now())
        self._heard(self.runner.run(deliver(self.engine, state)))
        self.states = {}

    @invariant()
    def the_database_holds_what_the_table_says(self) -> None:
        actions, loop = self.runner.run(self._read())
        found = {action.action_id: State(action.state) for action in actions}
        assert found | self.states == found
        self.states = found
        assert loop.standing == standing_of(found.values())
        for action in actions:
            assert action.first_due_on <= action.due_on or action.state not in OPEN
            assert action.verified_by is None or action.verified_by != action.reported_by

    @invariant()
    def events_are_in_order_and_a_loop_closes_once_for_each_opening(self) -> None:
        assert [told.version for told in self.told] == list(range(1, len(self.told) + 1))
        turns = [type(told) for told in self.told if isinstance(told, LoopClosed | LoopReopened)]
        assert all(turn is (LoopClosed if place % 2 == 0 else LoopReopened) for place, turn in enumerate(turns))

    async def _owner(self, action_id: UUID) -> str | None:
        async with sessions(self.engine)() as session:
            return (await session.get_one(Action, action_id)).owner_id

    async def _read(self) -> tuple[list[Action], Loop]:
        async with sessions(self.engine)() as session:
            ids = [action_id_of(each.finding_id) for each in self.findings]
            actions = [await session.get_one(Action, each) for each in ids]
            return actions, await session.get_one(Loop, self.audit.audit_id)


def test_whatever_happens_in_whatever_order_the_table_holds(database: Database) -> None:
    """Twelve lives of thirty steps each, the same at every run; how often each move was made is counted."""
    MADE.clear()
    with asyncio.Runner() as runner:
        engine = create_engine(database.url("remedial"))
        runner.run(know(engine, *PEOPLE))
        runner.run(deliver(engine, PROGRAMME_OPENED))
        machine = type("Machine", (LivesOfActions,), {"engine": engine, "runner": runner})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(engine.dispose())
    for (state, move), times in sorted(MADE.items()):
        log.info("%s: %s, %d times", state, move, times)
    assert sum(MADE.values()) > 50


async def test_every_move_of_the_table_that_people_make_can_really_be_made(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    for state, row in LIFE.items():
        for move in sorted(set(row) & set(MOVES)):
            found = finding()
            await deliver(engine, completed(found))
            for step in [*_way_to(state), move]:
                who, make = MOVES[step]
                async with sessions(engine)() as session, session.begin():
                    await make(session, By(who, MONDAY), action_id_of(found.finding_id))
            async with sessions(engine)() as session:
                action = await session.get_one(Action, action_id_of(found.finding_id))
            assert action.state == row[move], (state, move)


def _way_to(state: State) -> list[Move]:
    """The shortest way there from the beginning, over the moves that people make."""
    ways: dict[State, list[Move]] = {State.RAISED: []}
    while state not in ways:
        fresh = {
            to: [*way, move]
            for reached, way in ways.items()
            for move, to in LIFE[reached].items()
            if move in MOVES and to not in ways
        }
        ways |= fresh
    return ways[state]
