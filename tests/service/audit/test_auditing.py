"""From the inbox to the completed audit, through the pages as an auditor without JavaScript uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from lxml import html
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit.domain.programme import Programme
from services.audit.handlers import keep_case_links
from services.audit.models import Audit, AuditState
from shared.db import sessions
from shared.events import AssessmentWithdrawn, ChildLinked, Role
from tests.service.audit.playing import MORNING, arrive, audits, day_opens, monday, open_briefing
from tests.support.clients import client_as
from tests.unit.audit.council import TEMPLATES, case, source


@pytest.fixture
async def plan(app: FastAPI) -> Programme:
    """The briefing's programme with one case drawn for each of the first eight assessments."""
    engine: AsyncEngine = app.state.service.engine
    plan = await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, *[case(f"case {number}") for number in range(8)])
    return plan


async def first_of(app: FastAPI, auditor: str) -> Audit:
    """A case of this auditor's."""
    return next(audit for audit in await audits(app.state.service.engine) if audit.auditor_id == auditor)


async def auditor(app: FastAPI, person_id: str = "auditor-1") -> httpx.AsyncClient:
    return await client_as(app, Role.AUDITOR, person_id=person_id)


def fields_of(page: httpx.Response) -> dict[str, str]:
    """What the form on the page would send if nothing were changed."""
    document = cast(html.HtmlElement, html.document_fromstring(page.text))
    form = cast(html.FormElement, document.get_element_by_id("audit-form"))
    return {str(name): str(value) for name, value in form.form_values()}


def filled(fields: Mapping[str, str], plan: Programme, grade: str = "green", **more: str) -> dict[str, str]:
    """The form as a thorough auditor fills it in."""
    said = dict(fields)
    for section in plan.tool.sections:
        said[f"sections.{section.section}.grade"] = grade
        said[f"sections.{section.section}.evidence"] = "The record shows it."
    return {
        **said,
        "grade": grade,
        "lived_experience": "School is the best part of the day.",
        "difference": "The child is safer at home.",
        **more,
    }


async def completed(app: FastAPI, plan: Programme, audit: Audit) -> str:
    """The address of the audit, once its auditor has completed it."""
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**filled(fields, plan), "do": "complete"})
    return address


async def looks_of(app: FastAPI, person_id: str) -> list[tuple[str, str]]:
    """What the trail says that this person looked at, and why."""
    async with app.state.service.engine.connect() as connection:
        query = sa.text("SELECT what, why FROM trail WHERE person_id = :person ORDER BY id")
        return [(row.what, row.why) for row in await connection.execute(query, {"person": person_id})]


