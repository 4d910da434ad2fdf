"""The header: the same words in the same order for everyone, with only what the person may use."""

import re
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


AUDITORS = (Role.AUDITOR, Role.LEAD_AUDITOR, Role.INTERNAL_AUDITOR)

PLACES = (
    Place(
        "Audits",
        (
            _start("/audit/inbox", *AUDITORS),
            _start("/audit/programmes", Role.QA_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS, Role.ADMINISTRATOR),
            _start("/audit/referrals", Role.TEAM_MANAGER),
        ),
        ("/audit",),
    ),
    Place(
        "Actions",
        (
            _start("/remedial/board", Role.BUSINESS_SUPPORT, Role.QA_MANAGER),
            _start("/remedial/team", Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS),
            _start("/remedial/mine", Role.PRACTITIONER),
            _start("/remedial/verify", Role.AUDITOR, Role.LEAD_AUDITOR, Role.MODERATOR),
        ),
        ("/remedial",),
    ),
    Place(
        "Reports",
        (
            _start(
                "/reporting/board",
                *AUDITORS,
                Role.QA_MANAGER,
                Role.BUSINESS_SUPPORT,
                Role.TEAM_MANAGER,
                Role.HEAD_OF_SERVICE,
                Role.BOARD,
                Role.DCS,
                Role.SPONSOR,
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
    return [
        Link(place.label, href, any(path == prefix or path.startswith(f"{prefix}/") for prefix in place.covers))
        for place in PLACES
        if (href := place.start(scope)) is not None
    ]


CONCERNS = Place(
    "A child may be unsafe",
    (
        _start(
            "/audit/concerns/new",
            *AUDITORS,
            Role.PRACTITIONER,
            Role.TEAM_MANAGER,
            Role.HEAD_OF_SERVICE,
            Role.DCS,
            Role.QA_MANAGER,
        ),
    ),
    ("/audit/concerns",),
)
"""On every screen of whoever may raise a concern; it asks for the case where the page does not name one."""

AUDIT = re.compile(r"/audit/audits/[0-9a-f-]{36}(?=/|$)")


def raise_concern(scope: Scope | None, path: str) -> str | None:
    """Where this person says that a child may be unsafe: about this page's audit, or about a case still to be named."""
    start = CONCERNS.start(scope) if scope is not None else None
    audit = AUDIT.match(path)
    return f"{audit[0]}/concern" if start and audit else start
