"""Siblings whom no family key names: suggested to the auditor, confirmed or refused, never put together silently."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import siblings as answers
from services.audit.domain.programme import Programme
from services.audit.models import Audit
from services.audit.queries import cases, siblings
from shared.access import Role, Scope
from shared.db import sessions
from shared.events import AssessmentRecorded
from tests.service.audit.playing import MORNING, arrive, audits, open_briefing
from tests.support.clients import client_as
from tests.support.eventually import eventually
from tests.unit.audit.council import OPENS_ON, case, source

ANSWERS = {"yes": "They are siblings", "no": "They are not"}


def assessed(name: object, **facts: object) -> AssessmentRecorded:
    """One of the children who were referred on one day and assessed by worker-1."""
    return structs.replace(case(name, referred_on=OPENS_ON - timedelta(days=30)), **facts)


@pytest.fixture
async def plan(app: FastAPI) -> Programme:
    """The briefing's programme, which draws every case that arrives."""
    return await open_briefing(
        app.state.service.engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25")
    )


async def arrived(app: FastAPI, *work: AssessmentRecorded) -> list[Audit]:
    """Work arrives and is drawn; the audits in the order of the work."""
    engine: AsyncEngine = app.state.service.engine
    await arrive(engine, *work)
    async with sessions(engine)() as session, session.begin():
        # One auditor reads them all, so that what is tested is not who was free.
        await session.execute(sa.text("UPDATE audit SET auditor_id = 'auditor-1'"))
    found = {audit.assessment_id: audit for audit in await audits(engine)}
    return [found[each.assessment_id] for each in work]


async def auditor(app: FastAPI, person_id: str = "auditor-1") -> httpx.AsyncClient:
    return await client_as(app, Role.AUDITOR, person_id=person_id)


def page_of(audit: Audit) -> str:
    return f"/audit/audits/{audit.audit_id}"


async def answer(browser: httpx.AsyncClient, one: Audit, other: Audit, said: str) -> httpx.Response:
    """Press one of the buttons."""
    return await browser.post(f"{page_of(one)}/siblings/{other.audit_id}", data={"siblings": said})


async def keys(app: FastAPI) -> dict[object, str | None]:
    """The family of each audit."""
    return {audit.audit_id: audit.family_key for audit in await audits(app.state.service.engine)}


async def told(app: FastAPI) -> list[str]:
    """The types of the events about siblings, in order."""
    async with app.state.service.engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT type FROM outbox WHERE type LIKE 'Siblings%' ORDER BY id"))
        return list(rows.scalars())


async def test_a_suggestion_stands_on_the_page_and_in_the_inbox_and_puts_nothing_together(
    app: FastAPI, plan: Programme
) -> None:
    one, other, stranger = await arrived(app, assessed("a"), assessed("b"), assessed("c", worker_id="worker-2"))
    async with await auditor(app) as browser:
        page, inbox = await browser.get(page_of(one)), await browser.get("/audit/inbox")
        alone = await browser.get(page_of(stranger))
    name = f"Case {other.child_id.hex[:8]}"
    assert (name in page.text, ANSWERS["yes"] in page.text, ANSWERS["no"] in page.text) == (True, True, True)
    assert f"May be a sibling of {name.lower()}" in inbox.text
    assert 'id="siblings"' not in alone.text
    assert set((await keys(app)).values()) == {None}
    assert "Same family as above" not in inbox.text
    assert await told(app) == []


async def test_confirmed_siblings_are_one_family_and_are_told(app: FastAPI, plan: Programme) -> None:
    one, other, third = await arrived(app, assessed("a"), assessed("b"), assessed("c"))
    async with await auditor(app) as browser:
        answered = await answer(browser, one, other, "yes")
        page, inbox = await browser.get(page_of(one)), await browser.get("/audit/inbox")
        again = await answer(browser, one, other, "yes")
    assert (answered.status_code, answered.headers["location"]) == (303, f"{page_of(one)}#siblings")
    family = await keys(app)
    assert family[one.audit_id] == family[other.audit_id] is not None
    assert family[third.audit_id] is None
    assert "Confirmed by" in page.text
    assert "Not a sibling after all" in page.text
    assert inbox.text.count("Same family as above") == 1
    assert again.status_code == 303
    assert await told(app) == ["SiblingsConfirmed", "SiblingsConfirmed"]


async def test_a_refusal_is_kept_and_the_two_are_suggested_to_nobody_again(app: FastAPI, plan: Programme) -> None:
    one, other = await arrived(app, assessed("a"), assessed("b"))
    async with await auditor(app) as browser:
        await answer(browser, one, other, "no")
        pages = [await browser.get(page_of(each)) for each in (one, other)]
        inbox = await browser.get("/audit/inbox")
    assert "is not a sibling: that is recorded" in pages[0].text
    assert not [page for page in pages if 'id="siblings"' in page.text]
    assert "May be a sibling" not in inbox.text
    assert await told(app) == []


async def test_an_answer_can_be_taken_back_and_leaves_no_family_of_one(app: FastAPI, plan: Programme) -> None:
    one, other, third = await arrived(app, assessed("a"), assessed("b"), assessed("c"))
    async with await auditor(app) as browser:
        await answer(browser, one, other, "yes")
        await answer(browser, other, third, "yes")
        assert len(set((await keys(app)).values())) == 1
        await answer(browser, other, third, "no")
        family = await keys(app)
        assert family[one.audit_id] == family[other.audit_id] is not None
        assert family[third.audit_id] is None
        await answer(browser, one, other, "no")
    assert set((await keys(app)).values()) == {None}
    assert (await told(app)).count("SiblingsParted") == 3


