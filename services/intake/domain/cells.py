"""Cells of a file as people fill them: dates, codes, numbers and ids in every shape that real returns have."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from services.intake.domain import plausibility
from services.intake.domain.plausibility import clean
from services.intake.domain.refusal import Refusal
from shared.working_days import local_date

Cell = str | int | float | bool | date | datetime | timedelta | None

NOTHING = {
    "",
    "#n/a",
    "n/a",
    "na",
    "#ref!",
    "#value!",
    "#name?",
    "#null!",
    "#div/0!",
    "#num!",
    "null",
    "none",
    "nan",
    "-",
}
"""What stands for an empty cell."""

EPOCH = date(1899, 12, 30)
EPOCH_1904 = date(1904, 1, 1)
DIGITS = 15
SERIALS = range(32_874, 73_051)
"""Excel's day numbers from 1990 to 2100 (in the 1900 system): other numbers are no dates."""

_SERIAL = re.compile(r"^\d+(\.\d+)?$")
_MANGLED = re.compile(r"^\d+(\.\d+)?e\+?\d+$", re.IGNORECASE)
_DECIMAL = re.compile(r"^-?\d+\.\d+$")
_GROUPED = re.compile(r"^\d{1,3}(,\d{3})+$")
_WHOLE = re.compile(r"^(\d+)\.0+$")
_LETTER = re.compile(r"^[a-z]\)\s*", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"^(\d{4})[/.\- ](\d{1,2})[/.\- ](\d{1,2})$")
_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)
_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(am|pm)?(z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)
_ENGLISH = re.compile(r"^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$")
_ZONED = re.compile(r"^(\d{4}-\d{2}-\d{2})(z|[+-]\d{2}:\d{2})$", re.IGNORECASE)
"""A day that names a time zone, as XML's dates may: it is that day."""
_SHORT_YEAR = re.compile(r"^\d{1,2}[/.\- ](\d{1,2}|[a-z]{3,9})[/.\- ]\d{2}$", re.IGNORECASE)
_WORDS = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[/.\- ]([a-z]{3,9})[/.\- ](\d{4})$", re.IGNORECASE)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

YES = {"yes", "y", "true", "1", "t"}
NO = {"no", "n", "false", "0", "f"}
NOBODY = {
    "unknown",
    "not known",
    "not recorded",
    "not stated",
    "not applicable",
    "not available",
    "unborn",
    "no id",
    "tbc",
    "blank",
    "(blank)",
}
"""What stands for an id that nobody has; with these as ids, all such children would be one."""
UNBORN = {"unborn", "unborn child", "not born", "not yet born", "expected", *NOBODY}
"""What stands where a child has no birth date, or none that is known."""
NEITHER = {"not applicable", "not known", "unknown", "unborn", "not recorded", "not stated", "z", "x"}


def text(cell: Cell) -> str | None:
    """A cell's text as it was meant, or none: a whole number without its decimals, what stands for empty left out."""
    if cell is None or isinstance(cell, timedelta):
        return None
    if isinstance(cell, bool):
        return "Yes" if cell else "No"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    said = clean(str(cell))
    if said.startswith('="') and said.endswith('"') and len(said) > 2:
        # How a report writes text that a spreadsheet is to leave as it is
        said = said[2:-1].strip()
    return None if said.casefold() in NOTHING else said


def identifier(cell: Cell, field: str) -> str | Refusal:
    """An opaque id. A number with decimals or in Excel's short form has lost digits and is nobody's id."""
    # An apostrophe before it keeps a spreadsheet from taking it for a number
    said = (text(cell) or "").removeprefix("'")
    if is_nobodys(said):
        return Refusal("missing", field, "There is no id here")
    whole = _WHOLE.match(said)
    said = whole.group(1) if whole else said
    if _is_changed(cell, said):
        return Refusal("unreadable_id", field, "This id was changed by a spreadsheet and cannot be read")
    wrong = plausibility.implausible_id(cell.strip() if isinstance(cell, str) else said, field)
    return wrong or said


def ids(fields: Mapping[str, Cell]) -> tuple[str, str | None] | Refusal:
    """The child's id, and the sender's own id of the record where there is one."""
    child = childs_id(fields.get("child"))
    if isinstance(child, Refusal):
        return child
    if text(fields.get("id")) is None:
        return child, None
    own = identifier(fields["id"], "id")
    return own if isinstance(own, Refusal) else (child, own)


