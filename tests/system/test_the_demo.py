"""The demo as a stranger gets it: every page has life within a minute, and telling it twice doubles nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from deploy.demo.colleagues import ACTION, AUDIT, paths
from deploy.demo.council import found_council
from deploy.demo.story import VISITOR, Deployment, Pace, tell
from deploy.demo.visitor import Visitor
from deploy.local.home import Home
from shared.events import Topic
from tests.support.backend import home
from tests.support.eventually import eventually
from tests.system.conftest import free_origin, sign_in
from tests.system.stack import RunningStack, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

REFUSED = re.compile(r"/intake/quarantine/[0-9a-f-]{36}")


@pytest.fixture
def fresh() -> Iterator[RunningStack]:
    """A stack that nobody has used."""
    with home() as folder, running_stack(folder / "stack", free_origin()) as running:
        yield running


async def standing(browser: Visitor) -> dict[str, int]:
    """What the board counts, and what the case management system was heard to say."""
    await sign_in(browser, "qa-manager")
    said = await browser.facts("/reporting/figures.json")
    counts = {code: int(each["value"] or 0) for code, each in said["figures"].items() if each["unit"] == "count"}
    heard = [feed for feed in said["feeds"] if feed["sender"] == "cms"]
    return counts | {name: sum(feed[name] for feed in heard) for name in ("accepted", "quarantined")}


async def test_the_demo_fills_every_page_and_tells_its_story_once(fresh: RunningStack) -> None:
    where = Deployment(fresh.url, fresh.kafka, Home(fresh.home).session_key)
    said: list[str] = []
    await tell(where, said.append, Pace(cases=0))
    visitor = next(person for person in found_council().people if person.person_id == VISITOR)
    assert any(visitor.name in line for line in said)
    assert any(fresh.url in line for line in said)

    finished = len(await fresh.everything_in(Topic.CMS_ASSESSMENTS))
    async with Visitor.at(fresh.url) as browser:

        async def has_life() -> dict[str, int]:
            now = await standing(browser)
            assert now["audits_completed"] >= 6
            # All of the backlog is there: what comes later than this look is then the second telling's
            assert now["accepted"] + now["quarantined"] >= finished > 100
            assert min(now[each] for each in ("actions_open", "actions_reported", "actions_verified")) >= 1
            return now

        once = await eventually(has_life, timeout=20)
        await sign_in(browser, VISITOR)
        assert len(paths(await browser.open("/audit/inbox"), AUDIT)) >= 3
        await sign_in(browser, "support-1")
        assert paths(await browser.open("/remedial/board"), ACTION)
        assert paths(await browser.open("/intake/quarantine"), REFUSED)

        await tell(where, said.append, Pace(cases=0))
        twice = await eventually(has_life, timeout=20)
        fixed = {code for code in once if code not in {"accepted", "quarantined", "cases_sampled", "audits_waiting"}}
        assert {code: twice[code] for code in fixed} == {code: once[code] for code in fixed}
        # What was finished in the minutes between is new; nothing else is.
        assert twice["accepted"] - once["accepted"] <= 10
    assert fresh.errors() == []
