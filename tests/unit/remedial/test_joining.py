"""When an open action answers a finding of another audit too."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.joining import Alone, Place, alone_because
from services.remedial.domain.life import TO_DO, State

FINDING = Place(UUID(int=1), "auditor-1", "team-1", "worker-1")
ACTION = replace(FINDING, audit_id=UUID(int=2))


@given(st.sampled_from(State))
def test_only_an_action_that_its_owner_has_still_to_do_answers_one_more_finding(state: State) -> None:
    because = alone_because(FINDING, ACTION, state)
    assert (because is None) == (state in TO_DO)
    assert because is None or because.value == state.value


@pytest.mark.parametrize(
    ("field", "other", "because"),
    [
        ("auditor_id", "auditor-2", Alone.OTHER_AUDITOR),
        ("team_id", None, Alone.OTHER_TEAM),
        ("owner_id", "worker-2", Alone.OTHER_OWNER),
        ("owner_id", None, Alone.OTHER_OWNER),
    ],
)
def test_an_action_of_somebody_else_answers_no_finding_of_another_audit(
    field: str, other: str | None, because: Alone
) -> None:
    elsewhere = replace(ACTION, **{field: other})  # type: ignore[arg-type]
    assert alone_because(FINDING, elsewhere, State.RAISED) is because
    assert alone_because(FINDING, replace(elsewhere, audit_id=FINDING.audit_id), State.RAISED) is None
