"""Two auditors at once: cases appear for both, one takes what the other has not begun, and neither reloads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, expect

from deploy.demo.council import Council
from tests.browser.accessibility import axe_clean
from tests.browser.casework import TEAM, publish_neglect
from tests.browser.conftest import Visit, window
from tests.browser.test_the_loop import stay_at, still_there
from tests.system.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
async def auditors(stack: RunningStack, council: Council, browser: Browser) -> AsyncIterator[tuple[Visit, Visit]]:
    """Two windows, both on their inbox."""
    async with AsyncExitStack() as opened:
        first, second = [await opened.enter_async_context(window(browser, stack)) for _ in range(2)]
        await stay_at(first, "auditor-1", "/audit/inbox")
        await stay_at(second, "auditor-2", "/audit/inbox")
        yield first, second
        assert [*first.complaints, *second.complaints] == []


async def test_a_case_that_a_colleague_takes_leaves_the_open_inbox_of_the_first(
    stack: RunningStack, council: Council, auditors: tuple[Visit, Visit]
) -> None:
    first, second = auditors
    await publish_neglect(stack, council, council.practitioners_of(TEAM)[1].person_id)
    holder = next(person.name for person in council.people if person.person_id == "auditor-1")
    await second.page.locator("#free summary").click()
    # The list of what nobody has begun has an end, so the case is chosen there.
    free = second.page.locator("#free-rows tr", has_text=holder).first
    await expect(free).to_be_visible(timeout=20_000)
    name = (await free.get_attribute("id") or "").removeprefix("free-")
    await expect(first.page.locator(f"#case-{name}")).to_be_visible(timeout=20_000)
    free = second.page.locator(f"#free-{name}")
    await still_there(second)
    await axe_clean(second.page)
    await free.get_by_role("button", name="Take this case").click()
    await expect(second.page.locator(f"#case-{name}")).to_be_visible()
    await expect(second.page.get_by_text("The case is yours")).to_be_visible()

    await expect(first.page.locator(f"#case-{name}")).to_have_count(0, timeout=20_000)
    await still_there(first)
