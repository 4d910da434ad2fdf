"""One of each thing that a page may be about, made in the stack by the people whose work it is.

Three audits of colleagues, each with an action: of the first it is to do, of the second reported, of the third
verified, so that its loop is closed. A fourth case is only begun, and a concern stands about it.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from deploy.demo.colleagues import AUDIT, SimulatedAuditor, paths
from deploy.demo.council import Council
from deploy.demo.visitor import Page, Visitor
from shared.working_days import local_date
from tests.browser import auditing
from tests.browser.casework import OTHER_TEAM, STRANGER, publish_what_waits
from tests.support.eventually import eventually
from tests.system.stack import RunningStack

COLLEAGUES = ("auditor-2", "auditor-3", "auditor-4")
SECONDS = 40
THING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d")
"""The last part of an address that is about one thing: its id, or a day."""
LIST_4 = """Child Unique ID,Gender,Age,Continuous Assessment Start Date,Continuous Assessment Date of Authorisation
{known},b) Female,12,05/01/2024,19/02/2024
{spoilt},b) Female,12,05/01/2024,the day after
"""
DONE = {"done": "Seen at school, alone.", "difference": "The plan now says what the child wants."}
WORRY = {"telephoned": "The duty manager, 10:15", "worry": "The record ends with an incident nobody followed up."}


@dataclass(frozen=True)
class Objects:
    """The ids of what was made, by the names that addresses give them, and who is concerned by it."""

    ids: Mapping[str, str]
    people: Mapping[str, str]

    def address(self, template: str) -> str:
        """A page's address, with the ids in their places."""
        return template.format_map({**self.ids, **self.people})


