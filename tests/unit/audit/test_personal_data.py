"""The warning before free text identifies somebody."""

from __future__ import annotations

import pytest

from services.audit.domain.personal_data import suspicions, warnings


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Ring the school on 0191 496 0000.", "a telephone number"),
        ("He was born on 3 May.", "a date of birth"),
        ("DOB 03/05/2015", "a date of birth"),
        ("Seen on 12/11/2015 at home", "a date of birth"),
        ("NHS 943 476 5919", "an NHS number"),
        ("write to mum@example.org", "an e-mail address"),
        ("lives at TS1 3BA", "a postcode"),
        ("Mrs Example was present", "a name"),
        ("a child called Robin", "a name"),
    ],
)
def test_what_looks_personal_is_noticed(text: str, what: str) -> None:
    assert what in suspicions(text)


@pytest.mark.parametrize(
    "text",
    [
        "The child was seen alone twice within 10 working days.",
        "Three enquiries in 12 months; the last took 45 working days.",
        "The chronology ends in March 2026.",
        "Section 47 threshold was met on 2 of 3 occasions.",
    ],
)
def test_ordinary_prose_raises_no_alarm(text: str) -> None:
    assert suspicions(text) == []


def test_a_warning_names_the_field() -> None:
    assert warnings([("difference", "Call 0191 496 0000"), ("grade_reason", "Late.")]) == {
        "difference": "a telephone number"
    }
