"""What comes on `cms.assessments.v1` becomes one record for each piece of work, however it arrives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.intake import handlers
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildLinked,
    ChildUnlinked,
    CmsAssessmentAuthorised,
    CmsEnquiryEnded,
    CmsEpisodeRecorded,
    CmsRecordPurged,
    EpisodeRecorded,
    EpisodeWithdrawn,
    Event,
)
from tests.support.delivery import deliver, deliver_records, record_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def assessment(number: str = "A-1", child: str = "4410927", **facts: object) -> CmsAssessmentAuthorised:
    """An assessment that started on 1 October and was authorised on 20 November 2026."""
    given = {
        "occurred_at": NOON,
        "council": "999",
        "id": number,
        "child": child,
        "started_on": date(2026, 10, 1),
        "authorised_on": date(2026, 11, 20),
        "factors": ("16A",),
        **facts,
    }
    return msgspec.convert(given, CmsAssessmentAuthorised)


def enquiry(number: str, started_on: date, child: str = "4410927") -> CmsEnquiryEnded:
    """An enquiry that took a week."""
    ended_on = started_on + timedelta(days=7)
    return CmsEnquiryEnded(
        occurred_at=datetime(ended_on.year, ended_on.month, ended_on.day, 12, tzinfo=UTC),
        council="999",
        id=number,
        child=child,
        started_on=started_on,
        ended_on=ended_on,
    )


def recorded(events: list[Event]) -> list[AssessmentRecorded]:
    """The records among the events."""
    return [event for event in events if isinstance(event, AssessmentRecorded)]


def standing(events: list[Event]) -> dict[UUID, AssessmentRecorded]:
    """Where each record stands after all events, whatever its version."""
    newest: dict[UUID, AssessmentRecorded] = {}
    for event in recorded(events):
        newest[event.assessment_id] = structs.replace(event, version=0, occurred_at=NOON)
    return newest


async def test_a_new_assessment_is_recorded_once_with_its_child_linked(engine: AsyncEngine) -> None:
    said = await deliver(engine, handlers.router, assessment())
    assert [type(event) for event in said] == [ChildLinked, AssessmentRecorded]
    link, record = said
    assert isinstance(link, ChildLinked)
    assert isinstance(record, AssessmentRecorded)
    assert link.case_id == "4410927"
    assert record.child_id == link.child_id
    assert record.authorised_on == date(2026, 11, 20)
    assert record.factors == ("16A",)
    assert record.working_days == 36
    assert record.version == 1
    assert await deliver(engine, handlers.router, assessment()) == []


async def test_a_correction_is_told_with_what_changed_since_authorisation(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, assessment())
    later = NOON + timedelta(hours=1)
    said = await deliver(engine, handlers.router, assessment(version=2, occurred_at=later, factors=("16A", "3B")))
    (record,) = recorded(said)
    assert record.version == 2
    assert record.changed == ("factors",)
    assert record.factors == ("16A", "3B")


async def test_two_versions_in_one_batch_leave_the_newer(engine: AsyncEngine) -> None:
    newer = assessment(version=2, factors=("20",))
    said = await deliver(engine, handlers.router, newer, assessment())
    assert [record.factors for record in recorded(said)] == [("20",)]


async def test_an_earlier_enquiry_that_arrives_late_corrects_the_later_one(engine: AsyncEngine) -> None:
    first, second = enquiry("S-1", date(2026, 3, 2)), enquiry("S-2", date(2026, 9, 1))
    late = await deliver(engine, handlers.router, second)
    late += await deliver(engine, handlers.router, first)
    assert {record.started_on: record.earlier_enquiries for record in standing(late).values()} == {
        date(2026, 3, 2): 0,
        date(2026, 9, 1): 1,
    }


async def test_a_purge_withdraws_the_record_and_erases_the_childs_link(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, assessment())
    purge = CmsRecordPurged(
        occurred_at=NOON + timedelta(days=1), version=2, council="999", id="A-1", child="4410927", kind="assessment"
    )
    said = await deliver(engine, handlers.router, purge)
    assert {type(event) for event in said} == {AssessmentWithdrawn, ChildUnlinked}
    assert await deliver(engine, handlers.router, assessment()) == []


async def test_a_child_that_was_purged_is_linked_again_when_something_is_said_of_it_later(engine: AsyncEngine) -> None:
    """What is kept of a purge is no sign that the case system's id is still known to anybody."""
    await deliver(engine, handlers.router, assessment())
    purge = CmsRecordPurged(
        occurred_at=NOON + timedelta(days=1), version=2, council="999", id="A-1", child="4410927", kind="assessment"
    )
    await deliver(engine, handlers.router, purge)
    said = await deliver(engine, handlers.router, assessment("A-2"), assessment("A-3", started_on=date(2026, 10, 2)))
    assert [type(event) for event in said] == [ChildLinked, AssessmentRecorded, AssessmentRecorded]


