"""What `caseloop import` says in words of what a file came to."""

from __future__ import annotations

import pytest

from deploy.local.commands.imports import in_words

ROWS = {"accepted": 2, "duplicate": 1, "quarantined": 0}
NONE = {"accepted": 0, "duplicate": 0, "quarantined": 0}

SAID = [
    (ROWS | {"context": {}}, "2 accepted, 1 duplicate, 0 quarantined"),
    (
        NONE | {"context": {"child_protection": 7, "looked_after": 5}},
        "0 accepted, 0 duplicate, 0 quarantined; context: 7 child protection, 5 looked after",
    ),
    (
        NONE | {"context": {"child_protection": 1, "unreadable": 2}},
        "0 accepted, 0 duplicate, 0 quarantined; context: 1 child protection, 2 unreadable",
    ),
]


@pytest.mark.parametrize(("counts", "words"), SAID)
def test_rows_of_context_are_said_and_those_that_could_not_be_read(counts: dict[str, object], words: str) -> None:
    """A list of plans came to nought, though its plans were kept; what could not be read was silent."""
    assert in_words(counts) == words