class Maker:
    """Makes the things, at the pages, as their people."""

    def __init__(self, stack: RunningStack, council: Council, visitor: Visitor) -> None:
        self._stack = stack
        self._council = council
        self._visitor = visitor
        self.ids: dict[str, str] = {"person_id": council.people[0].person_id, "team_id": OTHER_TEAM}
        self.ids["child"] = str(4_300_000 + 2 * secrets.randbelow(40_000))
        self.people: dict[str, str] = {}

    async def make(self) -> Objects:
        """All of it."""
        await publish_what_waits(self._stack, self._council)
        await self._take_in_a_file()
        await self._audit_three()
        await self._move_their_actions_on()
        await self._begin_a_fourth()
        await self._plan_a_session()
        await self._look_around()
        return Objects(self.ids, self.people)

    async def _take_in_a_file(self) -> None:
        """A file of which one row is taken and one is quarantined."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "list-4.csv"
            file.write_text(LIST_4.format(known=self.ids["child"], spoilt=int(self.ids["child"]) + 1))
            said = self._stack.caseloop("import", "annex-a", str(file), "--list", "4", "--as-of", "2024-03-31").said
        assert (said["accepted"], said["quarantined"]) == (1, 1), said

    async def _audit_three(self) -> None:
        for number, colleague in enumerate(COLLEAGUES, 1):
            audit = await self._first_case(colleague)
            reading, _ = auditing.reading("red")
            assert await SimulatedAuditor(self._visitor, colleague, iter([reading])).complete_audits(1) == 1
            self._note(f"audit_{number}", audit)
            self.people[f"auditor_{number}"] = colleague

    async def _first_case(self, auditor: str) -> str:
        """The first case of an inbox that has two, about somebody whom the directory knows: a stranger's manager acts
        in their place, and has no page of audited work. One case is left for whoever comes next.
        """

        async def two() -> str:
            await self._visitor.sign_in(auditor)
            cases = paths(await self._visitor.open("/audit/inbox"), AUDIT)
            known = [case for case in cases if STRANGER not in (await self._visitor.open(case)).summary("Practitioner")]
            assert known
            assert len(cases) > 1
            return known[0]

        return await eventually(two, timeout=SECONDS)

    async def _move_their_actions_on(self) -> None:
        """The second is reported, the third reported and verified; each owner has seen theirs."""
        for number in (1, 2, 3):
            action, owner = await self._action_of(self.ids[f"audit_{number}"])
            self._note(f"action_{number}", action)
            self.people[f"owner_{number}"] = owner
            await self._visitor.sign_in(owner)
            if number > 1:
                page = await self._visitor.open(f"{action}/report")
                await self._visitor.press(
                    page, "Report it done", {"done": "It was done.", "difference": "She is heard."}
                )
        await self._visitor.sign_in("qa-manager")
        await self._visitor.press(await self._visitor.open(f"/remedial/actions/{self.ids['action_3']}"), "Verify")

    async def _action_of(self, audit_id: str) -> tuple[str, str]:
        await self._visitor.sign_in("qa-manager")

        async def raised() -> tuple[str, str]:
            listed = (await self._visitor.facts("/remedial/api/actions"))["actions"]
            mine = [each for each in listed if each["audit_id"] == audit_id]
            assert mine
            return f"/remedial/actions/{mine[0]['action_id']}", str(mine[0]["owner_id"])

        return await eventually(raised, timeout=SECONDS)

    async def _begin_a_fourth(self) -> None:
        """A case that waits in an inbox still, about which its auditor has raised a concern."""
        await self._visitor.sign_in(COLLEAGUES[0])
        case = paths(await self._visitor.open("/audit/inbox"), AUDIT)[0]
        self._note("audit_4", case)
        page = await self._visitor.open(f"{case}/concern")
        raised = await self._visitor.press(page, "Record the concern", WORRY)
        listed = raised if "/audit/concerns/" in raised.url else await self._visitor.open("/audit/concerns")
        self._note("concern_id", _first(listed, "/audit/concerns/", listed.url))

    async def _plan_a_session(self) -> None:
        """A mentoring session with a manager tomorrow, about an open action: none is recorded before it is held."""
        await self._visitor.sign_in("qa-manager")
        team = self._team_of(self.people["owner_1"])
        page = await self._visitor.open(f"/remedial/sessions/new?team={team}")
        tomorrow = local_date(datetime.now(UTC)) + timedelta(days=1)
        manager = self._council.manager_of(OTHER_TEAM).person_id
        offered = {name: page.form("Plan it").options(name) for name in ("actions", "domains", "themes")}
        about = {name: choices[0] for name, choices in offered.items() if choices}
        said = {"day": tomorrow.isoformat(), "at": "10:00", "kind": "mentoring", "attendees": manager} | about
        planned = await self._visitor.press(page, "Plan it", said)
        assert planned.status == httpx.codes.OK, planned.text
        self._note("session_id", _first(await self._visitor.open("/remedial/sessions"), "/remedial/sessions/"))

    def _team_of(self, person_id: str) -> str:
        person = next(each for each in self._council.people if each.person_id == person_id)
        return str(person.teams[0].team_id)

    async def _look_around(self) -> None:
        """What exists without anybody making it here, found on the pages that lead to it; and a draft report."""
        programmes = await self._visitor.open("/audit/programmes")
        self._note("programme_id", _first(programmes, "/audit/programmes/", "/audit/programmes/new"))
        completed = await self._visitor.open(f"/audit/audits/{self.ids['audit_1']}")
        self._note("assessment_id", _first(completed, "/audit/assessments/"))
        reports = await self._visitor.open("/reporting/reports")
        drafted = await self._visitor.press(reports, "Begin")
        self.ids["report_id"], self.ids["edition"] = urlsplit(drafted.url).path.split("/")[-2:]
        self._note("monday", _first(await self._visitor.open("/reporting/weeks"), "/reporting/weeks/"))
        self._note("quarantine_id", _first(await self._visitor.open("/intake/quarantine"), "/intake/quarantine/"))
        self._note("upload_id", _first(await self._visitor.open("/intake/uploads"), "/intake/uploads/"))
        self.ids["stand_in"] = STRANGER
        await self._visitor.sign_in(self.people["owner_1"])
        own = await self._visitor.open(f"/audit/audits/{self.ids['audit_1']}")
        challenge = urlsplit(own.links(f"/audit/audits/{self.ids['audit_1']}/findings/")[0]).path
        self.ids["finding_id"] = challenge.split("/")[-2]

    def _note(self, name: str, address: str) -> None:
        self.ids[name] = urlsplit(address).path.rsplit("/", 1)[1]


def _first(page: Page, prefix: str, otherwise: str = "") -> str:
    """Where the page's first link to one of a kind leads: to the thing itself, not to a form about it."""
    found = [urlsplit(link).path for link in page.links(prefix)]
    things = [path for path in found if THING.fullmatch(path.removeprefix(prefix))]
    if things or otherwise:
        return things[0] if things else otherwise
    raise AssertionError(f"{page.url} leads to nothing under {prefix}: {page.text[:400]}")
