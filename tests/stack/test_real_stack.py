"""The stack as a person starts it, with the real services: ready, reached through one origin, hurt, stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.home import Home, is_alive
from deploy.local.ports import SERVICES
from shared.web.assets import manifest
from tests.service.intake.test_push import ADDRESS as PUSHES
from tests.service.intake.test_push import assessed
from tests.stack.conftest import TriedStack, free_origin
from tests.support.backend import home as fresh_folder
from tests.support.eventually import eventually_sync

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HEALED_SECONDS = 60
TOLD_SECONDS = 30
ANNEX_A = Path(__file__).parents[3] / "shared" / "data" / "annex_a" / "Annex_A_liia_sample.xlsx"


@pytest.fixture(scope="module")
def real() -> Iterator[TriedStack]:
    """A stack with the real services, up."""
    with fresh_folder() as folder:
        stack = TriedStack(Home(folder), free_origin())
        started = stack.up_for_real()
        assert started.code == 0, started.complaint
        yield stack
        stack.down()


def signed_in(stack: TriedStack, role: str) -> httpx.Client:
    """A browser that `caseloop session` signed in."""
    session = stack.caseloop("session", "--as", role).object
    return httpx.Client(base_url=stack.ports.url, cookies={session["name"]: session["value"]}, timeout=10)


def test_it_is_ready_when_it_says_so(real: TriedStack) -> None:
    status = real.caseloop("status").object
    assert status["ready"] is True
    assert [status["services"][name]["ready"] for name in SERVICES] == [True] * 4


def test_every_service_describes_itself_at_the_origin(real: TriedStack) -> None:
    with signed_in(real, "administrator") as browser:
        for name in SERVICES:
            assert browser.get(f"/{name}/openapi.json").json()["info"]["title"] == f"Caseloop {name}"
            assert "channels" in browser.get(f"/{name}/asyncapi.json").json()


def test_metrics_are_at_a_services_own_port_only(real: TriedStack) -> None:
    for name in SERVICES:
        assert "caseloop_" in httpx.get(f"http://127.0.0.1:{real.ports.service(name)}/metrics").text
    assert httpx.get(f"{real.ports.url}/metrics").status_code == 404


def test_assets_may_be_kept_for_a_year(real: TriedStack) -> None:
    answer = httpx.get(f"{real.ports.url}/assets/{manifest()['caseloop.css']}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert httpx.get(f"{real.ports.url}/assets/manifest.json").status_code == 404


def test_a_workbook_is_imported_once(real: TriedStack) -> None:
    if not ANNEX_A.exists():
        assert "CI" not in os.environ, "CI has the samples"
        pytest.skip("the sample workbook lies beside the repository, and is not there")
    first = real.caseloop("import", "annex-a", str(ANNEX_A), "--as-of", "2021-03-12")
    again = real.caseloop("import", "annex-a", str(ANNEX_A), "--as-of", "2021-03-12")
    assert (first.code, again.code) == (0, 0), first.complaint
    assert first.object["accepted"] > 0
    assert again.object["accepted"] == 0
    assert again.object["duplicate"] + again.object["quarantined"] == sum(
        first.object[name] for name in ("accepted", "duplicate", "quarantined")
    )


def test_what_is_no_workbook_is_refused(real: TriedStack, tmp_path: Path) -> None:
    (tmp_path / "letter.xlsx").write_text("Dear council")
    refused = real.caseloop("import", "annex-a", str(tmp_path / "letter.xlsx"), "--as-of", "2021-03-12")
    assert refused.code == 2
    assert refused.object["refused"]
    assert "accepted" not in refused.object


def test_a_sender_gets_a_token(real: TriedStack) -> None:
    sender = real.caseloop("sender", "add", "Case system").object
    assert sender["name"] == "Case system"
    assert len(sender["token"]) >= 32


def test_a_token_is_taken_back_and_replaced(real: TriedStack) -> None:
    """No command but `add` was ever run by a test, and reporting never heard that a feed had ended."""
    with signed_in(real, "qa_manager") as browser:
        first = real.caseloop("sender", "add", "Old system").object["token"]
        assert pushed(real, first) == 200
        eventually_sync(lambda: has_ended(browser, "Old system") is False, timeout=TOLD_SECONDS)
        revoked = real.caseloop("sender", "revoke", "Old system").object
        assert pushed(real, first) == 401
        (known,) = (each for each in known_senders(real) if each["revoked_at"])
        assert (known["name"], known["revoked_at"]) == (revoked["name"], revoked["revoked_at"])
        eventually_sync(lambda: has_ended(browser, "Old system") is True, timeout=TOLD_SECONDS)
        second = real.caseloop("sender", "renew", "Old system").object["token"]
        assert [pushed(real, token) for token in (first, second)] == [401, 200]
        eventually_sync(lambda: has_ended(browser, "Old system") is False, timeout=TOLD_SECONDS)
    assert [each["name"] for each in known_senders(real) if each["revoked_at"]] == []
    assert second not in str(known_senders(real))


@pytest.mark.parametrize("move", ["renew", "revoke"])
def test_no_token_is_taken_from_a_sender_that_nobody_knows(real: TriedStack, move: str) -> None:
    refused = real.caseloop("sender", move, "Nobody's system")
    assert refused.code == 2
    assert refused.object == {"refused": "no sender is called Nobody's system"}


def pushed(stack: TriedStack, token: str) -> int:
    """What a push of a child with this token is answered."""
    authorization = {"authorization": f"Bearer {token}"}
    return httpx.post(f"{stack.ports.url}{PUSHES}", json=[assessed()], headers=authorization, timeout=10).status_code


def has_ended(browser: httpx.Client, sender: str) -> bool | None:
    """Whether reporting says that this sender's feed has ended; None of one that it does not know."""
    feeds = browser.get("/reporting/figures.json").json()["feeds"]
    return next((bool(each["ended"]) for each in feeds if each["sender"] == sender), None)


def known_senders(stack: TriedStack) -> list[dict[str, str | None]]:
    """What `caseloop sender list` says."""
    senders: list[dict[str, str | None]] = stack.caseloop("sender", "list").object["senders"]
    return senders


def test_there_are_no_dead_letters_at_first(real: TriedStack) -> None:
    assert real.caseloop("dead-letters", "list").object == {"dead_letters": []}


@pytest.mark.parametrize("process", [*SERVICES, "postgres", "kafka"])
def test_what_is_killed_is_healed(real: TriedStack, process: str) -> None:
    before = real.pid(process)
    os.kill(before, signal.SIGKILL)
    eventually_sync(lambda: real.pid(process) != before, timeout=HEALED_SECONDS)
    eventually_sync(real.is_ready, timeout=HEALED_SECONDS)


def test_it_stops_within_ten_seconds_while_browsers_watch(real: TriedStack) -> None:
    processes = [process.pid for process in real.home.report().processes.values()]
    with (
        signed_in(real, "auditor") as browser,
        browser.stream("GET", "/audit/inbox/live") as one,
        browser.stream("GET", "/audit/inbox/live") as other,
    ):
        assert [one.status_code, other.status_code] == [200, 200]
        began = time.monotonic()
        assert real.caseloop("down").code == 0
        assert time.monotonic() - began < 10
    assert not [pid for pid in processes if is_alive(pid)]


def test_what_was_stored_is_there_after_a_restart(real: TriedStack) -> None:
    assert real.caseloop("sender", "add", "Another system").code == 1, "it is down"
    assert real.up_for_real().code == 0
    known = real.caseloop("sender", "add", "Case system")
    assert known.code == 2, "a sender has this name already"
    assert known.object["refused"]
