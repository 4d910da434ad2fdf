"""Looks through a workbook as a stream before it is opened: how far each sheet reaches, and which rows it hides.

Two cells in opposite corners are a small file, and opened they are a table of sixteen thousand million cells. Every
part is read to its end on the way, so one that is larger than the archive says is found out too.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lxml import etree

from services.intake.domain.refusal import FileRefusedError

AT_ONCE = 1024 * 1024
MOST_IN_A_TAG = 64 * 1024
LARGEST_INDEX = 1024 * 1024
BOOK = "xl/workbook.xml"

_TAG = rb"<(?:[\w.-]+:)?"
_QUOTED = rb"""\s*=\s*["']"""
_CELL = re.compile(_TAG + rb"c\s[^>]*?\br" + _QUOTED + rb"([A-Za-z]{1,3})(\d{1,8})[\"'][^>]*?(/?)>")
_ROW = re.compile(_TAG + rb"row\s[^>]*?\br" + _QUOTED + rb"(\d{1,8})[\"']")
_HIDDEN = re.compile(_TAG + rb"row\s[^>]*?\bhidden" + _QUOTED + rb"(?:1|true)[\"']")


@dataclass
class Extent:
    """How far the filled cells of a sheet reach, and how many of its rows are hidden."""

    first_row: int = 0
    last_row: int = 0
    columns: int = 0
    hidden_rows: int = 0

    @property
    def cells(self) -> int:
        """How many cells the table has that the sheet becomes."""
        return (self.last_row - self.first_row + 1) * max(self.columns, 1)

    def reach(self, columns: int, rows: tuple[int, int]) -> None:
        """Take some more filled cells into account."""
        self.columns = max(self.columns, columns)
        self.first_row = min(self.first_row or rows[0], rows[0])
        self.last_row = max(self.last_row, rows[1])


def extents(archive: zipfile.ZipFile) -> dict[str, Extent]:
    """Sheet by sheet, under its name; a part that no sheet is, under its own."""
    names = _sheet_names(archive)
    found: dict[str, Extent] = {}
    for member in archive.infolist():
        with archive.open(member) as part:
            found[names.get(member.filename, member.filename)] = _extent(part)
    return found


def _extent(part: IO[bytes]) -> Extent:
    extent = Extent()
    for chunk in _chunks(part):
        extent.hidden_rows += len(_HIDDEN.findall(chunk))
        cells = [(column, int(row)) for column, row, is_empty in _CELL.findall(chunk) if not is_empty]
        if cells:
            rows = [row for _, row in cells]
            extent.reach(max(map(_number, {column for column, _ in cells})), (min(rows), max(rows)))
        # Cells may leave out where they stand; then their row says it.
        numbered = [int(row) for row in _ROW.findall(chunk)] if extent.columns == 0 else []
        if numbered:
            extent.reach(0, (min(numbered), max(numbered)))
    return extent


def _chunks(part: IO[bytes]) -> Iterator[bytes]:
    """The part in pieces that end with a tag."""
    left = b""
    while read := part.read(AT_ONCE):
        text = left + read
        end = text.rfind(b">") + 1
        yield text[:end]
        left = text[end:][-MOST_IN_A_TAG:]


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
        raise FileRefusedError("the workbook is damaged and cannot be read") from error
    return list(root.iter("{*}" + name))