async def test_where_the_sender_names_the_family_nobody_is_asked_and_nobody_may_part_them(
    app: FastAPI, plan: Programme
) -> None:
    one, other = await arrived(app, assessed("a", family_key="f-1"), assessed("b", family_key="f-1"))
    async with await auditor(app) as browser:
        page = await browser.get(page_of(one))
        await answer(browser, one, other, "no")
        refused = await browser.get(page_of(one))
    assert "says which family this case is of" in refused.text
    assert "The case management system says so" in page.text
    assert "Not a sibling after all" not in page.text
    assert set((await keys(app)).values()) == {"f-1"}


async def test_only_the_cases_own_auditor_answers_and_only_of_who_looks_like_a_sibling(
    app: FastAPI, plan: Programme
) -> None:
    one, other, stranger = await arrived(app, assessed("a"), assessed("b"), assessed("c", worker_id="worker-2"))
    async with await auditor(app, "auditor-2") as browser:
        assert (await answer(browser, one, other, "yes")).status_code == 404
    async with await auditor(app) as browser:
        assert (await answer(browser, one, stranger, "yes")).status_code == 404
        assert (await answer(browser, one, one, "yes")).status_code == 404
        assert (await answer(browser, one, other, "perhaps")).status_code == 303
    assert set((await keys(app)).values()) == {None}


async def test_a_sibling_with_a_colleague_who_has_not_begun_can_be_taken_and_is_not_shown_to_read(
    app: FastAPI, plan: Programme
) -> None:
    one, other = await arrived(app, assessed("a"), assessed("b"))
    async with sessions(app.state.service.engine)() as session, session.begin():
        await session.execute(
            sa.text("UPDATE audit SET auditor_id = 'auditor-2' WHERE audit_id = :id"), {"id": other.audit_id}
        )
    async with await auditor(app) as browser:
        suggested = await browser.get(page_of(one))
        await answer(browser, one, other, "yes")
        confirmed = await browser.get(page_of(one))
        assert "Take this case too" in confirmed.text
        await browser.post(f"{page_of(other)}/claim")
        taken = await browser.get(page_of(one))
    assert "with Auditor 2" in suggested.text
    assert page_of(other) + '"' not in suggested.text
    assert "Take this case too" not in taken.text
    assert f'href="{page_of(other)}"' in taken.text


async def test_whoever_may_not_read_the_siblings_audit_does_not_learn_of_it(app: FastAPI, plan: Programme) -> None:
    one, other = await arrived(app, assessed("a", family_key="f-1"), assessed("b", family_key="f-1"))
    async with sessions(app.state.service.engine)() as session, session.begin():
        await session.execute(
            sa.text("UPDATE audit SET state = 'completed', grade = 'green', rag = 'green', completed_at = now()")
        )
        await session.execute(
            sa.text("UPDATE audit SET team_id = 'front-door' WHERE audit_id = :id"), {"id": other.audit_id}
        )
        manager = Scope("manager-9", "A manager", frozenset({Role.TEAM_MANAGER}), teams=frozenset({"assessment-north"}))
        quality = Scope("qa-1", "QA", frozenset({Role.QA_MANAGER}))
        seen = {}
        for scope in (manager, quality):
            found = await cases.readable_case(session, scope, one.audit_id)
            assert found is not None
            (beside,) = await siblings.beside(session, scope, [found])
            seen[scope.person_id] = [each.audit.audit_id for each in beside.siblings]
    assert seen == {"manager-9": [], "qa-1": [other.audit_id]}


async def test_two_auditors_who_join_one_family_from_both_ends_make_one_family(app: FastAPI, plan: Programme) -> None:
    """The one in the middle is the last by its id: each half of the family would get a name of its own."""
    found = await arrived(app, assessed("a"), assessed("b"), assessed("c"))
    one, other, middle = sorted(found, key=lambda audit: audit.audit_id)
    engine: AsyncEngine = app.state.service.engine

    async def somebody_waits() -> bool:
        async with engine.connect() as connection:
            return bool((await connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar())

    async with await auditor(app) as browser:
        async with sessions(engine)() as first, first.begin():
            mine, shared = [await first.get_one(Audit, each.audit_id) for each in (one, middle)]
            await answers.answer(first, mine, shared, are_siblings=True, by="auditor-1", at=MORNING)
            second = asyncio.create_task(answer(browser, other, middle, "yes"))
            await eventually(somebody_waits)
        assert (await second).status_code == 303
    assert len(set((await keys(app)).values())) == 1


async def test_a_re_audit_is_of_the_family_of_its_first_audit_whatever_is_answered_later(
    app: FastAPI, plan: Programme
) -> None:
    one, other, third = await arrived(app, assessed("a"), assessed("b"), assessed("c"))
    again_id = uuid4()
    async with await auditor(app) as browser:
        await answer(browser, one, other, "yes")
        async with sessions(app.state.service.engine)() as session, session.begin():
            held = await session.get_one(Audit, one.audit_id)
            facts = held.model_dump() | {"audit_id": again_id, "re_audit_of": one.audit_id, "by_hand": True}
            session.add(Audit(**facts))
        await answer(browser, other, third, "yes")
        family = await keys(app)
        assert len(set(family.values())) == 1
        assert family[again_id] is not None
        for pair in ((one, other), (other, third)):
            await answer(browser, *pair, "no")
    assert set((await keys(app)).values()) == {None}
