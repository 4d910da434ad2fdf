"""Ofsted's Annex A: which sheet is which list, which column is which field, and what a row says.

Headers differ by version and supplier ("Date of Referral", "ReferralDate"), so they are matched by pattern on their
letters alone. Lists 1, 3, 4 and 5 are work; 6, 7 and 8 are context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.intake.domain import cells
from services.intake.domain.births import Births
from services.intake.domain.cells import Cell
from services.intake.domain.context import Context, stated
from services.intake.domain.plausibility import clean
from services.intake.domain.refusal import FileRefusedError, Refusal
from services.intake.domain.statements import FIELDS, statement
from services.intake.domain.work import Road, Submission
from shared.events import EpisodeKind, Kind

CHILD_UNIQUE_ID = "childuniqueid"
"""The letters of how Annex A itself heads the child's id."""

HEADER_WITHIN = 15
"""How many rows of titles may stand above the header."""

KINDS: Mapping[int, Kind] = {1: Kind.CONTACT, 3: Kind.REFERRAL, 4: Kind.ASSESSMENT, 5: Kind.ENQUIRY}
CONTEXTS: Mapping[int, EpisodeKind] = {
    6: EpisodeKind.CHILD_IN_NEED,
    7: EpisodeKind.CHILD_PROTECTION,
    8: EpisodeKind.LOOKED_AFTER,
}
ABOUT: Mapping[int, str] = {**KINDS, **CONTEXTS}
"""What a row of each list is about."""

_NO_ID = r"(?!.*(pupil|learner|upn|nhs|phone|mobile|house|school))"
_CHILD = {"child": rf"^{_NO_ID}\d?\d?(la)?(child|unique|person|client).*(id|identifier|number|reference)(la)?$"}
_BORN = {"date_of_birth": r"date.*birth|birth.*date|^dob$"}
_STAFF = {"team": r"team", "worker": r"worker|practitioner"}

COLUMNS: Mapping[int, Mapping[str, str]] = {
    1: {**_CHILD, **_BORN, "started_on": r"dateof.*contact|contact.*date", **_STAFF},
    3: {
        **_CHILD,
        **_BORN,
        "started_on": r"dateof.*referral|referral.*date",
        "no_further_action": r"nfa|nofurtheraction",
        "earlier_referrals": r"(number|num|no).*referrals|referrals.*12",
        **_STAFF,
    },
    4: {
        **_CHILD,
        **_BORN,
        "finished_on": r"assess.*auth|auth.*assess",
        "started_on": r"assess.*start|start.*assess",
        "child_seen": r"childseen|seenduring",
        "outcome": r"assessed.*requiring|requiring.*support|social(care)?support|assess.*outcome",
        **_STAFF,
    },
    5: {
        **_CHILD,
        **_BORN,
        "earlier_enquiries": r"(number|num|noof).*(section47|s47)|(section47|s47).*12months",
        "conference_unnecessary": r"(conference|icpc).*(unnecessary|notrequired|notneeded)",
        "conference_on": r"dateof.*(conference|icpc)|(conference|icpc).*date",
        "started_on": r"strategydisc.*date|(section47|s47|enquiry).*start|strategydisc.*start",
        **_STAFF,
    },
    6: {
        **_CHILD,
        "started_on": r"(cin|need).*start|startdate",
        "ended_on": r"(cin|case|need).*(closure|end|closed).*date|closuredate",
        **_STAFF,
    },
    7: {
        **_CHILD,
        "started_on": r"(protectionplan|cpp?).*start",
        "ended_on": r"(protectionplan|cpp?).*end",
        "category": r"latest.*(category|abuse)|(category|abuse).*latest",
        **_STAFF,
    },
    8: {
        **_CHILD,
        "started_on": r"started.*lookedafter|(lac|cla|lookedafter).*start",
        "ended_on": r"date.*ceased|ceased.*date|(lac|cla|lookedafter).*end",
        **_STAFF,
    },
}
"""List by list, each field and the pattern of its header's letters and digits. The first that fits an unused header."""

REQUIRED: Mapping[int, tuple[str, ...]] = {
    **dict.fromkeys((1, 3, 5), ("child", "started_on")),
    4: ("child", "started_on", "finished_on"),
    6: ("child",),
    7: ("child", "started_on"),
    8: ("child", "started_on"),
}