def is_nobodys(said: str) -> bool:
    """Whether this only stands for an id: a word, marks alone, or the nought of a formula that found nothing."""
    word = said.casefold()
    return word in NOBODY or word in NOTHING or not any(map(str.isalnum, said)) or not said.strip("0.")


def staff_name(cell: Cell) -> str | None:
    """A worker or a team as it is written; none where that only stands for nobody."""
    said = text(cell)
    return None if said is None or is_nobodys(said) else said


def childs_id(cell: Cell, field: str = "child") -> str | Refusal:
    """The id of a child; words without a digit are a name, which is not kept."""
    said = identifier(cell, field)
    if isinstance(said, str) and " " in said and not any(map(str.isdecimal, said)):
        return Refusal("unreadable_id", field, "This looks like a name: an id is needed")
    return said


def birth_date(cell: Cell, field: str, *, from_1904: bool = False) -> date | Refusal | None:
    """As `day`; none where it only says that the child is not born, or that nobody knows."""
    return None if (text(cell) or "").casefold() in UNBORN else day(cell, field, from_1904=from_1904)


def _is_changed(cell: Cell, said: str) -> bool:
    """Whether a spreadsheet took an id for something else: it keeps fifteen digits of a number and no more."""
    if isinstance(cell, bool | date) or any(each.match(said) for each in (_MANGLED, _DECIMAL, _GROUPED)):
        return True
    return isinstance(cell, int | float) and len(said.removeprefix("-")) > DIGITS


def day(cell: Cell, field: str, *, from_1904: bool = False) -> date | Refusal | None:
    """A date however it was typed (day first), as Excel holds it, or as its serial number."""
    if isinstance(cell, date):
        return cell.date() if isinstance(cell, datetime) else cell
    said = text(cell)
    if said is None:
        return None
    if not isinstance(cell, bool) and (isinstance(cell, int | float) or _SERIAL.match(said)):
        return _serial(said, field, from_1904)
    if _SHORT_YEAR.match(_TIME.sub("", said)):
        return Refusal("two_digit_year", field, "The year has two digits, so the date can be read in two ways")
    try:
        return _local(said) if _INSTANT.match(said) else _typed(_ZONED.sub(r"\1", _TIME.sub("", said)))
    except (ValueError, IndexError):
        return Refusal("not_a_date", field, "This is not a date that exists")


def yes_or_no(cell: Cell, field: str, also_yes: Collection[str] = ()) -> bool | Refusal | None:
    """A yes or no with or without its letter ("a) Yes"), or a column's own word for yes; none where neither is said."""
    said = text(cell)
    if said is None:
        return None
    plain = _LETTER.sub("", said).casefold()
    if plain in YES or plain in also_yes:
        return True
    if plain in NO:
        return False
    if plain in NEITHER or plain in NOTHING:
        return None
    return Refusal("unknown_code", field, "This is neither yes nor no")


def count(cell: Cell) -> int | None:
    """A number of things; none where there is none or it cannot be."""
    said = text(cell)
    return int(said) if said is not None and said.isdecimal() and len(said) < 5 else None


def _serial(said: str, field: str, from_1904: bool) -> date | Refusal:
    number = int(float(said)) if len(said) <= DIGITS else 0
    epoch, shift = (EPOCH_1904, 1462) if from_1904 else (EPOCH, 0)
    if number + shift not in SERIALS:
        return Refusal("not_a_date", field, "This number is not a date")
    return epoch + timedelta(days=number)


def _typed(said: str) -> date:
    english = _ENGLISH.match(said)
    if english:
        of_day, month, year = map(int, english.groups())
        return date(year, month, of_day)
    words = _WORDS.match(said)
    if words:
        month = _MONTHS.index(words.group(2)[:3].casefold()) + 1
        return date(int(words.group(3)), month, int(words.group(1)))
    year_first = _YEAR_FIRST.match(said)
    if year_first is None:
        raise ValueError
    return date(*map(int, year_first.groups()))


def _local(said: str) -> date:
    """The day in England at an instant: an hour before midnight in Greenwich it is tomorrow, for half of the year."""
    return local_date(datetime.fromisoformat(said.upper()))
