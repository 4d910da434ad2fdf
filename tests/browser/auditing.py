"""How an auditor fills the form in, in any browser: by its labels and names, with or without scripts."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from deploy.demo.colleagues import grade_of
from deploy.demo.narratives import READINGS, Finding, Rag, Reading

ANSWERS = {"green": "Yes", "amber": "Partly", "red": "No"}


def reading(rag: Rag) -> tuple[Reading, Finding]:
    """A reading of a case that ends in this grade and in a finding."""
    return next((each, each.finding) for each in READINGS if each.rag == rag and each.finding is not None)


async def complete(page: Page, address: str, read: Reading) -> None:
    """Open a case of the inbox, fill the form in as its labels ask, and complete it."""
    await begin(page, address)
    await fill_in(page, read)
    await finish(page)


async def begin(page: Page, address: str) -> None:
    """Open a case of the inbox."""
    await page.locator(f"main a[href='{address}']").first.click()
    await page.wait_for_url(re.compile("/audit/audits/"))
    await expect(page.locator("#audit-form")).to_be_visible()


async def fill_in(page: Page, read: Reading) -> None:
    """Every section, the child, the grade and the one finding."""
    for section in await page.locator("section.audit-section[id^='section-']").all():
        name = (await section.get_attribute("id") or "").removeprefix("section-")
        grade = grade_of(name, read)
        for answer in await section.get_by_label(ANSWERS[grade], exact=True).all():
            await answer.check()
        await choose(page, f"sections.{name}.grade", grade)
        if grade != "green":
            await page.locator(f"[name='sections.{name}.evidence']").fill(read.evidence)
    await page.locator("[name=lived_experience]").fill(read.lived_experience)
    await page.locator("[name=difference]").fill(read.difference)
    await choose(page, "grade", read.rag)
    if read.finding is not None:
        await page.get_by_role("button", name="Add a finding").click()
        await _fill_the_finding(page, read.finding)


async def _fill_the_finding(page: Page, finding: Finding) -> None:
    words = page.locator("textarea[name^='findings.'][name$='.finding']")
    await words.fill(finding.finding)
    prefix = (await words.get_attribute("name") or "").removesuffix("finding")
    domains = page.locator(f"[name='{prefix}domain']")
    wanted = domains.locator("option", has_text=re.compile(finding.domain, re.IGNORECASE)).first
    await domains.select_option(value=await wanted.get_attribute("value"))
    await choose(page, f"{prefix}level", "practitioner")
    await choose(page, f"{prefix}severity", finding.severity)
    await choose(page, f"{prefix}needs_action", "yes")
    await page.locator(f"[name='{prefix}action']").fill(finding.action)


async def finish(page: Page) -> None:
    """Complete the audit, and be back at the inbox."""
    await page.get_by_role("button", name="Complete the audit").click()
    await page.wait_for_url("**/audit/inbox")
    await expect(page.get_by_text("The audit is complete")).to_be_visible()


async def choose(page: Page, name: str, answer: str) -> None:
    """Press one of a question's radio buttons."""
    await page.locator(f"input[name='{name}'][value='{answer}']").check()


def cases(page: Page, team: str = "") -> Locator:
    """The cases of an inbox that are the auditor's own; those of one team, by its name, where one is named."""
    return page.locator("#inbox-rows tr", has_text=team).locator("a.govuk-\\!-font-weight-bold")


async def addresses(page: Page, team: str = "") -> list[str]:
    """Where they are, each once: read in one look, for a row that comes meanwhile would push one to be read twice."""
    found: list[str] = await cases(page, team).evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return found
