"""The life of an action: what can happen in each state, and what cannot."""

import re
from pathlib import Path

import pytest

from services.remedial.domain.life import LIFE, NEEDS_REASON, OPEN, TO_DO, Move, State, after, diagram
from services.remedial.domain.refusal import Refused

README = Path(__file__).parents[3] / "services" / "remedial" / "README.md"


def test_every_state_has_a_row_and_every_move_a_place() -> None:
    assert set(LIFE) == set(State)
    assert {move for moves in LIFE.values() for move in moves} == set(Move)


def test_every_state_can_be_reached_and_every_open_one_can_be_finished() -> None:
    reached = {State.RAISED}
    while fresh := {to for state in reached for to in LIFE[state].values()} - reached:
        reached |= fresh
    assert reached == set(State)
    assert all(State.VERIFIED in _within_reach(state) for state in OPEN)


def _within_reach(state: State) -> set[State]:
    reached = {state}
    while fresh := {to for each in reached for to in LIFE[each].values()} - reached:
        reached |= fresh
    return reached


def test_only_a_reported_action_can_be_verified_or_sent_back() -> None:
    for move in (Move.VERIFY, Move.RETURN):
        assert [state for state in State if move in LIFE[state]] == [State.REPORTED]


def test_the_clock_runs_only_while_the_owner_has_something_to_do() -> None:
    assert {State.REPORTED} == OPEN - TO_DO
    for move in (Move.EXTEND, Move.REASSIGN, Move.ESCALATE, Move.CHASE):
        assert {state for state in State if move in LIFE[state]} == TO_DO


def test_a_new_owner_has_not_seen_it_yet() -> None:
    assert {LIFE[state][Move.REASSIGN] for state in TO_DO} == {State.RAISED}


@pytest.mark.parametrize(
    ("state", "move", "said"),
    [
        (State.REPORTED, Move.REPORT, "already been reported"),
        (State.VERIFIED, Move.REPORT, "already been verified"),
        (State.WITHDRAWN, Move.REPORT, "withdrawn"),
        (State.SEEN, Move.VERIFY, "not been reported done yet"),
    ],
)
def test_what_cannot_happen_is_refused_in_words(state: State, move: Move, said: str) -> None:
    with pytest.raises(Refused, match=said):
        after(state, move)


def test_whatever_takes_something_from_somebody_needs_a_reason() -> None:
    assert {Move.RETURN, Move.REASSIGN, Move.EXTEND, Move.WITHDRAW, Move.REOPEN} == NEEDS_REASON


def test_the_diagram_of_the_readme_is_the_table() -> None:
    drawn = re.search(r"```mermaid\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert drawn is not None
    assert drawn[1] == diagram()
