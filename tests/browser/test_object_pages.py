"""Every page that is about one thing: clean, and within the screen, at both widths; its forms with mistakes too."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, expect

from deploy.demo.council import Council
from deploy.demo.visitor import Visitor
from tests.browser.accessibility import axe_clean, fits
from tests.browser.conftest import DESKTOP, PHONE, Visit, window
from tests.browser.objects import Maker, Objects
from tests.browser.test_every_page import NOT_PAGES
from tests.browser.test_the_loop import look_over
from tests.contracts.access_matrix import MATRIX
from tests.system.stack import RunningStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SESSION = "/remedial/sessions/{session_id}"

PAGES: dict[str, list[str]] = {
    "auditor_1": [
        "/audit/audits/{audit_1}",
        "/audit/audits/{audit_1}/amend",
        "/audit/audits/{audit_4}",
        "/audit/audits/{audit_4}/return",
        "/audit/audits/{audit_4}/hand-over",
        "/audit/audits/{audit_4}/concern",
        "/audit/concerns/{concern_id}",
        "/audit/assessments/{assessment_id}",
        "/audit/programmes/{programme_id}",
        "/remedial/verify",
    ],
    "owner_1": [
        "/audit/audits/{audit_1}",
        "/audit/audits/{audit_1}/findings/{finding_id}/challenge",
        "/remedial/mine",
        "/remedial/actions/{action_1}",
        "/remedial/actions/{action_1}/report",
        "/reporting/practitioners/{owner_1}",
    ],
    "qa-manager": [
        "/audit/programmes/{programme_id}",
        "/audit/programmes/{programme_id}/re-audits",
        "/audit/programmes/new?of={programme_id}",
        "/audit/audits/{audit_3}",
        "/audit/audits/{audit_3}/re-audit",
        "/remedial/actions/{action_2}",
        "/remedial/actions/{action_2}/return",
        "/remedial/actions/{action_3}",
        "/remedial/actions/{action_3}/reopen",
        "/remedial/actions/{action_1}/withdraw",
        "/remedial/actions/{action_1}/extend",
        "/remedial/actions/{action_1}/reassign",
        "/remedial/actions/{action_1}/chase",
        "/remedial/board",
        "/remedial/several",
        "/remedial/sessions",
        SESSION,
        "/remedial/sessions/counts",
        "/reporting/meetings",
        "/reporting/weeks/{monday}",
        "/reporting/reports/{report_id}/{edition}",
        "/reporting/reports/{report_id}/{edition}/edit",
        "/search?q={child}",
    ],
    "support-1": [
        "/intake/quarantine/{quarantine_id}",
        "/intake/unmatched",
        "/intake/unmatched/one?kind=worker&stand_in={stand_in}",
        "/intake/uploads/{upload_id}",
        "/intake/assessments/{assessment_id}",
    ],
    "administrator": [
        "/intake/people/{person_id}",
        "/intake/people/{person_id}/deactivate",
        "/intake/teams/{team_id}",
    ],
    "director": ["/audit/audits/{audit_1}", "/remedial/actions/{action_1}"],
}
"""What each person looks at: one page of every kind that the access matrix knows, and some lists now that they hold
something. The director is asked why first."""

ELSEWHERE = {
    "/remedial/actions/{}/attachments": "there only where a deployment takes files, which the stack here does not",
    "/remedial/actions/{}/attachments/{}": "a download",
    "/intake/uploads/{}/report.csv": "a download",
    "/remedial/sessions/{}/invitation.ics": "a download",
    "/intake/receipts/{}": "for programs",
}

MISTAKES = [
    ("auditor_1", "/audit/audits/{audit_4}/concern", "Record the concern and tell them"),
    ("auditor_1", "/audit/audits/{audit_4}/return", "Return the case"),
    ("auditor_1", "/audit/audits/{audit_4}", "Complete the audit"),
    ("owner_1", "/remedial/actions/{action_1}/report", "Report it done"),
    ("qa-manager", "/remedial/actions/{action_2}/return", "Send it back"),
    ("qa-manager", "/remedial/actions/{action_1}/extend", "Give more time"),
    ("support-1", "/intake/quarantine/{quarantine_id}", "Dismiss"),
]
"""Who sends which form with something missing."""


PRINTED_BEHIND_LINKS = """() => [...new Set(
  [...document.querySelectorAll("main a[href]")].map(link => getComputedStyle(link, "::after").content))]"""


WHERE_THEY_STAND = """named => [...document.querySelectorAll("main [id]")].map(({ id }) => `#${id}`)
  .filter(place => named.includes(place))"""
"""Those of the error summary's targets that are on the page, in its order."""


