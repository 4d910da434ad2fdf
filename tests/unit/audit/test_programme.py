"""A programme's file: what it may say, and how a mistake is told with its line."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.audit.domain import allocation
from services.audit.domain.allocation import Case
from services.audit.domain.hours import weeks_of_work
from services.audit.domain.programme_file import ProgrammeError, read_programme
from shared.events import Kind
from tests.unit.audit.council import OPENS_ON, TEMPLATES, case, programme, source


def test_the_briefings_programme_is_reproduced() -> None:
    plan = programme()
    assert {theme.theme: theme.target for theme in plan.themes} == {
        "assessment-team": 87,
        "front-door": 63,
        "neglect": 105,
        "risk": 65,
        "repeat-section-47": 66,
    }
    assert (plan.target, plan.weeks, len(plan.auditors), plan.near_live_days) == (386, 12, 4, 7)
    assert plan.remedial.working_days == 5


MISTAKES = {
    "target: 87": ("target: 0", "theme 1, target: input should be greater than or equal to 1"),
    "target: 105": ("target: 9000", "lower the target, lengthen the programme or widen the rules"),
    "factors: [16A]": ("factrs: [16A]", "theme 3, eligible 1, factrs: is not a key that a programme knows"),
    "  - person: auditor-4": ("  - person: auditor-1", "auditor-1 is there twice"),
    "    hours_a_week: 30\n  - person: auditor-2": ("    hours_a_week: 0\n  - person: auditor-2", "hours_a_week"),
    "weeks: 12": ("weeks: 12\nopens_on: 2020-01-06", "the programme would have ended"),
    "version: 1": ("version: 1\ncouncil: '123'", "this deployment serves council 999"),
    "  - theme: front-door": ("  - theme: assessment-team", "assessment-team is there twice"),
    "      - factors: [16A]": ("      - {}", "states nothing, so everything would be eligible"),
    "    rag: red": ("    rag: purple", "rag: input should be"),
    "name: Near-live thematic audit": ("name: [", "this is not YAML"),
    "hours_an_audit: 3": ("hours_an_audit: 39", "add hours or an auditor, or lower the targets"),
}


@pytest.mark.parametrize("right", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_what_to_do(right: str) -> None:
    wrong, told = MISTAKES[right]
    text = source().replace(right, wrong, 1)
    with pytest.raises(ProgrammeError) as refused:
        read_programme(text, "999", OPENS_ON)
    problem = next(problem for problem in refused.value.problems if told in problem.message)
    place = source()[: source().index(right)].count("\n") + 1
    assert place - 1 <= problem.line <= place + wrong.count("\n") + 4 or "auditors" in problem.message


def test_a_theme_with_the_same_rules_as_another_is_refused() -> None:
    text = source().replace(
        "      - kind: [referral, contact]", "      - kind: [assessment]\n        team_kind: [assessment]"
    )
    with pytest.raises(ProgrammeError, match="the same rules as theme 1"):
        read_programme(text, "999", OPENS_ON)


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: &x 1\nb: *x", "a: 1\na: 2", "{" * 5000, "x" * 300_000, "a: \x00"])
def test_what_is_no_programme_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ProgrammeError):
        read_programme(text, "999", OPENS_ON)


def test_without_a_first_day_a_programme_opens_today() -> None:
    assert read_programme(source(), "999", date(2027, 1, 4)).opens_on == date(2027, 1, 4)


ELIGIBLE = [
    ("assessment-team", case(1), "assessment", True),
    ("assessment-team", case(1), "safeguarding", False),
    ("assessment-team", case(1, "referral"), "assessment", False),
    ("front-door", case(1, "referral"), None, True),
    ("front-door", case(1, "contact"), None, True),
    ("neglect", case(1, factors=("16A", "21")), None, True),
    ("neglect", case(1, factors=("17A",)), None, False),
    ("neglect", case(1, "enquiry", category_of_abuse="NEG"), None, True),
    ("risk", case(1, Kind.ENQUIRY), None, True),
    ("risk", case(1, factors=("10A",)), None, True),
    ("risk", case(1, factors=("3A",)), None, False),
    ("risk", case(1, factors=("3A", "4B")), None, True),
    ("repeat-section-47", case(1, "enquiry", earlier_enquiries=1), None, True),
    ("repeat-section-47", case(1, "enquiry"), None, False),
    ("repeat-section-47", case(1, earlier_enquiries=3), None, False),
]


@pytest.mark.parametrize(("theme", "work", "team_kind", "eligible"), ELIGIBLE)
def test_each_theme_takes_the_work_that_the_briefing_says(
    theme: str, work: object, team_kind: str | None, eligible: bool
) -> None:
    conditions = programme().theme(theme).eligible
    assert any(condition.holds(work, team_kind) for condition in conditions) is eligible  # type: ignore[arg-type]


WORK = Case(UUID(int=1), "assessment-north", "worker-1", "manager-1")


def test_hours_leave_and_conflicts_decide_who_is_given_a_case() -> None:
    text = source().replace(
        "  - person: auditor-2\n    hours_a_week: 30", "  - person: auditor-2\n    hours_a_week: 60"
    )
    plan = programme(text)
    assert allocation.choose(plan.auditors, WORK, {}, OPENS_ON) == "auditor-2"
    load = {"auditor-2": 9}
    assert allocation.choose(plan.auditors, WORK, load, OPENS_ON) != "auditor-2"
    leave = "    hours_a_week: 60\n    leave: [{from: 2026-11-25, to: 2026-12-04}]"
    away = programme(text.replace("    hours_a_week: 60", leave))
    assert allocation.choose(away.auditors, WORK, {}, OPENS_ON) != "auditor-2"
    own = {f"auditor-{n}": frozenset({"assessment-north"}) for n in range(1, 5)}
    assert allocation.choose(plan.auditors, WORK, {}, OPENS_ON, own_teams=own) is None


def test_a_week_that_asks_more_than_the_auditors_have_is_seen_ahead() -> None:
    text = source().replace(
        "  - person: auditor-4\n    hours_a_week: 30", "  - person: auditor-4\n    hours_a_week: 50"
    )
    for number in (1, 2, 3):
        text = text.replace(
            f"  - person: auditor-{number}\n    hours_a_week: 30",
            f"  - person: auditor-{number}\n    hours_a_week: 30\n    leave: [{{from: 2026-12-21, to: 2027-01-01}}]",
        )
    weeks = weeks_of_work(programme(text))
    assert [week.week for week in weeks if week.is_too_much] == [5, 6]
    assert sum(week.audits for week in weeks) == 386


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_template_is_a_programme_with_guidance_on_what_good_looks_like(path: object) -> None:
    plan = read_programme(path.read_text(), "999", OPENS_ON)  # type: ignore[attr-defined]
    questions = [question for section in plan.tool.sections for question in section.questions]
    assert len(questions) >= 8
    assert all(question.good for question in questions)
