"""What the pages share: the time, who may do what, the way into the case system."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request

from services.audit.queries.drawing import SEES_DRAWS
from services.audit.queries.programmes import SEES_PROGRAMMES
from shared.access import Role, allow

WHO_AUDITS = (Role.AUDITOR, Role.INTERNAL_AUDITOR, Role.LEAD_AUDITOR)
WHO_READS = (
    *WHO_AUDITS,
    Role.PRACTITIONER,
    Role.TEAM_MANAGER,
    Role.HEAD_OF_SERVICE,
    Role.DCS,
    Role.QA_MANAGER,
)
AUDITORS, READERS = [allow(*WHO_AUDITS)], [allow(*WHO_READS)]
PLANNERS, WATCHERS, ASKERS = [allow(Role.QA_MANAGER)], [allow(*SEES_PROGRAMMES)], [allow(*SEES_DRAWS)]

DIRECTORS = [allow(Role.DCS)]
COMMENTERS, ANSWERERS = [allow(Role.PRACTITIONER)], [allow(Role.QA_MANAGER)]
CHALLENGERS = [allow(Role.PRACTITIONER, Role.TEAM_MANAGER)]
REFERRERS = [allow(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.QA_MANAGER)]


def now_of(request: Request) -> datetime:
    """The service's time: the wall clock, or a replay's."""
    now: datetime = request.app.state.service.clock.now()
    return now


Now = Annotated[datetime, Depends(now_of)]


def case_link_of(request: Request) -> Callable[[str | None], str | None]:
    """Makes the address of a case in the case management system, where its id is known and a link is set up."""
    template: str = request.app.state.service.settings.case_link

    def address(case_id: str | None) -> str | None:
        return template.replace("{case_id}", quote(case_id, safe="")) if template and case_id else None

    return address


CaseLink = Annotated[Callable[[str | None], str | None], Depends(case_link_of)]


Thing = TypeVar("Thing")


def found(thing: Thing | None) -> Thing:
    """The thing, or 404 where it does not exist for this person."""
    if thing is None:
        raise HTTPException(404)
    return thing
