"""An open inbox: its rows follow what happens, and show nothing that the person before it no longer may see."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.audit.audits import INBOX
from services.audit.domain.programme import Programme
from services.audit.pages import open_inbox
from services.audit.queries import waiting
from services.audit.queries.waiting import Inbox, Wanted
from shared.access import Role, Scope
from shared.db import sessions
from shared.events import PersonRecorded
from shared.messaging import notify
from shared.repeated import Repeated
from tests.service.audit.playing import arrive, audits, open_briefing
from tests.support.backend import Database
from tests.support.clients import a_person, client_as, keep
from tests.support.eventually import eventually
from tests.support.serving import stream_of
from tests.unit.audit.council import case, source

ME, COLLEAGUE = "auditor-1", "auditor-2"
LIVE = "/audit/inbox/live"
COME = re.compile(r'<tr [^>]*id="((?:case|free)-[^"]+)"')
LEFT = re.compile(r'hx-target="#((?:case|free)-[^"]+)" hx-swap="delete"')

ENDED = [
    ("the session was revoked", a_person(ME, Role.AUDITOR, epoch=1, version=2)),
    ("the role was taken", a_person(ME, Role.PRACTITIONER, version=2)),
]


@pytest.fixture
async def plan(app: FastAPI) -> Programme:
    """The briefing's programme, which draws every case that arrives."""
    return await open_briefing(
        app.state.service.engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25")
    )


async def drawn(app: FastAPI, *names: str, auditor: str = ME, **facts: str | date) -> list[UUID]:
    """Cases are drawn for this auditor; their audits. Nobody is told of it yet."""
    engine: AsyncEngine = app.state.service.engine
    known = {audit.audit_id for audit in await audits(engine)}
    await arrive(engine, *(structs.replace(case(name), **facts) for name in names))
    found = {audit.assessment_id: audit.audit_id for audit in await audits(engine) if audit.audit_id not in known}
    ids = [found[case(name).assessment_id] for name in names]
    await change(app, "auditor_id = :who", ids, who=auditor)
    return ids


async def change(app: FastAPI, what: str, ids: list[UUID], *, told: bool = True, **values: object) -> None:
    """Audits change, and every open inbox is told so."""
    async with sessions(app.state.service.engine)() as session, session.begin():
        await session.execute(sa.text(f"UPDATE audit SET {what} WHERE audit_id = ANY(:ids)"), {"ids": ids, **values})
        if told:
            await notify(session, INBOX)


class Browser:
    """What an open inbox has been sent, and which rows it shows by now."""

    def __init__(self, pieces: AsyncIterator[str]) -> None:
        self._pieces = pieces
        self.messages: list[str] = []
        self.rows: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        rest = ""
        async for piece in self._pieces:
            *whole, rest = (rest + piece).split("\r\n\r\n")
            for event in whole:
                if event.startswith("data:"):
                    self._apply("\n".join(each.removeprefix("data: ") for each in event.split("\r\n")))

    def _apply(self, message: str) -> None:
        self.messages.append(message)
        if "<hx-partial" not in message:
            self.rows = []
        left = LEFT.findall(message)
        self.rows = [row for row in self.rows if row not in left]
        self.rows += [row for row in COME.findall(message) if row not in self.rows]

    async def shows(self, *ids: UUID, prefix: str = "case") -> None:
        """Wait until the list holds these and no others."""
        wanted = {f"{prefix}-{audit_id}" for audit_id in ids}
        await eventually(lambda: bool(self.messages) and {row for row in self.rows if row.startswith(prefix)} == wanted)

    async def sent(self, found: Callable[[str], bool]) -> str:
        """Wait for such a message."""
        await eventually(lambda: any(map(found, self.messages)))
        return next(filter(found, self.messages))

    async def ends(self) -> None:
        """Wait until the stream has ended."""
        await asyncio.wait_for(self._reading, 20)

    def close(self) -> None:
        self._reading.cancel()


