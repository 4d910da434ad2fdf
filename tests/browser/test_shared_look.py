"""The shared macros in a browser, on their own: no stack is needed to see whether the look holds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn
from playwright.async_api import Browser, Page, expect

from tests.browser.accessibility import axe_clean, fits, invisible_stops, violations
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.style_guide import create_style_guide
from tests.support.backend import free_ports
from tests.support.eventually import eventually

PAGES = ("/", "/fields", "/confirm", "/live-page", "/nothing", "/fault", "/help", "/accessibility")
HEAVIEST_BYTES = 100_000
HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture(scope="module")
def guide() -> Iterator[str]:
    """The style guide's address."""
    (port,) = free_ports(1)
    config = uvicorn.Config(create_style_guide(), host="127.0.0.1", port=port, log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize("path", PAGES)
async def test_axe_finds_nothing_and_nothing_spills_at_either_width(guide: str, page: Page, path: str) -> None:
    for viewport in (DESKTOP, PHONE):
        await page.set_viewport_size(viewport)
        await page.goto(guide + path)
        await fits(page)
        await axe_clean(page)


async def test_axe_would_find_what_is_wrong(page: Page) -> None:
    await page.set_content('<html lang="en"><title>t</title><main><h1>t</h1><img src="a.png"><input></main></html>')
    assert {found.split(":")[0] for found in await violations(page)} >= {"image-alt", "label"}


async def test_a_page_weighs_less_than_100_kilobytes(guide: str, page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    await page.goto(f"{guide}/live-page")
    await eventually(lambda: len(received) >= 7)
    assert sum(received) < HEAVIEST_BYTES


async def test_live_rows_are_replaced_by_id_and_sorted_in_by_key(guide: str, page: Page) -> None:
    await page.goto(f"{guide}/live-page")
    rows = page.locator("#rows tr")

    async def settled() -> None:
        assert await rows.all_inner_texts() == ["1", "2", "3"]

    await eventually(settled)


async def test_a_live_page_has_one_script_so_that_no_part_of_it_comes_too_late(guide: str, page: Page) -> None:
    """htmx starts once it has run; on a first visit its extension came after that, and the page never moved."""
    await page.goto(f"{guide}/live-page")
    await expect(page.locator("script[src*='htmx']")).to_have_count(1)


async def test_a_hidden_page_holds_no_connection_and_takes_it_up_again(guide: str, page: Page) -> None:
    async def streams() -> int:
        async with httpx.AsyncClient() as client:
            return int((await client.get(f"{guide}/streams")).text)

    async def open_streams_are(number: int) -> None:
        assert await streams() == number

    await page.goto(f"{guide}/live-page")
    await eventually(lambda: open_streams_are(1))
    await page.evaluate(HIDE, True)
    await eventually(lambda: open_streams_are(0))
    await page.evaluate(HIDE, False)
    await eventually(lambda: open_streams_are(1))
    await page.goto(f"{guide}/")
    await eventually(lambda: open_streams_are(0))


async def test_every_stop_of_the_tab_key_is_seen(guide: str, page: Page) -> None:
    for path in ("/", "/fields"):
        await page.goto(guide + path)
        assert await invisible_stops(page, 25) == []


async def test_the_first_stop_skips_to_the_content(guide: str, page: Page) -> None:
    await page.goto(guide)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main-content"


async def test_the_persons_menu_closes_on_escape_and_gives_the_focus_back(guide: str, page: Page) -> None:
    await page.goto(guide)
    menu = page.locator(".caseloop-person")
    await menu.locator("summary").click()
    assert await menu.get_by_text("Your account").is_visible()
    await page.keyboard.press("Escape")
    assert not await menu.get_by_text("Your account").is_visible()
    assert await page.evaluate("document.activeElement.className") == "caseloop-person__name"


async def test_a_form_shows_its_mistakes_and_then_its_success_once(guide: str, page: Page) -> None:
    await page.goto(f"{guide}/fields")
    await page.get_by_label("What was done").fill("Visited")
    await page.get_by_role("button", name="Report as done").click()
    assert await page.get_by_role("link", name="Enter the date").is_visible()
    assert await page.get_by_label("What was done").input_value() == "Visited"
    await page.get_by_label("When").fill("2026-11-24")
    await page.get_by_label("Green").check()
    await page.get_by_label("Owner").select_option("Ada Cole")
    await page.get_by_role("button", name="Report as done").click()
    assert await page.get_by_text("The action was reported").is_visible()
    await page.reload()
    assert not await page.get_by_text("The action was reported").is_visible()
