"""The inbox while cases come and go: rows are put in and taken out around what the auditor is at, not the list anew."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Locator, expect

from deploy.demo.council import Council
from tests.browser.accessibility import axe_clean, fits
from tests.browser.casework import TEAM, publish_neglect
from tests.browser.conftest import PHONE, Visit, window
from tests.browser.test_every_page import known_everywhere
from tests.system.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

AUDITOR, COLLEAGUE = "auditor-3", "auditor-2"


async def at_the_inbox(visit: Visit, person: str) -> Locator:
    """Sign in, to an inbox; its rows."""
    await visit.sign_in(person)
    await known_everywhere(visit)
    await visit.open("/audit/inbox")
    return visit.page.locator("#inbox-rows tr")


async def order(rows: Locator) -> list[str]:
    """The cases as they stand, from the top."""
    ids: list[str] = await rows.evaluate_all("rows => rows.map(row => row.id)")
    return ids


async def counted(rows: Locator) -> None:
    """The line above the list says how many rows there are: both in one look, for more may come between two."""
    await rows.page.wait_for_function(AGREES, timeout=5_000)


AGREES = """() => document.querySelector("#inbox-count").textContent.trim()
  .startsWith(`${document.querySelectorAll("#inbox-rows tr").length} cases to audit`)"""


async def test_rows_come_and_go_around_the_one_that_the_auditor_is_at(
    stack: RunningStack, council: Council, browser: Browser
) -> None:
    workers = council.practitioners_of(TEAM)
    async with window(browser, stack) as visit, window(browser, stack) as other:
        rows = await at_the_inbox(visit, AUDITOR)
        await publish_neglect(stack, council, workers[0].person_id)
        await expect(rows.nth(1)).to_be_visible(timeout=20_000)
        before = await order(rows)
        link = rows.nth(0).locator("a").first
        await link.focus()
        await rows.nth(0).evaluate("row => { row.stays = true }")

        await publish_neglect(stack, council, workers[1].person_id)
        await expect(rows.nth(len(before) + 1)).to_be_visible(timeout=20_000)
        mine = visit.page.locator(f"#{before[0]}")
        assert await mine.evaluate("row => row.stays === true && row.contains(document.activeElement)")
        await counted(rows)
        await visit.picture("inbox with cases that came")

        await at_the_inbox(other, COLLEAGUE)
        taken = (await order(rows))[-1].removeprefix("case-")
        await other.page.locator("#free summary").click()
        await other.page.locator(f"#free-{taken} button").click()
        await expect(other.page.locator(f"#case-{taken}")).to_be_visible()
        await expect(visit.page.locator(f"#case-{taken}")).to_have_count(0)
        await expect(visit.page.locator(f"#free-{taken}")).to_have_count(1)
        await counted(rows)
        assert await mine.evaluate("row => row.stays === true")

        moved = await order(rows)
        await axe_clean(visit.page)
        await visit.page.set_viewport_size(PHONE)
        await fits(visit.page)
        await visit.picture("inbox with cases that came phone")
        await visit.page.reload()
        # What came meanwhile stands among them
        assert [case for case in await order(rows) if case in moved] == moved
        assert visit.complaints == []
