"""Who may do what: the matrix of roles, and the bars that no role lifts."""

from dataclasses import dataclass, field, replace

import pytest

from services.remedial.domain.life import Move, State
from services.remedial.domain.oversight import (
    Concerned,
    bar,
    has_role_for,
    may,
    must_say_why,
    next_move,
    offered,
    reads_words,
    sees,
)


@dataclass(frozen=True)
class Asking:
    person_id: str
    roles: frozenset[str]
    teams: frozenset[str] = field(default=frozenset())
    services: frozenset[str] = field(default=frozenset())


ACTION = Concerned(
    owner_id="worker-1",
    team_id="team-1",
    service="safeguarding",
    auditor_id="auditor-1",
    moderators=frozenset({"moderator-1"}),
    worker_id="worker-1",
    authorised_by="manager-1",
    reported_by=None,
    domain="planning",
)


def asking(person_id: str, *roles: str, teams: tuple[str, ...] = (), services: tuple[str, ...] = ()) -> Asking:
    return Asking(person_id, frozenset(roles), frozenset(teams), frozenset(services))


OWNER = asking("worker-1", "practitioner")
COLLEAGUE = asking("worker-2", "practitioner")
AUDITOR = asking("auditor-1", "auditor")
OTHER_AUDITOR = asking("auditor-2", "auditor")
INTERNAL = asking("auditor-1", "internal_auditor")
MODERATOR = asking("moderator-1", "moderator")
OTHER_MODERATOR = asking("moderator-2", "moderator")
MANAGER = asking("manager-2", "team_manager", teams=("team-1",))
SIGNED_OFF = asking("manager-1", "team_manager", teams=("team-1",))
OTHER_MANAGER = asking("manager-3", "team_manager", teams=("team-2",))
HEAD = asking("head-1", "head_of_service", services=("safeguarding",))
OTHER_HEAD = asking("head-2", "head_of_service", services=("disability",))
SUPPORT = asking("support-1", "business_support")
QA = asking("qa-1", "qa_manager")
LEAD = asking("lead-1", "lead_auditor")
DCS = asking("dcs-1", "dcs")
BOARD = asking("board-1", "board")
ADMINISTRATOR = asking("admin-1", "administrator")
EVERYONE = [
    OWNER, COLLEAGUE, AUDITOR, OTHER_AUDITOR, INTERNAL, MODERATOR, OTHER_MODERATOR, MANAGER, SIGNED_OFF, OTHER_MANAGER,
    HEAD, OTHER_HEAD, SUPPORT, QA, LEAD, DCS, BOARD, ADMINISTRATOR,
]  # fmt: skip


def those(who: list[Asking], move: Move | None = None) -> list[Asking]:
    return [each for each in who if (sees(each, ACTION) if move is None else may(move, each, ACTION))]


def test_an_action_exists_for_those_whom_it_concerns_and_for_nobody_else() -> None:
    expected = [OWNER, AUDITOR, INTERNAL, MODERATOR, MANAGER, SIGNED_OFF, HEAD, SUPPORT, QA, LEAD, DCS]
    assert those(EVERYONE) == expected


def test_the_owner_or_their_manager_reports() -> None:
    assert those(EVERYONE, Move.REPORT) == [OWNER, MANAGER, SIGNED_OFF]


def test_the_auditor_of_the_case_its_moderator_or_qa_verifies() -> None:
    for move in (Move.VERIFY, Move.RETURN):
        assert those(EVERYONE, move) == [AUDITOR, MODERATOR, QA]


def test_whoever_oversees_reassigns_and_extends_but_not_whoever_signed_the_work_off() -> None:
    for move in (Move.REASSIGN, Move.EXTEND):
        assert those(EVERYONE, move) == [MANAGER, HEAD, SUPPORT, QA]


def test_only_qa_withdraws() -> None:
    assert those(EVERYONE, Move.WITHDRAW) == [QA]


def test_no_one_makes_the_moves_of_time_and_events() -> None:
    assert those(EVERYONE, Move.ESCALATE) == those(EVERYONE, Move.CHANGE) == []


@pytest.mark.parametrize(
    "own",
    [
        replace(ACTION, owner_id="qa-1"),
        replace(ACTION, reported_by="qa-1"),
        replace(ACTION, worker_id="qa-1"),
        replace(ACTION, authorised_by="qa-1"),
    ],
)
def test_nobody_verifies_their_own_work_in_whatever_part_they_had_in_it(own: Concerned) -> None:
    for move in (Move.VERIFY, Move.RETURN, Move.REOPEN):
        assert has_role_for(move, QA, own)
        assert bar(move, QA, own) is not None


def test_nobody_withdraws_what_is_about_their_own_work() -> None:
    for own in (replace(ACTION, owner_id="qa-1"), replace(ACTION, authorised_by="qa-1")):
        assert bar(Move.WITHDRAW, QA, own) is not None
    assert bar(Move.WITHDRAW, QA, ACTION) is None


def test_nobody_extends_or_hands_over_their_own_action_whatever_else_they_are() -> None:
    own = replace(ACTION, owner_id="manager-2")
    for move in (Move.EXTEND, Move.REASSIGN, Move.CHASE):
        assert has_role_for(move, MANAGER, own)
        assert bar(move, MANAGER, own) is not None


def test_a_manager_grants_no_time_where_their_own_oversight_is_the_finding() -> None:
    finding = replace(ACTION, domain="management_oversight")
    assert not may(Move.EXTEND, MANAGER, finding)
    assert may(Move.EXTEND, HEAD, finding)


def test_business_support_sees_what_to_chase_and_not_the_words() -> None:
    assert [each for each in those(EVERYONE) if not reads_words(each, ACTION)] == [SUPPORT]
    assert reads_words(asking("support-1", "business_support", "team_manager", teams=("team-1",)), ACTION)


def test_only_the_dcs_says_why_a_case_is_opened_unless_they_see_it_otherwise() -> None:
    assert [each for each in EVERYONE if must_say_why(each, ACTION)] == [DCS]
    assert not must_say_why(asking("dcs-1", "dcs", "qa_manager"), ACTION)


def test_everyone_has_one_next_step() -> None:
    assert next_move(OWNER, ACTION, State.SEEN) is Move.REPORT
    assert next_move(AUDITOR, ACTION, State.REPORTED) is Move.VERIFY
    assert next_move(SUPPORT, ACTION, State.SEEN) is Move.CHASE
    assert next_move(SUPPORT, replace(ACTION, owner_id=None), State.RAISED) is Move.REASSIGN
    assert next_move(AUDITOR, ACTION, State.SEEN) is None
    assert next_move(OWNER, ACTION, State.REPORTED) is None


def test_nothing_is_offered_when_it_is_over_but_to_ask_again() -> None:
    assert {move for who in EVERYONE for move in offered(who, ACTION, State.VERIFIED)} == {Move.REOPEN}
