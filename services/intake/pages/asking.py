"""What the pages share: who may ask, the service's time, the numbers of pages, and words for roads and fields."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from services.intake.queries import SEES_VALUES
from shared.access import Role, allow
from shared.events import EpisodeKind, Kind
from shared.web.filters import sender_name

WATCHERS = [allow(*SEES_VALUES)]
COUNTERS = [allow(*SEES_VALUES, Role.ADMINISTRATOR)]

KINDS = {
    Kind.ASSESSMENT: "Assessment",
    Kind.CONTACT: "Contact",
    Kind.REFERRAL: "Referral",
    Kind.ENQUIRY: "Section 47 enquiry",
    EpisodeKind.CASE: "Open case",
    EpisodeKind.CHILD_IN_NEED: "Child in need",
    EpisodeKind.CHILD_PROTECTION: "Child protection plan",
    EpisodeKind.LOOKED_AFTER: "Period looked after",
    EpisodeKind.PLACEMENT: "Placement",
}
FIELDS = {
    "id": "Record's id",
    "child": "Child's id",
    "started_on": "Started on",
    "finished_on": "Finished on",
    "referred_on": "Referred on",
    "conference_on": "Conference on",
    "conference_unnecessary": "Conference unnecessary",
    "child_seen": "Child seen",
    "no_further_action": "No further action",
    "earlier_enquiries": "Earlier enquiries in 12 months",
    "earlier_referrals": "Earlier referrals in 12 months",
    "factors": "Factors",
    "outcome": "Outcome",
    "team": "Team",
    "worker": "Worker",
    "finished_at": "Finished at",
    "finished_by": "Authorised by",
    "worker_name": "Worker",
    "team_name": "Team",
    "category": "Category of abuse",
    "age_band": "Age",
    "family": "Family key",
    "decided": "Decided",
    "date_of_birth": "Date of birth",
    "ended_on": "Ended on",
}


def now_of(request: Request) -> datetime:
    """The service's time: the wall clock, or a replay's."""
    now: datetime = request.app.state.service.clock.now()
    return now


Now = Annotated[datetime, Depends(now_of)]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=10_000)]


def road_name(road: str) -> str:
    """A road in words, as every service says it."""
    return sender_name(road)


def kind_name(kind: str | None) -> str:
    """A kind of work, or of what stands around it, in words."""
    return {str(each): name for each, name in KINDS.items()}.get(kind or "", "Unknown")
