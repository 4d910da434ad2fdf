"""`caseloop up`, `down`, `status`, `logs`, `demo`: the stack of this home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from deploy.local import logs as log_files
from deploy.local import status as state
from deploy.local.answering import Answer, AsJson, answering
from deploy.local.home import REPOSITORY, Home
from deploy.local.ports import Ports
from deploy.local.refusal import Failed, Refused

DOWN_SECONDS = 15.0

Detach = Annotated[bool, typer.Option("--detach", help="Return once it is ready; it goes on in the background.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, down, status, logs, demo):
        app.command()(command)


def up(detach: Detach = False, as_json: AsJson = False) -> None:
    """Start Kafka, PostgreSQL, the four services and the pages; stop them with Ctrl-C."""
    with answering(as_json) as answer:
        _run(answer, detach, with_demo=False)


def demo(detach: Detach = False, as_json: AsJson = False) -> None:
    """`up`, and a synthetic council at work in it: watch assessments become audits, actions and figures."""
    with answering(as_json) as answer:
        _run(answer, detach, with_demo=True)


def down(as_json: AsJson = False) -> None:
    """Stop the stack of this home, if it runs."""
    with answering(as_json) as answer:
        home = Home.from_environment()
        supervisor = home.supervisor()
        if supervisor is not None:
            _end(home, supervisor)
        answer.give({"stopped": supervisor is not None}, "stopped" if supervisor else "nothing ran")


def status(as_json: AsJson = False) -> None:
    """Say what runs and whether it is ready."""
    with answering(as_json) as answer:
        found = state.look(Home.from_environment(), Ports.from_environment())
        answer.give(found.facts(), found.in_words())


def logs(
    service: Annotated[str | None, typer.Argument(help="Only this process: " + ", ".join(log_files.PROCESSES))] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the processes said."""
    with answering(as_json) as answer:
        if service is not None and service not in log_files.PROCESSES:
            raise Refused(f"no process is called {service}: there are {', '.join(log_files.PROCESSES)}")
        wanted = log_files.tails(Home.from_environment(), (service,) if service else log_files.PROCESSES)
        lines = log_files.follow(wanted, lambda: not follow)
        shown = [_show(line, answer) for line in lines]
        if as_json:
            answer.give({"lines": len(shown)}, "")


def _show(line: str, answer: Answer) -> str:
    """To stdout for a person; to stderr when stdout is for the one object."""
    typer.echo(line, err=answer.as_json)
    return line


def _run(answer: Answer, detach: bool, *, with_demo: bool) -> None:
    if detach:
        _run_detached(answer, with_demo)
    else:
        _run_here(answer, with_demo)


def _run_here(answer: Answer, with_demo: bool) -> None:
    from deploy.local import supervisor  # noqa: PLC0415 - the image has no embedded stack to import

    home = Home.from_environment()
    ended = threading.Event()
    wanted = [log_files.story(home)] if with_demo else log_files.tails_from_now(home)
    lines = log_files.follow(wanted, ended.is_set)
    follower = threading.Thread(target=_say_all, args=(answer, lines), daemon=True)
    follower.start()
    voice = supervisor.Voice(ready=lambda url: _give_ready(answer, url), say=answer.say)
    try:
        supervisor.run(home, Ports.from_environment(), voice, with_demo)
    finally:
        ended.set()
        follower.join()


def _say_all(answer: Answer, lines: Iterable[str]) -> None:
    for line in lines:
        answer.say(line)


def _run_detached(answer: Answer, with_demo: bool) -> None:
    home = Home.from_environment()
    home.prepare()
    reading, writing = os.pipe()
    with home.log("supervisor").open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "deploy.local.supervisor", str(writing), *(["--demo"] if with_demo else [])],
            cwd=REPOSITORY,
            env={**os.environ, "CASELOOP_HOME": str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        _take_outcome(answer, pipe.readline(), home, with_demo)


def _take_outcome(answer: Answer, line: str, home: Home, with_demo: bool) -> None:
    outcome: dict[str, Any] = json.loads(line or "{}")
    if why := outcome.get("refused"):
        raise Refused(why)
    if not outcome.get("ready"):
        raise Failed(outcome.get("failed") or f"the stack did not come up: see {home.log('supervisor')}")
    _give_ready(answer, outcome["url"])
    if with_demo:
        answer.say("caseloop logs demo says what there is to see; caseloop down stops it")


def _give_ready(answer: Answer, url: str) -> None:
    answer.give({"ready": True, "url": url}, f"Caseloop is ready at {url}")


def _end(home: Home, supervisor: int) -> None:
    """Ask the supervisor to stop, and make sure that it has: its lock is free only when all has ended."""
    os.kill(supervisor, 15)
    if not _within(DOWN_SECONDS, lambda: home.supervisor() is None):
        os.kill(supervisor, 9)
        if not _within(DOWN_SECONDS, lambda: home.supervisor() is None):
            raise Failed(f"process {supervisor} could not be stopped")


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
