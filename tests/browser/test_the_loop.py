"""The loop as people see it: cases arrive under the auditor's eyes, and the board moves while somebody looks at it.

Four windows stay open at once, as people would have them. What moves, moves without a reload: each live page
carries a mark in its window that a reload would lose.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from deploy.demo.council import Council
from deploy.demo.narratives import READINGS
from deploy.demo.story import Deployment, Pace, tell
from deploy.local.home import Home
from shared.events import CmsAssessmentAuthorised
from shared.working_days import local_date
from tests.browser.accessibility import axe_clean, fits
from tests.browser.conftest import PHONE, Visit, window
from tests.system.stack import RunningStack

TEAM = "assessment-harbour"
AUDITOR = "auditor-1"
READING, FINDING = next(
    (reading, reading.finding) for reading in READINGS if reading.rag == "amber" and reading.finding is not None
)
WEAK = ("assessment", "planning")
SHOTS = os.environ.get("CASELOOP_SCREENSHOTS")
"""Where the README's pictures go; none are taken without it."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Windows:
    """Who looks at what, at once."""

    auditor: Visit
    verifier: Visit
    practitioner: Visit
    board: Visit


@pytest.fixture
async def windows(stack: RunningStack, council: Council, browser: Browser) -> AsyncIterator[Windows]:
    """A window for each; the practitioner holds a phone."""
    async with AsyncExitStack() as opened:
        visits = [await opened.enter_async_context(window(browser, stack)) for _ in range(3)]
        phone = await opened.enter_async_context(window(browser, stack, viewport=PHONE))
        yield Windows(auditor=visits[0], verifier=visits[1], board=visits[2], practitioner=phone)
        assert [complaint for visit in (*visits, phone) for complaint in visit.complaints] == []


async def test_the_loop_closes_before_everybodys_eyes(stack: RunningStack, council: Council, windows: Windows) -> None:
    worker = council.practitioners_of(TEAM)[0].person_id
    if SHOTS:
        await live_through_a_week(stack)
    await stay_at(windows.board, "qa-manager", "/reporting/board")
    completed, closed = await figure(windows.board, "audits_completed"), await figure(windows.board, "loops_closed")

    await stay_at(windows.auditor, AUDITOR, "/audit/inbox")
    known = await addresses(windows.auditor.page)
    await publish_neglect(stack, council, worker)
    await expect(cases(windows.auditor.page).nth(len(known))).to_be_visible(timeout=20_000)
    await still_there(windows.auditor)
    await look_over(windows.auditor, "inbox")

    arrived = [address for address in await addresses(windows.auditor.page) if address not in known]
    await audit_as_amber(windows.auditor, arrived[0])
    await expect(value(windows.board, "audits_completed")).to_have_text(str(completed + 1), timeout=20_000)

    await stay_at(windows.verifier, AUDITOR, "/remedial/verify")
    await report_on_the_phone(windows.practitioner, worker)
    await verify_what_appears(windows.verifier)
    await expect(value(windows.board, "loops_closed")).to_have_text(str(closed + 1), timeout=20_000)
    await still_there(windows.board)
    await look_over(windows.board, "board", "#figures")


async def live_through_a_week(stack: RunningStack) -> None:
    """The demo's last week, so that a picture shows what a council would see."""
    where = Deployment(stack.url, stack.kafka, Home(stack.home).session_key)
    await tell(where, lambda _: None, Pace(cases=0))


async def publish_neglect(stack: RunningStack, council: Council, worker: str) -> None:
    """Two dozen new assessments of one worker, all about neglect: the programme draws more than half of them."""
    now = datetime.now(UTC)
    # Other children each time: two tests of one stack would otherwise tell the same cases twice, which has no effect
    first = 4_400_000 + 24 * secrets.randbelow(1000)
    assessments = [
        CmsAssessmentAuthorised(
            occurred_at=now,
            council="999",
            id=f"seen-in-the-browser-{first + number}",
            child=str(first + number),
            worker=worker,
            team=TEAM,
            started_on=local_date(now) - timedelta(days=30),
            authorised_on=local_date(now),
            authorised_at=now,
            authorised_by=council.manager_of(TEAM).person_id,
            factors=("16A",),
        )
        for number in range(24)
    ]
    await stack.publish(*assessments, event_ids=[str(uuid4()) for _ in assessments])


