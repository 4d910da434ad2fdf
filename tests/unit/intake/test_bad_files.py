"""Files as strangers make them: workbooks that were made to break a reader, names that lie, headers of every supplier.

Each case is a line of a table, as in `test_bad_input`.
"""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter

from services.intake.domain import annex_a
from services.intake.domain.refusal import FileRefusedError
from services.intake.workbook import read_file

LIST_4 = ("Child Unique ID", "Continuous Assessment Start Date", "Continuous Assessment Date of Authorisation")
SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"


def workbook(name: str = "List 4", header: tuple[str, ...] = LIST_4, *rows: tuple[object, ...]) -> bytes:
    """A workbook of one sheet."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    page = book.add_worksheet(name)
    for number, row in enumerate((header, *rows)):
        page.write_row(number, 0, row)
    book.close()
    return content.getvalue()


def changed(part: str, old: bytes, new: bytes) -> bytes:
    """A good workbook with something else in one of its parts."""
    content = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook())) as good, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bad:
        for member in good.namelist():
            body = good.read(member)
            assert member != part or old in body
            bad.writestr(member, body.replace(old, new, 1) if member == part else body)
    return content.getvalue()


def also(rows: bytes) -> bytes:
    """A good workbook with more rows in its sheet."""
    return changed(SHEET, b"</sheetData>", rows + b"</sheetData>")


def corner(place: bytes) -> bytes:
    """A good workbook with one more cell, whose tag says this of where it stands."""
    return also(b"<row r='3'><c " + place + b"><v>1</v></c></row>")


MADE_TO_BREAK_THE_READER = [
    ("a column of six letters", corner(b"r='ZZZZZZ3'")),
    ("a column of four letters", corner(b"r='ZZZZ3'")),
    ("a row of nine digits", corner(b"r='A999999999'")),
    ("a row of nine digits whose cell says nothing", also(b"<row r='999999999'><c><v>1</v></c></row>")),
    ("a far row whose cell says nothing", also(b"<row r='9000000'><c><v>1</v></c></row>")),
    ("an address that is said twice", corner(b"r='A3' r='XFD9999999'")),
    ("an address behind the end of a tag in quotes", corner(b"x='a>b' r='XFD9999999'")),
    ("an address within another", corner(b"x=' r=\"A3\"' r='XFD9999999'")),
    ("an address behind two million spaces", corner(b" " * 2_000_000 + b"r='XFD9999999'")),
    ("a prefix that is no Latin letter", also("<row r='3'><é:c r='XFD9999999'><v>1</v></é:c></row>".encode())),
    ("an address in a comment", also(b"<row r='9000000'><!-- <row r='1'> --><c><v>1</v></c></row>")),
    ("ends of rows that never began", also(b"</row>" * 3_000_000 + b"<row><c><v>1</v></c></row>")),
    (
        "one row of half a million cells above many",
        also(b"<row>" + b"<c><v>1</v></c>" * 500_000 + b"</row>" + b"<row><c><v>1</v></c></row>" * 20_000),
    ),
    ("a promise of four thousand million texts", changed(TEXTS, b'uniqueCount="3"', b'uniqueCount="4000000000"')),
]


@pytest.mark.parametrize(
    "content", [case[1] for case in MADE_TO_BREAK_THE_READER], ids=[case[0] for case in MADE_TO_BREAK_THE_READER]
)
def test_a_workbook_that_was_made_to_break_the_reader_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file of six kilobytes ended the service: the reader asked for 30 gigabytes, and that it gets none aborts it.

    What stands where was looked for by a pattern, and whatever did not fit it went by unseen.
    """
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(FileRefusedError) as refused:
        read_file(path, path.name, None)
    assert str(refused.value) in {
        "the workbook is damaged and cannot be read",
        "the workbook has more than 8,000,000 cells",
    }


WRITTEN_BY_OTHER_PROGRAMS = [
    ("cells that do not say where they stand", also(b"<row><c><v>1</v></c></row>")),
    ("formatting down to the last row", also(b"<row r='1048576' ht='15'/>")),
    ("formatting across to the last column", also(b"<row r='3'><c r='XFD3' s='0'/></row>")),
    ("a comment above the cells", changed(SHEET, b"<sheetData>", b"<!-- made by a report --><sheetData>")),
    ("another prefix", also(b"<x:row xmlns:x='x' r='3'><x:c r='A3'><x:v>1</x:v></x:c></x:row>")),
]


@pytest.mark.parametrize(
    "content", [case[1] for case in WRITTEN_BY_OTHER_PROGRAMS], ids=[case[0] for case in WRITTEN_BY_OTHER_PROGRAMS]
)
def test_a_workbook_that_another_program_wrote_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    (found,) = annex_a.recognise(read_file(path, path.name, None))
    assert found.number == 4
