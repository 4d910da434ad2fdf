"""When owners are reminded, and when what is overdue climbs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.notices import (
    ABOUT_ACTIONS,
    RETRIES,
    WORDS,
    Kind,
    Next,
    Stands,
    after_silence,
    body,
    is_moot,
    is_quiet,
    retry_after,
    send_after,
    subject,
)
from services.remedial.domain.watching import LADDER, Reminder, reminders_of, step_due
from shared.clock import LONDON
from shared.working_days import is_working_day

FRIDAY = date(2026, 11, 20)


def climbed(days: int, taken: int = 0) -> int | None:
    return step_due(FRIDAY + timedelta(days=days), FRIDAY, taken)


def test_the_first_working_day_after_the_due_date_tells_the_team_manager() -> None:
    assert [climbed(days) for days in range(5)] == [None, None, None, 1, 1]


def test_two_working_days_later_the_head_of_service_hears() -> None:
    assert [climbed(days, 1) for days in (3, 4, 5)] == [None, None, 2]
    assert climbed(31, 2) is None


def test_what_is_very_late_climbs_one_step_at_a_time() -> None:
    assert climbed(31) == 1


@given(st.integers(0, 60), st.integers(0, 3))
def test_nothing_climbs_on_a_day_off_nor_past_the_top(days: int, taken: int) -> None:
    step = climbed(days, taken)
    assert step is None or (is_working_day(FRIDAY + timedelta(days=days)) and step == taken + 1 <= len(LADDER))


def test_owners_are_reminded_on_the_day_and_the_working_day_before() -> None:
    assert reminders_of(FRIDAY) == {FRIDAY: Reminder.DUE_TODAY, date(2026, 11, 23): Reminder.DUE_SOON}
    assert reminders_of(date(2026, 11, 21)) == {}


@pytest.mark.parametrize(
    ("made", "leaves"),
    [
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, 30, tzinfo=UTC)),
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), datetime(2026, 11, 23, 13, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 17, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, 30, tzinfo=UTC)),
        (datetime(2026, 12, 24, 18, 0, tzinfo=UTC), datetime(2026, 12, 29, 8, 30, tzinfo=UTC)),
        (datetime(2026, 6, 1, 22, 0, tzinfo=UTC), datetime(2026, 6, 2, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_digest_leaves_in_working_hours(made: datetime, leaves: datetime) -> None:
    assert send_after(made, Kind.RAISED) == leaves


def test_a_concern_leaves_at_once_at_any_hour() -> None:
    night = datetime(2026, 12, 25, 3, 0, tzinfo=LONDON)
    assert send_after(night, Kind.CONCERN) == night


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=LONDON), True),
        (datetime(2026, 11, 23, 8, 0, tzinfo=LONDON), False),
        (datetime(2026, 11, 23, 18, 0, tzinfo=LONDON), True),
        (datetime(2026, 11, 21, 12, 0, tzinfo=LONDON), True),
        (datetime(2026, 12, 25, 12, 0, tzinfo=LONDON), True),
        (datetime(2026, 7, 1, 7, 30, tzinfo=UTC), False),
    ],
)
def test_nights_weekends_and_bank_holidays_are_quiet_by_the_clock_in_london(at: datetime, quiet: bool) -> None:
    assert is_quiet(at) is quiet


OPEN = Stands(is_to_do=True, is_reported=False, owner_id="worker-1", escalated_to="manager-1", due_on=FRIDAY)


@pytest.mark.parametrize(
    ("kind", "person_id", "occasion", "action", "moot"),
    [
        (Kind.RAISED, "worker-1", "1", OPEN, False),
        (Kind.RAISED, "worker-2", "1", OPEN, True),
        (Kind.DUE_TODAY, "worker-1", FRIDAY.isoformat(), OPEN, False),
        (Kind.DUE_TODAY, "worker-1", "2026-11-19", OPEN, True),
        (Kind.ESCALATED, "manager-1", "1", OPEN, False),
        (Kind.ESCALATED, "head-1", "1", OPEN, True),
        (Kind.ESCALATED, "manager-1", "1", replace(OPEN, is_to_do=False, is_reported=True), True),
        (Kind.DUE_IN_LEAVE, "manager-1", "1", OPEN, False),
        (Kind.DUE_IN_LEAVE, "manager-1", "1", replace(OPEN, is_to_do=False), True),
        (Kind.UNOWNED, "support-1", "1", OPEN, True),
        (Kind.UNOWNED, "support-1", "1", replace(OPEN, owner_id=None), False),
        (Kind.REPORTED, "auditor-1", "1", OPEN, True),
        (Kind.REPORTED, "auditor-1", "1", replace(OPEN, is_to_do=False, is_reported=True), False),
        (Kind.CONCERN, "manager-1", "1", OPEN, False),
    ],
)
def test_what_was_done_moved_or_changed_hands_is_not_told(
    kind: Kind, person_id: str, occasion: str, action: Stands, moot: bool
) -> None:
    assert is_moot(kind, person_id, occasion, action) is moot


def test_every_kind_about_an_action_says_when_it_is_moot() -> None:
    done = replace(OPEN, is_to_do=False, owner_id="x", escalated_to="x")
    assert {kind for kind in Kind if is_moot(kind, "worker-1", "", done)} == ABOUT_ACTIONS


@pytest.mark.parametrize(
    ("kinds", "is_known", "then"),
    [
        ([Kind.RAISED], True, Next.SENT),
        ([Kind.CONCERN], False, Next.AGAIN),
        ([Kind.RAISED], False, Next.AGAIN),
        ([Kind.RAISED, Kind.CONCERN], None, Next.AGAIN),
        ([Kind.RAISED, Kind.DUE_TODAY], None, Next.LEAVE),
    ],
)
def test_what_was_cut_off_is_asked_for_and_where_nobody_can_say_only_a_concern_goes_again(
    kinds: list[Kind], is_known: bool | None, then: Next
) -> None:
    assert after_silence(kinds, is_known) is then


def test_a_message_has_a_line_and_an_address_for_each_thing_and_nothing_else() -> None:
    said = body([(Kind.RAISED, "https://x/1"), (Kind.DUE_TODAY, "https://x/2")])
    assert said.startswith("You have a new action:\nhttps://x/1\n\nAn action of yours is due today:\nhttps://x/2")
    assert subject([Kind.RAISED]) == "You have a new action"
    assert subject([Kind.RAISED, Kind.DUE_TODAY]) == "2 things in Caseloop need you"
    assert set(WORDS) == set(Kind)


def test_patience_grows_and_ends() -> None:
    waits = [retry_after(attempts) for attempts in range(1, len(RETRIES) + 2)]
    assert waits == [*RETRIES, None]
    assert list(RETRIES) == sorted(RETRIES)