@asynccontextmanager
async def opened(app: FastAPI, path: str = LIVE, person: str = ME) -> AsyncIterator[Browser]:
    """An inbox that is open and has its list."""
    await client_as(app, Role.AUDITOR, person_id=person)
    async with stream_of(app, path, person) as pieces:
        browser = Browser(pieces)
        try:
            await eventually(lambda: bool(browser.messages))
            yield browser
        finally:
            browser.close()


@pytest.mark.parametrize("person", [person for _, person in ENDED], ids=[why for why, _ in ENDED])
async def test_an_open_inbox_ends_at_once_when(app: FastAPI, person: PersonRecorded) -> None:
    async with opened(app) as browser:
        await keep(app, person)
        await browser.ends()


async def test_only_the_row_that_came_travels_and_how_many_there_are(app: FastAPI, plan: Programme) -> None:
    first, second = await drawn(app, "a", "b")
    async with opened(app) as browser:
        await browser.shows(first, second)
        (third,) = await drawn(app, "c")
        await browser.shows(first, second, third)
        message = await browser.sent(lambda text: f'id="case-{third}"' in text)
        assert COME.findall(message) == [f"case-{third}"]
        assert "3 cases to audit" in message
        assert "<table" not in message


async def test_only_the_row_that_changed_travels(app: FastAPI, plan: Programme) -> None:
    first, second = await drawn(app, "a", "b")
    async with opened(app) as browser:
        await browser.shows(first, second)
        await change(app, "saved = 1", [second])
        message = await browser.sent(lambda text: "Draft" in text)
        assert COME.findall(message) == [f"case-{second}"]
        assert "to audit" not in message


async def test_a_row_that_leaves_disappears_and_nothing_else_travels(app: FastAPI, plan: Programme) -> None:
    first, second, third = await drawn(app, "a", "b", "c")
    async with opened(app) as browser:
        await browser.shows(first, second, third)
        await change(app, "state = 'returned'", [second])
        await browser.shows(first, third)
        message = await browser.sent(lambda text: 'hx-swap="delete"' in text)
        assert COME.findall(message) == []
        assert "2 cases to audit" in message


async def test_what_is_empty_becomes_a_list_and_a_list_empty(app: FastAPI, plan: Programme) -> None:
    async with opened(app) as browser:
        assert "Nothing to audit" in browser.messages[0]
        ids = await drawn(app, "a")
        await browser.shows(*ids)
        await change(app, "state = 'returned'", ids)
        await browser.shows()
        assert "Nothing to audit" in browser.messages[-1]


async def test_two_changes_at_once_both_arrive(app: FastAPI, plan: Programme) -> None:
    first, second, third = await drawn(app, "a", "b", "c")
    async with opened(app) as browser:
        await browser.shows(first, second, third)
        await asyncio.gather(change(app, "state = 'returned'", [first]), change(app, "saved = 1", [third]))
        await browser.shows(second, third)
        await browser.sent(lambda text: "Draft" in text and f"case-{third}" in text)


async def test_a_colleagues_case_is_among_the_free_ones_only_and_ones_own_work_nowhere(
    app: FastAPI, plan: Programme
) -> None:
    mine = await drawn(app, "a")
    async with opened(app) as browser:
        await browser.shows(*mine)
        theirs = await drawn(app, "b", auditor=COLLEAGUE)
        own_work = await drawn(app, "c", auditor=COLLEAGUE, worker_id=ME)
        signed_off = await drawn(app, "d", auditor=COLLEAGUE, authorised_by=ME)
        read_before = await drawn(app, "e", auditor=COLLEAGUE)
        await change(app, "audited_by = ARRAY[CAST(:who AS text)]", read_before, who=ME)
        await browser.shows(*theirs, prefix="free")
        await browser.shows(*mine)
        for hidden in (*own_work, *signed_off):
            assert not any(str(hidden) in message for message in browser.messages)


async def test_a_case_that_goes_to_a_colleague_leaves_the_list_and_their_draft_is_not_offered(
    app: FastAPI, plan: Programme
) -> None:
    kept, given = await drawn(app, "a", "b")
    async with opened(app) as browser:
        await browser.shows(kept, given)
        await change(app, "auditor_id = :who", [given], who=COLLEAGUE)
        await browser.shows(kept)
        await browser.shows(given, prefix="free")
        await change(app, "saved = 1", [given])
        await browser.shows(prefix="free")