async def test_a_purge_that_arrives_before_its_record_is_remembered(engine: AsyncEngine) -> None:
    """What was said before the purge stays away; another record of that child and day, and a later word, do not."""
    purge = CmsRecordPurged(
        occurred_at=NOON + timedelta(days=1), version=2, council="999", id="A-1", child="4410927", kind="assessment"
    )
    assert await deliver(engine, handlers.router, purge) == []
    assert await deliver(engine, handlers.router, assessment(), purge) == []
    (other,) = recorded(await deliver(engine, handlers.router, assessment("A-2")))
    later = assessment(version=3, occurred_at=NOON + timedelta(days=2))
    (back,) = recorded(await deliver(engine, handlers.router, later))
    assert back.assessment_id != other.assessment_id
    assert back.started_on == other.started_on


async def test_another_councils_record_is_quarantined_and_the_rest_goes_through(engine: AsyncEngine) -> None:
    said = await deliver(engine, handlers.router, assessment("A-1", council="998"), assessment("A-2"))
    assert len(recorded(said)) == 1
    assert await reasons(engine) == ["another_council"]


async def test_a_record_of_a_time_that_cannot_be_is_quarantined_and_the_rest_goes_through(engine: AsyncEngine) -> None:
    """At its ends the calendar has no day in London: it passed for a fault of ours."""
    first = datetime.min.replace(tzinfo=UTC)
    said = await deliver(
        engine, handlers.router, structs.replace(assessment("A-1"), occurred_at=first), plan(occurred_at=first), plan()
    )
    assert [event.version for event in around(said)] == [1]
    assert await reasons(engine) == ["not_a_time", "not_a_time"]


async def test_a_record_that_cannot_be_read_is_quarantined_without_its_values(engine: AsyncEngine) -> None:
    record = record_of(assessment())
    bad = type(record)(record.topic, 0, 7, record.key, b'{"child": "Canary Name"', record.headers)
    await deliver_records(engine, handlers.router, [bad, bad])
    async with engine.connect() as connection:
        row = (await connection.execute(sa.text("SELECT * FROM quarantined"))).one()
    assert row.seen == 2
    assert row.place["offset"] == 7
    assert "Canary" not in str(tuple(row))


async def test_a_type_that_nobody_knows_is_quarantined_and_not_passed_over(engine: AsyncEngine) -> None:
    """Incident prevented: a sender that misspells the type would publish for months into nothing."""
    good, misspelt = record_of(assessment("A-1")), record_of(assessment("A-2"))
    headers = [(name, b"CmsAssesmentAuthorised" if name == "ce_type" else value) for name, value in misspelt.headers]
    said = await deliver_records(engine, handlers.router, [good, replace(misspelt, headers=headers)])
    assert len(recorded(said)) == 1
    assert await reasons(engine) == ["unreadable_unknown_type"]


async def test_a_record_that_says_one_thing_twice_is_quarantined(engine: AsyncEngine) -> None:
    record = record_of(assessment("A-1"))
    body = (record.value or b"").replace(b'"child":"4410927"', b'"child":"4410927","child":"5500123"')
    quoted = record_of(assessment("A-2", outcome='says "child": twice, "child":'))
    said = await deliver_records(engine, handlers.router, [replace(record, value=body), quoted])
    assert len(recorded(said)) == 1
    assert await reasons(engine) == ["unreadable_said_twice"]


async def test_the_same_id_for_two_children_is_quarantined(engine: AsyncEngine) -> None:
    said = await deliver(engine, handlers.router, assessment("A-1", "1"), assessment("A-1", "2"))
    assert len(recorded(said)) == 1
    assert await reasons(engine) == ["id_of_another_child"]


async def test_a_correction_in_the_same_batch_as_the_authorisation_is_kept_and_said(engine: AsyncEngine) -> None:
    told = await deliver(engine, handlers.router, assessment(), assessment(version=2, factors=("3A",)))
    assert recorded(told)[-1].changed == ("factors",)
    async with engine.connect() as connection:
        kept = (await connection.execute(sa.text("SELECT fields FROM work_change"))).scalars().all()
    assert kept == [{"factors": ["16A", "3A"]}]


async def test_an_unknown_worker_holds_nothing_up_and_is_told_anew_when_known(engine: AsyncEngine) -> None:
    from services.intake import rematching
    from shared.access import people
    from shared.db import sessions
    from tests.support.clients import a_person

    (record,) = recorded(await deliver(engine, handlers.router, assessment(worker="L501", team="moor")))
    assert record.unmatched == ("worker_id", "team_id")
    async with sessions(engine)() as session, session.begin():
        await people.record_people([a_person("L501", "practitioner")], session)
    async with sessions(engine)() as session, session.begin():
        (again,) = await rematching.rematch(session, handlers.deployment(), NOON)
    assert isinstance(again, AssessmentRecorded)
    assert again.unmatched == ("team_id",)
    assert again.version == 2
    async with sessions(engine)() as session, session.begin():
        assert await rematching.rematch(session, handlers.deployment(), NOON) == []


