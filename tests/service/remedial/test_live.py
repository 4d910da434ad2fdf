"""An open list: it ends with the session of whoever looks at it."""

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.hand import LIVE
from shared.db import sessions
from shared.messaging import notify
from tests.service.remedial.council import PEOPLE
from tests.service.remedial.delivering import know
from tests.service.remedial.test_pages import app, app_clock  # noqa: F401 - the service on a database of its own
from tests.support.clients import a_person, keep
from tests.support.serving import stream_of


async def test_an_open_list_ends_when_the_session_is_revoked(engine: AsyncEngine, app: FastAPI) -> None:  # noqa: F811
    await know(engine, *PEOPLE)
    async with stream_of(app, "/remedial/mine/live", "worker-1") as pieces:
        async with sessions(engine)() as session, session.begin():
            await notify(session, LIVE)
        await anext(pieces)
        await keep(app, a_person("worker-1", "practitioner", epoch=1, version=9))
        async with sessions(engine)() as session, session.begin():
            await notify(session, LIVE)
        async for _ in pieces:
            pass
