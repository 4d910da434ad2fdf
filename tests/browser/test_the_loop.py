"""From a red finding to a closed loop, as the four people who take part see it, each in a browser of their own.

The auditor grades red and asks for an action; the social worker, on a phone, reports it done; the QA manager sends it
back with a reason, and verifies it when it is reported again, for whoever did it may not; the team manager watches all
of it in the team's list, which is out of sight for a while and then shows what it missed. What moves, moves without a
reload: each live page carries a mark in its window that a reload would lose.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from deploy.demo.council import Council
from deploy.demo.story import Deployment, Pace, tell
from deploy.local.home import Home
from tests.browser import auditing
from tests.browser.accessibility import axe_clean, fits
from tests.browser.casework import LOOP_TEAM, name_of, publish_neglect
from tests.browser.conftest import DESKTOP, PHONE, SHOTS, Visit, window
from tests.browser.test_shared_look import HIDE
from tests.support.eventually import eventually
from tests.system.stack import RunningStack

AUDITOR = "auditor-1"
READING, FINDING = auditing.reading("red")
NOT_YET = "The chronology ends two years ago. Bring it up to this month, then report it again."
AGAIN = "The chronology is complete up to this month, and the pattern was talked through in supervision."
MOVED = ("audits_completed", "audits_red", "actions_raised", "actions_verified", "loops_closed")
LIVE = 20_000
"""Milliseconds within which what one person does is on another's screen; on a machine of its own it is one second."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class People:
    """Who looks at what, at once. The QA manager has a second screen, with the board's figures."""

    auditor: Visit
    practitioner: Visit
    manager: Visit
    qa: Visit
    figures: Visit


@pytest.fixture
async def people(stack: RunningStack, council: Council, browser: Browser) -> AsyncIterator[People]:
    """Four browsers; the practitioner holds a phone."""
    async with AsyncExitStack() as opened:
        desks = [await opened.enter_async_context(window(browser, stack)) for _ in range(4)]
        practitioner = await opened.enter_async_context(window(browser, stack, viewport=PHONE))
        auditor, manager, qa, figures = desks
        yield People(auditor=auditor, practitioner=practitioner, manager=manager, qa=qa, figures=figures)
        assert [complaint for visit in (*desks, practitioner) for complaint in visit.complaints] == []


async def test_a_red_finding_becomes_a_closed_loop_before_four_peoples_eyes(
    stack: RunningStack, council: Council, people: People
) -> None:
    worker = council.practitioners_of(LOOP_TEAM)[0].person_id
    if SHOTS:
        await live_through_a_week(stack)
    await stay_at(people.qa, "qa-manager", "/remedial/board")
    await stay_at(people.figures, "qa-manager", "/reporting/board")
    await stay_at(people.manager, council.manager_of(LOOP_TEAM).person_id, "/remedial/team")
    await stay_at(people.practitioner, worker, "/remedial/mine")
    before = {code: await figure(people.figures, code) for code in MOVED}

    audit = await grade_red_what_arrives(stack, council, people.auditor, worker)
    action = await act(people.practitioner)
    row = Row(people.manager, action)
    await row.says("Waiting to be verified")

    await people.manager.page.evaluate(HIDE, True)
    await send_back(people.qa, action)
    await people.manager.page.evaluate(HIDE, False)
    await row.says("Sent back")
    await act_again(people.practitioner, action)
    await row.says("Waiting to be verified")

    await verify(people.qa, action)
    await row.is_gone()
    await see_it_closed(people.auditor, audit)
    for code in MOVED:
        await expect(value(people.figures, code)).to_have_text(str(before[code] + 1), timeout=LIVE)
    await look_over(people.figures, "board", "#figures")
    for visit in (people.manager, people.figures):
        await still_there(visit)
    if SHOTS:
        await picture_the_programme(people.qa)


async def grade_red_what_arrives(stack: RunningStack, council: Council, visit: Visit, worker: str) -> str:
    """A case arrives in the open inbox and is graded red, with a finding and an action. The audit's address."""
    page = visit.page
    await stay_at(visit, AUDITOR, "/audit/inbox")
    team = name_of(council, LOOP_TEAM)
    known = await auditing.addresses(page, team)
    await publish_neglect(stack, council, worker, LOOP_TEAM)
    await expect(auditing.cases(page, team).nth(len(known))).to_be_visible(timeout=LIVE)
    await still_there(visit)
    await look_over(visit, "inbox")
    address = next(each for each in await auditing.addresses(page, team) if each not in known)
    await auditing.begin(page, address)
    await auditing.fill_in(page, READING)
    await look_over(visit, "form", "#section-assessment")
    await auditing.finish(page)
    await axe_clean(page)
    return address


async def act(visit: Visit) -> str:
    """The social worker finds the action in the open list and says what was done. The action's address."""
    page = visit.page
    card = page.locator("li.caseloop-card", has_text=FINDING.action[:60])
    await expect(card).to_be_visible(timeout=LIVE)
    await still_there(visit)
    await fits(page)
    await look_over(visit, "my-actions")
    action = await card.locator("h2 a").get_attribute("href") or ""
    await card.get_by_role("button", name="I have done this").click()
    await axe_clean(page)
    await fits(page)
    await report(page, FINDING.done, FINDING.difference)
    await visit.open(action)
    await expect(page.get_by_text("Waiting to be verified")).to_be_visible()
    await expect(page.get_by_role("button", name="Verify that it is done")).to_have_count(0)
    await stay_on(visit, "/remedial/mine")
    return action


