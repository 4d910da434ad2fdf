"""Who holds what is open on a child, where the sender does not say: whoever did the child's last finished work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.driving import driver
from shared.events import AssessmentRecorded

_HOLD = (
    "UPDATE frame SET worker_id = said.worker_id, team_id = said.team_id"
    " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS said (child_id, worker_id, team_id)"
    " WHERE frame.child_id = said.child_id"
    " AND (frame.worker_id, frame.team_id) IS DISTINCT FROM (said.worker_id, said.team_id)"
)


async def follow(session: AsyncSession, cases: Sequence[AssessmentRecorded], framed: Collection[UUID]) -> None:
    """Give what stands in the frame of these children to the workers and teams of the finished cases, in order."""
    last = {case.child_id: case for case in cases if case.child_id in framed and (case.worker_id or case.team_id)}
    if last:
        workers, teams = [case.worker_id for case in last.values()], [case.team_id for case in last.values()]
        await (await driver(session)).execute(_HOLD, list(last), workers, teams)
