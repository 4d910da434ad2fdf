"""A warning, never a refusal: free text that looks as if it names or identifies somebody.

It looks for shapes (dates of birth, telephone and NHS numbers, e-mail addresses, postcodes, titles with a name). It
will miss some and cry wolf at others; whoever writes decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SHAPES = {
    "an e-mail address": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+\b"),
    "an NHS number": re.compile(r"\b\d{3}[ -]\d{3}[ -]\d{4}\b"),
    "a telephone number": re.compile(r"(?<!\d)(?:\+44[ -]?|0)\d{2,4}[ -]?\d{3,4}[ -]?\d{3,4}(?!\d)"),
    "a date of birth": re.compile(
        r"\b(?:born|d\.?o\.?b\.?|date of birth|birthday)\b[^.\n]{0,20}\d|"
        r"\b\d{1,2}[/.]\d{1,2}[/.](?:19|20)\d{2}\b",
        re.IGNORECASE,
    ),
    "a postcode": re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"),
    "a name": re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Master)\.? [A-Z][a-z]+|\b(?:called|named) [A-Z][a-z]+"),
}


def suspicions(text: str) -> list[str]:
    """What the text seems to hold, in words for people."""
    return [what for what, shape in SHAPES.items() if shape.search(text)]


def warnings(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each named text that looks as if it identifies somebody, what it seems to hold."""
    found = {name: suspicions(text) for name, text in texts if text}
    return {name: " and ".join(what) for name, what in found.items() if what}
