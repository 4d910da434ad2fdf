"""What a push of the DfE's brings bad: what breaks the document answers 400, what cannot be quarantines its child."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from services.intake import push
from services.intake.domain import dfe
from services.intake.domain.births import Births
from services.intake.domain.work import Submission

NOON = datetime(2021, 3, 12, 12, tzinfo=UTC)
Json = dict[str, object]


def pushed(**facts: object) -> Json:
    """A child with one episode that was referred on 1 January 2021, with some facts of the episode changed."""
    episode = {"social_care_episode_id": "E1", "referral_date": "2021-01-01", **facts}
    return {
        "la_child_id": "C1",
        "social_care_episodes": [{name: fact for name, fact in episode.items() if fact != ...}],
    }


def assessed(**facts: object) -> Json:
    """The same with one assessment."""
    return pushed(child_and_family_assessments=[{"child_and_family_assessment_id": "A1", **facts}])


def enquired(**facts: object) -> Json:
    """The same with one section 47 enquiry."""
    return pushed(section_47_assessments=[{"section_47_assessment_id": "S1", "start_date": "2021-01-04", **facts}])


def planned(**facts: object) -> Json:
    """The same with one child protection plan."""
    return pushed(child_protection_plans=[{"child_protection_plan_id": "P1", **facts}])


def placed(**facts: object) -> Json:
    """The same with one placement."""
    return pushed(child_looked_after_placements=[{"child_looked_after_placement_id": "L1", **facts}])


def twice(*days: str) -> list[Json]:
    """One assessment's id, once for each of these starts."""
    return [{"child_and_family_assessment_id": "A1", "start_date": day} for day in days]


NO_START = {"section_47_assessment_id": "S1", "end_date": "2021-01-04"}
PLANS = [{"child_protection_plan_id": "P1", "start_date": day} for day in ("2021-01-04", "2021-01-05")]


def born(day: str, of: Json | None = None, **details: object) -> Json:
    """A child with a birth date."""
    return {**(pushed() if of is None else of), "child_details": {"date_of_birth": day, **details}}


SCORE = b'[{"la_child_id": "C1", "health_and_wellbeing": {"sdq_assessments": [{"score": %b}]}}]'
CHILD = b'{"la_child_id": "C1"}'

MALFORMED = [
    ("nothing", b""),
    ("spaces", b"  "),
    ("no JSON", b"la_child_id,1"),
    ("an object", CHILD),
    ("an array in an array", b"[[%b]]" % CHILD),
    ("null for a child", b"[null]"),
    ("cut midway", b"[%b" % CHILD),
    ("a comma too many", b"[%b,]" % CHILD),
    ("something after the end", b"[%b]x" % CHILD),
    ("two bodies", b"[%b][%b]" % (CHILD, CHILD)),
    ("a byte order mark", b"\xef\xbb\xbf[%b]" % CHILD),
    ("UTF-16", f"[{CHILD.decode()}]".encode("utf-16")),
    ("a byte that is no UTF-8", b'[{"la_child_id": "C\xff"}]'),
    ("half a surrogate pair", b'[{"la_child_id": "C1", "child_details": {"surname": "\\ud800"}}]'),
    ("a name twice", b'[{"la_child_id": "C1", "la_child_id": "C2"}]'),
    ("a name twice, deep", b'[{"la_child_id": "C1", "child_details": {"sex": "F", "sex": "M"}}]'),
    ("a name twice, escaped", b'[{"la_child_id": "C1", "la_child_\\u0069d": "C2"}]'),
    ("nested without end", b"[" * 100_000),
    ("objects nested without end", b'[{"la_child_id": "C1", "child_details": ' + b'{"sex":' * 100_000),
    ("NaN", b'[{"la_child_id": "C1", "health_and_wellbeing": {"sdq_assessments": [{"score": NaN}]}}]'),
    ("infinity", b'[{"la_child_id": "C1", "health_and_wellbeing": {"sdq_assessments": [{"score": Infinity}]}}]'),
    (
        "a number beyond all",
        b'[{"la_child_id": "C1", "health_and_wellbeing": {"sdq_assessments": [{"score": 1e999}]}}]',
    ),
    (
        "a huge number",
        b'[{"la_child_id": "C1", "health_and_wellbeing": {"sdq_assessments": [{"score": %b}]}}]' % (b"9" * 5000),
    ),
    ("a number for an id", b'[{"la_child_id": 1}]'),
    ("an id that is empty", b'[{"la_child_id": ""}]'),
    ("an id with decimals", b'[{"la_child_id": "123.0"}]'),
    ("an id with a line end", b'[{"la_child_id": "C1\\n"}]'),
    ("an id with a zero-width space", b'[{"la_child_id": "C1\\u200b"}]'),
    ("an id written from right to left", b'[{"la_child_id": "\\u202eC1"}]'),
    ("an id too long", b'[{"la_child_id": "%b"}]' % (b"1" * 21)),
    ("30 February", json.dumps([pushed(referral_date="2021-02-30")]).encode()),
    ("a year nought", json.dumps([pushed(referral_date="0000-01-01")]).encode()),
    ("a two-digit year", json.dumps([pushed(referral_date="21-01-01")]).encode()),
    ("day first", json.dumps([pushed(referral_date="01/02/2021")]).encode()),
    ("an instant for a date", json.dumps([pushed(referral_date="2021-01-01T09:00:00Z")]).encode()),
    ("Arabic digits in a date", json.dumps([pushed(referral_date="٢٠٢١-٠٢-٠٣")]).encode()),
    ("a factor twice", json.dumps([assessed(factors=["1A", "1A"])]).encode()),
    ("a word for a flag", json.dumps([pushed(referral_no_further_action_flag="No")]).encode()),
]


