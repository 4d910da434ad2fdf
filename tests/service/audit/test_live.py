"""An open inbox: what it may still show when the person before it no longer may see it."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from services.audit.audits import INBOX
from shared.access import Role
from shared.db import sessions
from shared.events import PersonRecorded
from shared.messaging import notify
from tests.support.clients import a_person, client_as, keep
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