async def test_what_was_missed_is_made_good(app: FastAPI, plan: Programme, database: Database) -> None:
    first, second = await drawn(app, "a", "b")
    async with opened(app) as browser:
        await browser.shows(first, second)
        listener = "pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        database.psql(f"SELECT {listener} AND datname = '{database.name}'")
        await change(app, "state = 'returned'", [second])
        await browser.shows(first)


async def test_who_connects_again_gets_the_whole_list(app: FastAPI, plan: Programme) -> None:
    ids = await drawn(app, "a", "b")
    for _ in range(2):
        async with opened(app) as browser:
            assert browser.messages[0].count("<table") == 1
            await browser.shows(*ids)


async def test_a_narrowed_list_says_how_many_there_are_in_all(app: FastAPI, plan: Programme) -> None:
    north, elsewhere, more = await drawn(app, "a", "b", "c")
    await change(app, "team_id = 'front-door'", [elsewhere])
    await change(app, "auditor_id = :who", [more], who=COLLEAGUE)
    async with opened(app, f"{LIVE}?team=assessment-north") as browser:
        await browser.shows(north)
        assert "1 case to audit of 2" in browser.messages[0]
        await change(app, "auditor_id = :who, team_id = 'front-door'", [more], who=ME)
        message = await browser.sent(lambda text: "1 case to audit of 3" in text)
        assert f"case-{more}" not in message


async def test_a_name_that_changes_is_drawn(app: FastAPI, plan: Programme) -> None:
    await drawn(app, "a", auditor=COLLEAGUE)
    async with opened(app) as browser:
        await browser.sent(lambda text: "Auditor 2" in text)
        await keep(app, a_person(COLLEAGUE, Role.AUDITOR, name="Sam Newname", version=2))
        await browser.sent(lambda text: "Sam Newname" in text)


async def test_what_comes_while_the_list_is_read_is_answered_by_one_reading(
    app: FastAPI, plan: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each note was once answered by a drawing of its own: at fifty cases a second an inbox fell minutes behind."""
    (mine,) = await drawn(app, "a")
    may_go_on, readings = asyncio.Event(), 0
    rows = Repeated.rows

    async def slow(self: Repeated, engine: AsyncEngine) -> list[asyncpg.Record]:
        nonlocal readings
        readings += 1
        await may_go_on.wait()
        return await rows(self, engine)

    async with opened(app) as browser:
        await browser.shows(mine)
        monkeypatch.setattr(Repeated, "rows", slow)
        for number in range(50):
            await change(app, "saved = :number", [mine], number=number)
        may_go_on.set()
        await browser.sent(lambda text: "Draft" in text)
        assert readings <= 3


async def test_the_siblings_that_a_colleagues_case_suggests_are_said(app: FastAPI, plan: Programme) -> None:
    referred_on = case("a").started_on
    (mine,) = await drawn(app, "a", referred_on=referred_on)
    async with opened(app) as browser:
        await browser.shows(mine)
        await drawn(app, "b", auditor=COLLEAGUE, referred_on=referred_on)
        message = await browser.sent(lambda text: "May be a sibling of" in text)
        assert f"case-{mine}" in COME.findall(message)


async def test_what_colleagues_have_is_read_once_a_second_however_often_something_changes(
    app: FastAPI, plan: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine,) = await drawn(app, "a")
    looks = 0
    inbox = waiting.inbox

    async def counted(session: AsyncSession, scope: Scope, wanted: Wanted) -> Inbox:
        nonlocal looks
        looks += 1
        return await inbox(session, scope, wanted)

    monkeypatch.setattr(waiting, "inbox", counted)
    monkeypatch.setattr(open_inbox, "LOOK_SECONDS", 60.0)
    async with opened(app) as browser:
        for number in range(1, 9):
            await change(app, "theme_id = :theme", [mine], theme=f"theme-{number}")
            await browser.sent(lambda text, theme=f"theme-{number}": theme in text)  # type: ignore[misc]
        assert looks == 1
