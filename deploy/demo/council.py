"""The demo council: teams and staff that were invented, the same ones for the same seed.

Its size follows the briefing's inference for one council: 14 teams and 90 case-holders. The names are drawn from lists
of given and family names that are common in England today; nobody real is meant. It holds staff only: the children of
the demo are numbers in `casework.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from random import Random

from shared.events import PersonRecorded, Role, TeamKind, TeamMembership, TeamRecorded

CODE = "999"
"""Of the DfE's three-digit codes, one that no council has."""

FOUNDED = date(2024, 4, 1)
"""When the directory begins: before everything that the demo tells of."""

FRONT_DOOR_AND_ASSESSMENT = "Front door and assessment"
SAFEGUARDING = "Safeguarding and family support"
CHILDREN_IN_OUR_CARE = "Children in our care"


@dataclass(frozen=True)
class Plan:
    """One team as it was founded: `patch` is the part of the town whose families it works with, if only one."""

    team_id: str
    name: str
    kind: TeamKind
    service: str
    practitioners: int
    patch: str | None = None


PATCHES = ("Harbour", "Moor", "Riverside", "Valley")

PLANS = (
    Plan("front-door", "Front door (MASH)", TeamKind.FRONT_DOOR, FRONT_DOOR_AND_ASSESSMENT, 10),
    *(
        Plan(
            f"assessment-{patch.lower()}",
            f"Assessment {patch}",
            TeamKind.ASSESSMENT,
            FRONT_DOOR_AND_ASSESSMENT,
            8,
            patch,
        )
        for patch in PATCHES
    ),
    *(
        Plan(f"safeguarding-{patch.lower()}", f"Safeguarding {patch}", TeamKind.SAFEGUARDING, SAFEGUARDING, 7, patch)
        for patch in PATCHES
    ),
    Plan("edge-of-care", "Edge of care", TeamKind.OTHER, SAFEGUARDING, 3),
    Plan("disability", "Children with disabilities", TeamKind.DISABILITY, SAFEGUARDING, 5),
    Plan("looked-after-east", "Children looked after East", TeamKind.LOOKED_AFTER, CHILDREN_IN_OUR_CARE, 5),
    Plan("looked-after-west", "Children looked after West", TeamKind.LOOKED_AFTER, CHILDREN_IN_OUR_CARE, 5),
    Plan("leaving-care", "Leaving care", TeamKind.LOOKED_AFTER, CHILDREN_IN_OUR_CARE, 2),
)

GIVEN_NAMES = (Path(__file__).parent / "given_names.txt").read_text(encoding="utf-8").split()
FAMILY_NAMES = (Path(__file__).parent / "family_names.txt").read_text(encoding="utf-8").split()


@dataclass(frozen=True)
class Council:
    """Everybody who may sign in, and their teams: as intake is told and as everybody else hears."""

    teams: tuple[TeamRecorded, ...]
    people: tuple[PersonRecorded, ...]

    def with_role(self, role: Role) -> tuple[PersonRecorded, ...]:
        """Everybody who has the role, in the order of the directory."""
        return tuple(person for person in self.people if role in person.roles)

    def practitioners_of(self, team_id: str) -> tuple[PersonRecorded, ...]:
        """The case-holders of one team."""
        return tuple(
            person
            for person in self.with_role(Role.PRACTITIONER)
            if any(membership.team_id == team_id for membership in person.teams)
        )

    def manager_of(self, team_id: str) -> PersonRecorded:
        """Who authorises the work of a team."""
        return next(person for person in self.people if team_id in person.manages)


def found_council(seed: int = 1) -> Council:
    """The council of a seed: the same teams always, the same people for the same seed."""
    names = _names(Random(seed))
    people = [*_people_of_teams(names), *_leaders(names), *_programme_team(names)]
    return Council(teams=tuple(_team(plan) for plan in PLANS), people=tuple(people))


def _names(rng: Random) -> Iterator[str]:
    """Full names without end, no two alike."""
    seen: set[str] = set()
    while True:
        name = f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)}"
        if name not in seen:
            seen.add(name)
            yield name


def _team(plan: Plan) -> TeamRecorded:
    return TeamRecorded(
        occurred_at=_founded_at(), team_id=plan.team_id, name=plan.name, kind=plan.kind, service=plan.service
    )


def _people_of_teams(names: Iterator[str]) -> Iterator[PersonRecorded]:
    """Each team's manager, then its practitioners."""
    numbers = count(1001)
    for plan in PLANS:
        yield _person(f"W{next(numbers)}", next(names), Role.TEAM_MANAGER, team=plan.team_id, manages=(plan.team_id,))
        for _ in range(plan.practitioners):
            yield _person(f"W{next(numbers)}", next(names), Role.PRACTITIONER, team=plan.team_id)


def _leaders(names: Iterator[str]) -> Iterator[PersonRecorded]:
    """Heads of service, the director, the sponsor, the board and those who run things for them."""
    services = (FRONT_DOOR_AND_ASSESSMENT, SAFEGUARDING, CHILDREN_IN_OUR_CARE)
    for number, service in enumerate(services, 1):
        yield _person(f"head-{number}", next(names), Role.HEAD_OF_SERVICE, services=(service,))
    yield _person("director", next(names), Role.DCS, services=services)
    yield _person("sponsor", next(names), Role.SPONSOR)
    for number in range(1, 4):
        yield _person(f"board-{number}", next(names), Role.BOARD)
    for number in range(1, 3):
        yield _person(f"support-{number}", next(names), Role.BUSINESS_SUPPORT)
    yield _person("qa-manager", next(names), Role.QA_MANAGER)
    yield _person("administrator", next(names), Role.ADMINISTRATOR)


def _programme_team(names: Iterator[str]) -> Iterator[PersonRecorded]:
    """Four external auditors of whom the first leads, two internal ones, two moderators."""
    yield _person("auditor-1", next(names), Role.AUDITOR, Role.LEAD_AUDITOR)
    for number in range(2, 5):
        yield _person(f"auditor-{number}", next(names), Role.AUDITOR)
    for number in range(1, 3):
        yield _person(f"internal-auditor-{number}", next(names), Role.INTERNAL_AUDITOR)
    for number in range(1, 3):
        yield _person(f"moderator-{number}", next(names), Role.MODERATOR)


def _person(
    person_id: str,
    name: str,
    *roles: Role,
    team: str | None = None,
    manages: tuple[str, ...] = (),
    services: tuple[str, ...] = (),
) -> PersonRecorded:
    address = name.lower().replace(" ", ".").replace("'", "")
    return PersonRecorded(
        occurred_at=_founded_at(),
        person_id=person_id,
        name=name,
        email=f"{address}@council.example",
        roles=roles,
        teams=(TeamMembership(team_id=team, since=FOUNDED),) if team else (),
        manages=manages,
        services=services,
    )


def _founded_at() -> datetime:
    return datetime(FOUNDED.year, FOUNDED.month, FOUNDED.day, tzinfo=UTC)
