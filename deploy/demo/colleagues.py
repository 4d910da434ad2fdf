"""Simulated colleagues: they do at the pages what the council's auditors and practitioners would do meanwhile.

They are here so that every page of the demo has life before its visitor has done anything. They sign in as themselves
and press the buttons that everybody has; nothing is written behind the services' backs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import cycle
from urllib.parse import urlsplit

import httpx

from deploy.demo.narratives import READINGS, Finding, Reading
from deploy.demo.visitor import Form, Page, Visitor

AUDIT = re.compile(r"/audit/audits/[0-9a-f-]{36}")
ACTION = re.compile(r"/remedial/actions/[0-9a-f-]{36}")
DECISIVE = ("protection", "outcomes")
"""The sections of the shipped audit tool of which one red makes the whole red."""

WEAK = ("assessment", "planning")

TO_DO = ("raised", "seen", "in_progress", "returned")


class SimulatedAuditor:
    """An auditor who completes audits and verifies what was put right."""

    def __init__(self, visitor: Visitor, person_id: str, found: Iterator[Reading] | None = None) -> None:
        self._visitor = visitor
        self._person_id = person_id
        self._readings = found or readings()

    async def complete_audits(self, most: int) -> int:
        """Complete up to `most` audits of the inbox; says how many."""
        await self._visitor.sign_in(self._person_id)
        cases = paths(await self._visitor.open("/audit/inbox"), AUDIT)
        done = [await self._complete(case, next(self._readings)) for case in cases[:most]]
        return sum(done)

    async def verify(self, most: int, leave: int = 0) -> int:
        """Verify up to `most` actions that were reported done, and leave some waiting; says how many."""
        await self._visitor.sign_in(self._person_id)
        reported = paths(await self._visitor.open("/remedial/verify"), ACTION)
        return sum([await self._verify(action) for action in reported[: min(most, max(len(reported) - leave, 0))]])

    async def _complete(self, case: str, reading: Reading) -> bool:
        page = await self._visitor.open(case)
        if not page.has_button("", "complete"):
            return False
        for part in ("finding", "strength"):
            if getattr(reading, part) is not None:
                page = await self._visitor.press(page, "", value=f"add-{part}")
        page = await self._visitor.press(page, "", fill_in(page.form("", "complete"), reading), value="complete")
        return urlsplit(page.url).path == "/audit/inbox"

    async def _verify(self, action: str) -> bool:
        page = await self._visitor.open(action)
        if not page.has_button("Verify"):
            return False
        return (await self._visitor.press(page, "Verify")).status == httpx.codes.OK


class SimulatedPractitioners:
    """Social workers who report their actions done, each signed in as themselves."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    async def report(self, most: int, leave: int = 0) -> int:
        """Report up to `most` open actions done, as their owners, and leave some to do; says how many."""
        await self._visitor.sign_in("support-1")
        listed = (await self._visitor.facts("/remedial/api/actions"))["actions"]
        waiting = [(each["action_id"], each["owner_id"]) for each in listed if each["state"] in TO_DO]
        chosen = waiting[: min(most, max(len(waiting) - leave, 0))]
        return sum([await self._report(action, owner) for action, owner in chosen if owner])

    async def _report(self, action_id: str, owner: str) -> bool:
        await self._visitor.sign_in(owner)
        page = await self._visitor.open(f"/remedial/actions/{action_id}")
        finding = next((each for each in FINDINGS if each.action in page.text), FINDINGS[0])
        page = await self._visitor.open(f"/remedial/actions/{action_id}/report")
        if not page.has_button("Report it done"):
            return False
        said = {"done": finding.done, "difference": finding.difference}
        return (await self._visitor.press(page, "Report it done", said)).status == httpx.codes.OK


FINDINGS = [reading.finding for reading in READINGS if reading.finding is not None]


def readings() -> Iterator[Reading]:
    """What the simulated auditors will find, over and over."""
    return cycle(READINGS)


def paths(page: Page, kind: re.Pattern[str]) -> list[str]:
    """The things of one kind that a page links to, in its order, each once."""
    found = (kind.match(urlsplit(link).path) for link in page.links())
    return list(dict.fromkeys(match.group() for match in found if match))


def fill_in(form: Form, reading: Reading) -> dict[str, str]:
    """The audit form as this reading of the case fills it in."""
    return {name: value for name in form.names() if (value := _answer(name, form, reading)) is not None}


def _answer(name: str, form: Form, reading: Reading) -> str | None:
    """What goes into one field, by its name; None where it stays as it is."""
    match name.split("."):
        case ["sections", section, "grade"]:
            return grade_of(section, reading)
        case ["sections", section, "evidence"] if grade_of(section, reading) != "green":
            return reading.evidence
        case ["sections", section, "q", _]:
            return {"green": "yes", "amber": "partly", "red": "no"}[grade_of(section, reading)]
        case ["findings", _, part] if reading.finding is not None:
            return _of_finding(part, form.options(name), reading.finding)
        case ["strengths", _, part] if reading.strength is not None:
            return _of_strength(part, form.options(name), reading.strength)
    return _overall(reading).get(name)


def grade_of(section: str, reading: Reading) -> str:
    """How the section was graded, so that the sections suggest the reading's own grade."""
    if reading.rag == "red":
        return "red" if section in DECISIVE else "amber"
    return "amber" if reading.rag == "amber" and section in WEAK else "green"


def _overall(reading: Reading) -> Mapping[str, str]:
    return {
        "lived_experience": reading.lived_experience,
        "difference": reading.difference,
        "weaknesses_addressed": "Some of them were known to the manager before this audit.",
        "grade": reading.rag,
        "minutes": "150",
    }


def _of_finding(part: str, options: list[str], finding: Finding) -> str | None:
    fields = {
        "finding": finding.finding,
        "action": finding.action,
        "domain": next((each for each in options if finding.domain in each.casefold()), None),
        "level": "practitioner",
        "severity": finding.severity,
        "needs_action": "yes",
    }
    return fields.get(part)


def _of_strength(part: str, options: list[str], strength: str) -> str | None:
    return {"strength": strength, "domain": options[0] if options else None}.get(part)