async def act_again(visit: Visit, action: str) -> None:
    """It comes back to the open list, with the reason; the social worker reports it again."""
    page = visit.page
    card = page.locator(f"#action-{action.rsplit('/', 1)[1]}")
    await expect(card.get_by_text("Sent back")).to_be_visible(timeout=LIVE)
    await still_there(visit)
    await axe_clean(page)
    await fits(page)
    await card.locator("h2 a").click()
    await expect(page.get_by_text(NOT_YET)).to_be_visible()
    await axe_clean(page)
    await fits(page)
    await page.get_by_role("button", name="I have done this").click()
    await report(page, AGAIN, FINDING.difference)


async def report(page: Page, done: str, difference: str) -> None:
    """Say what was done and what difference it made."""
    await page.locator("[name=done]").fill(done)
    await page.locator("[name=difference]").fill(difference)
    await page.get_by_role("button", name="Report it done").click()
    await page.wait_for_url("**/remedial/mine")
    await expect(page.get_by_text("Reported done")).to_be_visible()


async def send_back(visit: Visit, action: str) -> None:
    """The QA manager sees in the open board that the action waits, reads it, and asks for more."""
    page = visit.page
    await Row(visit, action).says("Waiting to be verified")
    await still_there(visit)
    await axe_clean(page)
    await page.locator(f"main a[href='{action}']").click()
    await expect(page.get_by_text(FINDING.done)).to_be_visible()
    await axe_clean(page)
    await page.get_by_role("link", name="Send it back").click()
    await axe_clean(page)
    await page.locator("[name=reason]").fill(NOT_YET)
    await page.get_by_role("button", name="Send it back").click()
    await expect(page.get_by_text("Sent back to its owner.")).to_be_visible()
    await axe_clean(page)
    await stay_on(visit, "/remedial/board")


async def verify(visit: Visit, action: str) -> None:
    """It waits again; the QA manager reads what is new, rates the case anew and verifies it: the last of its audit."""
    page = visit.page
    await Row(visit, action).says("Waiting to be verified")
    await still_there(visit)
    await page.locator(f"main a[href='{action}']").click()
    await expect(page.get_by_text(AGAIN)).to_be_visible()
    await expect(page.get_by_label("Red (as it was rated)")).to_be_checked()
    await auditing.choose(page, "grade", "green")
    await axe_clean(page)
    await page.get_by_role("button", name="Verify that it is done").click()
    await expect(page.get_by_text("Verified.", exact=True)).to_be_visible()
    await axe_clean(page)


async def see_it_closed(visit: Visit, audit: str) -> None:
    """The audit's own page says that the loop is closed, beside the grade that it was given at the time."""
    page = visit.page

    async def closed() -> None:
        await visit.open(audit)
        assert await page.locator("#loop").inner_text() == "The loop is closed: 1 of 1 action verified"

    await eventually(closed, timeout=LIVE / 1000)
    await expect(page.locator("main .govuk-body-l .caseloop-rag")).to_have_text("Red")
    await axe_clean(page)
    await page.set_viewport_size(PHONE)
    await axe_clean(page)
    await fits(page)
    await page.set_viewport_size(DESKTOP)


@dataclass(frozen=True)
class Row:
    """One action in somebody's open list."""

    visit: Visit
    action: str

    @property
    def line(self) -> Locator:
        return self.visit.page.locator("main tbody tr", has=self.visit.page.locator(f"a[href='{self.action}']"))

    async def says(self, state: str) -> None:
        """The row shows this state, soon and without a reload."""
        await expect(self.line.locator(".govuk-tag").first).to_have_text(state, timeout=LIVE)
        await still_there(self.visit)

    async def is_gone(self) -> None:
        """The row leaves the list, soon and without a reload."""
        await expect(self.line).to_have_count(0, timeout=LIVE)
        await still_there(self.visit)


async def live_through_a_week(stack: RunningStack) -> None:
    """The demo's last week, so that a picture shows what a council would see."""
    where = Deployment(stack.url, stack.kafka, Home(stack.home).session_key)
    await tell(where, lambda _: None, Pace(cases=0))


async def picture_the_programme(visit: Visit) -> None:
    """How the programme stands, for the README."""
    await visit.open("/audit/programmes")
    await visit.page.locator("main a[href^='/audit/programmes/']").first.click()
    await look_over(visit, "programme")


async def stay_at(visit: Visit, person: str, path: str) -> None:
    """Sign in, open a live page and leave a mark that a reload would lose."""
    await visit.sign_in(person)
    await stay_on(visit, path)


async def stay_on(visit: Visit, path: str) -> None:
    """Open a live page, once its service knows who asks, and leave a mark that a reload would lose."""

    async def opened() -> None:
        assert await visit.open(path) == 200
        assert visit.page.url == f"{visit.origin}{path}"

    await eventually(opened, timeout=LIVE / 1000)
    await visit.page.evaluate("window.neverReloaded = true")


async def still_there(visit: Visit) -> None:
    """The page was never reloaded."""
    assert await visit.page.evaluate("window.neverReloaded === true"), f"{visit.page.url} was reloaded"


async def look_over(visit: Visit, name: str, top: str = "body") -> None:
    """Axe-core finds nothing; and a picture for the README, from `top` down, where one is asked for."""
    await axe_clean(visit.page)
    if SHOTS:
        await visit.page.evaluate("top => document.querySelector(top).scrollIntoView()", top)
        await visit.page.screenshot(path=f"{SHOTS}/{name}.png", animations="disabled")


def value(visit: Visit, code: str) -> Locator:
    """A figure of the board."""
    return visit.page.locator(f"#figure-{code} .caseloop-figure__value")


async def figure(visit: Visit, code: str) -> int:
    """What a figure of the board is now."""
    return int(re.sub(r"\D", "", await value(visit, code).inner_text()))
