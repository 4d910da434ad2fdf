"""Whose an action is."""

from services.remedial.domain.ownership import Because, Owner, owner_of, team_after

HERE = {"worker-1": True, "worker-2": True}


def test_the_practitioner_owns_what_their_case_needs() -> None:
    assert owner_of(None, "worker-1", "team-1", HERE, {}) == Owner("worker-1", Because.PRACTITIONER)


def test_whoever_the_auditor_named_owns_it_instead() -> None:
    assert owner_of("worker-2", "worker-1", "team-1", HERE, {}) == Owner("worker-2", Because.NAMED)


def test_the_manager_answers_where_the_practitioner_has_left_or_is_unknown() -> None:
    managers = {"team-1": ["manager-1", "manager-2"]}
    for active in ({"worker-1": False}, {}):
        assert owner_of(None, "worker-1", "team-1", active, managers) == Owner("manager-1", Because.MANAGER)


def test_nobody_stands_in_for_themselves() -> None:
    gone = owner_of("manager-1", None, "team-1", {"manager-1": False}, {"team-1": ["manager-1"]})
    assert gone == Owner(None, Because.NOBODY)


def test_nobody_owns_it_where_no_one_is_known() -> None:
    assert owner_of(None, None, None, {}, {}) == Owner(None, Because.NOBODY)


def test_the_team_follows_a_new_owner_who_belongs_to_another() -> None:
    assert team_after("team-1", {"team-1", "team-0"}) == "team-1"
    assert team_after("team-1", {"team-3", "team-2"}) == "team-2"
    assert team_after("team-1", set()) == "team-1"