async def reasons(engine: AsyncEngine) -> list[str]:
    """Why things are in quarantine."""
    async with engine.connect() as connection:
        return list((await connection.execute(sa.text("SELECT code FROM quarantined ORDER BY code"))).scalars())


async def test_a_feed_that_misses_its_hour_is_said_to_be_silent_and_to_be_back(engine: AsyncEngine) -> None:
    from collections import Counter

    from services.intake import feeds
    from shared.db import sessions
    from shared.events import FeedFellSilent, FeedReceived, FeedResumed

    said: list[Event] = []
    for day in (16, 17, 18, 19, 20):
        async with sessions(engine)() as session, session.begin():
            await feeds.note(session, "supplier", "dfe", Counter(accepted=3), datetime(2026, 11, day, 6, tzinfo=UTC))
            said += await feeds.fold(session)
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    for now in (monday.replace(hour=7), monday, monday + timedelta(hours=1)):
        async with sessions(engine)() as session, session.begin():
            said += await feeds.watch(session, now)
    async with sessions(engine)() as session, session.begin():
        await feeds.note(session, "supplier", "dfe", Counter(accepted=1), monday + timedelta(hours=2))
        said += await feeds.fold(session)
    kinds = [type(event) for event in said]
    assert kinds == [*[FeedReceived] * 5, FeedFellSilent, FeedResumed, FeedReceived]
    assert [event.version for event in said] == list(range(1, 9))


async def test_an_enquiry_is_told_when_it_ends_and_a_plan_when_it_starts_moves_and_ends(engine: AsyncEngine) -> None:
    from shared.events import CmsEnquiryStarted

    started = {"occurred_at": NOON, "council": "999", "id": "S-1", "child": "4410927", "started_on": date(2026, 9, 1)}
    assert recorded(await deliver(engine, handlers.router, msgspec.convert(started, CmsEnquiryStarted))) == []
    ended = structs.replace(enquiry("S-1", date(2026, 9, 1)), occurred_at=NOON + timedelta(hours=1))
    (record,) = recorded(await deliver(engine, handlers.router, ended))
    assert record.version == 1

    def plan(**facts: object) -> CmsEpisodeRecorded:
        given = started | {"id": "P-1", "kind": "child_protection", "category_of_abuse": "NEG"} | facts
        return msgspec.convert(given, CmsEpisodeRecorded)

    begun = await deliver(engine, handlers.router, plan())
    assert [type(event) for event in begun] == [EpisodeRecorded, AssessmentRecorded]
    assert recorded(begun)[0].category_of_abuse == "NEG"
    over = await deliver(engine, handlers.router, plan(ended_on=date(2026, 11, 1)))
    assert [event.version for event in over if isinstance(event, EpisodeRecorded)] == [2]
    moved = await deliver(engine, handlers.router, plan(started_on=date(2026, 9, 4)))
    assert [type(event) for event in moved][:2] == [EpisodeWithdrawn, EpisodeRecorded]


def plan(**facts: object) -> CmsEpisodeRecorded:
    """A child protection plan that started on 1 September 2026."""
    given = {
        "occurred_at": NOON,
        "council": "999",
        "id": "P-1",
        "child": "4410927",
        "kind": "child_protection",
        "started_on": date(2026, 9, 1),
        **facts,
    }
    return msgspec.convert(given, CmsEpisodeRecorded)


def purge_of_the_plan(**facts: object) -> CmsRecordPurged:
    """Said a day later, as version 2."""
    given = {
        "occurred_at": NOON + timedelta(days=1),
        "version": 2,
        "council": "999",
        "id": "P-1",
        "child": "4410927",
        "kind": "child_protection",
        **facts,
    }
    return msgspec.convert(given, CmsRecordPurged)


def around(events: list[Event]) -> list[EpisodeRecorded | EpisodeWithdrawn]:
    """What was said of what stands around work."""
    return [event for event in events if isinstance(event, EpisodeRecorded | EpisodeWithdrawn)]


def links(events: list[Event]) -> list[type[Event]]:
    """What was said of children's ids."""
    return [type(event) for event in events if isinstance(event, ChildLinked | ChildUnlinked)]