async def audit_as_amber(visit: Visit, address: str) -> None:
    """Open a case, fill the form in as its labels ask, and complete it."""
    page = visit.page
    await page.locator(f"main a[href='{address}']").first.click()
    await page.wait_for_url(re.compile("/audit/audits/"))
    await expect(page.locator("h1")).to_contain_text("Audit")
    for section in await page.locator("section.audit-section[id^='section-']").all():
        name = (await section.get_attribute("id") or "").removeprefix("section-")
        for answer in await section.get_by_label("Partly" if name in WEAK else "Yes", exact=True).all():
            await answer.check()
        await choose(page, f"sections.{name}.grade", "amber" if name in WEAK else "green")
        if name in WEAK:
            await page.locator(f"[name='sections.{name}.evidence']").fill(READING.evidence)
    await page.locator("[name=lived_experience]").fill(READING.lived_experience)
    await page.locator("[name=difference]").fill(READING.difference)
    await choose(page, "grade", "amber")
    await page.get_by_role("button", name="Add a finding").click()
    await fill_the_finding(page)
    await look_over(visit, "form", "#section-assessment")
    await page.get_by_role("button", name="Complete the audit").click()
    await page.wait_for_url("**/audit/inbox")
    await expect(page.get_by_text("The audit is complete")).to_be_visible()
    await axe_clean(page)


async def fill_the_finding(page: Page) -> None:
    """The finding that was just added."""
    words = page.locator("textarea[name^='findings.'][name$='.finding']")
    await words.fill(FINDING.finding)
    prefix = (await words.get_attribute("name") or "").removesuffix("finding")
    await page.locator(f"[name='{prefix}domain']").select_option(index=1)
    await choose(page, f"{prefix}level", "practitioner")
    await choose(page, f"{prefix}severity", "medium")
    await choose(page, f"{prefix}needs_action", "yes")
    await page.locator(f"[name='{prefix}action']").fill(FINDING.action)


async def report_on_the_phone(visit: Visit, worker: str) -> None:
    """The social worker finds the action on a phone, says what was done and what difference it made."""
    page = visit.page
    await visit.sign_in(worker)
    await visit.open("/remedial/mine")
    done = page.get_by_role("button", name="I have done this").first
    await expect(done).to_be_visible(timeout=20_000)
    await expect(page.get_by_text(FINDING.action[:60])).to_be_visible(timeout=20_000)
    await fits(page)
    await look_over(visit, "my-actions")
    await done.click()
    await axe_clean(page)
    await fits(page)
    await page.locator("[name=done]").fill(FINDING.done)
    await page.locator("[name=difference]").fill(FINDING.difference)
    await page.get_by_role("button", name="Report it done").click()
    await page.wait_for_url("**/remedial/mine")
    await expect(page.get_by_text("Reported done")).to_be_visible()


async def verify_what_appears(visit: Visit) -> None:
    """The action appears in the open list; the auditor opens it and verifies that it is done."""
    page = visit.page
    reported = page.locator("main a[href^='/remedial/actions/']").first
    await expect(reported).to_be_visible(timeout=20_000)
    await still_there(visit)
    await axe_clean(page)
    await reported.click()
    await expect(page.get_by_text(FINDING.done)).to_be_visible()
    await axe_clean(page)
    await page.get_by_role("button", name="Verify that it is done").click()
    await expect(page.get_by_text("Verified").first).to_be_visible()


async def stay_at(visit: Visit, person: str, path: str) -> None:
    """Sign in, open a live page and leave a mark that a reload would lose."""
    await visit.sign_in(person)
    await visit.open(path)
    await visit.page.evaluate("window.neverReloaded = true")


async def still_there(visit: Visit) -> None:
    """The page was never reloaded."""
    assert await visit.page.evaluate("window.neverReloaded === true"), f"{visit.page.url} was reloaded"


async def look_over(visit: Visit, name: str, top: str = "body") -> None:
    """Axe-core finds nothing; and a picture for the README, from `top` down, where one is asked for."""
    await axe_clean(visit.page)
    if SHOTS:
        await visit.page.evaluate("top => document.querySelector(top).scrollIntoView()", top)
        await visit.page.screenshot(path=f"{SHOTS}/{name}.png", animations="disabled")


async def choose(page: Page, name: str, answer: str) -> None:
    """Press one of a question's radio buttons."""
    await page.locator(f"input[name='{name}'][value='{answer}']").check()


def cases(page: Page) -> Locator:
    """The cases of the inbox that are the auditor's own."""
    return page.locator("main a[href^='/audit/audits/']")


async def addresses(page: Page) -> list[str]:
    """Where they are."""
    return [await case.get_attribute("href") or "" for case in await cases(page).all()]


def value(visit: Visit, code: str) -> Locator:
    """A figure of the board."""
    return visit.page.locator(f"#figure-{code} .caseloop-figure__value")


async def figure(visit: Visit, code: str) -> int:
    """What a figure of the board is now."""
    return int(await value(visit, code).inner_text())
