"""The demo's finished work has the shapes of the field: volumes, durations, hours, repeats and families."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import quantiles

import pytest

from deploy.demo.casework import SLIPS, Casework, duration, event_id, simulate
from deploy.demo.council import found_council
from shared.clock import LONDON
from shared.events import (
    CmsAssessmentAuthorised,
    CmsContactDecided,
    CmsEnquiryEnded,
    CmsEvent,
    CmsReferralDecided,
    Kind,
)
from shared.working_days import is_working_day, local_date, working_days_between

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
WEEKS = 12


@pytest.fixture(scope="module")
def casework() -> Casework:
    return simulate(found_council())


@pytest.fixture(scope="module")
def quarter(casework: Casework) -> list[CmsEvent]:
    return casework.between(MONDAY, MONDAY + timedelta(weeks=WEEKS))


def finished_in_the_quarter(events: Sequence[CmsEvent]) -> list[CmsEvent]:
    """Without the earlier enquiries that only explain a repeat one."""
    return [event for event in events if event.occurred_at >= MONDAY]


def test_the_same_seed_and_dates_give_the_same_records(casework: Casework, quarter: list[CmsEvent]) -> None:
    again = simulate(found_council()).between(MONDAY, MONDAY + timedelta(weeks=WEEKS))
    assert again == quarter
    assert simulate(found_council(), seed=2).between(MONDAY, MONDAY + timedelta(days=7)) != casework.between(
        MONDAY, MONDAY + timedelta(days=7)
    )


def test_a_longer_look_contains_the_shorter_one(casework: Casework, quarter: list[CmsEvent]) -> None:
    """So that a demo started again an hour later publishes duplicates and an hour's new work, nothing else."""
    shorter = casework.between(MONDAY, MONDAY + timedelta(days=9, hours=14))
    assert {event_id(event) for event in shorter} < {event_id(event) for event in quarter}


def test_every_record_has_its_own_id(quarter: list[CmsEvent]) -> None:
    assert len({event.id for event in quarter}) == len(quarter)
    assert len({event_id(event) for event in quarter}) == len(quarter)


def test_events_come_in_the_order_in_which_they_happened(quarter: list[CmsEvent]) -> None:
    assert [event.occurred_at for event in quarter] == sorted(event.occurred_at for event in quarter)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        (CmsAssessmentAuthorised, 45, 85),
        (CmsEnquiryEnded, 16, 30),
        (CmsReferralDecided, 46, 60),
        (CmsContactDecided, 10, 20),
    ],
)
def test_a_week_has_the_volume_of_one_council(
    quarter: list[CmsEvent], kind: type[CmsEvent], least: int, most: int
) -> None:
    weeks = Counter(
        (event.occurred_at - MONDAY).days // 7 for event in finished_in_the_quarter(quarter) if isinstance(event, kind)
    )
    assert len(weeks) == WEEKS
    assert all(least <= count <= most for count in weeks.values())


def test_assessments_take_as_long_as_in_england() -> None:
    """The quartiles of the DfE's year to March 2025: 17, 33 and 43 working days, 85.7% within 45."""
    rng = Random(7)
    days = [duration(rng) for _ in range(20_000)]
    for measured, published in zip(quantiles(days, n=4), (17, 33, 43), strict=True):
        assert abs(measured - published) <= 1
    assert abs(sum(each <= 45 for each in days) / len(days) - 0.857) < 0.01


def test_the_deadline_stands_out() -> None:
    days = Counter(duration(Random(each)) for each in range(20_000))
    assert days[45] > 1.5 * max(days[44], days[46])


def test_a_record_tells_the_duration_in_working_days(quarter: list[CmsEvent]) -> None:
    taken = [
        working_days_between(event.started_on, event.authorised_on)
        for event in quarter
        if isinstance(event, CmsAssessmentAuthorised)
    ]
    assert min(taken) >= 0
    assert 0.78 < sum(each <= 45 for each in taken) / len(taken) < 0.93


def test_work_is_signed_off_in_working_hours(quarter: list[CmsEvent]) -> None:
    finished = finished_in_the_quarter(quarter)
    hours = Counter(event.occurred_at.astimezone(LONDON).hour for event in finished)
    assert min(hours) >= 7
    assert max(hours) <= 18
    assert hours[10] > hours[13] < hours[15], "a quiet hour at noon"
    authorised = [event for event in finished if isinstance(event, CmsAssessmentAuthorised)]
    assert all(is_working_day(event.authorised_on) for event in authorised)


