"""One stack for the run, with the demo's council in it and a programme that draws everything."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import yaml

from deploy.demo.council import Council, found_council
from deploy.demo.loading import PROGRAMME, load_directory
from deploy.demo.visitor import Visitor
from deploy.local.home import Home
from deploy.local.ports import Ports
from deploy.local.refusal import Refused
from shared.access import sessions
from tests.support.backend import home
from tests.support.eventually import eventually
from tests.system.stack import RunningStack, running_stack
from tests.system.traces import Collector, collector

AUDITOR = "auditor-1"


@dataclass(frozen=True)
class Programme:
    """The programme of these tests."""

    programme_id: UUID
    theme_id: str


@pytest.fixture(scope="session")
def collected() -> Iterator[Collector]:
    """The traces of the run's stack."""
    with collector() as one:
        yield one


@pytest.fixture(scope="session")
def stack(collected: Collector) -> Iterator[RunningStack]:
    """Kafka, PostgreSQL, the four services and Caddy, up until the run ends; none of them may have logged an error."""
    with home() as folder, running_stack(folder / "stack", free_origin(), collected.environment) as running:
        yield running
        assert running.errors() == []


def free_origin() -> int:
    """A port whose neighbours, which the stack takes too, are free as well.

    Below those that the system gives to connections: while a stack came up beside a busy run, one of these took the
    port of a service, which then ended with exit code 3.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        try:
            Ports(port).require_free()
        except Refused:
            continue
        return port


@pytest.fixture(scope="session")
async def council(stack: RunningStack) -> Council:
    """The demo's council, known to every service."""
    founded = found_council()
    await load_directory(stack.url, session_key(stack), founded)
    return founded


@pytest.fixture(scope="session")
async def programme(stack: RunningStack, council: Council) -> Programme:
    """A programme of one theme that wants as many as arrive, so that each is drawn; one auditor, one theme."""
    stated = yaml.safe_load(PROGRAMME.read_text(encoding="utf-8"))
    stated |= {
        "programme": "system-test",
        "name": "System test",
        "themes": [
            {
                "theme": "assessment-team",
                "name": "Assessment team",
                "target": 120,
                "expected_a_week": 10,
                "eligible": [{"kind": ["assessment"]}],
            }
        ],
        "auditors": [{"person": AUDITOR, "hours_a_week": 60}],
    }
    async with signed_in(stack, "qa_manager") as client:

        async def opened() -> UUID:
            # Refused until audit has heard of the auditor whom the programme names.
            answer = await client.post("/audit/programmes", content=yaml.safe_dump(stated))
            assert answer.is_success, answer.text
            return UUID(answer.json()["id"])

        return Programme(await eventually(opened, timeout=30), "assessment-team")


@pytest.fixture
async def visitor(stack: RunningStack, council: Council) -> AsyncIterator[Visitor]:
    """A browser at the stack."""
    async with Visitor.at(stack.url) as browser:
        yield browser


async def sign_in(visitor: Visitor, person_id: str) -> None:
    """Sign in once every service has heard of the person."""
    await visitor.sign_in(person_id)

    async def known_everywhere() -> None:
        for service in ("audit", "remedial", "reporting"):
            page = await visitor.open(f"/{service}/no-such-page")
            assert page.status == httpx.codes.NOT_FOUND
            assert "sign-in" not in page.url

    await eventually(known_everywhere, timeout=20)


def signed_in(stack: RunningStack, role: str) -> httpx.AsyncClient:
    """A program signed in with a role, as the command line is."""
    cookie = sessions.sign_system(sessions.read_key(session_key(stack)), role)
    return httpx.AsyncClient(base_url=stack.url, cookies={sessions.COOKIE: cookie}, timeout=30)


def session_key(stack: RunningStack) -> Path:
    """The stack's own key."""
    return Home(stack.home).session_key