_NAMED = re.compile(r"list[\W_]*0*(\d{1,2})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook, or one csv file, as it was read."""

    name: str
    rows: Sequence[Sequence[Cell]]
    first_row: int = 1
    hidden: bool = False
    from_1904: bool = False
    hidden_rows: int = 0
    failed_formulas: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a list: where it stands and its fields."""

    sheet: str
    number: int
    list_number: int
    fields: Mapping[str, Cell]
    from_1904: bool

    @property
    def kept(self) -> dict[str, str]:
        """The allow-listed fields as text, for quarantine."""
        said = {name: cells.text(self.fields.get(name)) for name in FIELDS[ABOUT[self.list_number]]}
        return {name: value[:200] for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class AnnexAList:
    """One list: its rows and how its columns are headed in this file."""

    number: int
    sheet: Sheet
    header_at: int
    columns: Mapping[str, int]

    @property
    def headers(self) -> Mapping[str, str]:
        """What this file calls each field."""
        header = self.sheet.rows[self.header_at]
        return {name: clean(str(header[index])) for name, index in self.columns.items()}

    def rows(self) -> Iterator[Row]:
        """Every row that holds anything, in order."""
        for index in range(self.header_at + 1, len(self.sheet.rows)):
            row = self.sheet.rows[index]
            if all(cells.text(cell) is None for cell in row):
                continue
            fields = {name: row[column] if column < len(row) else None for name, column in self.columns.items()}
            number = self.sheet.first_row + index
            yield Row(self.sheet.name, number, self.number, fields, self.sheet.from_1904)


def recognise(sheets: Sequence[Sheet], only: int | None = None) -> list[AnnexAList]:
    """The lists among the sheets, in order; FileRefusedError where there is none, or one twice, or a column is missing.

    `only` takes one list and says which one a single csv file holds.
    """
    found: dict[int, AnnexAList] = {}
    for sheet in sheets:
        number = only if only is not None and len(sheets) == 1 else _number(sheet)
        if number is None or number not in COLUMNS or only not in {None, number} or not sheet.rows:
            continue
        if number in found:
            raise FileRefusedError(f"List {number} is there twice: {found[number].sheet.name} and {sheet.name}")
        found[number] = _list(number, sheet)
    if not found:
        raise FileRefusedError(_none_found(only))
    return [found[number] for number in sorted(found)]


def _none_found(only: int | None) -> str:
    if only is None:
        return "this is no Annex A: it has none of Lists 1 and 3 to 8"
    return f"the file holds no List {only}" if only in COLUMNS else f"List {only} is not read: Lists 1 and 3 to 8 are"


def read(row: Row, today: date, at: datetime, births: Births | None = None) -> Submission | Refusal:
    """What a row of Lists 1, 3, 4 and 5 says."""
    kind = KINDS[row.list_number]
    return statement(kind, Road.ANNEX_A, row.fields, today, at, from_1904=row.from_1904, births=births)


def oddities(sheets: Iterable[Sheet]) -> list[str]:
    """What these sheets hide, which was loaded all the same, and what of them is no value."""
    said = []
    for sheet in sheets:
        if sheet.hidden:
            said.append(f"{sheet.name} is hidden in the workbook; it was loaded")
        if sheet.hidden_rows:
            many = f"{sheet.hidden_rows:,} hidden rows, which were loaded"
            said.append(f"{sheet.name} has {'1 hidden row, which was loaded' if sheet.hidden_rows == 1 else many}")
        if sheet.failed_formulas:
            said.append(f"{sheet.name} has formulas that failed or were not worked out; their cells were read as empty")
    return said


def unread(sheets: Sequence[Sheet], lists: Sequence[AnnexAList]) -> list[str]:
    """The sheets that hold something and were taken for none of the lists."""
    taken = {each.sheet.name for each in lists}
    return [sheet.name for sheet in sheets if sheet.name not in taken and len(sheet.rows) > 1]


def read_context(row: Row, today: date) -> Context | Refusal:
    """What a row of Lists 6, 7 and 8 says, or what is wrong with it."""
    return stated(CONTEXTS[row.list_number], Road.ANNEX_A, row.fields, today, from_1904=row.from_1904)


def _number(sheet: Sheet) -> int | None:
    """Which list a sheet is: by its name, else by what its header asks for."""
    named = _NAMED.search(sheet.name)
    if named:
        return int(named.group(1))
    fitting = [number for number in (5, 4, 3, 1, 7, 8) if _header(number, sheet) is not None]
    return fitting[0] if fitting else None


def _list(number: int, sheet: Sheet) -> AnnexAList:
    found = _header(number, sheet)
    if found is None:
        raise FileRefusedError(f"List {number} ({sheet.name}) has no column for {_missing(number, sheet)}")
    header_at, columns = found
    twice = headed_twice(sheet.rows[header_at], columns)
    if twice is not None:
        raise FileRefusedError(f"List {number} ({sheet.name}) has two columns that are headed {twice}")
    ids = _ids(sheet.rows[header_at])
    if len(ids) > 1:
        raise FileRefusedError(f"List {number} ({sheet.name}) has two columns for the child's id: {' and '.join(ids)}")
    return AnnexAList(number, sheet, header_at, columns)


def _header(number: int, sheet: Sheet) -> tuple[int, dict[str, int]] | None:
    for index, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        columns = _columns(number, row)
        if all(name in columns for name in REQUIRED[number]):
            return index, columns
    return None


def _ids(header: Sequence[Cell]) -> list[str]:
    """The headings under which the child's id may be; Annex A's own goes before all others."""
    letters = _letters(header)
    if CHILD_UNIQUE_ID in letters:
        return [CHILD_UNIQUE_ID]
    return [clean(str(cell)) for cell, text in zip(header, letters, strict=True) if re.search(_CHILD["child"], text)]


def _columns(number: int, header: Sequence[Cell]) -> dict[str, int]:
    squashed = _letters(header)
    columns: dict[str, int] = {}
    for name, pattern in COLUMNS[number].items():
        used = set(columns.values())
        fitting = [index for index, text in enumerate(squashed) if index not in used and re.search(pattern, text)]
        index = next((each for each in fitting if squashed[each] == CHILD_UNIQUE_ID), next(iter(fitting), None))
        if index is not None:
            columns[name] = index
    return columns


def headed_twice(header: Sequence[Cell], columns: Mapping[str, int]) -> str | None:
    """The heading of a column that is wanted and there twice: nobody could say which of them counts."""
    letters = _letters(header)
    twice = next((column for column in columns.values() if letters.count(letters[column]) > 1), None)
    return None if twice is None else clean(str(header[twice]))


def _letters(header: Sequence[Cell]) -> list[str]:
    """The letters and digits alone of each heading."""
    return [re.sub(r"[^a-z0-9]", "", clean(str(cell)).casefold()) if cell is not None else "" for cell in header]


_WORDS = {"child": "the child's id", "started_on": "the start date", "finished_on": "the date of authorisation"}


def _missing(number: int, sheet: Sheet) -> str:
    best = max((_columns(number, row) for row in sheet.rows[:HEADER_WITHIN]), key=len)
    return " and ".join(_WORDS[name] for name in REQUIRED[number] if name not in best)
