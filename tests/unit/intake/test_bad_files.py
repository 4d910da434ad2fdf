"""Files as strangers make them: workbooks that were made to break a reader, names that lie, headers of every supplier.

Each case is a line of a table, as in `test_bad_input`.
"""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter

from services.intake.domain import annex_a
from services.intake.domain.cells import Cell
from services.intake.domain.context import Context
from services.intake.domain.refusal import FileRefusedError, Refusal
from services.intake.domain.work import Submission
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


CELL = b"<row r='2'><c r='A2'><v>77</v></c><c r='B2'>%s</c></row>"
FORMULAS = [
    ("a formula that was not worked out", CELL % b"<f>TODAY()</f>", True),
    ("a formula that was not worked out, with an empty result", CELL % b"<f>TODAY()</f><v/>", True),
    ("a formula that points to nothing", CELL.replace(b"'B2'", b"'B2' t='e'") % b"<f>X1</f><v>#REF!</v>", True),
    ("a formula that found nothing", CELL.replace(b"'B2'", b"'B2' t='e'") % b"<f>X1</f><v>#N/A</v>", False),
    ("a formula with its result", CELL % b"<f>TODAY()</f><v>44200</v>", False),
]


@pytest.mark.parametrize(("rows", "is_said"), [case[1:] for case in FORMULAS], ids=[case[0] for case in FORMULAS])
def test_formulas_that_failed_are_said_for_their_cells_are_read_as_empty(
    tmp_path: Path, rows: bytes, is_said: bool
) -> None:
    """An authorisation that was a formula without its result made an assessment that nobody had authorised."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(also(rows))
    notes = annex_a.oddities(read_file(path, path.name, None))
    said = "List 4 has formulas that failed or were not worked out; their cells were read as empty"
    assert notes == ([said] if is_said else [])


# --- what a name promises ---


def zipped(**members: bytes) -> bytes:
    """A zip of these members, whose names end as csv."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in members.items():
            archive.writestr(f"{name}.csv", body)
    return content.getvalue()


def locked(archive: bytes) -> bytes:
    """An archive whose members say that they need a password."""
    content = bytearray(archive)
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(header), archive):
            content[found.start() + flags] |= 1
    return bytes(content)


ROW_4 = b"Child Unique ID,Continuous Assessment Start Date,Continuous Assessment Date of Authorisation\n77,4/1/2021,\n"
NOT_WHAT_ITS_NAME_SAYS = [
    ("a workbook called csv", "a.csv", workbook(), 4, "this is an xlsx workbook, but its name ends in .csv"),
    ("a workbook called xls", "a.xls", workbook(), None, "this is an xlsx workbook, but its name ends in .xls"),
    ("a csv called xlsx", "a.xlsx", ROW_4, None, "this is not an xlsx workbook, whatever its name says"),
    ("a zip within a zip", "a.zip", zipped(x=b"").replace(b"x.csv", b"x.zip"), None, "the zip holds no csv"),
    ("a zip that leads out of it", "a.zip", zipped(**{"../List 4": ROW_4}), None, "the zip holds no csv"),
    ("an empty zip", "a.zip", b"PK\x05\x06" + bytes(18), None, "the zip holds no csv"),
    ("a csv of a list that is not read", "a.csv", ROW_4, 2, "List 2 is not read: Lists 1 and 3 to 8 are"),
    ("a workbook of no list", "a.xlsx", workbook("Notes", ("A", "B")), None, "it has none of Lists 1 and 3 to 8"),
    ("a census", "a.xml", b"\xef\xbb\xbf<?xml version='1.0'?><Message/>", None, "this is XML, not an xlsx workbook"),
    (
        "a folder with a list that is no text",
        "a.zip",
        zipped(**{"List 3": b"\x00\x01\x02", "List 4": ROW_4}),
        None,
        "List 3.csv: ",
    ),
    (
        "a folder with an empty list",
        "a.zip",
        zipped(**{"List 3": b"", "List 4": ROW_4}),
        None,
        "List 3.csv: the file is empty",
    ),
    ("a workbook in an archive with a password", "a.xlsx", locked(workbook()), None, "the workbook is encrypted"),
    ("a zip without the list", "a.zip", zipped(**{"List 4": ROW_4, "x": b"a"}), 3, "the file holds no List 3"),
]


@pytest.mark.parametrize(
    ("name", "content", "only", "why"),
    [case[1:] for case in NOT_WHAT_ITS_NAME_SAYS],
    ids=[case[0] for case in NOT_WHAT_ITS_NAME_SAYS],
)
def test_a_file_that_is_not_what_its_name_says_is_refused_with_what_it_is(
    tmp_path: Path, name: str, content: bytes, only: int | None, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileRefusedError) as refused:
        annex_a.recognise(read_file(path, name, only), only)
    assert why in str(refused.value)


