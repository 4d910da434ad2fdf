"""The pages in Chromium: one stack for the run, with the demo's council in it, and a page that nothing may disturb."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import yaml
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from deploy.demo.council import Council, found_council
from deploy.demo.loading import PROGRAMME, load_directory, open_programme
from deploy.local.home import Home
from tests.support.backend import home
from tests.support.eventually import eventually
from tests.system.conftest import free_origin
from tests.system.stack import RunningStack, running_stack

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


SHOTS = os.environ.get("CASELOOP_SCREENSHOTS")
"""Where pictures go; none are taken without it."""


def with_room() -> bytes:
    """The delivered programme, wide enough that whatever a test tells of is drawn, however many told before it."""
    stated: dict[str, Any] = yaml.safe_load(PROGRAMME.read_text(encoding="utf-8"))
    for theme in stated["themes"]:
        theme |= {"target": 600, "expected_a_week": 50}
    return yaml.safe_dump(stated | {"hours_an_audit": 0.25}).encode()


def chromium() -> str:
    """The browser to use: CASELOOP_CHROMIUM, or a Chromium on the PATH."""
    named = os.environ.get("CASELOOP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if named is None:
        pytest.fail("no Chromium: install it, or name one in CASELOOP_CHROMIUM")
    return named


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Kafka, PostgreSQL, the four services and Caddy, up until the run ends."""
    with home() as folder, running_stack(folder / "stack", free_origin()) as running:
        yield running


@pytest.fixture(scope="session")
async def council(stack: RunningStack) -> Council:
    """The demo's council, with the programme that Caseloop is delivered with in force."""
    founded = found_council()
    key = Home(stack.home).session_key
    await load_directory(stack.url, key, founded)

    async def opened() -> None:
        # Refused until audit has heard of the auditors whom the programme names.
        try:
            await open_programme(stack.url, key, None if SHOTS else with_room())
        except httpx.HTTPStatusError as refused:
            raise AssertionError from refused

    await eventually(opened, timeout=30)
    return founded


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the run."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium(), args=["--lang=en-GB", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        )
        yield launched
        await launched.close()


class Visit:
    """A browser window at the stack, as somebody or nobody. What goes wrong in it, it remembers."""

    def __init__(self, context: BrowserContext, page: Page, origin: str) -> None:
        self.context = context
        self.page = page
        self.origin = origin
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    async def sign_in(self, person_id: str) -> None:
        """Choose a person on the sign-in page and arrive at home."""
        await self.page.goto(f"{self.origin}/sign-in")
        await self.page.locator(f"button[name=person_id][value='{person_id}']").first.dispatch_event("click")
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)

    async def open(self, path: str) -> int:
        """Open a page; its status."""
        answer = await self.page.goto(f"{self.origin}{path}")
        assert answer is not None
        return answer.status

    async def picture(self, name: str) -> None:
        """Keep a screenshot in CASELOOP_SCREENSHOTS, where one is set."""
        if SHOTS:
            file = re.sub(r"[^a-z0-9]+", "-", name.lower())
            await self.page.screenshot(path=f"{SHOTS}/{file}.png", full_page=True)


@asynccontextmanager
async def window(
    browser: Browser, stack: RunningStack, *, viewport: ViewportSize = DESKTOP, scripts: bool = True
) -> AsyncIterator[Visit]:
    """A window with cookies of its own; `scripts` off is a browser without JavaScript."""
    context = await browser.new_context(viewport=viewport, java_script_enabled=scripts, locale="en-GB")
    try:
        yield Visit(context, await context.new_page(), stack.url)
    finally:
        await context.close()


@pytest.fixture
async def visit(stack: RunningStack, council: Council, browser: Browser) -> AsyncIterator[Visit]:
    """A window at desktop width."""
    async with window(browser, stack) as opened:
        yield opened
