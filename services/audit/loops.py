"""Where the loop of each audit stands, folded from remedial's events: shown beside the grade, never in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.domain.re_audits import Standing
from services.audit.models import Audit, Loop
from shared.events import (
    ActionEvent,
    ActionRaised,
    ActionReported,
    ActionReturned,
    ActionVerified,
    ActionWithdrawn,
    Event,
    FindingJoined,
    FindingParted,
    LoopClosed,
    LoopEvent,
    LoopHeld,
    LoopReopened,
)
from shared.messaging import notify

CHANNEL = "inbox"

ASKED_AGAIN = frozenset({"amended", "reopened"})
"""Why a loop opens again because of its own actions; anything else happened to the child."""


async def follow(session: AsyncSession, events: Sequence[ActionEvent | LoopEvent]) -> None:
    """Fold a batch: each audit's events in their order, audits in one order for all, so that nobody deadlocks."""
    by_audit: dict[str, list[ActionEvent | LoopEvent]] = {}
    for event in events:
        by_audit.setdefault(event.key, []).append(event)
    for key in sorted(by_audit):
        await _follow_one(session, by_audit[key])
    if by_audit:
        await notify(session, CHANNEL, "")


async def _follow_one(session: AsyncSession, events: Sequence[ActionEvent | LoopEvent]) -> None:
    audit_id = events[0].audit_id
    loop = await session.get(Loop, audit_id, with_for_update=True)
    if loop is None:
        if await session.get(Audit, audit_id) is None:
            return
        loop = Loop(audit_id=audit_id, version=0, standing=Standing.OPEN)
        session.add(loop)
    for event in _fresh(events, loop.version):
        _fold(loop, event)
        loop.version = event.version
    await session.flush()


def _fresh(events: Iterable[ActionEvent | LoopEvent], version: int) -> Iterable[ActionEvent | LoopEvent]:
    """What this projection has not seen: versions only rise within one audit's loop."""
    return (event for event in events if event.version > version)


def _fold(loop: Loop, event: Event) -> None:
    match event:
        case ActionRaised():
            loop.actions += 1
            loop.standing = Standing.OPEN
        case FindingJoined() if event.action_audit_id != event.audit_id:
            loop.joined += 1
            loop.standing = Standing.OPEN
        case FindingParted():
            loop.joined = max(0, loop.joined - 1)
        case ActionReported():
            loop.waiting += 1
        case ActionReturned():
            loop.waiting = max(0, loop.waiting - 1)
        case ActionVerified():
            loop.waiting = max(0, loop.waiting - 1)
            loop.verified += 1
        case ActionWithdrawn():
            loop.actions = max(0, loop.actions - 1)
        case LoopClosed():
            loop.standing = Standing.CLOSED
        case LoopHeld():
            loop.standing = Standing.HELD
        case LoopReopened():
            loop.standing = Standing.REOPENED if event.because in ASKED_AGAIN else Standing.CAME_BACK
        case _:
            return
