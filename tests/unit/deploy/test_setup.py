"""`deploy/setup.sh` on a machine that will not do: one line that says what is missing, exit 2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "dirname", "pwd", "touch", "mkdir", "sort", "head", "cut")
NO_VENV = 'case "$*" in *"import venv, ensurepip"*) exit 1;; esac'


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A folder of programs with no Python in it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (programs / tool).symlink_to(found)
    return programs


def set_up(programs: Path, named: str = "") -> subprocess.CompletedProcess[str]:
    """Run the first step of the set-up with those programs only, in a tree that was never set up."""
    script = programs.parent / "deploy" / "setup.sh"
    script.parent.mkdir()
    shutil.copy(ROOT / "deploy" / "setup.sh", script)
    return subprocess.run(
        [str(programs / "sh"), str(script), "python"],
        env={"PATH": str(programs), "PYTHON": named},
        capture_output=True,
        text=True,
        check=False,
    )


def pretend(programs: Path, name: str, script: str) -> None:
    """Put a program of that name there."""
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def test_a_machine_without_python_is_told_so(bare_machine: Path) -> None:
    outcome = set_up(bare_machine)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("refused: Caseloop needs Python 3.11 or later")
    assert outcome.stderr.count("\n") == 1


def test_a_python_that_is_too_old_is_passed_over(bare_machine: Path) -> None:
    pretend(bare_machine, "python3", "exit 1")
    assert set_up(bare_machine).returncode == 2


def test_a_python_without_venv_is_told_what_to_install(bare_machine: Path) -> None:
    pretend(bare_machine, "python3", f"{NO_VENV}; echo 0 100 {bare_machine}/python3")
    outcome = set_up(bare_machine)
    assert outcome.returncode == 2
    assert "python3-venv" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_the_quickest_python_is_taken_of_those_that_the_packages_are_known_to_run_on(bare_machine: Path) -> None:
    for name, rank, microseconds in (("python3.13", 0, 900), ("python3", 0, 1_000), ("python3.14", 1, 100)):
        pretend(bare_machine, name, f"{NO_VENV}; echo {rank} {microseconds} {bare_machine}/{name}")
    assert f"{bare_machine}/python3.13 has no venv module" in set_up(bare_machine).stderr


def test_the_python_that_is_named_is_taken(bare_machine: Path) -> None:
    for name, microseconds in (("python3.13", 100), ("python3", 900)):
        pretend(bare_machine, name, f"{NO_VENV}; echo 0 {microseconds} {bare_machine}/{name}")
    assert f"{bare_machine}/python3 has no venv module" in set_up(bare_machine, named="python3").stderr


def test_a_named_python_that_will_not_do_is_refused_by_name(bare_machine: Path) -> None:
    outcome = set_up(bare_machine, named="/nowhere/python3")
    assert outcome.returncode == 2
    assert outcome.stderr.endswith("/nowhere/python3 is not that\n")
