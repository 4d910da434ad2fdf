"""When the supervisor restarts, and what its reaper stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from deploy.local.home import is_alive
from deploy.local.process import Program
from deploy.local.reaper import Reaper, remaining
from deploy.local.supervisor import LONGEST_BACKOFF_SECONDS, STEADY_SECONDS, Watched, backoff
from tests.support.eventually import eventually_sync


def test_the_wait_before_a_restart_doubles_up_to_a_limit() -> None:
    waits = [backoff(falls) for falls in range(1, 12)]
    assert waits[:3] == [0.1, 0.2, 0.4]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_BACKOFF_SECONDS


def test_a_fall_after_a_steady_time_is_the_first_again() -> None:
    watched = Watched(started=0, falls=7)
    watched.fell(now=STEADY_SECONDS + 1)
    assert watched.falls == 1


def test_a_fall_soon_after_the_last_waits_longer() -> None:
    watched = Watched(started=0, falls=1)
    watched.fell(now=10)
    assert watched.restart_at == 10 + backoff(2)


def test_the_reaper_stops_what_began_and_did_not_end() -> None:
    assert remaining(["+11\n", "+12\n", "-11\n", "+13\n", "-11\n"]) == {12, 13}


def test_a_watched_process_ends_with_whoever_started_it() -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    reaper = Reaper()
    reaper.watch(sleeper.pid)
    with ThreadPoolExecutor() as pool:
        # Waited for meanwhile, as the system does for an orphan: else it would stay a zombie
        ended = pool.submit(sleeper.wait, 10)
        reaper.close()
        assert ended.result() == -signal.SIGTERM


def test_a_process_that_ignores_the_request_to_stop_is_killed_after_its_patience() -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    reading, writing = os.pipe()
    program = Program("deaf", (sys.executable, "-c", deaf), ready=lambda: True, patience=0.2)
    running = program.start(writing)
    assert os.read(reading, 4) == b"deaf"
    running.stop()
    assert running.process.returncode == -signal.SIGKILL
    eventually_sync(lambda: not is_alive(running.process.pid))
    os.close(reading)
    os.close(writing)