def kind_of(address: str) -> str:
    """An address without its query and without the names of its ids."""
    return re.sub(r"\{[^}]*\}", "{}", address.split("?", maxsplit=1)[0])


def test_every_kind_of_page_in_the_access_matrix_is_looked_at() -> None:
    named = {
        kind_of(name.removeprefix("GET "))
        for rows in MATRIX.values()
        for name in rows
        if name.startswith("GET ") and "{" in name and "/api/" not in name and not name.endswith(NOT_PAGES)
    }
    seen = {kind_of(path) for paths in PAGES.values() for path in paths}
    assert named - seen - ELSEWHERE.keys() == set()


@pytest.fixture(scope="session")
async def objects(stack: RunningStack, council: Council) -> Objects:
    """One of each."""
    async with Visitor.at(stack.url) as visitor:
        return await Maker(stack, council, visitor).make()


@pytest.mark.parametrize("who", PAGES)
async def test_pages_about_one_thing_are_accessible_at_both_widths(
    stack: RunningStack, browser: Browser, objects: Objects, who: str
) -> None:
    async with window(browser, stack) as visit:
        await visit.sign_in(objects.people.get(who, who))
        for template in PAGES[who]:
            await visit.page.set_viewport_size(DESKTOP)
            assert await visit.open(objects.address(template)) == httpx.codes.OK, template
            await look(visit, f"{who} {template}")
            if template == SESSION:
                await visit.page.set_viewport_size(DESKTOP)
                await look_over(visit, "session")
        assert visit.complaints == []


@pytest.mark.parametrize(("who", "template", "button"), MISTAKES, ids=[f"{who} {path}" for who, path, _ in MISTAKES])
async def test_a_form_that_is_sent_with_something_missing_says_what_and_stays_accessible(
    stack: RunningStack, browser: Browser, objects: Objects, who: str, template: str, button: str
) -> None:
    async with window(browser, stack) as visit:
        await visit.sign_in(objects.people.get(who, who))
        await visit.open(objects.address(template))
        await visit.page.get_by_role("button", name=button, exact=True).click()
        summary = visit.page.get_by_role("alert")
        await expect(summary).to_be_visible()
        named = [await line.get_attribute("href") or "" for line in await summary.get_by_role("link").all()]
        assert named
        assert await visit.page.evaluate(WHERE_THEY_STAND, named) == named, template
        await look(visit, f"{who} {template} mistaken")


async def test_an_audit_on_paper_holds_what_is_folded_on_the_screen_and_no_addresses(
    stack: RunningStack, browser: Browser, objects: Objects
) -> None:
    async with window(browser, stack) as visit:
        await visit.sign_in("qa-manager")
        await visit.open(objects.address("/audit/audits/{audit_1}"))
        answers = visit.page.locator(".govuk-details__text").first
        await expect(answers).to_be_hidden()
        await visit.page.emulate_media(media="print")
        await expect(answers).to_be_visible()
        await expect(visit.page.get_by_role("navigation", name="Main")).to_be_hidden()
        assert await visit.page.evaluate(PRINTED_BEHIND_LINKS) == ["none"]


async def look(visit: Visit, name: str) -> None:
    """Clean at both widths, with a picture of each."""
    await visit.picture(name)
    await axe_clean(visit.page)
    await visit.page.set_viewport_size(PHONE)
    await fits(visit.page)
    await axe_clean(visit.page)
    await visit.picture(f"{name} phone")
