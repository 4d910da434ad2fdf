"""What an event looks like on the wire: as it always did, to the byte.

Bodies lie in Kafka for good, and intake keeps digests of them: one that came out otherwise would have every assessment
told anew.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from shared.events import (
    EVENTS,
    AssessmentRecorded,
    AuditCompleted,
    CmsAssessmentAuthorised,
    Decision,
    DrawsDecided,
    Event,
    Finding,
    Grade,
    Kind,
    PersonRecorded,
    ProgrammeOpened,
    SectionGrade,
    SessionHeld,
    TeamMembership,
    TeamRecorded,
    TextWritten,
    Theme,
)
from tests.support.facts import facts

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def an_id(number: int) -> UUID:
    """One of a few."""
    return UUID(f"c001a53a-8fb7-5951-b717-{number:012x}")


WRITTEN: list[tuple[Event, str]] = [
    (
        AssessmentRecorded(
            occurred_at=datetime(2026, 1, 5, 16, tzinfo=UTC),
            version=3,
            assessment_id=an_id(1),
            child_id=an_id(2),
            council="999",
            kind=Kind.ASSESSMENT,
            started_on=date(2025, 11, 20),
            authorised_on=date(2026, 1, 5),
            authorised_at=datetime(2026, 1, 5, 15, 59, 59, 500000, tzinfo=UTC),
            referred_on=date(2025, 11, 19),
            worker_id="w-1042",
            team_id="t-1",
            authorised_by="m-7",
            unmatched=("team_id",),
            factors=("16A", "3A"),
            category_of_abuse="NEG",
            child_seen=False,
            outcome='Zoë’s "plan"\n\x1f/\\ \U0001f600',
            earlier_enquiries=2,
            working_days=31,
            age_band="5-9",
            family_key="f",
            source="cms",
            changed=("outcome",),
        ),
        r'{"occurred_at":"2026-01-05T16:00:00Z","version":3,"assessment_id":"c001a53a-8fb7-5951-b717-000000000001",'
        r'"child_id":"c001a53a-8fb7-5951-b717-000000000002","council":"999","kind":"assessment",'
        r'"started_on":"2025-11-20","authorised_on":"2026-01-05","authorised_at":"2026-01-05T15:59:59.500000Z",'
        r'"referred_on":"2025-11-19","worker_id":"w-1042","team_id":"t-1","authorised_by":"m-7",'
        r'"unmatched":["team_id"],"factors":["16A","3A"],"category_of_abuse":"NEG","child_seen":false,'
        r'"outcome":"Zoë’s \"plan\"\n\u001f/\\ 😀","earlier_enquiries":2,"earlier_referrals":0,'
        r'"working_days":31,"age_band":"5-9","family_key":"f","source":"cms","decided":true,"changed":["outcome"]}',
    ),
    (
        AssessmentRecorded(
            occurred_at=datetime(2026, 7, 1, 9, 0, 0, 7, tzinfo=LONDON),
            assessment_id=an_id(1),
            child_id=an_id(2),
            council="999",
            kind="contact",
            started_on=date(1999, 1, 1),
            authorised_on=date(2026, 7, 1),
            authorised_at=datetime(2026, 7, 1, 9, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            source="annex_a",
            decided=False,
        ),
        '{"occurred_at":"2026-07-01T09:00:00.000007+01:00","version":1,'
        '"assessment_id":"c001a53a-8fb7-5951-b717-000000000001","child_id":"c001a53a-8fb7-5951-b717-000000000002",'
        '"council":"999","kind":"contact","started_on":"1999-01-01","authorised_on":"2026-07-01",'
        '"authorised_at":"2026-07-01T09:00:00-03:30","unmatched":[],"factors":[],"earlier_enquiries":0,'
        '"earlier_referrals":0,"source":"annex_a","decided":false,"changed":[]}',
    ),
    (
        CmsAssessmentAuthorised(
            occurred_at=datetime(2026, 1, 5, 16, tzinfo=LONDON),
            council="999",
            id="A1",
            child="C1",
            started_on=date(2025, 11, 20),
            authorised_on=date(2026, 1, 5),
            factors=("1A",),
        ),
        '{"occurred_at":"2026-01-05T16:00:00Z","version":1,"council":"999","id":"A1","child":"C1",'
        '"started_on":"2025-11-20","authorised_on":"2026-01-05","factors":["1A"]}',
    ),
    (
        PersonRecorded(
            occurred_at=NOON,
            person_id="w-1",
            name="Ada O'Neil",
            roles=("practitioner",),
            teams=(
                TeamMembership(team_id="t-1", since=date(2020, 1, 1)),
                TeamMembership(team_id="t-2", since=date(2019, 1, 1), until=date(2020, 1, 1)),
            ),
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":1,"person_id":"w-1","name":"Ada O\'Neil",'
        '"roles":["practitioner"],"teams":[{"team_id":"t-1","since":"2020-01-01"},'
        '{"team_id":"t-2","since":"2019-01-01","until":"2020-01-01"}],"manages":[],"services":[],"active":true,'
        '"epoch":0}',
    ),
    (
        TeamRecorded(occurred_at=NOON, team_id="t-1", name="North"),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":1,"team_id":"t-1","name":"North","kind":"other","service":"",'
        '"active":true}',
    ),
    (
        ProgrammeOpened(
            occurred_at=NOON,
            programme_id=an_id(3),
            name="Neglect",
            council="999",
            opens_on=date(2026, 1, 1),
            closes_on=date(2026, 6, 30),
            themes=(Theme(theme_id="n", name="Neglect", target=30),),
            scale=(Grade(code="g", name="Good", rank=0, rag="green"),),
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":1,"programme_id":"c001a53a-8fb7-5951-b717-000000000003",'
        '"name":"Neglect","council":"999","opens_on":"2026-01-01","closes_on":"2026-06-30",'
        '"themes":[{"theme_id":"n","name":"Neglect","target":30}],'
        '"scale":[{"code":"g","name":"Good","rank":0,"rag":"green"}],"auditors":[],"action_working_days":5,'
        '"near_live_days":7}',
    ),
    (
        DrawsDecided(
            occurred_at=NOON,
            version=9,
            programme_id=an_id(3),
            theme_id="n",
            week=2,
            decisions=(
                Decision(assessment_id=an_id(1), sequence=1, priority=0.1, outcome="drawn"),
                Decision(assessment_id=an_id(4), sequence=2, priority=1e-07, outcome="not_drawn", unit=an_id(5)),
            ),
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":9,"programme_id":"c001a53a-8fb7-5951-b717-000000000003",'
        '"theme_id":"n","week":2,"decisions":[{"assessment_id":"c001a53a-8fb7-5951-b717-000000000001","sequence":1,'
        '"priority":0.1,"outcome":"drawn"},{"assessment_id":"c001a53a-8fb7-5951-b717-000000000004","sequence":2,'
        '"priority":1e-7,"outcome":"not_drawn","unit":"c001a53a-8fb7-5951-b717-000000000005"}]}',
    ),
    (
        AuditCompleted(
            occurred_at=NOON,
            version=4,
            audit_id=an_id(6),
            assessment_id=an_id(1),
            child_id=an_id(2),
            programme_id=an_id(3),
            theme_id="n",
            kind="assessment",
            auditor_id="a-1",
            authorised_on=date(2026, 1, 5),
            sampled_on=date(2026, 1, 6),
            grade="good",
            rag="green",
            sections=(SectionGrade(section="plan", grade="good"),),
            findings=(Finding(finding_id=an_id(7), domain="voice", level="team", severity="low", needs_action=True),),
            minutes=95,
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":4,"audit_id":"c001a53a-8fb7-5951-b717-000000000006",'
        '"assessment_id":"c001a53a-8fb7-5951-b717-000000000001","child_id":"c001a53a-8fb7-5951-b717-000000000002",'
        '"programme_id":"c001a53a-8fb7-5951-b717-000000000003","theme_id":"n","kind":"assessment","auditor_id":"a-1",'
        '"authorised_on":"2026-01-05","sampled_on":"2026-01-06","grade":"good","rag":"green",'
        '"sections":[{"section":"plan","grade":"good"}],'
        '"findings":[{"finding_id":"c001a53a-8fb7-5951-b717-000000000007","domain":"voice","level":"team",'
        '"severity":"low","needs_action":true}],"strengths":0,"minutes":95,"by_hand":false}',
    ),
    (
        TextWritten(
            occurred_at=NOON, text_id=an_id(7), about=an_id(6), parts={"finding": "A\tline\u2028.", "action": ""}
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":1,"text_id":"c001a53a-8fb7-5951-b717-000000000007",'
        '"about":"c001a53a-8fb7-5951-b717-000000000006","parts":{"finding":"A\\tline\u2028.","action":""}}',
    ),
    (
        SessionHeld(
            occurred_at=NOON,
            version=2,
            session_id=an_id(8),
            kind="coaching",
            leader_id="l-1",
            attendees=("w-1",),
            starts_at=NOON,
            minutes=45,
            actions=(an_id(9),),
        ),
        '{"occurred_at":"2026-01-05T12:00:00Z","version":2,"session_id":"c001a53a-8fb7-5951-b717-000000000008",'
        '"kind":"coaching","leader_id":"l-1","attendees":["w-1"],"managers":[],"starts_at":"2026-01-05T12:00:00Z",'
        '"minutes":45,"domains":[],"themes":[],"actions":["c001a53a-8fb7-5951-b717-000000000009"]}',
    ),
]
"""Events, and what they were written as when the vocabulary was made of Pydantic's models."""

each_written = pytest.mark.parametrize(("event", "body"), WRITTEN, ids=[event.type() for event, _ in WRITTEN])
each_event = pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.type())


@each_written
def test_an_event_is_written_as_it_always_was(event: Event, body: str) -> None:
    assert event.json().decode() == body


@each_written
def test_what_was_always_written_is_read(event: Event, body: str) -> None:
    assert type(event).read(body) == event


@each_event
@given(data=st.data())
@settings(max_examples=10)
def test_a_body_says_everything_but_what_is_none_by_default_and_is_read_as_the_same(
    kind: type[Event], data: st.DataObject
) -> None:
    """Incident prevented: a reader that has another default than the writer."""
    event = data.draw(facts(kind))
    said = [
        each.name for each in structs.fields(kind) if each.default is not None or getattr(event, each.name) is not None
    ]
    assert list(json.loads(event.json())) == said
    assert kind.read(event.json()) == event


def test_a_default_that_is_not_none_can_be_unsaid() -> None:
    """Incident prevented: a programme without a limit was told without it, and read as one of seven days."""
    limited = next(event for event, _ in WRITTEN if isinstance(event, ProgrammeOpened))
    assert ProgrammeOpened.read(structs.replace(limited, near_live_days=None).json()).near_live_days is None
