"""An open inbox: what it may still show when the person before it no longer may see it."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.audits import INBOX
from services.audit.queries import waiting
from services.audit.queries.waiting import Inbox, Wanted
from shared.access import Role, Scope
from shared.db import sessions
from shared.events import PersonRecorded
from shared.messaging import notify
from tests.support.clients import a_person, client_as, keep
from tests.support.eventually import eventually
from tests.support.serving import stream_of

ENDED = [
    ("the session was revoked", a_person("auditor-1", Role.AUDITOR, epoch=1, version=2)),
    ("the role was taken", a_person("auditor-1", Role.PRACTITIONER, version=2)),
]


@pytest.mark.parametrize("change", [change for _, change in ENDED], ids=[why for why, _ in ENDED])
async def test_an_open_inbox_ends_when(app: FastAPI, change: PersonRecorded) -> None:
    await client_as(app, Role.AUDITOR, person_id="auditor-1")
    async with stream_of(app, "/audit/inbox/live", "auditor-1") as pieces:
        await anext(pieces)
        await keep(app, change)
        async with sessions(app.state.service.engine)() as session, session.begin():
            await notify(session, INBOX)
        async for _ in pieces:
            pass


async def test_what_comes_while_the_list_is_drawn_is_answered_by_one_drawing(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each note was once drawn for: at fifty cases a second an open inbox fell minutes behind."""
    await client_as(app, Role.AUDITOR, person_id="auditor-1")
    drawn: list[Wanted] = []
    may_go_on = asyncio.Event()
    inbox = waiting.inbox

    async def slow(session: AsyncSession, scope: Scope, wanted: Wanted) -> Inbox:
        drawn.append(wanted)
        if len(drawn) == 2:
            await may_go_on.wait()
        return await inbox(session, scope, wanted)

    monkeypatch.setattr(waiting, "inbox", slow)
    async with stream_of(app, "/audit/inbox/live", "auditor-1") as pieces:
        await anext(pieces)
        (notes,) = app.state.service.live._queues[INBOX]
        for number in range(50):
            async with sessions(app.state.service.engine)() as session, session.begin():
                await notify(session, INBOX, str(number))
        await eventually(lambda: notes.qsize() >= 48)
        may_go_on.set()
        await eventually(notes.empty)
        assert len(drawn) <= 4
        await keep(app, a_person("auditor-1", Role.AUDITOR, epoch=1, version=2))
        async with sessions(app.state.service.engine)() as session, session.begin():
            await notify(session, INBOX)
        async for _ in pieces:
            pass
