"""Looks through a workbook as a stream before it is opened: how far each sheet reaches, what it hides and what failed.

Two cells in opposite corners are a small file, and opened they are a table of sixteen thousand million cells. Every
part is read to its end on the way, so one that is larger than the archive says is found out too.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from lxml import etree

from services.intake.domain.refusal import FileRefusedError

AT_ONCE = 1024 * 1024
MOST_IN_A_TAG = 64 * 1024
LARGEST_INDEX = 1024 * 1024
BOOK = "xl/workbook.xml"
DATA = b"sheetData"
DAMAGED = "the workbook is damaged and cannot be read"

_PREFIX = rb"(?:[^\s<>/:=\"']++:)?"
_OTHER = rb"""(?:\s+(?!r[\s=])[\w:.-]+\s*=\s*(?:"[^"<>&]*"|'[^'<>&]*'))*"""
_PLACE = rb"""(?:\s+r\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["'])?"""
_PLAIN = re.compile(
    rb"<" + _PREFIX + rb"(c|row)" + _OTHER + _PLACE + _OTHER + rb"\s*(/?)>|</" + _PREFIX + rb"row\s*>",
)
_EVERY = re.compile(rb"<" + _PREFIX + rb"(?:c|row)(?=[\s/>])|</" + _PREFIX + rb"row(?=[\s>])|<!")
_HIDDEN = re.compile(rb"<" + _PREFIX + rb"""row\s[^>]*?\bhidden\s*=\s*["'](?:1|true)["']""")
_FAILED = re.compile(
    rb"</" + _PREFIX + rb"f>\s*(?:<" + _PREFIX + rb"v\s*/>|<(" + _PREFIX + rb"v)></\1>)?\s*</" + _PREFIX + rb"c>"
    rb"|>#(?:REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)</"
)
_TOO_MANY_TEXTS = re.compile(rb"""uniqueCount\s*=\s*(?!["']\d{0,7}["'])""")


@dataclass
class Extent:
    """How far the filled cells of a sheet reach, how many rows are hidden, and whether a formula has no value."""

    first_row: int = 0
    last_row: int = 0
    columns: int = 0
    hidden_rows: int = 0
    failed_formulas: bool = False

    @property
    def cells(self) -> int:
        """How many cells the table has that the sheet becomes."""
        return (self.last_row - self.first_row + 1) * max(self.columns, 1)

    def reach(self, columns: Sequence[int], rows: Sequence[int]) -> None:
        """Take some more filled cells into account: the column of each, and the row."""
        if columns:
            self.columns = max(self.columns, *columns)
            self.first_row = min(self.first_row or rows[0], *rows)
            self.last_row = max(self.last_row, *rows)


def extents(archive: zipfile.ZipFile) -> dict[str, Extent]:
    """Sheet by sheet, under its name; a part that no sheet is, under its own."""
    names = _sheet_names(archive)
    found: dict[str, Extent] = {}
    for member in archive.infolist():
        with archive.open(member) as part:
            found[names.get(member.filename, member.filename)] = _extent(part, member.filename)
    return found


def _extent(part: IO[bytes], name: str) -> Extent:
    """Follow the tags as the reader does: a cell that does not say where it stands is the next of its row.

    What no spreadsheet program writes is refused, not understood. An address of four letters or of eight digits, or one
    that is said twice, makes a table that no memory holds; the reader then ends the process, not the file.
    """
    extent = Extent()
    row = column = 1
    is_sheet = False
    for chunk in _chunks(part, name):
        if _TOO_MANY_TEXTS.search(chunk):
            raise FileRefusedError(DAMAGED)
        data = chunk if is_sheet else chunk[chunk.find(DATA) :] if DATA in chunk else b""
        is_sheet = is_sheet or DATA in chunk
        tags = _PLAIN.findall(data)
        if len(tags) != len(_EVERY.findall(data)):
            raise FileRefusedError(DAMAGED)
        extent.hidden_rows += len(_HIDDEN.findall(data))
        extent.failed_formulas = extent.failed_formulas or _has_failed(data)
        columns: list[int] = []
        rows: list[int] = []
        for tag, letters, digits, closed in tags:
            if tag == b"c":
                column = _number(letters) if digits else column
                if not closed:
                    columns.append(column)
                    rows.append(int(digits) if digits else row)
                column += 1
                continue
            row, column = int(digits) if digits else row, 1
            if closed or not tag:
                row += 1
        extent.reach(columns, rows)
    return extent


def _has_failed(data: bytes) -> bool:
    """Whether a formula has an error or nothing for its result; most sheets have no formula at all."""
    return (b"f>" in data or b">#" in data) and _FAILED.search(data) is not None


def _chunks(part: IO[bytes], name: str) -> Iterator[bytes]:
    """The part in pieces that end with a tag, without the text before the next one."""
    left, is_sheet = b"", name.casefold().endswith(".xml")
    while read := part.read(AT_ONCE):
        text = left + read
        is_sheet = is_sheet or DATA in text
        end = text.rfind(b">") + 1
        yield text[:end]
        tag = text.find(b"<", end)
        left = text[tag:] if tag >= 0 else b""
        if len(left) > MOST_IN_A_TAG:
            if is_sheet:
                raise FileRefusedError(DAMAGED)
            left = left[-len(DATA) :]


def _number(letters: bytes) -> int:
    """A column's number: A is 1, XFD is 16,384."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """What each part that holds a sheet is called in the workbook."""
    targets = {
        each.get("Id"): posixpath.normpath(posixpath.join("xl", (each.get("Target") or "").removeprefix("/xl/")))
        for each in _tags(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    names: dict[str, str] = {}
    for sheet in _tags(archive, BOOK, "sheet"):
        ids = [value for name, value in sheet.attrib.items() if str(name).endswith("}id")]
        part = targets.get(str(ids[0])) if ids else None
        if part is not None:
            names[part] = sheet.get("name") or part
    return names


def _tags(archive: zipfile.ZipFile, member: str, name: str) -> list[etree._Element]:
    try:
        with archive.open(member) as part:
            text = part.read(LARGEST_INDEX)
    except KeyError:
        return []
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise FileRefusedError(DAMAGED) from error
    return list(root.iter("{*}" + name))