async def events(engine: AsyncEngine, kind: str) -> list[bytes]:
    """The bodies of the events of one type that wait to be published."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            sa.text("SELECT body FROM outbox WHERE type = :kind ORDER BY id"), {"kind": kind}
        )
        return [row.body for row in rows]


async def test_the_inbox_shows_what_to_audit_with_its_age_due_date_and_why_it_was_drawn(
    app: FastAPI, plan: Programme
) -> None:
    async with await auditor(app) as browser:
        page = await browser.get("/audit/inbox")
    assert page.status_code == 200
    assert "2 cases to audit" in page.text
    assert "Authorised 1 day ago" in page.text
    assert "due in 5 working days" in page.text.lower()
    assert "Drawn on arrival" in page.text


async def test_no_two_links_of_the_inbox_read_the_same_and_each_names_its_case(app: FastAPI, plan: Programme) -> None:
    named, unnamed = [audit for audit in await audits(app.state.service.engine) if audit.auditor_id == "auditor-1"]
    link = ChildLinked(occurred_at=MORNING, version=1, child_id=named.child_id, case_id="4229480")
    async with sessions(app.state.service.engine)() as session, session.begin():
        await keep_case_links([link], session)
    async with await auditor(app) as browser:
        page = (await browser.get("/audit/inbox")).text
    assert set(re.findall(r">(Case [^<]+)<", page)) >= {"Case 4229480", f"Case {unnamed.child_id.hex[:8]}"}


async def test_the_case_page_says_below_which_threshold_it_was_drawn_and_names_its_factors(
    app: FastAPI, engine: AsyncEngine
) -> None:
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    await arrive(engine, *[case(f"case {number}", factors=("4B", "99Z")) for number in range(8)])
    audit = await first_of(app, "auditor-1")
    async with await auditor(app) as browser:
        page = (await browser.get(f"/audit/audits/{audit.audit_id}")).text
    assert "threshold of 1.000" in page
    assert "4B parent’s mental health, 99Z" in page


async def test_only_who_can_have_a_link_set_up_is_told_that_there_is_none(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    app.state.service.settings.case_link = ""
    async with await auditor(app) as browser:
        of_the_auditor = (await browser.get(f"/audit/audits/{audit.audit_id}")).text
    async with await client_as(app, Role.QA_MANAGER) as browser:
        of_the_manager = (await browser.get(f"/audit/audits/{audit.audit_id}")).text
    assert "No link to the case management system" not in of_the_auditor
    assert "No link to the case management system" in of_the_manager


async def test_an_empty_inbox_says_what_would_fill_it(app: FastAPI) -> None:
    async with await auditor(app) as browser:
        assert "No programme is open" in (await browser.get("/audit/inbox")).text
        await open_briefing(app.state.service.engine)
        assert "Nothing to audit" in (await browser.get("/audit/inbox")).text


async def test_an_audit_is_completed_with_a_red_rating_a_finding_and_a_strength(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**filled(fields, plan, "red"), "do": "add-finding"})
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**fields, "do": "add-strength"})
        fields = fields_of(await browser.get(address))
        finding = next(name for name in fields if name.startswith("findings.")).split(".")[1]
        strength = next(name for name in fields if name.startswith("strengths.")).split(".")[1]
        said = {
            f"findings.{finding}.finding": "The child was not seen alone.",
            f"findings.{finding}.action": "See the child alone.",
            f"findings.{finding}.domain": plan.domains[0],
            f"findings.{finding}.level": "practitioner",
            f"findings.{finding}.severity": "high",
            f"findings.{finding}.needs_action": "yes",
            f"strengths.{strength}.strength": "The chronology is excellent.",
            f"strengths.{strength}.domain": plan.domains[6],
        }
        done = await browser.post(address, data={**fields, **said, "do": "complete"})
        assert (done.status_code, done.headers["location"]) == (303, "/audit/inbox")
        shown = await browser.get(address)
    assert "The child was not seen alone." in shown.text
    engine = app.state.service.engine
    completed = (await events(engine, "AuditCompleted"))[0]
    assert finding.encode() in completed
    assert b'"rag":"red"' in completed
    assert b"not seen alone" not in completed
    assert len(await events(engine, "TextWritten")) == 2
    assert len(await events(engine, "StrengthRecognised")) == 1


async def test_a_red_audit_without_a_finding_is_not_complete(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        page = await browser.post(address, data={**filled(fields, plan, "red"), "do": "complete"})
    assert page.status_code == 422
    assert "A red audit needs a finding with an action" in page.text
    assert await events(app.state.service.engine, "AuditCompleted") == []


async def test_an_empty_form_says_everything_that_is_missing(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        page = await browser.post(address, data={**fields_of(await browser.get(address)), "do": "complete"})
    assert page.status_code == 422
    summary = page.text.partition("govuk-error-summary__list")[2].partition("</ul>")[0]
    errors = re.findall(r'href="#([^"]+)"', summary)
    assert len(errors) == len(plan.tool.sections) + 3
    assert set(errors) <= set(re.findall(r'id="([^"]+)"', page.text))


async def test_a_grade_that_differs_from_the_suggestion_needs_a_reason(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        said = filled(fields_of(await browser.get(address)), plan) | {"grade": "amber"}
        page = await browser.post(address, data={**said, "do": "complete"})
        assert "Say why the grade is not green" in page.text
        fields = fields_of(page)
        done = await browser.post(address, data={**fields, "grade_reason": "The delay mattered.", "do": "complete"})
    assert done.status_code == 303


async def test_the_draft_of_a_second_tab_is_refused_and_nothing_is_overwritten(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        first = fields_of(await browser.get(address))
        second = fields_of(await browser.get(address))
        saved = await browser.post(f"{address}/draft", data={**first, "lived_experience": "From the first tab."})
        again = await browser.post(f"{address}/draft", data={**first, "lived_experience": "The first tab goes on."})
        older = await browser.post(f"{address}/draft", data={**second, "lived_experience": "From the second tab."})
        page = await browser.post(address, data={**second, "lived_experience": "From the second tab.", "do": "save"})
        kept = fields_of(await browser.get(address))
    assert (saved.status_code, again.status_code) == (200, 200)
    assert (older.status_code, page.status_code) == (409, 409)
    assert "From the second tab." in page.text
    assert kept["lived_experience"] == "The first tab goes on."


async def test_a_text_that_is_too_long_is_refused_beside_its_field(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        page = await browser.post(address, data={**fields, "difference": "x" * 8001, "do": "save"})
    assert page.status_code == 422
    assert "longer than 8,000 characters" in page.text


async def test_an_amendment_needs_a_reason_and_keeps_what_was_said_before(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**filled(fields, plan), "do": "complete"})
        said = fields_of(await browser.get(f"{address}/amend"))
        page = await browser.post(address, data={**said, "grade": "amber", "grade_reason": "Late.", "do": "complete"})
        assert page.status_code == 422
        done = await browser.post(
            address,
            data={**said, "grade": "amber", "grade_reason": "Late.", "reason": "New evidence.", "do": "complete"},
        )
        shown = await browser.get(address)
    assert done.status_code == 303
    assert "New evidence." in shown.text
    assert "The grade before was green" in shown.text
    amended = (await events(app.state.service.engine, "AuditAmended"))[0]
    assert b'"rag":"amber"' in amended
    assert b"New evidence" not in amended


async def test_a_finding_added_in_an_amendment_reaches_the_event(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        await browser.post(address, data={**filled(fields_of(await browser.get(address)), plan), "do": "complete"})
        said = fields_of(await browser.get(f"{address}/amend"))
        grown = fields_of(await browser.post(address, data={**said, "do": "add-finding"}))
        finding = next(name for name in grown if name.startswith("findings.")).split(".")[1]
        told = {
            f"findings.{finding}.finding": "The plan has no dates.",
            f"findings.{finding}.domain": plan.domains[3],
            f"findings.{finding}.level": "team",
            f"findings.{finding}.severity": "low",
            f"findings.{finding}.needs_action": "no",
        }
        done = await browser.post(address, data={**grown, **told, "reason": "Overlooked.", "do": "complete"})
    assert done.status_code == 303
    (amended,) = await events(app.state.service.engine, "AuditAmended")
    assert [finding["level"] for finding in json.loads(amended)["findings"]] == ["team"]


async def test_a_case_that_is_returned_is_replaced_and_one_that_is_handed_over_is_not(app: FastAPI) -> None:
    engine = app.state.service.engine
    await open_briefing(engine, source().replace("expected_a_week: 60", "expected_a_week: 20"))
    await arrive(engine, *[case(f"case {number}") for number in range(40)])
    before = await audits(engine)
    given_back = await first_of(app, "auditor-1")
    async with await auditor(app) as browser:
        asked = await browser.post(f"/audit/audits/{given_back.audit_id}/return", data={})
        assert asked.status_code == 422
        await browser.post(f"/audit/audits/{given_back.audit_id}/return", data={"reason": "conflict", "why": "Cousin."})
        gone = await browser.get(f"/audit/audits/{given_back.audit_id}")
    after = await audits(engine)
    assert len(after) == len(before)
    assert gone.status_code == 200
    fresh = await first_of(app, "auditor-1")
    async with await auditor(app) as browser:
        await browser.post(
            f"/audit/audits/{fresh.audit_id}/hand-over", data={"to": "auditor-2", "reason": "away", "why": ""}
        )
    assert len(await audits(engine)) == len(before)
    moved = next(audit for audit in await audits(engine) if audit.audit_id == fresh.audit_id)
    assert (moved.auditor_id, moved.state) == ("auditor-2", AuditState.ALLOCATED)


async def test_of_two_auditors_who_take_a_case_at_once_one_has_it_and_the_other_is_told(
    app: FastAPI, plan: Programme
) -> None:
    theirs = await first_of(app, "auditor-1")
    async with await auditor(app, "auditor-1") as first, await auditor(app, "auditor-2") as second:
        fields = fields_of(await first.get(f"/audit/audits/{theirs.audit_id}"))
        await first.post(f"/audit/audits/{theirs.audit_id}/draft", data={**fields, "difference": "Begun."})
        late = await second.post(f"/audit/audits/{theirs.audit_id}/claim")
        told = await second.get("/audit/inbox")
    assert late.status_code == 303
    assert "no longer free" in told.text
    assert (await first_of(app, "auditor-1")).audit_id == theirs.audit_id


async def test_a_completed_audit_of_a_withdrawn_case_is_kept_without_its_text(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**filled(fields, plan), "do": "complete"})
        said = fields_of(await browser.get(f"{address}/amend"))
        await browser.post(address, data={**said, "reason": "The first reason.", "do": "complete"})
        await arrive(
            app.state.service.engine,
            AssessmentWithdrawn(
                occurred_at=MORNING,
                version=2,
                assessment_id=audit.assessment_id,
                child_id=audit.child_id,
                council="999",
                kind="assessment",
            ),
        )
        shown = await browser.get(address)
    assert "The words of this audit are gone" in shown.text
    assert "School is the best part" not in shown.text
    assert "The first reason." not in shown.text
    assert "Green" in shown.text
    async with app.state.service.engine.connect() as connection:
        forms = (await connection.execute(sa.text("SELECT form FROM amendment"))).scalars().all()
    assert forms == ["{}"]
    assert len(await events(app.state.service.engine, "TextErased")) == 1


Duties = dict[str, tuple[str, ...]]

SEERS: dict[str, tuple[tuple[Role, ...], Duties, int]] = {
    "auditor-1": ((Role.AUDITOR,), {}, 200),
    "auditor-2": ((Role.AUDITOR,), {}, 404),
    "auditor-3": ((Role.AUDITOR, Role.LEAD_AUDITOR), {}, 200),
    "stranger": ((Role.AUDITOR, Role.LEAD_AUDITOR), {}, 404),
    "worker-1": ((Role.PRACTITIONER,), {}, 200),
    "worker-2": ((Role.PRACTITIONER,), {}, 404),
    "manager-1": ((Role.TEAM_MANAGER,), {"manages": ("assessment-north",)}, 200),
    "manager-2": ((Role.TEAM_MANAGER,), {"manages": ("front-door",)}, 404),
    "head-1": ((Role.HEAD_OF_SERVICE,), {"services": ("children",)}, 200),
    "head-2": ((Role.HEAD_OF_SERVICE,), {"services": ("adults",)}, 404),
    "qa-1": ((Role.QA_MANAGER,), {}, 200),
    "support-1": ((Role.BUSINESS_SUPPORT,), {}, 404),
    "board-1": ((Role.BOARD,), {}, 404),
    "admin-1": ((Role.ADMINISTRATOR,), {}, 404),
}


async def test_a_completed_audit_is_seen_by_those_of_the_matrix_and_every_look_leaves_a_trace(
    app: FastAPI, plan: Programme
) -> None:
    audit = await first_of(app, "auditor-1")
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app) as browser:
        fields = fields_of(await browser.get(address))
        await browser.post(address, data={**filled(fields, plan), "do": "complete"})
    engine = app.state.service.engine
    async with engine.begin() as connection:
        await connection.execute(sa.text("TRUNCATE trail"))
    for person_id, (roles, duties, status) in SEERS.items():
        async with await client_as(app, *roles, person_id=person_id, **duties) as browser:
            assert (await browser.get(address)).status_code == status, person_id
    async with engine.connect() as connection:
        looks = (await connection.execute(sa.text("SELECT person_id, object_id FROM trail ORDER BY id"))).all()
    seers = [person_id for person_id, (_, _, status) in SEERS.items() if status == 200]
    assert looks == [(person_id, str(audit.audit_id)) for person_id in seers]


async def test_an_audit_that_is_not_complete_is_not_there_for_those_it_is_about(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    for person_id in ("worker-1", "manager-1", "head-1"):
        roles, duties, _ = SEERS[person_id]
        async with await client_as(app, *roles, person_id=person_id, **duties) as browser:
            assert (await browser.get(f"/audit/audits/{audit.audit_id}")).status_code == 404, person_id


async def test_the_dcs_says_why_before_a_case_opens(app: FastAPI, plan: Programme) -> None:
    address = await completed(app, plan, await first_of(app, "auditor-1"))
    async with await client_as(app, Role.DCS) as browser:
        asked = await browser.get(address, params={"why": "An address says nothing"})
        refused = await browser.post(f"{address}/open", data={"why": "  "})
        given = await browser.post(f"{address}/open", data={"why": "A complaint"})
        opened = await browser.get(address)
    assert "School is the best part" not in asked.text
    assert (refused.status_code, "Say why you are opening this case" in refused.text) == (422, True)
    assert (given.status_code, given.headers["location"]) == (303, address)
    assert "School is the best part" in opened.text
    looks = await looks_of(app, "a-dcs")
    assert looks == [("audit opened", "A complaint"), ("audit read", "A complaint")]


async def test_a_reason_stands_for_half_an_hour_for_that_case_and_that_person_alone(
    app: FastAPI, plan: Programme
) -> None:
    first, second = [await completed(app, plan, await first_of(app, who)) for who in ("auditor-1", "auditor-2")]
    async with await client_as(app, Role.DCS) as browser:
        await browser.post(f"{first}/open", data={"why": "A complaint"})
        assert "School is the best part" in (await browser.get(first)).text
        assert "School is the best part" not in (await browser.get(second)).text
        async with await client_as(app, Role.DCS, person_id="dcs-2") as another:
            assert "School is the best part" not in (await another.get(first)).text
        async with app.state.service.engine.begin() as connection:
            await connection.execute(sa.text("UPDATE trail SET at = at - interval '31 minutes'"))
        assert "School is the best part" not in (await browser.get(first)).text


async def test_the_dcs_is_asked_nothing_where_another_role_gives_the_case(app: FastAPI, plan: Programme) -> None:
    address = await completed(app, plan, await first_of(app, "auditor-1"))
    async with await client_as(app, Role.DCS, Role.HEAD_OF_SERVICE, services=["children"]) as browser:
        assert "School is the best part" in (await browser.get(address)).text
    async with await client_as(app, Role.DCS, Role.HEAD_OF_SERVICE, person_id="of-another", services=["x"]) as browser:
        assert "School is the best part" not in (await browser.get(address)).text


async def test_the_page_says_which_case_it_is(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    async with await auditor(app) as browser:
        page = await browser.get(f"/audit/audits/{audit.audit_id}")
    heading = page.text[page.text.index("govuk-caption-l") : page.text.index("</h1>")]
    assert f"Case {audit.child_id.hex[:8]}" in heading
    assert (plan.theme(audit.theme_id).name in heading, "Assessment North" in heading) == (True, True)


async def test_the_programme_page_sets_targets_against_what_is_done(app: FastAPI, plan: Programme) -> None:
    await day_opens(app.state.service.engine, monday(2))
    async with await client_as(app, Role.QA_MANAGER) as browser:
        page = await browser.get(f"/audit/programmes/{plan.programme_id}")
        listed = await browser.get("/audit/programmes.json")
    assert "8 of 87 drawn" in page.text
    assert "Repeat section 47" in page.text
    assert listed.json()["programmes"][0]["id"] == str(plan.programme_id)


async def test_a_page_answers_for_any_assessment_why_it_was_drawn_or_not(app: FastAPI, plan: Programme) -> None:
    audit = await first_of(app, "auditor-1")
    old = case("old", authorised_on=monday(-1))
    await arrive(app.state.service.engine, old)
    async with await client_as(app, Role.QA_MANAGER) as browser:
        drawn = await browser.get(f"/audit/assessments/{audit.assessment_id}")
        too_old = await browser.get(f"/audit/assessments/{old.assessment_id}")
        unknown = await browser.get(f"/audit/assessments/{UUID(int=3)}")
    assert "Drawn the moment it came" in drawn.text
    assert "before the near-live window" in too_old.text
    assert "Nothing is known of this case" in unknown.text


ASKERS = {
    "auditor-1": True,
    "auditor-2": False,
    "auditor-3": True,
    "stranger": False,
    "head-1": True,
    "head-2": False,
    "qa-1": True,
}


@pytest.mark.parametrize(("person_id", "is_told"), ASKERS.items())
async def test_how_a_case_was_drawn_is_told_to_those_who_may_see_its_audit(
    app: FastAPI, plan: Programme, person_id: str, is_told: bool
) -> None:
    audit = await first_of(app, "auditor-1")
    roles, duties, _ = SEERS[person_id]
    async with await client_as(app, *roles, person_id=person_id, **duties) as browser:
        page = await browser.get(f"/audit/assessments/{audit.assessment_id}")
    assert ("Drawn the moment it came" in page.text, "Nothing is known of this case" in page.text) == (
        is_told,
        not is_told,
    )


async def test_of_a_case_that_was_no_candidate_only_who_sees_every_case_may_ask(app: FastAPI, plan: Programme) -> None:
    old = case("old", authorised_on=monday(-1))
    await arrive(app.state.service.engine, old)
    told = {}
    for person_id in ASKERS:
        roles, duties, _ = SEERS[person_id]
        async with await client_as(app, *roles, person_id=person_id, **duties) as browser:
            told[person_id] = "near-live window" in (await browser.get(f"/audit/assessments/{old.assessment_id}")).text
    assert [person_id for person_id, is_told in told.items() if is_told] == ["auditor-3", "qa-1"]


async def test_a_programme_is_opened_over_http_and_refused_line_by_line(app: FastAPI) -> None:
    async with await client_as(app, Role.QA_MANAGER) as browser:
        opened = await browser.post("/audit/programmes", content=source())
        again = await browser.post("/audit/programmes", content=source())
        wrong = await browser.post("/audit/programmes", content=source(programme="other", weeks="0"))
        page = await browser.post("/audit/programmes/new", data={"source": source(programme="third", weeks="0")})
    assert opened.status_code == 201
    assert again.status_code == 422
    assert wrong.json()["problems"][0]["line"] == 9
    assert "Line 9" in page.text


async def test_a_new_version_changes_targets_from_the_next_week_on_and_says_why(app: FastAPI, plan: Programme) -> None:
    text = source(version="2\nreason: More neglect than expected").replace(
        "expected_a_week: 60", "expected_a_week: 7.25"
    )
    async with await client_as(app, Role.QA_MANAGER) as browser:
        done = await browser.post("/audit/programmes", content=text.replace("target: 105", "target: 115"))
        page = await browser.get(f"/audit/programmes/{plan.programme_id}")
    assert (done.status_code, done.json()["version"]) == (201, 2)
    assert "More neglect than expected" in page.text
    assert "0 of 115 drawn" in page.text


async def test_a_template_whose_feed_is_missing_is_refused_saying_which(app: FastAPI) -> None:
    async with await client_as(app, Role.QA_MANAGER) as browser:
        refused = await browser.post("/audit/programmes", content=(TEMPLATES / "edge-of-care.yaml").read_text())
        chosen = await browser.get("/audit/programmes/new", params={"template": "edge-of-care"})
    assert refused.status_code == 422
    assert "no feed brings plans" in refused.text
    assert "Children on the edge of care" in chosen.text


async def test_every_template_of_finished_work_opens_as_it_is_shipped(app: FastAPI) -> None:
    names = ("duty-and-assessment", "mash", "safeguarding", "children-with-disabilities", "whole-service")
    async with await client_as(app, Role.QA_MANAGER) as browser:
        for name in names:
            opened = await browser.post("/audit/programmes", content=(TEMPLATES / f"{name}.yaml").read_text())
            assert opened.status_code == 201, opened.text
        assert len((await browser.get("/audit/programmes.json")).json()["programmes"]) == len(names)


async def test_an_auditor_or_a_team_that_nobody_knows_is_refused_with_its_line(app: FastAPI) -> None:
    text = source().replace("person: auditor-3", "person: auditor-33\n    conflicts: {teams: [no-such-team]}")
    async with await client_as(app, Role.QA_MANAGER) as browser:
        refused = await browser.post("/audit/programmes", content=text)
    problems = refused.json()["problems"]
    assert [problem["line"] for problem in problems] == [
        text[: text.index("auditor-33")].count("\n") + 1 + n for n in (0, 1)
    ]
    assert "auditor-33" in problems[0]["message"]
    assert "no-such-team" in problems[1]["message"]
