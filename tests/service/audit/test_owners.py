"""Who should act on a finding: named by the auditor, with what each of them has in hand already in view."""

from __future__ import annotations

from uuid import UUID

import httpx
import msgspec
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers, owners
from services.audit.domain.programme import Programme
from services.audit.models import Audit, Flag
from shared.db import sessions
from shared.events import (
    ActionEvent,
    ActionRaised,
    ActionReassigned,
    ActionReopened,
    ActionReported,
    ActionVerified,
    ActionWithdrawn,
    AuditCompleted,
    Role,
)
from tests.service.audit.playing import MORNING, know, monday, of_type
from tests.service.audit.test_auditing import auditor, fields_of
from tests.service.audit.test_replies import begun, with_finding
from tests.support.clients import a_person, client_as
from tests.support.delivery import deliver, said
from tests.unit.audit.council import OPENS_ON, identity

TEAM = ("assessment-north",)
PEOPLE = (
    a_person("worker-1", Role.PRACTITIONER, teams=TEAM),
    a_person("worker-2", Role.PRACTITIONER, teams=TEAM),
    a_person("manager-1", Role.TEAM_MANAGER, manages=("assessment-north",)),
    a_person("elsewhere", Role.PRACTITIONER),
)


def raised(action: object, owner: str = "worker-1") -> ActionRaised:
    """An action of somebody's, of an audit of its own."""
    return ActionRaised(
        occurred_at=MORNING,
        audit_id=identity(f"audit of {action}"),
        action_id=identity(action),
        finding_id=identity(f"finding of {action}"),
        child_id=identity("child"),
        programme_id=identity("programme"),
        theme_id="theme",
        auditor_id="auditor-1",
        owner_id=owner,
        domain="x",
        severity="low",
        rag="green",
        due_on=monday(2),
        due_at=MORNING,
        working_days=5,
    )


def then(kind: type[ActionEvent], action: object, version: int = 2, **more: object) -> ActionEvent:
    """What happened to it next."""
    about = {"occurred_at": MORNING, "audit_id": identity(f"audit of {action}"), "action_id": identity(action)}
    return msgspec.convert({**about, "version": version, "by": "manager-1", **more}, kind)


