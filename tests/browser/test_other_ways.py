"""A whole audit by keyboard alone, and a whole audit in a browser without JavaScript."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from deploy.demo.colleagues import grade_of
from deploy.demo.council import Council
from tests.browser import auditing
from tests.browser.casework import publish_what_waits
from tests.browser.conftest import window
from tests.browser.keyboard import Keyboard
from tests.support.eventually import eventually
from tests.system.stack import RunningStack

READING, FINDING = auditing.reading("amber")
BY_KEYBOARD, WITHOUT_SCRIPTS = "auditor-3", "auditor-4"
SECONDS = 40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

OVERALL = {
    "lived_experience": READING.lived_experience,
    "difference": READING.difference,
    "grade": READING.rag,
    "minutes": "95",
}
OF_THE_FINDING = {
    "finding": FINDING.finding,
    "level": "practitioner",
    "severity": FINDING.severity,
    "needs_action": "yes",
    "action": FINDING.action,
}


def answer(name: str) -> str | None:
    """What goes into a field of the form, by its name; None where it is left as it is."""
    match name.split("."):
        case ["sections", section, "grade"]:
            return grade_of(section, READING)
        case ["sections", section, "q", _]:
            return {"green": "yes", "amber": "partly", "red": "no"}[grade_of(section, READING)]
        case ["sections", section, "evidence"] if grade_of(section, READING) != "green":
            return READING.evidence
        case ["findings", _, "domain"]:
            return "The child's voice and lived experience"
        case ["findings", _, part]:
            return OF_THE_FINDING.get(part)
    return OVERALL.get(name)


async def test_an_audit_is_completed_by_keyboard_alone(stack: RunningStack, council: Council, browser: Browser) -> None:
    await publish_what_waits(stack, council)
    async with window(browser, stack) as visit:
        page, keyboard = visit.page, Keyboard(visit.page)
        await visit.open("/sign-in")
        await keyboard.press("Enter", on=f"button[name=person_id][value='{BY_KEYBOARD}']")
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        await keyboard.press("Enter", on=".caseloop-nav__link[href='/audit/inbox']")
        await expect(auditing.cases(page).first).to_be_visible(timeout=SECONDS * 1000)
        case = (await auditing.addresses(page))[0]
        await keyboard.press("Enter", on=f"#inbox-rows a[href='{case}']")
        await expect(page.locator("#audit-form")).to_be_visible()

        await keyboard.fill_in(answer, until="#add-finding")
        await keyboard.press("Enter")
        await expect(page.locator("textarea[name^='findings.'][name$='.finding']")).to_be_visible()
        await keyboard.fill_in(answer, until="button[name=do][value=complete]")
        await keyboard.press("Enter")
        await expect(page.get_by_text("The audit is complete")).to_be_visible()
        assert case not in await auditing.addresses(page)
        await visit.open(case)
        await expect(page.locator("main .govuk-body-l .caseloop-rag")).to_have_text("Amber")
        await expect(page.get_by_text(FINDING.action)).to_be_visible()
        assert visit.complaints == []


async def test_an_audit_is_completed_without_scripts(stack: RunningStack, council: Council, browser: Browser) -> None:
    await publish_what_waits(stack, council)
    async with window(browser, stack, scripts=False) as visit:
        page = visit.page
        await visit.open("/sign-in")
        await page.locator(f"button[name=person_id][value='{WITHOUT_SCRIPTS}']").click()

        async def arrived() -> str:
            await visit.open("/audit/inbox")
            waiting = await auditing.addresses(page)
            assert waiting
            return waiting[0]

        case = await eventually(arrived, timeout=SECONDS)
        await auditing.complete(page, case, READING)
        assert case not in await auditing.addresses(page)
        await visit.open(case)
        await expect(page.locator("main .govuk-body-l .caseloop-rag")).to_have_text("Amber")
        await expect(page.get_by_text(FINDING.action)).to_be_visible()
