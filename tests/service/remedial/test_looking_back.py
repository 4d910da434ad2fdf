"""After the work: did the loop hold, is it a pattern, was the verification worth something, what was done well."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial import moves, strengths
from services.remedial.domain.refusal import Refused
from services.remedial.handlers import router
from services.remedial.moves import By
from shared.clock import LONDON
from shared.db import sessions
from shared.events import (
    ActionReopened,
    AssessmentRecorded,
    DayOpened,
    EpisodeRecorded,
    Event,
    LoopHeld,
    LoopReopened,
    PatternDetected,
    StrengthRecognised,
    VerificationChecked,
)
from tests.service.remedial.council import (
    AUDITOR,
    CHILD,
    MONDAY,
    PEOPLE,
    PROGRAMME_OPENED,
    QA,
    WORKER,
    completed,
    finding,
    scope,
)
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_moves import Council, council_with
from tests.support import delivery


def recorded(kind: str, began: date, child: UUID = CHILD) -> AssessmentRecorded:
    """Finished work on a child, as intake tells it."""
    return AssessmentRecorded(
        occurred_at=datetime.combine(began, datetime.min.time(), LONDON),
        assessment_id=uuid4(),
        child_id=child,
        council="999",
        kind=kind,
        started_on=began,
        authorised_on=began + timedelta(days=5),
        source="cms",
    )


def plan(kind: str, began: date) -> EpisodeRecorded:
    """A plan or a placement of the child, as intake tells it."""
    at = datetime.combine(began, datetime.min.time(), LONDON)
    return EpisodeRecorded(
        occurred_at=at, episode_id=uuid4(), child_id=CHILD, council="999", kind=kind, started_on=began, source="cms"
    )


@pytest.fixture
async def closed(engine: AsyncEngine) -> Council:
    """A loop closed on Monday."""
    council = await council_with(engine, finding())
    await council.report(council.ids[0])
    await council.verify(council.ids[0])
    return council


async def open_days(engine: AsyncEngine, *after: int) -> list[Event]:
    told: list[Event] = []
    for days in after:
        day = MONDAY.date() + timedelta(days=days)
        began = datetime.combine(day, datetime.min.time(), LONDON)
        told += await delivery.open_day(engine, router, DayOpened(occurred_at=began, day=day))
    return [event for event in told if isinstance(event, LoopHeld | LoopReopened)]


async def test_a_loop_that_nothing_followed_held_at_thirty_and_at_ninety_days(closed: Council) -> None:
    told = await open_days(closed.engine, 1, 30, 31, 32, 90, 91, 92)
    assert [(event.days, type(event)) for event in told if isinstance(event, LoopHeld)] == [
        (30, LoopHeld),
        (90, LoopHeld),
    ]


@pytest.mark.parametrize("kind", ["enquiry", "referral"])
async def test_a_child_who_came_back_says_that_the_loop_did_not_hold_once(closed: Council, kind: str) -> None:
    later = MONDAY.date() + timedelta(days=40)
    told = await deliver(closed.engine, recorded(kind, later), recorded(kind, later + timedelta(days=3)))
    assert [(event.days, event.because) for event in told if isinstance(event, LoopReopened)] == [(40, kind)]
    assert len(told) == 1
    assert await open_days(closed.engine, 91) == []
    assert (await closed.loop()).standing == "closed"


async def test_what_a_later_return_tells_of_counts_although_it_was_said_that_the_loop_held(closed: Council) -> None:
    assert [event.days for event in await open_days(closed.engine, 31, 91) if isinstance(event, LoopHeld)] == [30, 90]
    (back,) = await deliver(closed.engine, recorded("referral", MONDAY.date() + timedelta(days=80)))
    assert isinstance(back, LoopReopened)
    assert (back.days, back.because) == (80, "referral")


async def test_what_proves_nothing_changes_nothing(closed: Council) -> None:
    day = MONDAY.date()
    nothing = [
        recorded("enquiry", day),
        recorded("enquiry", day - timedelta(days=3)),
        recorded("enquiry", day + timedelta(days=91)),
        recorded("assessment", day + timedelta(days=10)),
        recorded("contact", day + timedelta(days=10)),
        recorded("enquiry", day + timedelta(days=10), UUID(int=8)),
    ]
    assert await deliver(closed.engine, *nothing) == []


@pytest.mark.parametrize("kind", ["child_in_need", "child_protection"])
async def test_a_plan_that_began_after_the_closing_says_that_the_loop_did_not_hold_once(
    closed: Council, kind: str
) -> None:
    begun = plan(kind, MONDAY.date() + timedelta(days=20))
    ended = structs.replace(begun, ended_on=MONDAY.date() + timedelta(days=60), version=2)
    told = await deliver(closed.engine, begun, ended)
    assert [(event.days, event.because) for event in told if isinstance(event, LoopReopened)] == [(20, "plan")]
    assert len(told) == 1


async def test_a_plan_that_stood_already_or_a_new_placement_says_nothing(closed: Council) -> None:
    day = MONDAY.date()
    before, moved = plan("child_protection", day), plan("placement", day + timedelta(days=20))
    assert await deliver(closed.engine, before, moved, plan("child_in_need", day + timedelta(days=91))) == []


async def test_an_open_loop_neither_holds_nor_fails(engine: AsyncEngine) -> None:
    await council_with(engine, finding())
    assert await deliver(engine, recorded("enquiry", MONDAY.date() + timedelta(days=10))) == []
    assert await open_days(engine, 91) == []


async def test_the_same_domain_in_three_audits_of_a_team_is_a_pattern_said_once(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    told: list[list[PatternDetected]] = []
    for day in range(5):
        audit = completed(finding("voice"), finding("voice"))
        events = await deliver(engine, structs.replace(audit, occurred_at=MONDAY + timedelta(days=day)))
        told.append([event for event in events if isinstance(event, PatternDetected)])
    assert [len(each) for each in told] == [0, 0, 1, 0, 0]
    (pattern,) = told[2]
    assert (pattern.team_id, pattern.domain, pattern.actions) == ("team-1", "voice", 3)


async def test_three_audits_in_one_batch_are_a_pattern_too(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    events = await deliver(engine, *(completed(finding("voice")) for _ in range(3)))
    assert [event.domain for event in events if isinstance(event, PatternDetected)] == ["voice"]


async def test_what_is_far_apart_or_in_other_teams_is_no_pattern(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    for weeks in range(4):
        at = MONDAY + timedelta(weeks=weeks)
        events = await deliver(engine, structs.replace(completed(finding("voice")), occurred_at=at))
        assert not [event for event in events if isinstance(event, PatternDetected)]


async def verified(council: Council, chance: float) -> UUID:
    (action_id,) = council.ids
    await council.report(action_id)
    async with sessions(council.engine)() as session, session.begin():
        await moves.verify(session, By(AUDITOR, MONDAY, chance), action_id)
    return action_id


async def test_a_drawn_verification_is_looked_at_by_somebody_else(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    action_id = await verified(council, 0.05)
    both = scope("auditor-1", "auditor", "qa_manager")
    with pytest.raises(Refused, match="somebody else has the second look"):
        await council.do(both, lambda session, by: moves.check(session, by, action_id, upheld=True))
    (told,) = await council.do(QA, lambda session, by: moves.check(session, by, action_id, upheld=True))
    assert isinstance(told, VerificationChecked)
    with pytest.raises(Refused, match="does not wait"):
        await council.do(QA, lambda session, by: moves.check(session, by, action_id, upheld=True))


async def test_a_second_look_that_disagrees_asks_for_the_action_again(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    action_id = await verified(council, 0.05)
    with pytest.raises(Refused, match="why it is not done"):
        await council.do(QA, lambda session, by: moves.check(session, by, action_id, upheld=False))
    told = await council.do(
        QA, lambda session, by: moves.check(session, by, action_id, upheld=False, reason="No plan.")
    )
    assert [event.type() for event in told] == ["VerificationChecked", "TextWritten", "ActionReopened", "LoopReopened"]
    assert isinstance(told[2], ActionReopened)
    assert (await council.action(action_id)).state == "raised"


async def test_a_verification_that_was_not_drawn_has_no_second_look(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    action_id = await verified(council, 0.5)
    with pytest.raises(Refused, match="does not wait"):
        await council.do(QA, lambda session, by: moves.check(session, by, action_id, upheld=True))


async def test_what_was_done_well_stands_on_the_practitioners_own_list_only(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    done_well = StrengthRecognised(
        occurred_at=MONDAY,
        audit_id=uuid4(),
        strength_id=uuid4(),
        worker_id="worker-1",
        team_id="team-1",
        domain="voice",
    )
    await deliver(engine, done_well)
    async with sessions(engine)() as session:
        assert [each.strength.domain for each in await strengths.of_mine(session, WORKER)] == ["voice"]
        assert await strengths.of_mine(session, QA) == []
