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
        NONE | {"quarantined": 2, "context": {"child_protection": 1}},
        "0 accepted, 0 duplicate, 2 quarantined; context: 1 child protection",
    ),
]


@pytest.mark.parametrize(("counts", "words"), SAID)
def test_rows_of_context_are_said_and_those_that_were_refused(counts: dict[str, object], words: str) -> None:
    """A list of plans came to nought, though its plans were kept; what was refused of it was silent."""
    assert in_words(counts) == words
