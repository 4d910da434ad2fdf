"""The DfE's codes of what was identified at the end of an assessment, and how senders write them."""

from __future__ import annotations

from services.intake.domain.plausibility import clean, unreadable
from services.intake.domain.refusal import Refusal

FACTORS = frozenset(
    [f"{number}{letter}" for number in range(1, 7) for letter in "ABC"]
    + ["7A", *(f"8{letter}" for letter in "BCDEF"), *(f"{number}A" for number in range(9, 18))]
    + ["18B", "18C", "19B", "19C", "20", "21", "22A", "23A", "24A"]
)
NO_FACTOR = "21"

LONGEST = 16
"""Characters of a code: the DfE's have three, a council's own may have more. What is longer is text about a child."""


def as_meant(factors: tuple[str, ...]) -> tuple[str, ...]:
    """The codes in capitals, each once, without what nobody sees; one that no list knows, or none can hold, is kept."""
    if FACTORS.issuperset(factors) and len(set(factors)) == len(factors):
        return factors
    meant = [each if unreadable(each, "factors") else clean(each).upper() for each in factors]
    return tuple(dict.fromkeys(filter(None, meant)))


def too_long(factors: tuple[str, ...]) -> Refusal | None:
    """Why one of these cannot be a code."""
    if FACTORS.issuperset(factors) or all(len(each) <= LONGEST for each in factors):
        return None
    return Refusal("too_long", "factors", f"A factor's code has {LONGEST} characters at most")