async def test_a_child_of_whom_only_a_plan_is_known_is_linked_until_the_plan_is_purged(engine: AsyncEngine) -> None:
    """The frame draws open plans: without the link its auditor could not find the case."""
    assert links(await deliver(engine, handlers.router, plan())) == [ChildLinked]
    assert links(await deliver(engine, handlers.router, plan(), plan(id="P-2", started_on=date(2026, 11, 1)))) == []
    assert links(await deliver(engine, handlers.router, purge_of_the_plan())) == []
    assert links(await deliver(engine, handlers.router, purge_of_the_plan(id="P-2"))) == [ChildUnlinked]


async def test_a_sender_may_count_its_versions_in_milliseconds_since_1970(engine: AsyncEngine) -> None:
    """Its assessments went in, and its plans and purges were refused."""
    now = int(NOON.timestamp() * 1000)
    later = structs.replace(assessment(), version=now)
    gone = CmsRecordPurged(
        occurred_at=NOON, version=now + 1, council="999", id="A-1", child="4410927", kind="assessment"
    )
    said = await deliver(engine, handlers.router, later, plan(version=now))
    said += await deliver(engine, handlers.router, gone, purge_of_the_plan(version=now + 1))
    said += await deliver(engine, handlers.router, later, plan(version=now))
    assert {type(event) for event in said} == {
        ChildLinked,
        AssessmentRecorded,
        EpisodeRecorded,
        AssessmentWithdrawn,
        EpisodeWithdrawn,
        ChildUnlinked,
    }
    assert await reasons(engine) == []


async def test_a_child_stays_linked_while_work_or_a_plan_stands(engine: AsyncEngine) -> None:
    later = NOON + timedelta(days=1)
    gone = CmsRecordPurged(occurred_at=later, version=2, council="999", id="A-1", child="4410927", kind="assessment")
    assert links(await deliver(engine, handlers.router, assessment(), plan())) == [ChildLinked]
    assert links(await deliver(engine, handlers.router, gone)) == []
    assert links(await deliver(engine, handlers.router, assessment("A-2"))) == []
    assert links(await deliver(engine, handlers.router, purge_of_the_plan())) == []
    assert links(await deliver(engine, handlers.router, structs.replace(gone, id="A-2"))) == [ChildUnlinked]


async def test_a_purge_of_a_plan_that_arrives_before_its_record_is_remembered(engine: AsyncEngine) -> None:
    """What was said before the purge stays away, in the same batch too; another plan and a later word do not."""
    assert await deliver(engine, handlers.router, purge_of_the_plan()) == []
    assert await deliver(engine, handlers.router, plan()) == []
    assert await deliver(engine, handlers.router, purge_of_the_plan(id="P-3"), plan(id="P-3")) == []
    (other,) = around(await deliver(engine, handlers.router, plan(id="P-2", started_on=date(2026, 9, 2))))
    (back,) = await deliver(engine, handlers.router, plan(version=3, occurred_at=NOON + timedelta(days=2)))
    assert [type(event) for event in (other, back)] == [EpisodeRecorded, EpisodeRecorded]


async def test_a_plan_that_comes_back_after_its_purge_is_a_later_version(engine: AsyncEngine) -> None:
    """Whoever holds the withdrawal would take a first version for something older."""
    said = await deliver(engine, handlers.router, plan())
    said += await deliver(engine, handlers.router, purge_of_the_plan())
    said += await deliver(engine, handlers.router, plan(version=3, occurred_at=NOON + timedelta(days=2)))
    said += await deliver(engine, handlers.router, purge_of_the_plan(version=4))
    assert [type(event) for event in around(said)] == [EpisodeRecorded, EpisodeWithdrawn] * 2
    assert [event.version for event in around(said)] == [1, 2, 3, 4]
    assert links(said) == [ChildLinked, ChildUnlinked] * 2


async def test_an_older_word_on_a_plan_that_arrives_late_has_no_effect(engine: AsyncEngine) -> None:
    """Neither on its end nor on its start, whether it comes on the same day, in the same batch or later."""
    later = NOON + timedelta(hours=1)
    over = plan(version=2, occurred_at=later, started_on=date(2026, 9, 4), ended_on=date(2026, 11, 1))
    (record,) = around(await deliver(engine, handlers.router, over))
    assert isinstance(record, EpisodeRecorded)
    assert (record.started_on, record.ended_on) == (date(2026, 9, 4), date(2026, 11, 1))
    assert await deliver(engine, handlers.router, plan()) == []
    assert await deliver(engine, handlers.router, plan(started_on=date(2026, 9, 4))) == []
    newer = plan(id="P-2", version=2, occurred_at=later, started_on=date(2026, 10, 4))
    (both,) = await deliver(
        engine, handlers.router, newer, plan(id="P-2", started_on=date(2026, 10, 4), ended_on=NOON.date())
    )
    assert isinstance(both, EpisodeRecorded)
    assert both.ended_on is None
