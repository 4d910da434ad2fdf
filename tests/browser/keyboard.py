"""Somebody who has a keyboard and no mouse: goes from stop to stop, and answers where the focus is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from playwright.async_api import Page

MOST_STOPS = 300
HERE = """() => {
  const { name = "", type = "", value = "", checked = false, tagName } = document.activeElement;
  return { name, type, value, checked, tag: tagName.toLowerCase() };
}"""


class Stop(TypedDict):
    """Where the focus is."""

    name: str
    type: str
    value: str
    checked: bool
    tag: str


class Keyboard:
    """The keyboard of a page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def press(self, key: str, on: str | None = None) -> None:
        """Press a key; `on` is where the tab key goes first."""
        if on is not None:
            await self.go_to(on)
        await self._page.keyboard.press(key)

    async def go_to(self, selector: str) -> None:
        """Press tab until the focus is there; AssertionError where it never comes."""
        for _ in range(MOST_STOPS):
            if await self._is_at(selector):
                return
            await self._page.keyboard.press("Tab")
        raise AssertionError(f"{self._page.url}: the tab key never reaches {selector}")

    async def fill_in(self, answer: Callable[[str], str | None], until: str) -> None:
        """Go through a form by tab and answer each field that has an answer, until the focus reaches `until`."""
        for _ in range(MOST_STOPS):
            if await self._is_at(until):
                return
            here = await self._here()
            wanted = answer(here["name"])
            if wanted is not None:
                await self._answer(here, wanted)
            await self._page.keyboard.press("Tab")
        raise AssertionError(f"{self._page.url}: the tab key never reaches {until}")

    async def _answer(self, here: Stop, wanted: str) -> None:
        """Type words; choose among radio buttons or of a list with the arrows."""
        keys = self._page.keyboard
        if here["type"] == "radio":
            await keys.press("Space")
        elif here["tag"] != "select":
            await keys.type(wanted)
            return
        for _ in range(30):
            stands = await self._here()
            if stands["value"] == wanted and (stands["checked"] or here["tag"] == "select"):
                return
            await keys.press("ArrowDown")
        raise AssertionError(f"{here['name']}: the arrows never reach {wanted}")

    async def _here(self) -> Stop:
        stop: Stop = await self._page.evaluate(HERE)
        return stop

    async def _is_at(self, selector: str) -> bool:
        return bool(await self._page.evaluate("wanted => document.activeElement.matches(wanted)", selector))
