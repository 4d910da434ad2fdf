"""`deploy/setup.sh` on a machine that will not do: one line that says what is missing, exit 2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "dirname", "pwd", "touch", "mkdir")


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


def set_up(programs: Path) -> subprocess.CompletedProcess[str]:
    """Run the first step of the set-up with those programs only, in a tree that was never set up."""
    script = programs.parent / "deploy" / "setup.sh"
    script.parent.mkdir()
    shutil.copy(ROOT / "deploy" / "setup.sh", script)
    return subprocess.run(
        [str(programs / "sh"), str(script), "python"],
        env={"PATH": str(programs)},
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
    pretend(bare_machine, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    outcome = set_up(bare_machine)
    assert outcome.returncode == 2
    assert "python3-venv" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
