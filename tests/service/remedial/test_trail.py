"""Every read of what an audit found leaves a trace: on an action's page, and in a practitioner's own list."""

import json

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.domain.amendment import action_id_of
from shared.access.tables import TRAIL
from shared.events import AuditCompleted, StrengthRecognised, TextWritten
from tests.service.remedial.council import MONDAY, words
from tests.service.remedial.delivering import deliver
from tests.service.remedial.test_pages import SignIn, app, app_clock, audit, page_of, shows, sign_in
from tests.support.serving import stream_of

__all__ = ["app", "app_clock", "audit", "sign_in"]


async def traces(engine: AsyncEngine, person_id: str) -> list[tuple[str, str]]:
    """What the trail says that somebody read, in order."""
    async with engine.connect() as connection:
        query = sa.select(TRAIL.c.what, TRAIL.c.object_id).where(TRAIL.c.person_id == person_id).order_by(TRAIL.c.id)
        return [(row.what, row.object_id) for row in await connection.execute(query)]


def listed(audit: AuditCompleted) -> set[tuple[str, str]]:
    return {("action in a list", str(action_id_of(each.finding_id))) for each in audit.findings}


async def test_ones_own_list_leaves_a_trace_of_each_finding_that_it_shows_in_words(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await shows(sign_in("worker-1"), "/remedial/mine")
    assert set(await traces(engine, "worker-1")) == listed(audit)


async def test_words_that_are_not_there_are_not_read(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await shows(sign_in("worker-2"), "/remedial/mine")
    assert await traces(engine, "worker-2") == []


async def test_a_strength_in_ones_list_leaves_a_trace_too(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    strength_id = audit.findings[0].finding_id
    told = StrengthRecognised(
        occurred_at=MONDAY,
        version=6,
        audit_id=audit.audit_id,
        strength_id=strength_id,
        domain="voice",
        worker_id="worker-2",
        team_id="team-1",
    )
    await deliver(engine, told)
    await deliver(engine, words(audit.findings[0], audit))
    await shows(sign_in("worker-2"), "/remedial/mine")
    assert await traces(engine, "worker-2") == [("strength in a list", str(strength_id))]


async def test_a_list_without_words_leaves_none_and_an_actions_page_does(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    manager = sign_in("manager-1")
    await shows(manager, "/remedial/team")
    assert await traces(engine, "manager-1") == []
    await shows(manager, page_of(audit))
    assert [what for what, _ in await traces(engine, "manager-1")] == ["action"]


async def test_what_comes_into_an_open_list_leaves_one_trace_however_often_it_is_drawn(
    engine: AsyncEngine, audit: AuditCompleted, app: FastAPI
) -> None:
    async with stream_of(app, "/remedial/mine/live", "worker-1") as pieces:
        for number, said in enumerate(("Set dates.", "Set dates soon.")):
            changed = TextWritten(
                occurred_at=MONDAY,
                version=2 + number,
                text_id=audit.findings[0].finding_id,
                about=audit.audit_id,
                parts={"action": said},
            )
            await deliver(engine, changed)
            async with engine.begin() as connection:
                await connection.execute(sa.text("SELECT pg_notify('caseloop_remedial_actions', 'x')"))
            async for piece in pieces:
                if said in piece:
                    break
    read = await traces(engine, "worker-1")
    assert set(read) == listed(audit)
    assert len(read) == len(set(read)), json.dumps(read)
