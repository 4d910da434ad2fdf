"""Every page of the running stack, as each role that may see it: clean, narrow enough, light enough, seen by keyboard.

Object pages need objects: the loop's own browser test opens them.
"""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.async_api import Browser

from deploy.demo.council import Council
from shared.access import Role, sessions
from tests.browser.accessibility import axe_clean, fits, invisible_stops
from tests.browser.conftest import DESKTOP, PHONE, Visit, window
from tests.contracts.access_matrix import MATRIX, PUBLIC
from tests.support.eventually import eventually
from tests.system.stack import RunningStack

HEAVIEST_HTML = 60_000
"""Bytes of one page's HTML; styles and scripts, fetched once, are held to the rest of 100 KB elsewhere."""
NOT_PAGES = (".json", ".csv", ".xlsx", "/live", "/ready", "/metrics")
KNOWN_SECONDS = 30
REVOKED_SECONDS = 5


def pages_of(role: Role) -> list[str]:
    """The addresses without parameters that a role may open, and those that everybody may."""
    return sorted(
        name.removeprefix("GET ")
        for rows in MATRIX.values()
        for name, row in rows.items()
        if name.startswith("GET ") and "{" not in name and "/api/" not in name and not name.endswith(NOT_PAGES)
        if row is PUBLIC or role in row
    )


def pages_to_see(role: Role) -> list[str]:
    """Home, and each page for the first role that may open it: who else may sees the same page."""
    earlier = {path for before in list(Role)[: list(Role).index(role)] for path in pages_of(before)}
    return ["/", *(path for path in pages_of(role) if path not in earlier and path != "/")]


def holder(council: Council, role: Role) -> str:
    """Somebody of the demo's council who holds the role."""
    return council.with_role(role)[0].person_id


def faults(stack: RunningStack) -> list[str]:
    """What the services logged of requests that failed."""
    return [line for line in stack.logs().splitlines() if '"request failed"' in line]


async def known_everywhere(visit: Visit) -> None:
    """Wait until every service has heard of whoever is signed in."""

    async def heard() -> None:
        for service in ("audit", "remedial", "reporting"):
            answer = await visit.context.request.get(f"{visit.origin}/{service}/nothing", max_redirects=0)
            assert answer.status == httpx.codes.NOT_FOUND

    await eventually(heard, timeout=KNOWN_SECONDS)


@pytest.mark.parametrize("role", list(Role), ids=lambda role: str(role.value))
async def test_each_page_of_a_role_is_accessible_at_both_widths(
    visit: Visit, stack: RunningStack, council: Council, role: Role
) -> None:
    await visit.sign_in(holder(council, role))
    await known_everywhere(visit)
    for path in pages_to_see(role):
        await visit.page.set_viewport_size(DESKTOP)
        assert await visit.open(path) == httpx.codes.OK, f"{path}: {faults(stack)}"
        await visit.picture(f"{role.value} {path}")
        await axe_clean(visit.page)
        await visit.page.set_viewport_size(PHONE)
        await fits(visit.page)
        await axe_clean(visit.page)
        await visit.picture(f"{role.value} {path} phone")
        assert len((await visit.page.content()).encode()) < HEAVIEST_HTML, path
    assert visit.complaints == []


async def test_signing_in_leads_home_and_out_again(visit: Visit, council: Council) -> None:
    await visit.open("/audit/inbox")
    assert visit.page.url.endswith("/sign-in?next=/audit/inbox")
    person = council.with_role(Role.AUDITOR)[0]
    await visit.page.get_by_role("button", name=person.name).first.click()
    await known_everywhere(visit)
    assert await visit.open("/audit/inbox") == httpx.codes.OK
    await visit.page.get_by_text(person.name).first.click()
    await visit.page.get_by_role("button", name="Sign out").click()
    assert await visit.page.get_by_text("You have signed out").is_visible()
    await visit.open("/audit/inbox")
    assert "/sign-in" in visit.page.url


async def test_everything_up_to_signing_out_works_without_scripts(
    stack: RunningStack, council: Council, browser: Browser
) -> None:
    async with window(browser, stack, scripts=False) as visit:
        await visit.page.goto(f"{visit.origin}/sign-in")
        await visit.page.get_by_role("button", name=council.with_role(Role.QA_MANAGER)[0].name).click()
        await known_everywhere(visit)
        await visit.open("/")
        assert await visit.page.get_by_role("link", name="Reports", exact=True).is_visible()
        await visit.open("/sign-out")
        await visit.page.get_by_role("main").get_by_role("button", name="Sign out").click()
        assert await visit.page.get_by_role("heading", name="Sign in").is_visible()


async def test_the_keyboard_is_seen_wherever_it_goes(visit: Visit, council: Council) -> None:
    await visit.sign_in(holder(council, Role.QA_MANAGER))
    await known_everywhere(visit)
    for path in ("/", "/reporting/board", "/audit/programmes"):
        await visit.open(path)
        assert await invisible_stops(visit.page, 20) == [], path


async def test_a_revoked_session_is_refused_by_every_service_within_five_seconds(
    visit: Visit, council: Council, stack: RunningStack, browser: Browser
) -> None:
    person = council.with_role(Role.MODERATOR)[-1].person_id
    await visit.sign_in(person)
    await known_everywhere(visit)

    async def refused() -> None:
        for service in ("audit", "remedial", "reporting"):
            answer = await visit.context.request.get(f"{visit.origin}/{service}/nowhere", max_redirects=0)
            assert answer.status == httpx.codes.NOT_FOUND
        answer = await visit.context.request.get(f"{visit.origin}/remedial/verify", max_redirects=0)
        assert answer.status == httpx.codes.SEE_OTHER

    async with window(browser, stack) as administrator:
        await administrator.sign_in(holder(council, Role.ADMINISTRATOR))
        await administrator.open(f"/intake/people/{person}")
        await administrator.page.get_by_role("button", name="Sign them out everywhere").click()
        assert await administrator.page.get_by_text("They were signed out everywhere").is_visible()
        started = time.monotonic()
    await eventually(refused, timeout=REVOKED_SECONDS)
    assert time.monotonic() - started < REVOKED_SECONDS


async def test_a_forged_session_is_nobodys(visit: Visit) -> None:
    await visit.context.add_cookies(
        [{"name": sessions.COOKIE, "value": sessions.sign(b"x" * 32, "administrator", 0), "url": visit.origin}]
    )
    await visit.open("/intake/people")
    assert "/sign-in" in visit.page.url
