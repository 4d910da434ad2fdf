"""What happens in the demo, in order, and again whenever it is told again without anything being doubled.

The staff directory is loaded and a programme opened; the last week's finished work is published; colleagues complete
some audits, report and verify some actions; then a case is finished every few seconds, so that whoever looks sees the
inbox fill and the figures move.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, TypeVar

import httpx
import structlog

from deploy.demo.casework import Casework, simulate
from deploy.demo.colleagues import SimulatedAuditor, SimulatedPractitioners, readings
from deploy.demo.council import Council, found_council
from deploy.demo.loading import load_directory, open_programme
from deploy.demo.narratives import Reading
from deploy.demo.publishing import CaseSystem
from deploy.demo.visitor import NotOnThePageError, NotToldError, Visitor
from shared.events import CmsEvent, Kind

Result = TypeVar("Result")

VISITOR: Final = "auditor-1"
"""Whom the visitor is invited to be. The colleagues leave this inbox alone."""

COLLEAGUES: Final = ("auditor-2", "auditor-3", "auditor-4")
AUDITS_EACH = 4
REPORTED = 5
VERIFIED_EACH = 1
LEFT_TO_DO = 3
BACKLOG_DAYS = 6
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.25
SETTLE_SECONDS = 1.0

LIVE_KINDS = {Kind.ENQUIRY: 45, Kind.ASSESSMENT: 35, Kind.REFERRAL: 15, Kind.CONTACT: 5}
"""What is finished while somebody watches: more of what the themes draw from than a real hour would bring."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How fast the live part runs, and for how long."""

    seconds: float = 2.5
    cases: int = 240
    turn_every: int = 6
    """After so many cases a colleague does one thing: completes an audit, reports an action or verifies one."""


@dataclass(frozen=True)
class Deployment:
    """Where the demo takes place."""

    origin: str
    kafka: str
    session_key: Path


async def tell(where: Deployment, say: Callable[[str], None], pace: Pace, seed: int = 1) -> None:
    """Tell the whole story once; `say` gets the lines for whoever looks at the terminal."""
    council = found_council(seed)
    casework = simulate(council, seed)
    say("A council that does not exist moves in: its people first, then its last week of work.")
    await patiently(lambda: load_directory(where.origin, where.session_key, council))
    await patiently(lambda: open_programme(where.origin, where.session_key))
    for line in invitation(where.origin, council):
        say(line)
    async with CaseSystem(where.kafka) as case_system, Visitor.at(where.origin) as browser:
        await _tell_last_week(casework, case_system, browser)
        await _go_on(casework, case_system, browser, pace)


async def _tell_last_week(casework: Casework, case_system: CaseSystem, browser: Visitor) -> None:
    """Publish the backlog in two halves; colleagues audit out of the first, so that all inboxes are even afterwards.

    The order matters to whoever visits: a new case goes to the auditor with the fewest, and that must not always be
    a colleague.
    """
    finished = backlog(casework, datetime.now(UTC))
    half = len(finished) // 2
    await case_system.publish(finished[:half])
    if not await _is_told(browser):
        await patiently(lambda: _colleagues_audit(browser))
        await patiently(lambda: _colleagues_act(browser))
    await case_system.publish(finished[half:])


def backlog(casework: Casework, now: datetime) -> list[CmsEvent]:
    """What was finished in the days before `now`."""
    return casework.between(now - timedelta(days=BACKLOG_DAYS), now)


async def _is_told(browser: Visitor) -> bool:
    """Whether the colleagues have done their part before, in this stack; asked once what was published has settled."""
    seen = -1

    async def settled() -> bool:
        nonlocal seen
        figures = (await browser.facts("/reporting/figures.json"))["figures"]
        before, seen = seen, int(figures["cases_sampled"]["value"])
        if before != seen or not seen:
            raise NotYetError("cases are still being drawn")
        return bool(figures["audits_completed"]["value"])

    await patiently(lambda: browser.sign_in("qa-manager"))
    return await patiently(settled, every=SETTLE_SECONDS)


