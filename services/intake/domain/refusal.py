"""Why something that came in was not taken: a code to count by, its place, and the sentence that a person reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is counted and never holds a value; `field` is the column or element; `sentence` is plain words."""

    code: str
    field: str
    sentence: str


class FileRefusedError(Exception):
    """A whole file or request is refused, and nothing of it was taken. Its text says why in one plain line."""


class ListUnsaidError(FileRefusedError):
    """A csv holds one list, and nobody said which."""
