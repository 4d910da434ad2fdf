"""Finished work for the pages to show, told as a case system tells it; each time about other children.

Two tests of one stack that told the same cases twice would see no effect the second time.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import uuid4

from deploy.demo.council import Council
from shared.events import CmsAssessmentAuthorised, CmsEnquiryEnded, CmsReferralDecided
from shared.working_days import local_date
from tests.system.stack import RunningStack

TEAM = "assessment-harbour"
LOOP_TEAM, AGAIN_TEAM = "assessment-riverside", "assessment-valley"
"""Teams of which one test alone tells cases: it counts what a worker has to do, and others audit what is left."""
OTHER_TEAM = "assessment-moor"
STRANGER = "L999"
"""A worker whom the staff directory does not know."""


def name_of(council: Council, team_id: str) -> str:
    """What the pages call the team."""
    return next(team.name for team in council.teams if team.team_id == team_id)


class Told(TypedDict):
    """What every record has."""

    occurred_at: datetime
    council: str
    id: str
    child: str
    worker: str


def records(number: int, worker: str) -> list[Told]:
    """The common part of so many records, each about a child of its own."""
    now = datetime.now(UTC)
    first = 4_400_000 + 100 * secrets.randbelow(4000)
    children = (str(first + each) for each in range(number))
    return [
        Told(occurred_at=now, council="999", id=f"seen-in-the-browser-{child}", child=child, worker=worker)
        for child in children
    ]


async def publish_neglect(stack: RunningStack, council: Council, worker: str, team: str = TEAM) -> None:
    """Two dozen new assessments of one worker, all about neglect: the programme draws more than half of them."""
    told = records(24, worker)
    now = told[0]["occurred_at"]
    assessments = [
        CmsAssessmentAuthorised(
            **each,
            team=team,
            started_on=local_date(now) - timedelta(days=30),
            authorised_on=local_date(now),
            authorised_at=now,
            authorised_by=council.manager_of(team).person_id,
            factors=("16A",),
        )
        for each in told
    ]
    await stack.publish(*assessments, event_ids=[str(uuid4()) for _ in assessments])


async def publish_what_waits(stack: RunningStack, council: Council) -> None:
    """Two dozen each of enquiries and referrals, which themes draw from that have no need of `publish_neglect`.

    One more enquiry is of a worker whom nobody knows.
    """
    worker = council.practitioners_of(OTHER_TEAM)[0].person_id
    door = council.practitioners_of("front-door")[0].person_id
    enquiries, referrals = [*records(24, worker), *records(1, STRANGER)], records(24, door)
    now = enquiries[0]["occurred_at"]
    today = local_date(now)
    ended = [
        CmsEnquiryEnded(
            **each,
            team=OTHER_TEAM,
            started_on=today - timedelta(days=9),
            ended_on=today,
            ended_at=now,
            authorised_by=council.manager_of(OTHER_TEAM).person_id,
        )
        for each in enquiries
    ]
    decided = [
        CmsReferralDecided(
            **each,
            team="front-door",
            referred_on=today,
            decided_on=today,
            decided_at=now,
            decided_by=council.manager_of("front-door").person_id,
            source="2A",
        )
        for each in referrals
    ]
    await stack.publish(*ended, *decided, event_ids=[str(uuid4()) for _ in (*ended, *decided)])
