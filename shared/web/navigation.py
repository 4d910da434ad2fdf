"""The header: the same words in the same order for everyone, with only what the person may use."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.access import Role, Scope


@dataclass(frozen=True)
class Place:
    """One word of the header: where each role starts under it (the first that fits), and which paths it covers."""

    label: str
    starts: tuple[tuple[frozenset[str], str], ...]
    covers: tuple[str, ...]

    def start(self, scope: Scope) -> str | None:
        """Where this person starts; None where they have nothing to do there."""
        return next((href for roles, href in self.starts if scope.has(*roles)), None)


def _start(href: str, *roles: Role) -> tuple[frozenset[str], str]:
    return frozenset(role.value for role in roles), href


PLACES = (
    Place(
        "Audits",
        (
            _start("/audit/inbox", Role.AUDITOR, Role.LEAD_AUDITOR, Role.INTERNAL_AUDITOR),
            _start("/audit/programmes", Role.QA_MANAGER),
        ),
        ("/audit",),
    ),
    Place(
        "Actions",
        (
            _start("/remedial/board", Role.BUSINESS_SUPPORT, Role.QA_MANAGER),
            _start("/remedial/team", Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS),
            _start("/remedial/mine", Role.PRACTITIONER),
        ),
        ("/remedial",),
    ),
    Place(
        "Reports",
        (
            _start(
                "/reporting/board",
                Role.QA_MANAGER,
                Role.BOARD,
                Role.DCS,
                Role.SPONSOR,
                Role.HEAD_OF_SERVICE,
                Role.BUSINESS_SUPPORT,
            ),
        ),
        ("/reporting",),
    ),
    Place(
        "Intake",
        (
            _start("/intake", Role.BUSINESS_SUPPORT, Role.QA_MANAGER),
            _start("/intake/people", Role.ADMINISTRATOR),
        ),
        ("/intake",),
    ),
)


@dataclass(frozen=True)
class Link:
    """A word of the header as this person sees it."""

    label: str
    href: str
    current: bool


def navigation(scope: Scope | None, path: str) -> list[Link]:
    """The header's words for this person on this page; none for nobody."""
    if scope is None:
        return []
    starts: Mapping[str, str | None] = {place.label: place.start(scope) for place in PLACES}
    return [
        Link(place.label, href, any(path == prefix or path.startswith(f"{prefix}/") for prefix in place.covers))
        for place in PLACES
        if (href := starts[place.label]) is not None
    ]
