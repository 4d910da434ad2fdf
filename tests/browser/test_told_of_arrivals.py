"""The browser tells an auditor who asked for it that a case came: once a burst, out of sight only, without content."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, expect

from deploy.demo.council import Council
from tests.browser.accessibility import axe_clean, fits
from tests.browser.casework import TEAM, publish_neglect
from tests.browser.conftest import PHONE, Visit, window
from tests.browser.test_every_page import known_everywhere
from tests.system.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

AUDITOR = "auditor-3"
START, STOP = "Tell me when a case arrives", "Stop telling me when a case arrives"
SEEN_AND_HEARD = """
// Chromium without a screen shows every page, so leaving one is acted; its messages are real, and written down.
let hidden = false;
Object.defineProperty(Document.prototype, 'hidden', { get: () => hidden });
const look = (away) => { hidden = away; document.dispatchEvent(new Event('visibilitychange')); };
window.leave = () => look(true);
window.comeBack = () => look(false);
window.told = [];
window.focus = () => window.told.push('focused');
window.Notification = class extends Notification {
  constructor(title, options) {
    super(title, options);
    if (!title) return;
    window.told.push([title, options?.body ?? '']);
    window.message = this;
  }
};
"""


async def at_the_inbox(visit: Visit) -> None:
    """Sign in as the auditor, to an inbox that says what the browser shows."""
    await visit.context.add_init_script(SEEN_AND_HEARD)
    await visit.sign_in(AUDITOR)
    await known_everywhere(visit)
    await visit.open("/audit/inbox")


async def told(visit: Visit) -> list[object]:
    """What the browser was asked to show on this page so far."""
    said: list[object] = await visit.page.evaluate("window.told")
    return said


@asynccontextmanager
async def permitted(browser: Browser, stack: RunningStack) -> AsyncIterator[Visit]:
    """A browser of its own, allowed to show messages, at the inbox."""
    async with window(browser, stack) as visit:
        await visit.context.grant_permissions(["notifications"], origin=visit.origin)
        await at_the_inbox(visit)
        yield visit
        assert visit.complaints == []


async def test_a_burst_of_cases_is_told_once_to_who_asked_for_it_and_looks_elsewhere(
    stack: RunningStack, council: Council, browser: Browser
) -> None:
    async with permitted(browser, stack) as away, permitted(browser, stack) as here, permitted(browser, stack) as never:
        for visit in (away, here):
            await visit.page.get_by_role("button", name=START).click()
            await expect(visit.page.get_by_role("button", name=STOP)).to_be_visible()
        for visit in (away, never):
            await visit.page.evaluate("leave()")
        rows = here.page.locator("#inbox-rows tr")
        before = await rows.count()

        await publish_neglect(stack, council, council.practitioners_of(TEAM)[2].person_id)
        await expect(rows.nth(before + 1)).to_be_visible(timeout=20_000)
        await away.page.wait_for_function("window.told.length > 0")

        await away.page.evaluate("message.dispatchEvent(new Event('click')); comeBack()")
        await expect(away.page.locator("#inbox-rows tr").nth(before + 1)).to_be_visible(timeout=20_000)
        assert await told(away) == [["A case has arrived in your inbox", ""], "focused"]
        assert await told(here) == []
        assert await told(never) == []


async def test_the_choice_is_remembered_and_the_same_button_undoes_it(
    stack: RunningStack, council: Council, browser: Browser
) -> None:
    async with permitted(browser, stack) as visit:
        await visit.page.get_by_role("button", name=START).press("Enter")
        await visit.page.reload()
        await expect(visit.page.get_by_role("button", name=STOP)).to_be_visible()
        await visit.picture("told of arrivals")
        await axe_clean(visit.page)
        await visit.page.get_by_role("button", name=STOP).press("Enter")
        await visit.page.reload()
        await expect(visit.page.get_by_role("button", name=START)).to_be_visible()
        await visit.page.set_viewport_size(PHONE)
        await fits(visit.page)


async def test_where_the_browser_blocks_messages_the_inbox_says_how_to_allow_them(
    stack: RunningStack, visit: Visit
) -> None:
    # Granting nothing is how a browser that is driven refuses everything else.
    await visit.context.grant_permissions([], origin=visit.origin)
    await at_the_inbox(visit)
    assert await visit.page.evaluate("Notification.permission") == "denied"
    await expect(visit.page.get_by_text("allow notifications, and load the page again")).to_be_visible()
    await expect(visit.page.get_by_role("button", name=START)).to_have_count(0)
    await axe_clean(visit.page)
    await visit.page.set_viewport_size(PHONE)
    await fits(visit.page)
    await visit.picture("messages blocked phone")


async def test_without_scripts_nothing_is_offered_that_needs_them(
    stack: RunningStack, council: Council, browser: Browser
) -> None:
    async with window(browser, stack, scripts=False) as visit:
        await visit.page.goto(f"{visit.origin}/sign-in")
        await visit.page.locator(f"button[value='{AUDITOR}']").first.click()
        await known_everywhere(visit)
        await visit.open("/audit/inbox")
        await expect(visit.page.locator(".caseloop-arrivals")).to_be_hidden()