async def _colleagues_audit(browser: Visitor) -> None:
    """Each colleague completes some audits."""
    found = readings()
    done = [await SimulatedAuditor(browser, colleague, found).complete_audits(AUDITS_EACH) for colleague in COLLEAGUES]
    if not any(done):
        raise NotYetError("no audit waits in an inbox")
    log.info("colleagues completed audits", audits=sum(done))


async def _colleagues_act(browser: Visitor) -> None:
    """Practitioners report some actions; auditors verify some of those."""
    if not await SimulatedPractitioners(browser).report(REPORTED):
        raise NotYetError("no action is to be done")
    verified = [await SimulatedAuditor(browser, colleague).verify(VERIFIED_EACH) for colleague in COLLEAGUES]
    log.info("colleagues verified actions", actions=sum(verified))


async def _go_on(casework: Casework, case_system: CaseSystem, browser: Visitor, pace: Pace) -> None:
    """Finish a case every few seconds, and let a colleague act now and then, until the pace's cases are done."""
    found = readings()
    for number in range(1, pace.cases + 1):
        await asyncio.sleep(pace.seconds)
        await case_system.publish(live(casework, datetime.now(UTC), pace.seconds))
        if number % pace.turn_every == 0:
            try:
                await _take_turn(browser, number // pace.turn_every, found)
            except UNREADY as error:
                log.info("a colleague could not act", because=type(error).__name__)


async def _take_turn(browser: Visitor, turn: int, found: Iterator[Reading]) -> None:
    """One colleague does one thing."""
    round_, what = divmod(turn, 3)
    colleague = SimulatedAuditor(browser, COLLEAGUES[round_ % len(COLLEAGUES)], found)
    if what == 0:
        await colleague.complete_audits(1)
    elif what == 1:
        await SimulatedPractitioners(browser).report(1, leave=LEFT_TO_DO)
    else:
        await colleague.verify(1, leave=1)


def live(casework: Casework, now: datetime, seconds: float) -> Sequence[CmsEvent]:
    """What is finished now. Two demos at once finish the same work: time counts in steps of the pace."""
    step = int(now.timestamp() // seconds)
    at = datetime.fromtimestamp(step * seconds, UTC)
    kind = Random(step).choices(list(LIVE_KINDS), list(LIVE_KINDS.values()))[0]
    return casework.finished(kind, at)


class NotYetError(Exception):
    """What the story waits for has not come."""


UNREADY: Final = (NotYetError, NotOnThePageError, NotToldError, httpx.HTTPError)
"""How it shows that the services have not heard of something yet, or that one of them is being restarted."""


async def patiently(attempt: Callable[[], Awaitable[Result]], every: float = POLL_SECONDS) -> Result:
    """Try until it works: the services hear of each other within seconds, not at once."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await attempt()
        except UNREADY:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(every)


def invitation(origin: str, council: Council) -> list[str]:
    """Where to look and what to press, in plain words."""
    names = {person.person_id: person.name for person in council.people}
    return [
        "",
        f"Open {origin}/sign-in in a browser. There is no password, and nobody there exists.",
        "",
        f"  1  Sign in as {names[VISITOR]} (auditor). Watch cases arrive in the inbox; no reload is needed.",
        "  2  Open a case. Grade each section, add a finding that needs an action, and complete the audit.",
        "  3  Sign in as the social worker whom the case names. The action is there, due in five working days:",
        '     press "I have done this" and say what difference it made.',
        f"  4  Sign in as {names[VISITOR]} again, open Actions, and verify it.",
        f"  5  Sign in as {names['qa-manager']} (QA manager) and open Reports: the board's figures have moved,",
        "     and they go on moving while colleagues work.",
        "",
        "A new case is finished every few seconds for about ten minutes.",
    ]
