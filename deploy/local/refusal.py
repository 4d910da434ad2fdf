"""What the stack says when it will not go on: one line that a person can act on, and exit code 2."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - an outcome of the command, not an error in it
    """The machine or the request is not fit: nothing was changed, and the message says what would help."""


class Failed(Exception):  # noqa: N818 - as above
    """The work was begun and did not succeed: exit code 1."""
