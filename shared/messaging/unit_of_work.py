"""The edge of a request: one transaction, committed before the answer is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.db import sessions
from shared.events import Event
from shared.messaging import live, outbox


@dataclass
class UnitOfWork:
    """A session whose changes and events commit together when the request's function returns."""

    session: AsyncSession
    events: list[Event] = field(default_factory=list)

    def record(self, *events: Event) -> None:
        """Say what happened; it is published after the commit."""
        self.events.extend(events)

    async def notify(self, channel: str, payload: str = "") -> None:
        """Tell every replica's pages when this commits."""
        await live.notify(self.session, channel, payload)


async def _work(request: Request) -> AsyncIterator[UnitOfWork]:
    async with sessions(_engine(request))() as session, session.begin():
        work = UnitOfWork(session)
        yield work
        await outbox.store(session, work.events)


async def _reading(request: Request) -> AsyncIterator[AsyncSession]:
    async with sessions(_engine(request))() as session:
        yield session


def _engine(request: Request) -> AsyncEngine:
    engine: AsyncEngine = request.app.state.service.engine
    return engine


Work = Annotated[UnitOfWork, Depends(_work, scope="function")]
"""The function scope: left before the answer is sent, so that whoever reads it reads what was committed."""

Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]
"""A session for reads; nothing is committed."""
