"""When a case may be audited again, and how the grade moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.audit.domain.re_audits import Change, First, Standing, bar, change
from tests.unit.audit.council import programme

CLOSED = First(completed=True, withdrawn=False, standing=Standing.CLOSED, open_again=False)


@pytest.mark.parametrize("standing", [*Standing, None])
def test_a_case_may_be_audited_again_once_its_loop_has_closed(standing: Standing | None) -> None:
    has_closed = standing in {Standing.CLOSED, Standing.HELD, Standing.CAME_BACK}
    assert (bar(replace(CLOSED, standing=standing)) is None) == has_closed


@pytest.mark.parametrize("but", [{"completed": False}, {"withdrawn": True}, {"open_again": True}])
def test_what_stands_against_a_re_audit_is_said(but: dict[str, bool]) -> None:
    assert bar(replace(CLOSED, **but)) is not None  # type: ignore[arg-type]


def test_a_grade_moves_on_the_programmes_scale_whose_first_step_is_the_best() -> None:
    plan = programme()
    best, *_, worst = [step.code for step in plan.scale]
    assert change(plan, worst, best) is Change.BETTER
    assert change(plan, best, worst) is Change.WORSE
    assert change(plan, best, best) is Change.SAME


def test_a_grade_that_the_scale_no_longer_has_moved_nowhere() -> None:
    """A programme's next version may have another scale; the page of re-audits answered 500 then."""
    plan = programme()
    assert change(plan, "of-an-older-scale", plan.scale[0].code) is None
    assert change(plan, plan.scale[0].code, "of-an-older-scale") is None
