"""What axe-core finds wrong with a page at WCAG 2.2 AA, and what it cannot see: overflow and focus."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = Axe()
RUN = """async only => {
  // A live page that changes while axe looks is two pages to it (cells without their row): then it looks again.
  let changed, found;
  const changes = new MutationObserver(() => { changed = true; });
  changes.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  do {
    changed = false;
    found = await axe.run({ runOnly: only, resultTypes: ["violations"] });
    changed ||= changes.takeRecords().length > 0;
  } while (changed);
  changes.disconnect();
  return found.violations.map(
    ({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 1).map(({ target }) => ({ target })) }));
}"""
FOCUS_LOOK = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const look = () => {
    const style = getComputedStyle(element);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.backgroundColor].join();
  };
  const focused = look();
  const words = (element.innerText || element.getAttribute('aria-label') || element.id || element.tagName).trim();
  element.blur();
  const plain = look();
  element.focus({ focusVisible: true });
  return { words, differs: focused !== plain };
}"""


async def violations(page: Page) -> list[str]:
    """Each rule that the page breaks, and where first; empty for a clean page."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.axe_script)
    found: list[dict[str, Any]] = await page.evaluate(RUN, {"type": "tag", "values": STANDARD})
    return [f"{each['id']}: {each['help']} at {each['nodes'][0]['target']}" for each in found]


async def axe_clean(page: Page) -> None:
    """Fail where axe-core finds anything at WCAG 2.2 AA."""
    found = await violations(page)
    assert found == [], f"{page.url}: {found}"


async def fits(page: Page) -> None:
    """Fail where the page scrolls sideways."""
    wide, shown = await page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= shown, f"{page.url} is {wide} px wide in a window of {shown}"


async def invisible_stops(page: Page, stops: int) -> list[str]:
    """The places, of the first `stops` that the tab key reaches, that look the same focused and not."""
    unseen = []
    for _ in range(stops):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(FOCUS_LOOK)
        if stop is None:
            break
        if not stop["differs"]:
            unseen.append(stop["words"])
    return unseen
