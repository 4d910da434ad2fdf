"""The pages as people meet them: what each shows to whom, without JavaScript, and what it answers to nonsense."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.answers import AnswersToo
from services.remedial.app import build
from services.remedial.domain.amendment import action_id_of
from services.remedial.settings import Settings
from shared.clock import FixedClock
from shared.events import ActionSeen, AuditCompleted, LoopClosed
from tests.service.remedial.council import CASE, MONDAY, PEOPLE, PROGRAMME_OPENED, completed, finding, words
from tests.service.remedial.delivering import deliver, know, said
from tests.support.backend import Database
from tests.support.clients import client, cookie_for

SignIn = Callable[[str], httpx.AsyncClient]
REPORT = {"done": "Set the dates.", "difference": "She knows who comes when.", "evidence": "https://cms.example/d/1"}


@pytest.fixture
def app_clock() -> FixedClock:
    """The time on the pages: Tuesday morning, until a test moves it."""
    return FixedClock(MONDAY + timedelta(days=1))


@pytest.fixture
async def app(database: Database, tmp_path: Path, app_clock: FixedClock) -> AsyncIterator[FastAPI]:
    key = tmp_path / "session.key"
    key.write_bytes(b"k" * 64)
    settings = Settings(
        database_url=database.url("remedial"), session_key_file=key, case_link="https://cms.example/case/{case_id}"
    )
    made = build(settings, app_clock)
    yield made
    await made.state.service.engine.dispose()


@pytest.fixture
async def audit(engine: AsyncEngine) -> AuditCompleted:
    """One audit with two findings, of worker-1's case, and a colleague's beside it."""
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    await deliver(engine, CASE)
    first, second = finding(), finding("management_oversight")
    made = completed(first, second)
    await deliver(engine, made, completed(finding("recording"), worker="worker-2"))
    await deliver(engine, words(first, made), words(second, made))
    return made


@pytest.fixture
async def sign_in(app: FastAPI) -> AsyncIterator[SignIn]:
    opened: list[httpx.AsyncClient] = []

    def browser(person_id: str) -> httpx.AsyncClient:
        opened.append(client(app, cookie_for(app, person_id)))
        return opened[-1]

    yield browser
    for each in opened:
        await each.aclose()


def page_of(audit: AuditCompleted, number: int = 0) -> str:
    return f"/remedial/actions/{action_id_of(audit.findings[number].finding_id)}"


async def shows(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


async def test_a_practitioner_sees_what_to_do_by_when_and_the_way_into_the_case(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    html = await shows(sign_in("worker-1"), "/remedial/mine")
    assert "2 actions to do" in html
    assert "Set dates with the family." in html
    assert "Due in 4 working days" in html
    assert "https://cms.example/case/C-1001" in html
    assert "Recording" not in html


async def test_an_empty_list_says_what_would_fill_it(audit: AuditCompleted, sign_in: SignIn) -> None:
    assert "Nothing to do" in await shows(sign_in("worker-3"), "/remedial/mine")
    assert "Nothing to verify" in await shows(sign_in("auditor-2"), "/remedial/verify")
    assert "No open actions" in await shows(sign_in("manager-2"), "/remedial/team")


async def test_words_that_have_not_come_leave_a_placeholder(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    html = await shows(sign_in("worker-2"), "/remedial/mine")
    assert "The words have not arrived yet." in html


async def test_the_owners_first_look_is_kept_and_the_second_is_not_news(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await said(engine)
    browser = sign_in("worker-1")
    assert "I have done this" in await shows(browser, page_of(audit))
    assert [type(event) for event in await said(engine)] == [ActionSeen]
    assert "Seen by the owner" in await shows(browser, page_of(audit))
    assert await said(engine) == []


async def test_somebody_elses_look_is_not_the_owners(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await said(engine)
    await shows(sign_in("manager-1"), page_of(audit))
    assert await said(engine) == []


async def test_the_whole_life_of_an_audits_actions_by_forms_alone(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    worker, auditor = sign_in("worker-1"), sign_in("auditor-1")
    for number in (0, 1):
        answer = await worker.post(page_of(audit, number) + "/report", data=REPORT)
        assert (answer.status_code, answer.headers["location"]) == (303, "/remedial/mine")
    assert "Waiting for an auditor to verify" in await shows(worker, "/remedial/mine")
    assert "2 actions reported done" in await shows(auditor, "/remedial/verify")
    html = await shows(auditor, page_of(audit))
    assert REPORT["done"] in html
    assert "last open action" not in html
    assert (await auditor.post(page_of(audit) + "/verify")).status_code == 303
    assert "last open action" in await shows(auditor, page_of(audit, 1))
    await said(engine)
    assert (await auditor.post(page_of(audit, 1) + "/verify", data={"grade": "green"})).status_code == 303
    closed = (await said(engine))[-1]
    assert isinstance(closed, LoopClosed)
    assert (closed.before, closed.after) == ("amber", "green")
    assert "Finished lately" in await shows(worker, "/remedial/mine")
    assert f"/audit/audits/{audit.audit_id}/re-audit" in await shows(sign_in("qa-1"), page_of(audit))
    assert "Draw a re-audit" not in await shows(auditor, page_of(audit))


async def test_a_form_that_is_not_filled_in_keeps_what_was_typed_and_says_what_is_wrong(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    answer = await sign_in("worker-1").post(page_of(audit) + "/report", data={"done": "Set the dates."})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert "Enter what difference it made for the child" in answer.text
    assert "Set the dates." in answer.text


@pytest.mark.parametrize("evidence", ["javascript:alert(1)", "https://elsewhere.example/x", "C:\\files\\x.doc"])
async def test_evidence_is_a_link_into_the_case_system_and_nothing_else(
    audit: AuditCompleted, sign_in: SignIn, evidence: str
) -> None:
    answer = await sign_in("worker-1").post(page_of(audit) + "/report", data=REPORT | {"evidence": evidence})
    assert answer.status_code == 422
    assert "Evidence must be a link" in answer.text


async def test_reporting_twice_says_so_and_does_nothing_twice(audit: AuditCompleted, sign_in: SignIn) -> None:
    worker = sign_in("worker-1")
    await worker.post(page_of(audit) + "/report", data=REPORT)
    answer = await worker.post(page_of(audit) + "/report", data=REPORT)
    assert answer.status_code == 422
    assert "already been reported done" in answer.text


async def test_a_manager_extends_hands_over_and_cannot_do_nonsense(audit: AuditCompleted, sign_in: SignIn) -> None:
    manager = sign_in("manager-1")
    assert "First due" not in await shows(manager, page_of(audit) + "/extend")
    late = {"due_on": "2026-12-05", "reason": "Leave."}
    assert "must be a working day" in (await manager.post(page_of(audit) + "/extend", data=late)).text
    assert (await manager.post(page_of(audit) + "/extend", data=late | {"due_on": "2026-12-04"})).status_code == 303
    assert "Worker 2, 1 action to do" in await shows(manager, page_of(audit) + "/reassign")
    given = {"owner": "worker-2", "reason": "On leave."}
    assert (await manager.post(page_of(audit) + "/reassign", data=given)).status_code == 303
    html = await shows(manager, page_of(audit))
    assert "1 extension, 1 reassignment" in html
    assert "On leave." in html


async def test_a_manager_decides_nothing_about_their_own_oversight(audit: AuditCompleted, sign_in: SignIn) -> None:
    given = {"owner": "worker-2", "reason": "Why not."}
    answer = await sign_in("manager-1").post(page_of(audit, 1) + "/reassign", data=given)
    assert answer.status_code == 422
    assert "your own oversight" in answer.text


async def test_business_support_sees_everything_to_chase_and_no_words(audit: AuditCompleted, sign_in: SignIn) -> None:
    support = sign_in("support-1")
    html = await shows(support, "/remedial/board")
    assert "3 open actions" in html
    html = await shows(support, page_of(audit))
    assert "The plan has no dates." not in html
    assert "Record that you chased it" in html
    assert (await support.post(page_of(audit) + "/chase", data={"reason": ""})).status_code == 303
    assert "Chased" in await shows(support, page_of(audit))


async def test_the_board_narrows_by_pile_team_and_person_and_ignores_nonsense(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    support = sign_in("support-1")
    assert "1 open action" in await shows(support, "/remedial/board?owner=worker-2")
    assert "Nothing here" in await shows(support, "/remedial/board?pile=overdue")
    assert "3 open actions" in await shows(support, "/remedial/board?pile=nonsense")
    assert (await support.get("/remedial/board?page=0")).status_code == 422


async def test_the_dcs_says_why_before_a_case_opens(audit: AuditCompleted, sign_in: SignIn) -> None:
    dcs = sign_in("dcs-1")
    assert "Why are you opening this case?" in await shows(dcs, page_of(audit))
    assert "Why are you opening this case?" in await shows(dcs, page_of(audit) + "?why=An+address+says+nothing")
    refused = await dcs.post(page_of(audit) + "/open", data={"why": ""})
    assert (refused.status_code, "Say why you are opening this case" in refused.text) == (422, True)
    given = await dcs.post(page_of(audit) + "/open", data={"why": "Asked by the board"})
    assert (given.status_code, given.headers["location"]) == (303, page_of(audit))
    assert "The plan has no dates." in await shows(dcs, page_of(audit))


@pytest.mark.parametrize("who", ["worker-3", "manager-2", "auditor-2", "admin-1"])
async def test_an_action_does_not_exist_for_those_it_does_not_concern(
    audit: AuditCompleted, sign_in: SignIn, who: str
) -> None:
    browser, page = sign_in(who), page_of(audit)
    answers = [await browser.get(page), await browser.get(page + "/report"), await browser.post(page + "/start")]
    answers += [await browser.post(page + "/verify"), await browser.post(page + "/extend", data={"reason": "x"})]
    assert {answer.status_code for answer in answers} == {404}


async def test_an_action_that_was_never_raised_answers_404(audit: AuditCompleted, sign_in: SignIn) -> None:
    assert (await sign_in("qa-1").get(f"/remedial/actions/{uuid4()}")).status_code == 404
    assert (await sign_in("qa-1").get("/remedial/actions/nonsense")).status_code in {404, 422}


async def test_programs_make_the_same_moves_with_the_same_rules(audit: AuditCompleted, sign_in: SignIn) -> None:
    worker, auditor = sign_in("worker-1"), sign_in("auditor-1")
    action_id = action_id_of(audit.findings[0].finding_id)
    api = f"/remedial/api/actions/{action_id}"
    assert (await worker.get("/remedial/api/actions")).json()["total"] == 2
    assert (await worker.post(api + "/start")).json()["state"] == "in_progress"
    reported = await worker.post(api + "/report", json=REPORT)
    assert (reported.status_code, reported.json()["state"]) == (200, "reported")
    again = await worker.post(api + "/report", json=REPORT)
    assert (again.status_code, "already been reported" in again.text) == (409, True)
    assert (await worker.post(api + "/verify", json={})).status_code == 404
    assert (await auditor.post(api + "/return", json={"reason": "Dates?"})).json()["returns"] == 1
    assert (await worker.post(api + "/report", json={"done": "x"})).status_code == 422
    assert UUID((await auditor.get(api)).json()["action_id"]) == action_id


async def test_the_note_for_the_childs_file_says_how_the_loop_stands(audit: AuditCompleted, sign_in: SignIn) -> None:
    note = (await sign_in("auditor-1").get(f"/remedial/api/loops/{audit.audit_id}")).json()
    assert (note["case_id"], note["standing"], note["before"], note["after"]) == ("C-1001", "open", "amber", None)
    assert (await sign_in("worker-3").get(f"/remedial/api/loops/{audit.audit_id}")).status_code == 404


async def test_what_is_wrong_with_a_form_is_listed_in_the_order_of_its_fields(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    text = (await sign_in("support-1").post(page_of(audit) + "/extend", data={"reason": ""})).text
    assert text.index("Enter the new due date") < text.index("Enter a reason")


async def test_a_proclaimed_day_off_is_entered_once_and_a_day_off_already_is_refused(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    qa = sign_in("qa-1")
    assert "None entered" in await shows(qa, "/remedial/holidays")
    christmas = await qa.post("/remedial/holidays", data={"day": "2026-12-25", "name": "Christmas"})
    assert (christmas.status_code, "no working day already" in christmas.text) == (422, True)
    for _ in range(2):
        entered = await qa.post("/remedial/holidays", data={"day": "2027-05-05", "name": "Coronation"})
        assert entered.status_code == 303
    assert (await shows(qa, "/remedial/holidays")).count("/remedial/holidays/2027-05-05/remove") == 1
    gone = [(await qa.post("/remedial/holidays/2027-05-05/remove")).status_code for _ in range(2)]
    assert gone == [303, 404]
    assert "None entered" in await shows(qa, "/remedial/holidays")


async def test_second_looks_and_messages_have_their_places(audit: AuditCompleted, sign_in: SignIn) -> None:
    assert "No messages yet" in await shows(sign_in("support-1"), "/remedial/messages")
    assert "Actions to verify" in await shows(sign_in("qa-1"), "/remedial/verify")
    assert (await sign_in("worker-1").get("/remedial/messages")).status_code == 404


async def test_lists_say_of_an_action_that_it_answers_another_audits_finding_too(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    first = audit.findings[0]
    said_of_it = "Also answers a finding of another audit"
    merged = structs.replace(finding(owner="worker-1", needs_action=False), acts_with=first.finding_id)
    assert said_of_it not in await shows(sign_in("worker-1"), "/remedial/mine")
    await deliver(engine, completed(merged))
    owner, auditor = sign_in("worker-1"), sign_in("auditor-1")
    assert (await shows(owner, "/remedial/mine")).count(said_of_it) == 1
    await owner.post(f"{page_of(audit)}/report", data=REPORT)
    assert (await shows(auditor, "/remedial/verify")).count(said_of_it) == 1


@pytest.mark.parametrize(
    ("here", "elsewhere", "words"),
    [
        (0, 0, ""),
        (1, 0, "Also answers another finding of its audit"),
        (2, 0, "Also answers 2 other findings of its audit"),
        (0, 1, "Also answers a finding of another audit"),
        (0, 3, "Also answers 3 findings of other audits"),
        (1, 1, "Also answers 2 other findings, 1 of another audit"),
        (1, 2, "Also answers 3 other findings, 2 of other audits"),
    ],
)
def test_how_many_findings_an_action_answers_too_in_words(here: int, elsewhere: int, words: str) -> None:
    assert AnswersToo(here, elsewhere).in_words == words


async def test_an_action_names_what_else_it_answers_and_why_a_finding_stands_alone(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    also = finding("recording", owner="worker-1", needs_action=False)
    also = structs.replace(also, acts_with=audit.findings[0].finding_id)
    other = completed(also)
    await deliver(engine, other)
    html = await shows(sign_in("worker-1"), page_of(audit))
    assert "It answers 1 other finding too" in html
    assert "Its loop closes when this action is verified" in html
    assert "The words have not arrived yet." in html
    assert "Answers one more finding" in html
    await deliver(engine, words(also, other))
    assert "The plan has no dates." in await shows(sign_in("auditor-1"), page_of(audit))
    assert "If this action is withdrawn, each of them gets one of its own." in await shows(
        sign_in("qa-1"), page_of(audit)
    )
    support = await shows(sign_in("support-1"), page_of(audit))
    assert "The plan has no dates." not in support
    assert "Recording, high severity" in support

    elsewhere = structs.replace(also, finding_id=uuid4(), owner_id="worker-2")
    alone = completed(elsewhere)
    await deliver(engine, alone)
    assert "because it belongs to somebody else by now" in await shows(sign_in("worker-2"), page_of(alone))
