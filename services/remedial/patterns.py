"""Patterns: what is found again and again in one team, said once, with a workshop on offer."""

from collections.abc import Sequence
from datetime import date, datetime, time
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.calendar import proclaimed
from services.remedial.domain.life import State
from services.remedial.domain.notices import Kind
from services.remedial.domain.patterns import is_pattern, since
from services.remedial.models import Action, Join, Joined, Loop, Pattern
from services.remedial.notices import note
from shared.access import Scope, people
from shared.clock import LONDON
from shared.events import ActionRaised, Event, FindingJoined, PatternDetected
from shared.working_days import local_date

_NAMESPACE = UUID("a3b27f54-6a7c-5d7e-9d42-0e61c8f2d3b7")
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('remedial.pattern.' || :what, 0))")


async def detect(session: AsyncSession, events: Sequence[Event]) -> list[Event]:
    """Look for a pattern in each team and domain of a finding that was just raised, or joined with an open action."""
    raised = [event for event in events if isinstance(event, ActionRaised | FindingJoined)]
    places = {(event.team_id, event.domain): event.occurred_at for event in raised if event.team_id}
    # Sorted, so that two consumers that look at the same places cannot deadlock.
    found = [await _look(session, str(team), domain, at) for (team, domain), at in sorted(places.items(), key=_place)]
    return [event for event in found if event is not None]


def _place(place: tuple[tuple[str | None, str], datetime]) -> tuple[str, str]:
    (team, domain), _ = place
    return str(team), domain


async def _look(session: AsyncSession, team_id: str, domain: str, now: datetime) -> PatternDetected | None:
    await session.flush()
    await session.execute(_LOCK, {"what": f"{team_id}.{domain}"})
    day = local_date(now)
    first = since(day, await proclaimed(session))
    if not is_pattern(await _audits(session, team_id, domain, first), await _detected(session, team_id, domain, first)):
        return None
    pattern = Pattern(
        pattern_id=uuid5(_NAMESPACE, f"{team_id}/{domain}/{day}"),
        team_id=team_id,
        domain=domain,
        since=first,
        detected_at=now,
        actions=await _audits(session, team_id, domain, first),
    )
    session.add(pattern)
    for manager in await people.managers_of(session, team_id):
        path = f"/remedial/sessions/new?pattern={pattern.pattern_id}"
        await note(session, manager.person_id, Kind.PATTERN, pattern.pattern_id, now, path=path)
    return PatternDetected(
        occurred_at=now,
        pattern_id=pattern.pattern_id,
        team_id=team_id,
        domain=domain,
        actions=pattern.actions,
        since=first,
    )


async def _audits(session: AsyncSession, team_id: str, domain: str, first: date) -> int:
    """In how many audits of the team the domain was found since that day: one action for two of them hides neither."""
    midnight = datetime.combine(first, time(0), LONDON)
    raised = sa.select(col(Action.audit_id)).where(
        col(Action.team_id) == team_id,
        col(Action.domain) == domain,
        col(Action.raised_at) >= midnight,
        col(Action.state) != State.WITHDRAWN,
    )
    joined = (
        sa.select(col(Joined.audit_id))
        .join(Loop, col(Loop.audit_id) == col(Joined.audit_id))
        .where(
            col(Joined.join) == Join.JOINED,
            col(Loop.team_id) == team_id,
            col(Joined.domain) == domain,
            col(Loop.completed_at) >= midnight,
        )
    )
    audits = raised.union(joined).subquery()
    return (await session.execute(sa.select(sa.func.count()).select_from(audits))).scalar_one()


async def _detected(session: AsyncSession, team_id: str, domain: str, first: date) -> bool:
    query = sa.select(sa.func.max(col(Pattern.detected_at))).where(
        col(Pattern.team_id) == team_id, col(Pattern.domain) == domain
    )
    last = (await session.execute(query)).scalar_one_or_none()
    return last is not None and local_date(last) >= first


async def latest(session: AsyncSession, scope: Scope, teams: Sequence[str]) -> list[Pattern]:
    """The latest patterns of these teams for whoever answers for them, the newest first."""
    query = sa.select(Pattern).where(col(Pattern.team_id).in_(teams), sa.literal(bool(scope.roles)))
    return list((await session.execute(query.order_by(col(Pattern.detected_at).desc()).limit(3))).scalars())