def test_a_repeat_enquiry_has_an_earlier_one_within_the_year_before(quarter: list[CmsEvent]) -> None:
    enquiries = [event for event in quarter if isinstance(event, CmsEnquiryEnded)]
    ends = {
        child: [each.ended_on for each in enquiries if each.child == child] for child in {e.child for e in enquiries}
    }
    repeats = sum(
        any(timedelta() < each.started_on - earlier <= timedelta(days=365) for earlier in ends[each.child])
        for each in finished_in_the_quarter(enquiries)
        if isinstance(each, CmsEnquiryEnded)
    )
    share = repeats / len(finished_in_the_quarter(enquiries))
    assert 0.2 < share < 0.4, "about 6.5 of 23 a week"


def test_brothers_and_sisters_are_assessed_and_authorised_together(quarter: list[CmsEvent]) -> None:
    assessments = [event for event in quarter if isinstance(event, CmsAssessmentAuthorised)]
    together = Counter((event.family, event.authorised_on, event.worker, event.started_on) for event in assessments)
    assert max(together.values()) >= 3
    assert sum(size for size in together.values() if size > 1) / len(assessments) > 0.25


def test_neglect_is_identified_about_as_often_as_in_england(quarter: list[CmsEvent]) -> None:
    assessments = [event for event in quarter if isinstance(event, CmsAssessmentAuthorised)]
    assert 0.12 < sum("16A" in event.factors for event in assessments) / len(assessments) < 0.27
    assert all(event.factors == ("21",) or "21" not in event.factors for event in assessments)
    assert all(event.factors for event in assessments), "a completed assessment has factors"


def test_a_few_referrals_a_week_have_the_wrong_year(quarter: list[CmsEvent]) -> None:
    slips = [event for event in quarter if is_a_slip(event)]
    assert len(slips) == SLIPS * WEEKS
    assert {(event.occurred_at - MONDAY).days // 7 for event in slips} == set(range(WEEKS))


def is_a_slip(event: CmsEvent) -> bool:
    """Whether somebody mistyped its year."""
    return isinstance(event, CmsReferralDecided) and event.referred_on.year > event.decided_on.year


def test_but_for_them_nothing_starts_after_it_ended(quarter: list[CmsEvent]) -> None:
    for event in quarter:
        match event:
            case _ if is_a_slip(event):
                continue
            case CmsAssessmentAuthorised():
                assert event.started_on <= event.authorised_on == local_date(event.occurred_at)
            case CmsEnquiryEnded():
                assert event.started_on <= event.ended_on == local_date(event.occurred_at)
            case CmsReferralDecided():
                assert event.referred_on <= event.decided_on == local_date(event.occurred_at)


def test_most_workers_are_in_the_directory_and_a_few_are_not(quarter: list[CmsEvent]) -> None:
    known = {person.person_id for person in found_council().people}
    unknown = sum(event.worker not in known for event in quarter) / len(quarter)
    assert 0 < unknown < 0.04


def test_no_record_can_hold_the_name_of_a_child(quarter: list[CmsEvent]) -> None:
    """Children and families are numbers; every other value is an id, a code, a date or one of a few fixed phrases."""
    assert all(re.fullmatch(r"\d{7}", event.child) for event in quarter)
    assert all(re.fullmatch(r"F\d{5}", event.family or "") for event in quarter)
    names = {part for person in found_council().people for part in person.name.split()}
    words = {word for event in quarter for word in re.findall(r"[A-Z][a-z]+", event.json().decode())}
    assert not words & names


def test_work_finished_now_is_the_same_for_the_same_instant(casework: Casework) -> None:
    """Two demos that run at once publish the same live cases, and nothing is doubled."""
    now = datetime(2026, 11, 24, 11, 0, 5, tzinfo=UTC)
    assert casework.finished(Kind.ASSESSMENT, now) == casework.finished(Kind.ASSESSMENT, now)
    assert casework.finished(Kind.ENQUIRY, now)[-1].occurred_at == now