@pytest.mark.parametrize("body", [case[1] for case in MALFORMED], ids=[case[0] for case in MALFORMED])
def test_a_body_that_breaks_the_document_is_malformed(body: bytes) -> None:
    with pytest.raises(push.MalformedError):
        push.read(body)


PUSHED = [
    ("an assessment in the future", assessed(start_date="2021-03-20"), "in_the_future"),
    ("authorised too soon", assessed(start_date="2021-01-04", authorisation_date="2021-01-03"), "ends_before_start"),
    ("authorised tomorrow", assessed(start_date="2021-01-04", authorisation_date="2021-03-13"), "in_the_future"),
    ("authorised, never started", assessed(authorisation_date="2021-01-04"), "missing"),
    ("started before 1990", assessed(start_date="1979-01-04"), "too_long_ago"),
    ("started before its referral", assessed(start_date="2020-12-31"), "starts_before_referral"),
    ("an enquiry before its referral", enquired(start_date="2020-12-31"), "starts_before_referral"),
    (
        "a child in need plan before its referral",
        pushed(child_in_need_plans=[{"child_in_need_plan_id": "N1", "start_date": "2020-12-31"}]),
        "starts_before_referral",
    ),
    ("without an id", assessed(child_and_family_assessment_id="", start_date="2021-01-04"), "missing"),
    ("a referral in the future", pushed(referral_date="2021-03-13"), "in_the_future"),
    ("closed before it was referred", pushed(closure_date="2020-12-31"), "ends_before_start"),
    ("closed in the future", pushed(closure_date="2021-03-13"), "in_the_future"),
    ("closed, never referred", pushed(referral_date=..., closure_date="2021-01-04"), "missing"),
    ("decided, never referred", pushed(referral_date=..., referral_no_further_action_flag=True), "missing"),
    ("an enquiry that ended before it started", enquired(end_date="2021-01-03"), "ends_before_start"),
    (
        "an enquiry that ended and never started",
        pushed(section_47_assessments=[NO_START]),
        "missing",
    ),
    ("a conference before its enquiry", enquired(icpc_date="2021-01-03"), "ends_before_start"),
    ("a conference in another century", enquired(icpc_date="2121-01-03"), "in_the_future"),
    (
        "a plan that ended before it started",
        planned(start_date="2021-01-04", end_date="2021-01-03"),
        "ends_before_start",
    ),
    ("a plan in the future", planned(start_date="2021-03-13"), "in_the_future"),
    ("a plan that ended and never started", planned(end_date="2021-01-04"), "missing"),
    ("a plan without an id", planned(child_protection_plan_id="", start_date="2021-01-04"), "missing"),
    (
        "a placement that ended before it started",
        placed(start_date="2021-01-04", end_date="2021-01-03"),
        "ends_before_start",
    ),
    ("a placement of 1900", placed(start_date="1900-01-01"), "too_long_ago"),
    ("a child over 25", born("1994-01-01"), "too_old"),
    ("a child born ten months later", born("2021-11-20"), "born_too_late"),
    (
        "an id that says two things",
        pushed(
            child_and_family_assessments=[
                {"child_and_family_assessment_id": "A1", "start_date": day} for day in ("2021-01-04", "2021-01-05")
            ]
        ),
        "id_twice",
    ),
    ("a child whose id is a nought", {**pushed(), "la_child_id": "0"}, "missing"),
    ("a child whose id is many noughts", {**pushed(), "la_child_id": "0000"}, "missing"),
    ("a child whose id is nobody's", {**pushed(), "la_child_id": "Unknown"}, "missing"),
    (
        "a plan's id that says two things",
        pushed(
            child_protection_plans=[
                {"child_protection_plan_id": "P1", "start_date": day} for day in ("2021-01-04", "2021-01-05")
            ]
        ),
        "id_twice",
    ),
    (
        "an episode that is there and is to be deleted",
        {
            "la_child_id": "C1",
            "social_care_episodes": [
                {"social_care_episode_id": "E1", "purge": True},
                {"social_care_episode_id": "E1", "referral_date": "2021-01-04"},
            ],
        },
        "id_twice",
    ),
]


