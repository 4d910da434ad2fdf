"""`make migration` writes an empty revision after the last."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.migration import write
from deploy.local.refusal import Refused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "services" / "audit" / "migrations" / "versions").mkdir(parents=True)
    return tmp_path


def test_revisions_are_numbered_one_after_the_other(root: Path) -> None:
    first = write("audit", "first_tables", root)
    second = write("audit", "add_theme_weight", root)
    assert (first.name, second.name) == ("0001_first_tables.py", "0002_add_theme_weight.py")
    assert "down_revision = None" in first.read_text()
    assert 'down_revision = "0001"' in second.read_text()
    assert second.read_text().startswith('"""Add theme weight."""')


def test_an_unknown_service_is_refused(root: Path) -> None:
    with pytest.raises(Refused, match="no service is called finance"):
        write("finance", "add_money", root)


@pytest.mark.parametrize("name", ["", "Add Weight", "../../etc", "a"])
def test_a_name_that_cannot_be_one_is_refused(root: Path, name: str) -> None:
    with pytest.raises(Refused, match="no name for a migration"):
        write("audit", name, root)
