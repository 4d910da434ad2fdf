"""The life of an action: one table of states and moves, from which code, pages and the diagram in the README follow."""

from collections.abc import Mapping
from enum import StrEnum

from services.remedial.domain.refusal import Refused


class State(StrEnum):
    """Where an action stands."""

    RAISED = "raised"
    SEEN = "seen"
    STARTED = "in_progress"
    REPORTED = "reported"
    RETURNED = "returned"
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    """What can happen to an action once it is raised."""

    SEE = "see"
    START = "start"
    REPORT = "report"
    VERIFY = "verify"
    RETURN = "return"
    REASSIGN = "reassign"
    EXTEND = "extend"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    CHASE = "chase"
    ACKNOWLEDGE = "acknowledge"
    CHECK = "check"
    ATTACH = "attach"
    DETACH = "detach"


LIFE: Mapping[State, Mapping[Move, State]] = {
    State.RAISED: {
        Move.SEE: State.SEEN,
        Move.START: State.STARTED,
        Move.REPORT: State.REPORTED,
        Move.REASSIGN: State.RAISED,
        Move.EXTEND: State.RAISED,
        Move.CHANGE: State.RAISED,
        Move.ESCALATE: State.RAISED,
        Move.CHASE: State.RAISED,
        Move.ACKNOWLEDGE: State.RAISED,
        Move.ATTACH: State.RAISED,
        Move.DETACH: State.RAISED,
        Move.WITHDRAW: State.WITHDRAWN,
    },
    State.SEEN: {
        Move.START: State.STARTED,
        Move.REPORT: State.REPORTED,
        Move.REASSIGN: State.RAISED,
        Move.EXTEND: State.SEEN,
        Move.CHANGE: State.RAISED,
        Move.ESCALATE: State.SEEN,
        Move.CHASE: State.SEEN,
        Move.ACKNOWLEDGE: State.SEEN,
        Move.ATTACH: State.SEEN,
        Move.DETACH: State.SEEN,
        Move.WITHDRAW: State.WITHDRAWN,
    },
    State.STARTED: {
        Move.REPORT: State.REPORTED,
        Move.REASSIGN: State.RAISED,
        Move.EXTEND: State.STARTED,
        Move.CHANGE: State.STARTED,
        Move.ESCALATE: State.STARTED,
        Move.CHASE: State.STARTED,
        Move.ACKNOWLEDGE: State.STARTED,
        Move.ATTACH: State.STARTED,
        Move.DETACH: State.STARTED,
        Move.WITHDRAW: State.WITHDRAWN,
    },
    State.REPORTED: {
        Move.VERIFY: State.VERIFIED,
        Move.RETURN: State.RETURNED,
        Move.CHANGE: State.REPORTED,
        Move.ATTACH: State.REPORTED,
        Move.DETACH: State.REPORTED,
        Move.WITHDRAW: State.WITHDRAWN,
    },
    State.RETURNED: {
        Move.START: State.STARTED,
        Move.REPORT: State.REPORTED,
        Move.REASSIGN: State.RAISED,
        Move.EXTEND: State.RETURNED,
        Move.CHANGE: State.RETURNED,
        Move.ESCALATE: State.RETURNED,
        Move.CHASE: State.RETURNED,
        Move.ACKNOWLEDGE: State.RETURNED,
        Move.ATTACH: State.RETURNED,
        Move.DETACH: State.RETURNED,
        Move.WITHDRAW: State.WITHDRAWN,
    },
    State.VERIFIED: {Move.CHECK: State.VERIFIED, Move.REOPEN: State.RAISED},
    State.WITHDRAWN: {Move.REOPEN: State.RAISED},
}
"""Every state and what may happen in it. What is not here cannot happen."""

TO_DO = frozenset({State.RAISED, State.SEEN, State.STARTED, State.RETURNED})
"""The owner has something to do: the clock runs, reminders and escalations are due."""

OPEN = TO_DO | {State.REPORTED}
"""The loop is not closed while one of its actions stands here."""

NEEDS_REASON = frozenset({Move.RETURN, Move.REASSIGN, Move.EXTEND, Move.WITHDRAW, Move.REOPEN})
"""Moves that nobody makes without saying why."""

_TOO_LATE = {
    State.REPORTED: "This action has already been reported done. It is waiting to be verified.",
    State.VERIFIED: "This action has already been verified, so it is finished.",
    State.WITHDRAWN: "This action was withdrawn, so nothing more is asked for.",
}


def after(state: State, move: Move) -> State:
    """Where `move` leads from `state`.

    Raises:
        Refused: the move is not possible there; the message says why in words for the page.
    """
    try:
        return LIFE[state][move]
    except KeyError:
        raise Refused(_why_not(state, move)) from None


def can(state: State, move: Move) -> bool:
    """Whether `move` is possible in `state`, whoever makes it."""
    return move in LIFE[state]


def _why_not(state: State, move: Move) -> str:
    if move in {Move.VERIFY, Move.RETURN} and state in TO_DO:
        return "This action has not been reported done yet, so there is nothing to verify."
    return _TOO_LATE.get(state, "This is not possible while the action stands as it does.")


def diagram() -> str:
    """The table as a Mermaid state diagram: the moves that change the state, once each, for the README."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RAISED}"]
    for state, moves in LIFE.items():
        for target in State:
            names = sorted(str(move) for move, to in moves.items() if to is target and to is not state)
            if names:
                lines.append(f"    {state} --> {target}: {', '.join(names)}")
    return "\n".join(lines)