@pytest.mark.parametrize(("child", "code"), [case[1:] for case in PUSHED], ids=[case[0] for case in PUSHED])
def test_a_pushed_child_that_cannot_be_is_quarantined(child: Json, code: str) -> None:
    (read,) = push.read(json.dumps([child]).encode())
    heard = dfe.hear(read, NOON)
    assert heard.refusal is not None
    assert heard.refusal.code == code
    assert (heard.statements, heard.contexts) == ((), ())


WELL_PUSHED = [
    ("a child of whom nothing is said", {"la_child_id": "C1"}, 0),
    ("an unborn child without a birth date", pushed(), 1),
    ("a child who is expected", {**pushed(), "child_details": {"expected_date_of_birth": "2021-06-01"}}, 1),
    ("a child born after the referral", born("2021-03-01"), 1),
    ("a child of 25", born("1995-06-01"), 1),
    ("a NUL in a name", born("2015-01-01", surname="\0"), 1),
    (
        "a factor that no list knows",
        assessed(start_date="2021-01-04", authorisation_date="2021-02-04", factors=["99Z"]),
        2,
    ),
    ("an assessment with an id alone", assessed(), 1),
    (
        "the same assessment twice",
        pushed(child_and_family_assessments=twice("2021-01-04", "2021-01-04")),
        3,
    ),
    ("a child protection plan that another council began", planned(start_date="2020-12-31"), 1),
    ("a conference that is planned", enquired(icpc_date="2021-04-01"), 2),
    ("an end on the day of the start", assessed(start_date="2021-01-04", authorisation_date="2021-01-04"), 2),
    ("a referral on the day that the clocks go forward", pushed(referral_date="2020-03-29"), 1),
]


@pytest.mark.parametrize(("child", "number"), [case[1:] for case in WELL_PUSHED], ids=[case[0] for case in WELL_PUSHED])
def test_a_pushed_child_that_is_only_unusual_is_taken(child: Json, number: int) -> None:
    (read,) = push.read(json.dumps([child]).encode())
    heard = dfe.hear(read, NOON)
    assert heard.refusal is None
    assert len(heard.statements) == number


def test_factors_in_a_push_are_taken_as_they_were_meant() -> None:
    """A small letter kept neglect from its theme, and so did a space that nobody sees."""
    sent = assessed(start_date="2021-01-04", authorisation_date="2021-02-04", factors=["16a", " 3B", "3b", "4\u200bC"])
    (read,) = push.read(json.dumps([sent]).encode())
    _, assessment = dfe.hear(read, NOON).statements
    assert isinstance(assessment, Submission)
    assert assessment.said is not None
    assert assessment.said.factors == ("16A", "3B", "4C")


def test_an_id_with_two_birth_dates_in_one_push_is_quarantined_the_second_time() -> None:
    children = push.read(json.dumps([born("2015-01-01"), pushed(), born("2016-01-01")]).encode())
    births = Births()
    refusals = [dfe.hear(child, NOON, births).refusal for child in children]
    assert [refusal and refusal.code for refusal in refusals] == [None, None, "id_of_another_child"]