def test_a_workbook_of_context_alone_is_an_annex_a(tmp_path: Path) -> None:
    """Its List 7 was taken as a csv and refused as a workbook, as if it were no Annex A."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook("List 7", ("Child Unique ID", "Child Protection Plan Start Date")))
    assert [each.number for each in annex_a.recognise(read_file(path, path.name, None))] == [7]


# --- headers ---

IDS = [
    ("numbered", ("1. Child Unique ID",), 0),
    ("with whose id it is", ("Child Unique ID (LA)",), 0),
    ("behind the pupil's number", ("Unique Pupil Number", "Child Unique ID"), 1),
    ("behind the child's NHS number", ("Child NHS Number", "Child ID"), 1),
    ("behind the child's telephone", ("Child's phone number", "Child ID"), 1),
    ("behind another system's", ("Child Reference", "Child Unique ID"), 1),
]


@pytest.mark.parametrize(("headers", "column"), [case[1:] for case in IDS], ids=[case[0] for case in IDS])
def test_the_childs_id_is_found_and_no_other_number_is_taken_for_it(headers: tuple[str, ...], column: int) -> None:
    """A pupil's number that stood before the id was taken for it, and kept."""
    (found,) = annex_a.recognise([annex_a.Sheet("List 4", [[*headers, *LIST_4[1:]]])])
    assert found.columns["child"] == column


def test_two_columns_that_could_be_the_childs_id_refuse_the_file() -> None:
    with pytest.raises(FileRefusedError, match="two columns for the child's id: Child ID and Client Reference"):
        annex_a.recognise([annex_a.Sheet("List 4", [["Child ID", "Client Reference", *LIST_4[1:]]])])


# --- cells ---

AS_OF = date(2021, 3, 12)
NOON = datetime(2021, 3, 12, 12, tzinfo=UTC)


def read(**changes: Cell) -> Submission | Refusal:
    """A row of List 4 with some cells changed, read as of 12 March 2021."""
    good: dict[str, Cell] = {"child": "4410927", "started_on": date(2021, 1, 4), "date_of_birth": date(2015, 1, 25)}
    return annex_a.read(annex_a.Row("List 4", 2, 4, {**good, **changes}, False), AS_OF, NOON)


@pytest.mark.parametrize(
    "child",
    [
        "Unknown",
        "not known",
        "Not recorded",
        "TBC",
        "(blank)",
        "unborn",
        "--",
        ".",
        "?",
        "\U0001f600",
        0,
        "0",
        "000",
        "0.0",
    ],
)
def test_what_stands_for_an_id_that_nobody_has_is_no_id(child: Cell) -> None:
    """All the children of a file whose id was unknown became one child of that name."""
    refused = read(child=child)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("missing", "child")


@pytest.mark.parametrize("name", ["Unknown", "not known", "#N/A", "Not recorded", "--"])
def test_what_stands_for_a_worker_or_team_that_nobody_knows_is_neither(name: str) -> None:
    """Business support was asked who "Not known" is, and could answer only by adding them to the staff."""
    taken = read(worker=name, team=name)
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert (taken.said.worker_name, taken.said.team_name) == (None, None)


@pytest.mark.parametrize("child", ['="0077"', "'0077", "0077"])
def test_an_id_that_was_kept_from_a_spreadsheet_is_the_same_id(child: Cell) -> None:
    """A report writes ="0077" so that Excel leaves the noughts; with that as its id the child was another one."""
    taken = read(child=child)
    assert isinstance(taken, Submission)
    assert taken.child == "0077"


def test_an_id_with_marks_between_its_thousands_is_no_id() -> None:
    refused = read(child="12,345")
    assert isinstance(refused, Refusal)
    assert refused.code == "unreadable_id"


def test_a_name_is_no_id() -> None:
    refused = read(child="Jane Canary")
    assert isinstance(refused, Refusal)
    assert refused.code == "unreadable_id"


@pytest.mark.parametrize("born", ["Unborn", "unborn child", "Expected", "Not known", "Not recorded", "N/A"])
def test_an_unborn_child_is_taken_whatever_stands_for_its_birth_date(born: str) -> None:
    taken = read(date_of_birth=born)
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert taken.said.age_band is None


@pytest.mark.parametrize("start", ["44200.75", "44200.0"])
def test_a_serial_with_a_time_is_a_date_as_text_too(start: str) -> None:
    taken = read(started_on=start)
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert taken.said.started_on == date(2021, 1, 4)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("a) Neglect", "NEG"), ("Emotional abuse", "EMO"), ("Not recorded", None), ("#N/A", None), (None, None)],
)
def test_a_plans_category_is_read_however_it_is_written(said: str | None, meant: str | None) -> None:
    read = annex_a.read_context(plan(said), date(2026, 3, 31))
    assert isinstance(read, Context)
    assert read.category == meant


def test_a_plan_of_a_category_that_nobody_knows_is_refused() -> None:
    """It was taken without one, and the neglect theme never drew such a child."""
    refused = annex_a.read_context(plan("zzz"), date(2026, 3, 31))
    assert refused == Refusal("unknown_code", "category", "This is none of the DfE's categories of abuse")


def plan(category: Cell) -> annex_a.Row:
    """A row of List 7."""
    fields: dict[str, Cell] = {"child": "77", "started_on": date(2026, 1, 5), "category": category}
    return annex_a.Row("List 7", 2, 7, fields, from_1904=False)
