"""The stack is started, hurt and stopped, with stand-ins for the services."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.home import is_alive
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Cluster
from tests.stack.conftest import TriedStack, free_origin
from tests.support.eventually import eventually_sync

HEALED_SECONDS = 60


@contextmanager
def live_page(stack: TriedStack) -> Iterator[httpx.Response]:
    """A browser that watches a live page through the origin, its first event received."""
    with httpx.stream("GET", f"{stack.ports.url}/live", timeout=10) as response:
        assert next(response.iter_lines()).startswith("data:")
        yield response


def test_status_names_every_part_of_a_ready_stack(running_stack: TriedStack) -> None:
    status = running_stack.caseloop("status")
    assert status.code == 0
    assert status.object["ready"] is True
    assert status.object["url"] == running_stack.ports.url
    assert status.object["kafka"] == f"{LOOPBACK}:{running_stack.ports.kafka}"
    assert set(status.object["services"]) == {"intake", "audit", "remedial", "reporting"}
    assert status.object["council"] == "999"


def test_a_second_stack_in_the_same_home_is_refused(running_stack: TriedStack) -> None:
    second = TriedStack(running_stack.home, free_origin()).caseloop("up", "--detach")
    assert second.code == 2
    assert "already runs" in second.object["refused"]


def test_a_taken_port_is_refused_by_name(running_stack: TriedStack, stack: TriedStack) -> None:
    stack.ports = running_stack.ports
    refused = stack.caseloop("up", "--detach")
    assert refused.code == 2
    assert refused.object["refused"].startswith(f"port {running_stack.ports.origin} (pages) is taken")
    assert refused.complaint.strip().count("\n") == 0


@pytest.mark.slow
def test_two_stacks_run_side_by_side(running_stack: TriedStack, stack: TriedStack) -> None:
    assert stack.up()["ready"]
    assert running_stack.is_ready()
    assert stack.is_ready()


def test_internal_pages_are_not_at_the_origin(running_stack: TriedStack) -> None:
    for path in ("/metrics", "/health/live", "/health/ready"):
        assert httpx.get(f"{running_stack.ports.url}{path}").status_code == 404


def test_a_foreign_name_for_the_origin_is_turned_away(running_stack: TriedStack) -> None:
    answer = httpx.get(f"{running_stack.ports.url}/live", headers={"Host": "evil.example"})
    assert answer.status_code == 421


@pytest.mark.parametrize("process", ["audit", "caddy", "kafka", "postgres"])
def test_what_is_killed_comes_back(running_stack: TriedStack, process: str) -> None:
    before = running_stack.pid(process)
    os.kill(before, signal.SIGKILL)
    eventually_sync(lambda: running_stack.pid(process) != before, timeout=HEALED_SECONDS)
    eventually_sync(running_stack.is_ready, timeout=HEALED_SECONDS)
    assert running_stack.restarts(process) >= 1


@pytest.mark.slow
async def test_what_was_stored_is_there_after_a_restart(stack: TriedStack) -> None:
    stack.up()
    cluster = Cluster(LOOPBACK, stack.ports.postgres, stack.home.password("postgres"))
    cluster.psql("-c", "CREATE TABLE audit.kept (id int)")
    await _produce(stack, b"kept")
    stack.down()
    stack.up()
    assert cluster.psql("-tAc", "SELECT count(*) FROM audit.kept").strip() == "0"
    assert await _consume(stack) == b"kept"


async def _produce(stack: TriedStack, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=f"{LOOPBACK}:{stack.ports.kafka}")
    await producer.start()
    await producer.send_and_wait("caseloop.audits.v1", value)
    await producer.stop()


async def _consume(stack: TriedStack) -> bytes | None:
    consumer = AIOKafkaConsumer(
        "caseloop.audits.v1", bootstrap_servers=f"{LOOPBACK}:{stack.ports.kafka}", auto_offset_reset="earliest"
    )
    await consumer.start()
    value: bytes | None = (await consumer.getone()).value
    await consumer.stop()
    return value


@pytest.mark.slow
def test_it_stops_within_ten_seconds_while_a_browser_watches(stack: TriedStack) -> None:
    stack.up()
    processes = [process.pid for process in stack.home.report().processes.values()]
    with live_page(stack):
        began = time.monotonic()
        stack.down()
        assert time.monotonic() - began < 10
    assert not [pid for pid in processes if is_alive(pid)]


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nothing_behind_and_its_home_can_start_again(stack: TriedStack) -> None:
    stack.up()
    reaper = stack.pid("reaper")
    os.kill(reaper, signal.SIGKILL)
    eventually_sync(lambda: stack.pid("reaper") != reaper, timeout=HEALED_SECONDS)
    processes = [process.pid for process in stack.home.report().processes.values()]
    stack.supervisors[-1].kill()
    stack.supervisors[-1].wait()
    assert stack.up()["ready"]
    assert not [pid for pid in processes if is_alive(pid)]
