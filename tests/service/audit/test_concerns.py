"""A child may be unsafe now: told at once to the right people, escalated while nobody answers, closed by safety."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import concerns, handlers, metrics
from services.audit.models import Audit
from shared.db import sessions
from shared.events import ChildLinked, ConcernEscalated, Event, Role
from shared.messaging import outbox
from tests.service.audit.playing import MORNING, arrive, audits, know, open_briefing
from tests.support.clients import a_person, client_as
from tests.support.delivery import deliver
from tests.unit.audit.council import case, source

PEOPLE = (
    a_person("worker-1", Role.PRACTITIONER),
    a_person("manager-1", Role.TEAM_MANAGER, manages=("assessment-north",)),
    a_person("manager-2", Role.TEAM_MANAGER, manages=("assessment-north",)),
    a_person("head-1", Role.HEAD_OF_SERVICE, services=("children",)),
    a_person("dcs-1", Role.DCS),
    a_person("qa-1", Role.QA_MANAGER),
)
FORM = {"worry": "Unexplained bruises in the last visit.", "telephoned": "Duty manager, 10:05"}


async def one_audit(engine: AsyncEngine) -> tuple[UUID, str]:
    """A case that manager-1 authorised, and its auditor."""
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await know(engine, *PEOPLE)
    await arrive(engine, case("one", authorised_by="manager-1"))
    (audit,) = await audits(engine)
    return audit.audit_id, str(audit.auditor_id)


async def raised(app: FastAPI, engine: AsyncEngine, **more: str) -> str:
    """A concern raised by the auditor; its address."""
    audit_id, auditor_id = await one_audit(engine)
    async with await client_as(app, Role.AUDITOR, person_id=auditor_id) as browser:
        answer = await browser.post(f"/audit/audits/{audit_id}/concern", data={**FORM, **more})
    assert answer.status_code == 303
    return answer.headers["location"]


async def tick(engine: AsyncEngine, minutes: int) -> list[Event]:
    async with sessions(engine)() as session, session.begin():
        happened = await concerns.escalate_unanswered(session, MORNING + timedelta(minutes=minutes))
        await outbox.store(session, happened)
    return happened


async def test_whoever_authorised_the_work_is_not_told_and_sees_nothing(app: FastAPI, engine: AsyncEngine) -> None:
    address = await raised(app, engine)
    async with await client_as(app, Role.TEAM_MANAGER, person_id="manager-1", manages=("assessment-north",)) as browser:
        assert (await browser.get(address)).status_code == 404
    async with await client_as(app, Role.TEAM_MANAGER, person_id="manager-2", manages=("assessment-north",)) as browser:
        assert "Unexplained bruises" in (await browser.get(address)).text
    async with await client_as(app, Role.HEAD_OF_SERVICE, person_id="head-1", services=("children",)) as browser:
        assert (await browser.get(address)).status_code == 404


async def test_a_concern_needs_a_telephone_call_first(app: FastAPI, engine: AsyncEngine) -> None:
    audit_id, auditor_id = await one_audit(engine)
    async with await client_as(app, Role.AUDITOR, person_id=auditor_id) as browser:
        asked = await browser.get(f"/audit/audits/{audit_id}/concern")
        refused = await browser.post(f"/audit/audits/{audit_id}/concern", data={"worry": "Bruises."})
    assert "Telephone first" in asked.text
    assert "Manager 1" not in asked.text
    assert refused.status_code == 422
    assert "Say whom you telephoned" in refused.text


async def test_the_words_travel_apart_from_the_event(app: FastAPI, engine: AsyncEngine) -> None:
    await raised(app, engine)
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.text("SELECT type, body FROM outbox ORDER BY id DESC LIMIT 2"))).all()
    bodies = {row.type: row.body for row in rows}
    assert b"bruises" not in bodies["ConcernEscalated"]
    assert b"bruises" in bodies["TextWritten"]


async def test_the_next_in_line_is_told_while_nobody_has_it_in_hand(app: FastAPI, engine: AsyncEngine) -> None:
    await raised(app, engine)
    assert await tick(engine, 59) == []
    (first,) = await tick(engine, 61)
    assert isinstance(first, ConcernEscalated)
    assert first.recipients == ("manager-2", "qa-1", "head-1")
    assert await tick(engine, 62) == []
    (second,) = await tick(engine, 122)
    assert isinstance(second, ConcernEscalated)
    assert second.recipients[-1] == "dcs-1"
    assert second.version > first.version


async def test_a_button_pressed_twice_raises_one_concern(app: FastAPI, engine: AsyncEngine) -> None:
    audit_id, auditor_id = await one_audit(engine)
    async with await client_as(app, Role.AUDITOR, person_id=auditor_id) as browser:
        first = await browser.post(f"/audit/audits/{audit_id}/concern", data=FORM)
        second = await browser.post(f"/audit/audits/{audit_id}/concern", data=FORM)
        other = await browser.post(f"/audit/audits/{audit_id}/concern", data={**FORM, "worry": "And he is not seen."})
    assert first.headers["location"] == second.headers["location"] != other.headers["location"]
    async with engine.connect() as connection:
        told = await connection.execute(sa.text("SELECT count(*) FROM outbox WHERE type = 'ConcernEscalated'"))
    assert told.scalar_one() == 2


async def test_who_turns_out_to_stand_behind_the_work_sees_nothing_from_then_on_and_is_told_no_more(
    app: FastAPI, engine: AsyncEngine
) -> None:
    address = await raised(app, engine)
    await arrive(engine, case("one", authorised_by="manager-2", version=2))
    for person in ("manager-1", "manager-2"):
        browser = await client_as(app, Role.TEAM_MANAGER, person_id=person, manages=("assessment-north",))
        async with browser:
            assert (await browser.get(address)).status_code == 404
    (next_step,) = await tick(engine, 61)
    assert isinstance(next_step, ConcernEscalated)
    assert next_step.recipients == ("qa-1", "head-1")


async def test_taking_it_in_hand_stops_the_timer_and_closes_nothing(app: FastAPI, engine: AsyncEngine) -> None:
    address = await raised(app, engine)
    async with await client_as(app, Role.TEAM_MANAGER, person_id="manager-2", manages=("assessment-north",)) as browser:
        await browser.post(f"{address}/acknowledge")
        page = await browser.get(address)
    assert "In hand" in page.text
    assert await tick(engine, 300) == []
    async with await client_as(app, Role.QA_MANAGER, person_id="qa-1") as browser:
        late = await browser.post(f"{address}/acknowledge")
        assert late.status_code == 303
        assert "Somebody has this concern in hand already" in (await browser.get(address)).text
        assert (await browser.post(f"{address}/close", data={"made_safe": " "})).status_code == 422
        await browser.post(f"{address}/close", data={"made_safe": "With the grandmother since noon."})
        closed = await browser.get(address)
    assert "Child safe" in closed.text
    assert "With the grandmother since noon." in closed.text


async def test_somebody_ticked_as_part_of_the_problem_is_not_told(app: FastAPI, engine: AsyncEngine) -> None:
    address = await raised(app, engine, implicated="manager-2", lado="yes")
    async with await client_as(app, Role.TEAM_MANAGER, person_id="manager-2", manages=("assessment-north",)) as browser:
        assert (await browser.get(address)).status_code == 404
    async with await client_as(app, Role.QA_MANAGER, person_id="qa-1") as browser:
        assert "tell the LADO" in (await browser.get(address)).text


async def test_a_stranger_to_the_audit_can_raise_nothing_about_it(app: FastAPI, engine: AsyncEngine) -> None:
    audit_id, _ = await one_audit(engine)
    async with await client_as(app, Role.PRACTITIONER, person_id="worker-9") as browser:
        assert (await browser.post(f"/audit/audits/{audit_id}/concern", data=FORM)).status_code == 404


async def test_how_long_a_concern_waits_is_a_metric(app: FastAPI, engine: AsyncEngine) -> None:
    await raised(app, engine)
    async with sessions(engine)() as session:
        await metrics.count(session, MORNING + timedelta(minutes=5), MORNING.date())
    assert next(iter(metrics.OLDEST_CONCERN.collect())).samples[0].value == 300


async def known_case(engine: AsyncEngine) -> tuple[UUID, str]:
    """A case whose id in the case management system is C-77, and its auditor."""
    audit_id, auditor_id = await one_audit(engine)
    link = ChildLinked(occurred_at=MORNING, child_id=case("one").child_id, case_id="C-77")
    await deliver(engine, handlers.router, link)
    return audit_id, auditor_id


async def test_every_screen_leads_to_the_concern_of_its_audit_or_asks_for_the_case(
    app: FastAPI, engine: AsyncEngine
) -> None:
    audit_id, auditor_id = await known_case(engine)
    async with await client_as(app, Role.AUDITOR, person_id=auditor_id) as browser:
        inbox = (await browser.get("/audit/inbox")).text
        form = (await browser.get(f"/audit/audits/{audit_id}")).text
        nowhere = (await browser.get(f"/audit/audits/{UUID(int=0)}")).text
        asked = await browser.get("/audit/concerns/new")
        named = await browser.get("/audit/concerns/new", params={"case": " C-77 "})
    assert 'href="/audit/concerns/new">A child may be unsafe' in inbox
    assert f'href="/audit/audits/{audit_id}/concern">A child may be unsafe' in form
    assert 'href="/audit/concerns/new">A child may be unsafe' in nowhere
    assert "Telephone first." in asked.text
    assert (named.status_code, named.headers["location"]) == (303, f"/audit/audits/{audit_id}/concern")


async def test_a_case_that_is_not_mine_to_see_is_answered_with_the_telephone(app: FastAPI, engine: AsyncEngine) -> None:
    _, auditor_id = await known_case(engine)
    other = next(f"auditor-{n}" for n in range(1, 5) if f"auditor-{n}" != auditor_id)
    async with await client_as(app, Role.AUDITOR, person_id=other) as browser:
        unseen = await browser.get("/audit/concerns/new", params={"case": "C-77"})
        unknown = await browser.get("/audit/concerns/new", params={"case": "C-78"})
    assert "by telephone" in unseen.text
    assert unseen.text.replace("C-77", "C-78") == unknown.text


async def test_a_case_with_several_audits_lets_one_choose(app: FastAPI, engine: AsyncEngine) -> None:
    await known_case(engine)
    again = case("two", kind="referral", child_id=case("one").child_id, no_further_action=True)
    async with sessions(engine)() as session, session.begin():
        (first,) = (await session.execute(sa.select(Audit))).scalars()
        session.add(Audit(**{**first.model_dump(), "audit_id": again.assessment_id, "kind": "referral"}))
    async with await client_as(app, Role.QA_MANAGER) as browser:
        page = (await browser.get("/audit/concerns/new", params={"case": "C-77"})).text
    assert "In which audit did you see it?" in page
    assert page.count('/concern"') == 2


async def test_who_may_refer_a_case_is_led_there(app: FastAPI, engine: AsyncEngine) -> None:
    async with await client_as(app, Role.TEAM_MANAGER, manages=("assessment-north",)) as browser:
        assert 'caseloop-nav__link" href="/audit/referrals"' in (await browser.get("/audit/referrals")).text
    async with await client_as(app, Role.HEAD_OF_SERVICE, services=("children",)) as browser:
        assert 'href="/audit/referrals"' in (await browser.get("/audit/programmes")).text
    async with await client_as(app, Role.ADMINISTRATOR) as browser:
        programmes = (await browser.get("/audit/programmes")).text
    assert "/audit/referrals" not in programmes
    assert "A child may be unsafe</a>" not in programmes
