"""One action answers findings of two audits, both loops close with it, and somebody else looks at a case again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from deploy.demo.council import Council
from deploy.demo.narratives import READINGS
from tests.browser import auditing
from tests.browser.accessibility import axe_clean, fits
from tests.browser.casework import AGAIN_TEAM, name_of, publish_neglect
from tests.browser.conftest import DESKTOP, PHONE, Visit, window
from tests.browser.test_every_page import known_everywhere
from tests.support.eventually import eventually
from tests.system.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

AUDITOR = "auditor-2"
OTHERS = ("auditor-1", "auditor-3", "auditor-4")
RED, _ = auditing.reading("red")
GREEN = next(each for each in READINGS if each.rag == "green" and each.finding is None)
LIVE = 20_000
SHOTS = os.environ.get("CASELOOP_SCREENSHOTS")


@dataclass
class People:
    """Who takes part."""

    auditor: Visit
    worker: Visit
    qa: Visit
    other: Visit


@pytest.fixture
async def people(stack: RunningStack, council: Council, browser: Browser) -> AsyncIterator[People]:
    """A browser for each."""
    async with AsyncExitStack() as opened:
        visits = [await opened.enter_async_context(window(browser, stack)) for _ in range(4)]
        yield People(*visits)
        assert [complaint for visit in visits for complaint in visit.complaints] == []


async def test_one_action_closes_two_loops_and_the_case_is_audited_again_by_somebody_else(
    stack: RunningStack, council: Council, people: People
) -> None:
    worker = council.practitioners_of(AGAIN_TEAM)[0].person_id
    first, second = await two_cases(stack, council, people.auditor, worker)
    page = people.auditor.page
    await auditing.complete(page, first, RED)
    await join(people.auditor, second)

    await report_and_verify(people, worker)
    for audit in (first, second):
        await closed(people.auditor, audit)
    await expect(page.get_by_role("link", name="An action that was open already answers this one too")).to_be_visible()

    await draw_again(people.qa, first)
    again = await audit_again(people.other, first)
    await see_both(people.qa, first, again)


async def two_cases(stack: RunningStack, council: Council, visit: Visit, worker: str) -> tuple[str, str]:
    """Two cases of one worker in the auditor's inbox."""
    await visit.sign_in(AUDITOR)
    await known_everywhere(visit)
    await visit.open("/audit/inbox")
    team = name_of(council, AGAIN_TEAM)
    await publish_neglect(stack, council, worker, AGAIN_TEAM)
    await expect(auditing.cases(visit.page, team).nth(1)).to_be_visible(timeout=LIVE)
    first, second, *_ = await auditing.addresses(visit.page, team)
    return first, second


async def join(visit: Visit, address: str) -> None:
    """Audit the second case; its finding goes with the action that the worker has open already."""
    page = visit.page
    await visit.open("/audit/inbox")
    await auditing.begin(page, address)
    await auditing.fill_in(page, RED)
    # A page that is on its way to the saved form cannot be loaded again
    async with page.expect_navigation():
        await page.get_by_role("button", name="Save draft").last.click()

    async def offered() -> None:
        await page.reload()
        assert await page.get_by_role("button", name="has open answer finding 1").count() == 1

    await eventually(offered, timeout=LIVE / 1000)
    await picture(visit, "merge offered", "#findings")
    await page.get_by_role("button", name="has open answer finding 1").press("Enter")
    await expect(page.get_by_text("has open already answers this one too")).to_be_visible()
    await picture(visit, "merged", "#findings")
    await auditing.finish(page)


async def report_and_verify(people: People, worker: str) -> None:
    """The worker reports the one action done, which names both findings; the auditor verifies it."""
    page = people.worker.page
    await people.worker.sign_in(worker)
    await known_everywhere(people.worker)

    async def names_both() -> None:
        await people.worker.open("/remedial/mine")
        await people.worker.open(await page.locator("li.caseloop-card h2 a").first.get_attribute("href") or "")
        assert await page.get_by_text("It answers 1 other finding too").count() == 1

    await eventually(names_both, timeout=LIVE / 1000)
    await picture(people.worker, "answers both")
    action = page.url.removeprefix(people.worker.origin)
    await (
        page.get_by_role("link", name="I have done this")
        .or_(page.get_by_role("button", name="I have done this"))
        .first.click()
    )
    await page.locator("[name=done]").fill("The chronology is complete.")
    await page.locator("[name=difference]").fill("The pattern is seen.")
    await page.get_by_role("button", name="Report it done").click()
    await people.auditor.open(action)
    await people.auditor.page.get_by_role("button", name="Verify that it is done").click()
    await expect(people.auditor.page.get_by_text("Verified.", exact=True)).to_be_visible()


async def closed(visit: Visit, audit: str) -> None:
    """The audit's page says that its loop is closed."""

    async def says_so() -> None:
        await visit.open(audit)
        assert (await visit.page.locator("#loop").inner_text()).startswith("The loop is closed")

    await eventually(says_so, timeout=LIVE / 1000)


async def draw_again(visit: Visit, audit: str) -> None:
    """The QA manager draws a re-audit, after being told what it means."""
    page = visit.page
    await visit.sign_in("qa-manager")
    await known_everywhere(visit)
    await visit.open(audit)
    await page.get_by_role("link", name="Draw a re-audit").click()
    await picture(visit, "re-audit asked")
    await page.get_by_role("button", name="Draw a re-audit").click()
    await expect(page.get_by_text("to be audited again, by somebody else")).to_be_visible()
    await expect(page.get_by_text("A re-audit was drawn")).to_be_visible()


async def audit_again(visit: Visit, first: str) -> str:
    """Whoever has it looks at the case again, with what was found first beside, and finds it better. Its address."""
    page = visit.page
    for auditor in OTHERS:
        await visit.sign_in(auditor)
        await known_everywhere(visit)
        await visit.open("/audit/inbox")
        row = page.locator("#inbox-rows tr", has_text="Re-audit")
        if await row.count():
            break
    address = await row.locator("a").first.get_attribute("href") or ""
    assert address != first
    await auditing.begin(page, address)
    await expect(page.get_by_text("This is a re-audit.")).to_be_visible()
    await picture(visit, "re-audit form")
    await auditing.fill_in(page, GREEN)
    await auditing.finish(page)
    return address


async def see_both(visit: Visit, first: str, again: str) -> None:
    """The two grades stand side by side on both pages, and in the programme's list."""
    page = visit.page
    for audit in (first, again):
        await visit.open(audit)
        await expect(page.get_by_text("Green at re-audit")).to_be_visible()
        await expect(page.get_by_text("Better", exact=True)).to_be_visible()
        await picture(visit, f"re-audit of {'first' if audit == first else 'again'}")
    await visit.open("/audit/programmes")
    await page.locator("main a[href^='/audit/programmes/']").first.click()
    await picture(visit, "programme with re-audits")
    await page.get_by_role("link", name="Re-audits of cases whose loop has closed").click()
    await expect(page.get_by_text("1 rated the case better than before")).to_be_visible()
    await picture(visit, "re-audits")


async def picture(visit: Visit, name: str, part: str = "main") -> None:
    """Clean at both widths, and a picture of each where they are asked for."""
    page: Page = visit.page
    await axe_clean(page)
    await visit.picture(name)
    if SHOTS:
        await page.locator(part).screenshot(path=f"{SHOTS}/part {name}.png")
    await page.set_viewport_size(PHONE)
    await fits(page)
    await visit.picture(f"{name} phone")
    if SHOTS:
        await page.locator(part).screenshot(path=f"{SHOTS}/part {name} phone.png")
    await page.set_viewport_size(DESKTOP)
