"""Audits become actions, exactly once each, whatever is redelivered, amended or late."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial.domain.amendment import action_id_of
from services.remedial.models import Action
from shared.events import (
    ActionChanged,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionWithdrawn,
    Event,
    Finding,
    TeamRecorded,
)
from tests.service.remedial.council import MONDAY, PEOPLE, PROGRAMME_OPENED, amended, completed, finding, person
from tests.service.remedial.delivering import deliver, know


@pytest.fixture(autouse=True)
async def council(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)


async def action_of(engine: AsyncEngine, found: Finding) -> Action:
    async with AsyncSession(engine) as session:
        return await session.get_one(Action, action_id_of(found.finding_id))


def of_type(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


async def test_each_finding_that_needs_one_becomes_an_action_due_in_five_working_days(engine: AsyncEngine) -> None:
    first, second = finding(), finding("voice")
    events = await deliver(engine, completed(first, finding(needs_action=False), second))
    assert [type(event) for event in events] == [ActionRaised, ActionRaised]
    assert [event.version for event in events] == [1, 2]
    action = await action_of(engine, first)
    assert (action.owner_id, action.due_on, action.first_due_on) == ("worker-1", date(2026, 11, 30), date(2026, 11, 30))
    assert action.due_at == datetime(2026, 11, 30, 17, 0, tzinfo=UTC)
    assert (action.working_days, action.due_rule) == (5, "programme")


async def test_a_red_case_gets_the_shorter_time_that_the_programme_gives_it(engine: AsyncEngine) -> None:
    found = finding()
    await deliver(engine, completed(found, rag="red"))
    action = await action_of(engine, found)
    assert (action.due_on, action.due_rule) == (date(2026, 11, 26), "programme_red")


async def test_a_redelivered_audit_raises_nothing_again(engine: AsyncEngine) -> None:
    audit = completed(finding(), finding())
    assert len(await deliver(engine, audit)) == 2
    again = structs.replace(audit, occurred_at=MONDAY + timedelta(hours=1))
    assert await deliver(engine, audit, again) == []
    async with engine.connect() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(Action))).scalar_one() == 2


async def test_an_amendment_adds_changes_and_withdraws(engine: AsyncEngine) -> None:
    kept, changed, gone, added = finding(), finding(), finding(), finding()
    audit = completed(kept, changed, gone)
    await deliver(engine, audit)
    other = structs.replace(changed, domain="voice")
    events = await deliver(engine, amended(audit, kept, other, added))
    assert {type(event) for event in events} == {ActionChanged, ActionRaised, ActionWithdrawn}
    assert [event.version for event in events] == [4, 5, 6]
    assert (await action_of(engine, gone)).state == "withdrawn"
    assert (await action_of(engine, changed)).domain == "voice"
    assert (await action_of(engine, kept)).state == "raised"


async def test_an_amendment_before_its_audit_ends_in_the_same_actions(engine: AsyncEngine) -> None:
    dropped, kept = finding(), finding()
    audit = completed(dropped, kept)
    await deliver(engine, amended(audit, kept))
    assert await deliver(engine, audit) == []
    async with AsyncSession(engine) as session:
        ids = (await session.execute(sa.select(col(Action.action_id)))).scalars().all()
    assert ids == [action_id_of(kept.finding_id)]


async def test_a_finding_that_comes_back_is_asked_for_again_with_a_new_due_date(engine: AsyncEngine) -> None:
    found = finding()
    audit = completed(found)
    await deliver(engine, audit)
    await deliver(engine, amended(audit))
    later = amended(audit, found, version=7, at=MONDAY + timedelta(days=7))
    events = await deliver(engine, later)
    assert [type(event) for event in events] == [ActionReopened]
    action = await action_of(engine, found)
    assert (action.due_on, action.first_due_on) == (date(2026, 12, 7), date(2026, 11, 30))


async def test_naming_another_owner_hands_the_action_over(engine: AsyncEngine) -> None:
    found = finding()
    audit = completed(found)
    await deliver(engine, audit)
    events = await deliver(engine, amended(audit, structs.replace(found, owner_id="worker-2")))
    assert [type(event) for event in events] == [ActionReassigned]
    assert (await action_of(engine, found)).owner_id == "worker-2"


@pytest.mark.parametrize(
    ("worker", "named", "owner", "because"),
    [
        ("worker-1", None, "worker-1", "practitioner"),
        ("worker-1", "worker-2", "worker-2", "named"),
        ("gone-1", None, "manager-1", "manager"),
        ("unknown", None, "manager-1", "manager"),
        (None, None, "manager-1", "manager"),
    ],
)
async def test_an_action_has_the_right_owner(
    engine: AsyncEngine, worker: str | None, named: str | None, owner: str, because: str
) -> None:
    found = finding(owner=named)
    await deliver(engine, completed(found, worker=worker))
    action = await action_of(engine, found)
    assert (action.owner_id, action.owner_because) == (owner, because)


async def test_an_action_that_nobody_can_own_is_raised_all_the_same(engine: AsyncEngine) -> None:
    found = finding()
    audit = structs.replace(completed(found, worker="gone-1"), team_id="team-9")
    (raised,) = await deliver(engine, audit)
    assert isinstance(raised, ActionRaised)
    assert (raised.owner_id, (await action_of(engine, found)).owner_because) == (None, "nobody")


async def test_an_audit_of_an_unknown_programme_gives_five_days_and_says_so(engine: AsyncEngine) -> None:
    found = finding()
    await deliver(engine, structs.replace(completed(found), programme_id=UUID(int=99)))
    assert (await action_of(engine, found)).due_rule == "default"


async def test_a_late_audit_raises_an_action_that_is_overdue_at_once(engine: AsyncEngine) -> None:
    found = finding()
    await deliver(engine, structs.replace(completed(found), occurred_at=MONDAY - timedelta(days=60)))
    assert (await action_of(engine, found)).due_on == date(2026, 10, 1)


async def test_a_proclaimed_holiday_moves_new_deadlines_and_not_the_old(engine: AsyncEngine) -> None:
    before, after = finding(), finding()
    await deliver(engine, completed(before))
    async with engine.begin() as connection:
        await connection.execute(sa.text("INSERT INTO holiday VALUES ('2026-11-25', 'proclaimed')"))
    await deliver(engine, completed(after))
    assert (await action_of(engine, before)).due_on == date(2026, 11, 30)
    assert (await action_of(engine, after)).due_on == date(2026, 12, 1)


async def test_a_team_without_a_manager_leaves_an_action_with_nobody(engine: AsyncEngine) -> None:
    await know(engine, TeamRecorded(occurred_at=MONDAY, team_id="team-3", name="New"))
    found = finding()
    await deliver(engine, structs.replace(completed(found, worker=None), team_id="team-3"))
    assert (await action_of(engine, found)).owner_id is None


async def test_late_news_that_somebody_left_takes_nothing_from_who_has_come_back(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, completed(finding()))
    await know(engine, person("worker-1", "practitioner", team="team-1", version=3))
    assert await deliver(engine, person("worker-1", "practitioner", team="team-1", active=False, version=2)) == []


async def test_what_somebody_who_left_had_to_do_goes_to_their_manager(engine: AsyncEngine) -> None:
    open_one, reported = finding(), finding()
    await deliver(engine, completed(open_one, reported))
    async with engine.begin() as connection:
        done = sa.update(Action).where(col(Action.action_id) == action_id_of(reported.finding_id))
        await connection.execute(done.values(state="reported", reported_by="worker-1"))
    (told,) = await deliver(engine, person("worker-1", "practitioner", team="team-1", active=False))
    assert isinstance(told, ActionReassigned)
    assert (told.by, told.owner_id) == ("caseloop", "manager-1")
    assert (await action_of(engine, open_one)).owner_because == "manager"
    assert (await action_of(engine, reported)).owner_id == "worker-1"


async def test_an_action_that_nobody_owned_finds_the_person_it_was_meant_for(engine: AsyncEngine) -> None:
    found = finding()
    await deliver(engine, structs.replace(completed(found, worker="late-1"), team_id="team-9"))
    assert (await action_of(engine, found)).owner_id is None
    (told,) = await deliver(engine, person("late-1", "practitioner"))
    assert isinstance(told, ActionReassigned)
    assert told.owner_id == "late-1"
