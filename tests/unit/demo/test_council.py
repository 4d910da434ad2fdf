"""The demo council is of a believable size, and the same every time."""

from collections import Counter

import pytest

from deploy.demo.council import Council, found_council
from shared.events import Role, TeamKind


@pytest.fixture(scope="module")
def council() -> Council:
    return found_council()


def test_a_seed_founds_the_same_council_every_time(council: Council) -> None:
    assert found_council() == council
    assert found_council(seed=2) != council


def test_it_has_fourteen_teams_of_every_kind(council: Council) -> None:
    kinds = Counter(team.kind for team in council.teams)
    assert sum(kinds.values()) == 14
    assert set(kinds) == set(TeamKind)
    assert (kinds[TeamKind.FRONT_DOOR], kinds[TeamKind.ASSESSMENT]) == (1, 4)


def test_it_has_ninety_case_holders_each_in_one_team(council: Council) -> None:
    practitioners = council.with_role(Role.PRACTITIONER)
    assert len(practitioners) == 90
    assert all(len(person.teams) == 1 for person in practitioners)
    assert sum(len(council.practitioners_of(team.team_id)) for team in council.teams) == 90


def test_every_team_has_one_manager_and_every_service_a_head(council: Council) -> None:
    managed = Counter(team for person in council.people for team in person.manages)
    assert managed == Counter(team.team_id for team in council.teams)
    headed = {service for person in council.with_role(Role.HEAD_OF_SERVICE) for service in person.services}
    assert headed == {team.service for team in council.teams}


def test_everybody_of_the_programme_is_there(council: Council) -> None:
    count = {role: len(council.with_role(role)) for role in Role}
    assert count[Role.AUDITOR] == 4
    assert count[Role.LEAD_AUDITOR] == 1
    assert count[Role.INTERNAL_AUDITOR] == 2
    assert count[Role.MODERATOR] == 2
    assert all(count.values()), "a role that nobody has cannot be shown"


def test_names_and_ids_are_unique(council: Council) -> None:
    assert len({person.person_id for person in council.people}) == len(council.people)
    assert len({person.name for person in council.people}) == len(council.people)
    assert len({person.email for person in council.people}) == len(council.people)