async def test_open_actions_follow_their_owner(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    again = {"due_on": monday(3), "due_at": MORNING}
    await deliver(
        engine,
        handlers.router,
        *(raised(n) for n in range(6)),
        then(ActionVerified, 1, in_time=True),
        then(ActionWithdrawn, 2),
        then(ActionReassigned, 3, owner_id="worker-2"),
        then(ActionVerified, 4, in_time=True),
        then(ActionReopened, 4, 3, **again),
    )
    async with sessions(engine)() as session:
        row = await session.get_one(Audit, audit.audit_id)
        found = await owners.owners(session, plan, row, OPENS_ON)
    assert [(owner.person_id, owner.open_actions) for owner in found] == [
        ("worker-1", 3),
        ("manager-1", 0),
        ("worker-2", 1),
    ]


async def test_leave_that_the_programme_knows_is_said(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    other = next(each.person for each in plan.auditors if each.person != audit.auditor_id)
    await know(engine, a_person(other, Role.AUDITOR, teams=TEAM, version=2))
    away = plan.model_copy(
        update={
            "auditors": tuple(
                each.model_validate({**each.model_dump(), "leave": [{"from": OPENS_ON, "to": monday(2)}]})
                for each in plan.auditors
            )
        }
    )
    async with sessions(engine)() as session:
        row = await session.get_one(Audit, audit.audit_id)
        found = await owners.owners(session, away, row, OPENS_ON)
    assert [(owner.person_id, owner.away) for owner in found] == [(other, (OPENS_ON, monday(2)))]


async def test_the_named_owner_goes_with_the_finding_and_a_stranger_to_the_team_cannot_be_named(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    await deliver(engine, handlers.router, raised(1, "worker-2"))
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, finding = await with_finding(browser, address, plan)
        page = await browser.get(address)
        owner = f"findings.{finding}.owner_id"
        await browser.post(address, data={**fields, owner: "elsewhere", "do": "save"})
        stranger = fields_of(await browser.get(address))[owner]
        told = {f"findings.{finding}.needs_action": "yes", f"findings.{finding}.action": "Date the plan."}
        done = await browser.post(address, data={**fields, **told, owner: "worker-2", "do": "complete"})
    assert ", 1 open action</option>" in page.text
    assert stranger == ""
    assert done.status_code == 303
    (completed,) = of_type(await said(engine), AuditCompleted)
    assert [each.owner_id for each in completed.findings] == ["worker-2"]


async def two_findings(browser: httpx.AsyncClient, address: str, plan: Programme) -> tuple[dict[str, str], list[str]]:
    """The form with two whole findings, each with an action of its own; their ids."""
    fields, first = await with_finding(browser, address, plan)
    await browser.post(address, data={**fields, "do": "add-finding"})
    fields = fields_of(await browser.get(address))
    second = next(name.split(".")[1] for name in fields if name.startswith("findings.") and first not in name)
    for finding, action in ((first, "Date the plan."), (second, "Name who does what.")):
        fields |= {f"findings.{finding}.{name}": value for name, value in WHOLE.items()}
        fields |= {f"findings.{finding}.domain": plan.domains[3], f"findings.{finding}.action": action}
    return fields, [first, second]


WHOLE = {"finding": "The plan is vague.", "level": "team", "severity": "low", "needs_action": "yes"}


async def test_one_press_lets_one_action_answer_two_findings_and_only_one_is_raised(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, (first, second) = await two_findings(browser, address, plan)
        await browser.post(address, data={**fields, "do": f"merge:{second}:{first}"})
        page = await browser.get(address)
        merged = fields_of(page)
        done = await browser.post(address, data={**merged, "do": "complete"})
        shown = await browser.get(address)
    assert "The action of finding 1 answers this one too" in page.text
    assert merged[f"findings.{first}.action"].split() == ["Date", "the", "plan.", "Name", "who", "does", "what."]
    assert done.status_code == 303
    assert f'href="#finding-{first}"' in shown.text
    (completed,) = of_type(await said(engine), AuditCompleted)
    assert [(str(each.finding_id), each.needs_action, each.acts_with) for each in completed.findings] == [
        (first, True, None),
        (second, False, UUID(first)),
    ]


async def test_a_merged_finding_can_have_its_own_action_again_and_outlives_the_other(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, (first, second) = await two_findings(browser, address, plan)
        await browser.post(address, data={**fields, "do": f"merge:{second}:{first}"})
        merged = fields_of(await browser.get(address))
        refused = await browser.post(address, data={**merged, f"findings.{first}.needs_action": "no", "do": "complete"})
        await browser.post(address, data={**merged, "do": f"remove:{first}"})
        left = fields_of(await browser.get(address))
    assert refused.status_code == 422
    assert "is not there any more: give the finding its own" in refused.text
    assert f"findings.{second}.acts_with" not in left
    assert f"findings.{second}.action" in left


async def test_an_action_that_is_open_already_answers_a_finding_of_another_audit(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    other = await another_of(engine, audit)
    mine = structs.replace(raised(1), audit_id=other, team_id=TEAM[0], domain="Recording")
    reported = structs.replace(mine, action_id=identity(2), finding_id=identity("reported"))
    theirs = structs.replace(raised(3), team_id=TEAM[0])
    done = structs.replace(then(ActionReported, 2), audit_id=other, action_id=identity(2))
    await deliver(engine, handlers.router, mine, reported, theirs, done)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, finding = await with_finding(browser, address, plan)
        page = await browser.get(address)
        stranger = await browser.post(address, data={**fields, "do": f"join:{finding}:{theirs.finding_id}"})
        kept = fields_of(await browser.get(address))
        await browser.post(address, data={**fields, "do": f"join:{finding}:{mine.finding_id}"})
        joined = fields_of(await browser.get(address))
        shown = await browser.get(address)
        red = {"grade": "red", "grade_reason": "It has no dates at all."}
        whole = {f"findings.{finding}.finding": "No dates.", **red, "do": "complete"}
        complete = await browser.post(address, data={**joined, **whole})
        read = await browser.get(address)
    assert page.text.count("has open answer finding 1") == 1
    assert "recording, due" in page.text
    assert stranger.status_code == 303
    assert f"findings.{finding}.acts_with" not in kept
    assert joined[f"findings.{finding}.owner_id"] == "worker-1"
    assert "has open already answers this one too: recording, due" in shown.text
    assert complete.status_code == 303, complete.text
    assert f"/remedial/actions/{mine.action_id}" in read.text
    (completed,) = of_type(await said(engine), AuditCompleted)
    assert [(each.acts_with, each.owner_id, each.needs_action) for each in completed.findings] == [
        (mine.finding_id, "worker-1", False)
    ]


async def test_an_action_that_was_finished_while_the_form_was_open_is_refused_with_what_to_do(
    app: FastAPI, engine: AsyncEngine
) -> None:
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    mine = structs.replace(raised(1), audit_id=await another_of(engine, audit), team_id=TEAM[0])
    await deliver(engine, handlers.router, mine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, finding = await with_finding(browser, address, plan)
        await browser.post(address, data={**fields, "do": f"join:{finding}:{mine.finding_id}"})
        joined = fields_of(await browser.get(address))
        verified = structs.replace(then(ActionVerified, 1, in_time=True), audit_id=mine.audit_id)
        await deliver(engine, handlers.router, verified)
        refused = await browser.post(address, data={**joined, "do": "complete"})
    assert refused.status_code == 422
    assert "is not there any more: give the finding its own" in refused.text


async def another_of(engine: AsyncEngine, audit: Audit) -> UUID:
    """Another audit of the same auditor."""
    async with sessions(engine)() as session, session.begin():
        row = await session.get_one(Audit, audit.audit_id)
        facts = {**row.model_dump(), "audit_id": identity("another"), "assessment_id": identity("other work")}
        session.add(Audit(**facts))
    return identity("another")


async def test_an_action_of_a_withdrawn_case_answers_no_finding_more(app: FastAPI, engine: AsyncEngine) -> None:
    """Nobody could have said that it was done: what is written about a withdrawn case is not kept."""
    plan, audit = await begun(app, engine)
    await know(engine, *PEOPLE)
    other = await another_of(engine, audit)
    await deliver(engine, handlers.router, structs.replace(raised(1), audit_id=other, team_id=TEAM[0]))

    async def joinable() -> int:
        async with sessions(engine)() as session:
            row = await session.get_one(Audit, audit.audit_id)
            return sum(len(each.joinable) for each in await owners.owners(session, plan, row, OPENS_ON))

    assert await joinable() == 1
    async with sessions(engine)() as session, session.begin():
        (await session.get_one(Audit, other)).flag = Flag.WITHDRAWN
    assert await joinable() == 0


async def test_a_draft_that_names_nonsense_for_an_action_can_be_read(app: FastAPI, engine: AsyncEngine) -> None:
    plan, audit = await begun(app, engine)
    address = f"/audit/audits/{audit.audit_id}"
    async with await auditor(app, str(audit.auditor_id)) as browser:
        fields, finding = await with_finding(browser, address, plan)
        await browser.post(address, data={**fields, f"findings.{finding}.acts_with": "nonsense", "do": "save"})
    async with await client_as(app, Role.QA_MANAGER) as browser:
        assert (await browser.get(address)).status_code == 200
