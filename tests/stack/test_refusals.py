"""A place that is not fit for a stack is refused in one line, with exit code 2, and nothing is started."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local.home import Home
from deploy.local.ports import Ports
from deploy.local.refusal import Refused
from tests.stack.conftest import TriedStack, free_origin


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = TriedStack(Home(tmp_path / "file" / "home"), free_origin()).caseloop("up", "--detach")
    assert refused.code == 2
    assert "cannot be written" in refused.object["refused"]
    assert refused.complaint.startswith("refused: ")
    assert refused.complaint.count("\n") == 1


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))
    with pytest.raises(Refused, match="is full"):
        Home(tmp_path).prepare()


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    Home(tmp_path).prepare()
    files = list((tmp_path / "secrets").iterdir())
    assert len(files) == 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_secrets_are_kept_from_start_to_start(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    before = home.session_key.read_text(), home.passwords()
    home.prepare()
    assert (home.session_key.read_text(), home.passwords()) == before


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "65530"])
def test_an_impossible_port_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELOOP_PORT", port)
    with pytest.raises(Refused, match="CASELOOP_PORT"):
        Ports.from_environment()


@pytest.mark.parametrize(
    "arguments",
    [("import", "annex-a", "no.xlsx", "--as-of", "2021-03-12"), ("sender", "add", "A"), ("topics", "apply")],
)
def test_a_command_to_a_stack_that_is_down_fails(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tried = TriedStack(Home(tmp_path), free_origin())
    (tmp_path / "no.xlsx").touch()
    placed = [str(tmp_path / "no.xlsx") if argument == "no.xlsx" else argument for argument in arguments]
    outcome = tried.caseloop_here(*placed)
    assert outcome.code == 1
    assert "not up" in outcome.object["failed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "annex-a", "missing.xlsx", "--as-of", "2021-03-12"),
        ("session", "--as", "king"),
        ("logs", "nobody"),
        ("up", "--backwards"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = TriedStack(Home(tmp_path), free_origin()).caseloop_here(*arguments)
    assert outcome.code == 2
    assert outcome.object["refused"]


def test_sessions_are_made_for_loopback_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELOOP_ORIGIN", "https://caseloop.example")
    outcome = TriedStack(Home(tmp_path), free_origin()).caseloop_here("session", "--as", "auditor")
    assert outcome.code == 2
    assert "loopback" in outcome.object["refused"]
