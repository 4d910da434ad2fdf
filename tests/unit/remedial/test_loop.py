"""When a loop is closed."""

from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.life import OPEN, State
from services.remedial.domain.loop import Standing, standing_of


@given(st.lists(st.sampled_from(State)))
def test_a_loop_is_closed_when_nothing_is_open_and_something_is_verified(states: list[State]) -> None:
    is_closed = State.VERIFIED in states and not OPEN & set(states)
    assert (standing_of(states) is Standing.CLOSED) == is_closed


def test_an_audit_whose_actions_were_all_withdrawn_asks_for_nothing_and_closes_nothing() -> None:
    assert standing_of([]) is Standing.EMPTY
    assert standing_of([State.WITHDRAWN]) is Standing.EMPTY
