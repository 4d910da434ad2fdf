"""How pages write dates, deadlines and people's words."""

from datetime import UTC, date, datetime

import pytest

from services.intake.domain.work import Road
from shared.web import filters

TUESDAY = date(2026, 11, 24)


def test_a_date_is_written_out_without_a_leading_nought() -> None:
    assert filters.long_date(TUESDAY) == "Tuesday 24 November 2026"
    assert filters.long_date(date(2026, 6, 1)) == "Monday 1 June 2026"
    assert filters.short_date(TUESDAY) == "24 Nov 2026"
    assert filters.long_date(None) == ""


def test_an_instant_is_written_in_londons_time() -> None:
    assert filters.long_time(datetime(2026, 6, 30, 23, 5, tzinfo=UTC)) == "Wednesday 1 July 2026 at 12:05am"
    assert filters.clock_time(datetime(2026, 11, 24, 16, 0, tzinfo=UTC)) == "4pm"
    assert filters.clock_time(datetime(2026, 11, 24, 12, 30, tzinfo=UTC)) == "12:30pm"


def test_a_sender_is_named_in_words_and_one_that_nobody_named_as_it_is() -> None:
    assert {road.value: filters.sender_name(road) for road in Road} == {
        "cms": "Case management system",
        "dfe": "DfE daily push",
        "cin-census": "CIN census",
        "annex-a": "Annex A",
    }
    assert filters.sender_name("mosaic-7") == "mosaic-7"


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (TUESDAY, "due today"),
        (date(2026, 11, 25), "due in 1 working day"),
        (date(2026, 12, 1), "due in 5 working days"),
        (date(2026, 11, 23), "overdue by 1 working day"),
        (date(2026, 11, 20), "overdue by 2 working days"),
        (None, "no due date"),
    ],
)
def test_a_deadline_says_how_far_away_it_is(due: date | None, words: str) -> None:
    assert filters.due_in(due, TUESDAY) == words


def test_a_deadline_missed_over_a_weekend_is_overdue_at_once() -> None:
    assert filters.due_in(date(2026, 11, 20), date(2026, 11, 21)) == "overdue by 1 working day"


def test_a_deadline_on_a_weekend_is_named_when_no_working_day_is_left() -> None:
    assert filters.due_in(date(2026, 11, 22), date(2026, 11, 21)) == "due Sunday 22 November 2026"


def test_counts_agree_with_their_noun() -> None:
    assert filters.counted(1, "audit") == "1 audit"
    assert filters.counted(1204, "audit") == "1,204 audits"
    assert filters.counted(2, "enquiry", "enquiries") == "2 enquiries"


def test_a_share_of_nothing_is_a_dash() -> None:
    assert filters.percent(None) == "–"
    assert filters.percent(0.426) == "43%"


def test_somebodys_words_are_escaped_and_keep_their_paragraphs() -> None:
    shown = filters.paragraphs("One <b>line</b>\r\nanother\n\n\nA second & last")
    assert shown == (
        '<p class="govuk-body">One &lt;b&gt;line&lt;/b&gt;<br>another</p><p class="govuk-body">A second &amp; last</p>'
    )


def test_a_name_falls_back_to_the_id() -> None:
    assert filters.named("w1", {"w1": "Ada Cole"}, "Nobody yet") == "Ada Cole"
    assert filters.named("w2", {}, "Nobody yet") == "w2"
    assert filters.named(None, {}, "Nobody yet") == "Nobody yet"
