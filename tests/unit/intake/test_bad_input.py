"""What comes in bad, road by road, and what becomes of it: the file refused, the row quarantined, or taken as meant.

Each case is a line of a table. A row's outcome is the code of its refusal, or the fact that it was read as.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sized
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import xlsxwriter

from services.intake.domain import annex_a, cms
from services.intake.domain.annex_a import Row
from services.intake.domain.cells import Cell
from services.intake.domain.refusal import FileRefusedError, Refusal
from services.intake.domain.work import Submission
from services.intake.workbook import read_file
from shared.events import (
    CmsAssessmentAuthorised,
    CmsContactDecided,
    CmsEnquiryEnded,
    CmsEpisodeRecorded,
    CmsEvent,
    CmsRecordPurged,
)
from tests.unit.intake.test_bad_census import MISREAD, NO_CENSUS, READ
from tests.unit.intake.test_bad_pushes import MALFORMED, PUSHED, WELL_PUSHED

AS_OF = date(2021, 3, 12)
NOON = datetime(2021, 3, 12, 12, tzinfo=UTC)
GOOD: Mapping[str, Cell] = {
    "child": "4410927",
    "date_of_birth": date(2015, 1, 25),
    "started_on": date(2021, 1, 4),
    "finished_on": date(2021, 2, 8),
    "child_seen": "Yes",
}


def read(**changes: Cell) -> Submission | Refusal:
    """A row of List 4 with some cells changed, read as of 12 March 2021."""
    return annex_a.read(Row("List 4", 2, 4, {**GOOD, **changes}, False), AS_OF, NOON)


QUARANTINED = [
    ("an empty id", {"child": ""}, "missing"),
    ("an id of spaces", {"child": "  \xa0 "}, "missing"),
    ("an id that is #N/A", {"child": "#N/A"}, "missing"),
    ("an id that is NaN", {"child": float("nan")}, "missing"),
    ("an id that is infinite", {"child": float("inf")}, "missing"),
    ("an id of zero-width characters", {"child": "\u200b\u200d"}, "missing"),
    ("an id with decimals", {"child": 4410927.5}, "unreadable_id"),
    ("an id in Excel's short form", {"child": "4.41E+6"}, "unreadable_id"),
    ("an id that became a date", {"child": date(2021, 1, 1)}, "unreadable_id"),
    ("an id that became true", {"child": True}, "unreadable_id"),
    ("an id of sixteen digits that was a number", {"child": 1_234_567_890_123_456.0}, "unreadable_id"),
    ("an id of twenty digits that was a number", {"child": 12345678901234567890}, "unreadable_id"),
    ("an id with a line break in it", {"child": "44\n10"}, "unreadable_id"),
    ("an id with a bell in it", {"child": "44\x0710"}, "unreadable_id"),
    ("an id of 65 characters", {"child": "x" * 65}, "too_long"),
    ("nought that a spreadsheet was to leave as it is", {"child": "'0"}, "missing"),
    ("a word that a spreadsheet was to leave as it is", {"child": "'unknown"}, "missing"),
    ("no start", {"started_on": None}, "missing"),
    ("a start that is #N/A", {"started_on": "#N/A"}, "missing"),
    ("a start that is NaN", {"started_on": float("nan")}, "missing"),
    ("30 February", {"started_on": "30/02/2021"}, "not_a_date"),
    ("29 February of a common year", {"started_on": "29/02/2021"}, "not_a_date"),
    ("a thirteenth month", {"started_on": "2021-13-01"}, "not_a_date"),
    ("a day nought", {"started_on": "00/01/2021"}, "not_a_date"),
    ("month first, as in America", {"started_on": "01/25/2021"}, "not_a_date"),
    ("words for a date", {"started_on": "last Tuesday"}, "not_a_date"),
    ("a month that is none", {"started_on": "4 Foo 2021"}, "not_a_date"),
    ("a two-digit year", {"started_on": "04/01/21"}, "two_digit_year"),
    ("a two-digit year with a month in words", {"started_on": "04-Jan-21"}, "two_digit_year"),
    ("a number that is no serial", {"started_on": 7}, "not_a_date"),
    ("a huge serial", {"started_on": 999_999.0}, "not_a_date"),
    ("true for a date", {"started_on": True}, "not_a_date"),
    ("an infinite date as text", {"started_on": "9" * 400}, "not_a_date"),
    ("a time without a date", {"started_on": "09:30"}, "not_a_date"),
    ("an instant with an hour that is none", {"started_on": "2021-01-04T25:00:00Z"}, "not_a_date"),
    ("a week for a date", {"started_on": "2021-W01-1"}, "not_a_date"),
    ("a negative serial", {"started_on": -5.0}, "not_a_date"),
    ("a year beyond four digits", {"started_on": "04/01/20210"}, "not_a_date"),
    ("a start in the future", {"started_on": date(2021, 3, 13), "finished_on": None}, "in_the_future"),
    ("an end in the future", {"finished_on": date(2021, 3, 13)}, "in_the_future"),
    ("a start before 1990", {"started_on": date(1900, 1, 1)}, "too_long_ago"),
    ("an end before its start", {"finished_on": date(2021, 1, 3)}, "ends_before_start"),
    ("a start before the referral", {"referred_on": date(2021, 1, 5)}, "starts_before_referral"),
    ("a birth more than nine months later", {"date_of_birth": date(2021, 12, 1)}, "born_too_late"),
    ("a child over 25", {"date_of_birth": date(1994, 1, 1)}, "too_old"),
    ("a birth date that is none", {"date_of_birth": "31/11/2015"}, "not_a_date"),
    ("a birth date of two digits", {"date_of_birth": "1/1/15"}, "two_digit_year"),
    ("a code that is unknown", {"child_seen": "Perhaps"}, "unknown_code"),
    ("a code of another list", {"child_seen": "q) 6: Police"}, "unknown_code"),
    ("another column's word for yes", {"child_seen": "NFA"}, "unknown_code"),
]


@pytest.mark.parametrize(("changes", "code"), [case[1:] for case in QUARANTINED], ids=[case[0] for case in QUARANTINED])
def test_a_row_that_cannot_be_is_quarantined(changes: dict[str, Cell], code: str) -> None:
    refused = read(**changes)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert refused.field in {*GOOD, "referred_on"}
    assert refused.sentence


JANUARY = date(2021, 1, 4)
CLOCKS = date(2020, 3, 29)

NORMALISED = [
    ("a float id", {"child": 4410927.0}, "child", "4410927"),
    ("a float id as text", {"child": "4410927.0"}, "child", "4410927"),
    ("an id with no-break spaces", {"child": "\xa04410927\xa0"}, "child", "4410927"),
    ("an id with a byte order mark", {"child": "\ufeff4410927"}, "child", "4410927"),
    ("an id with bidirectional marks", {"child": "\u202e4410927\u202c"}, "child", "4410927"),
    ("an id in full-width digits", {"child": "４４１０９２７"}, "child", "4410927"),
    ("an Excel serial", {"started_on": 44_200}, "started_on", JANUARY),
    ("an Excel serial with a time", {"started_on": 44_200.75}, "started_on", JANUARY),
    ("an Excel serial as text", {"started_on": "44200"}, "started_on", JANUARY),
    ("day first with slashes", {"started_on": "04/01/2021"}, "started_on", JANUARY),
    ("day first with dots", {"started_on": "4.1.2021"}, "started_on", JANUARY),
    ("day first with a time", {"started_on": "04/01/2021 00:00:00"}, "started_on", JANUARY),
    ("ISO", {"started_on": "2021-01-04"}, "started_on", JANUARY),
    ("ISO with a time and zone", {"started_on": "2021-01-04T09:30:00Z"}, "started_on", JANUARY),
    ("ISO without noughts", {"started_on": "2021-1-4"}, "started_on", JANUARY),
    ("year first with slashes", {"started_on": "2021/01/04"}, "started_on", JANUARY),
    ("an instant that is tomorrow in England", {"started_on": "2020-06-30T23:30:00Z"}, "started_on", date(2020, 7, 1)),
    ("midnight in England, told from Greenwich", {"started_on": "2020-06-29T23:00Z"}, "started_on", date(2020, 6, 30)),
    ("a time that no clock showed", {"started_on": "2020-03-29T01:30:00"}, "started_on", CLOCKS),
    ("an id with an Arabic letter mark", {"child": "\u061c4410927"}, "child", "4410927"),
    ("an id with a tag that nobody sees", {"child": "4410927\U000e0041"}, "child", "4410927"),
    ("an id with noughts before it", {"child": "0044"}, "child", "0044"),
    ("a month in words", {"started_on": "4 January 2021"}, "started_on", JANUARY),
    ("a short month in words", {"started_on": "04-Jan-2021"}, "started_on", JANUARY),
    ("an ordinal", {"started_on": "4th January 2021"}, "started_on", JANUARY),
    ("an instant", {"started_on": datetime(2021, 1, 4, 23, 59)}, "started_on", JANUARY),  # noqa: DTZ001
    ("a yes with its letter", {"child_seen": "a) Yes"}, "child_seen", True),
    ("a no in capitals", {"child_seen": "NO"}, "child_seen", False),
    ("one for yes", {"child_seen": 1.0}, "child_seen", True),
    ("a column's own word for yes", {"no_further_action": "NFA"}, "no_further_action", True),
    ("a column's own words for yes", {"no_further_action": "No Further Action"}, "no_further_action", True),
    ("not applicable", {"child_seen": "Not applicable"}, "child_seen", None),
    ("a blank code", {"child_seen": ""}, "child_seen", None),
    ("an unborn child without a birth date", {"date_of_birth": None}, "age_band", None),
    ("a child born after the start", {"date_of_birth": date(2021, 3, 1)}, "age_band", "unborn"),
    ("no end yet", {"finished_on": ""}, "finished_on", None),
    ("an end on the day of the start", {"finished_on": JANUARY}, "finished_on", JANUARY),
    ("a worker that is #N/A", {"worker": "#N/A"}, "worker_name", None),
    ("a worker with no-break spaces", {"worker": "Dustin\xa0Hazlett"}, "worker_name", "Dustin Hazlett"),
    ("a formula for a team", {"team": "=1+2"}, "team_name", "=1+2"),
    ("the day the clocks go forward", {"finished_on": None, "started_on": CLOCKS}, "started_on", CLOCKS),
    ("a bell in a team", {"team": "Moor\x07"}, "team_name", "Moor"),
]


@pytest.mark.parametrize(
    ("changes", "fact", "value"), [case[1:] for case in NORMALISED], ids=[case[0] for case in NORMALISED]
)
def test_a_row_in_odd_clothes_is_taken_as_it_was_meant(changes: dict[str, Cell], fact: str, value: object) -> None:
    taken = read(**changes)
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert (taken.child if fact == "child" else getattr(taken.said, fact)) == value


def test_a_serial_of_the_1904_system_is_four_years_and_a_day_later() -> None:
    row = Row("List 4", 2, 4, {**GOOD, "started_on": 44_200 - 1462}, True)
    taken = annex_a.read(row, AS_OF, NOON)
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert taken.said.started_on == JANUARY


# --- whole files ---

HEADER = b"Child Unique ID,Continuous Assessment Start Date,Continuous Assessment Date of Authorisation\r\n"
ROW = b"77,04/01/2021,08/02/2021\r\n"


def archive(**members: bytes) -> bytes:
    """A zip of these members."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, body in members.items():
            zipped.writestr(name if "." in name else name.replace("__", "/").replace("_dot_", "."), body)
    return content.getvalue()


def workbook(*sheets: tuple[str, tuple[object, ...]]) -> bytes:
    """A workbook whose sheets hold a header each."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    for name, header in sheets:
        book.add_worksheet(name).write_row(0, 0, header)
    book.close()
    return content.getvalue()


LIST_4 = ("Child Unique ID", "Continuous Assessment Start Date", "Continuous Assessment Date of Authorisation")


def reaching(cell: str) -> bytes:
    """A workbook of one list in which one more cell is filled, wherever it is."""
    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    page = book.add_worksheet("List 4")
    page.write_row(0, 0, LIST_4)
    page.write(cell, "x")
    book.close()
    return content.getvalue()


def lying(content: bytes, size: int) -> bytes:
    """An archive whose one member says that it is one byte when unpacked."""
    return content.replace(size.to_bytes(4, "little"), (1).to_bytes(4, "little"))


def with_member(content: bytes, name: str, body: bytes) -> bytes:
    """The archive with one more member."""
    grown = BytesIO(content)
    with zipfile.ZipFile(grown, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return grown.getvalue()


LARGE = b"<row r='1'/>" * 200_003
TYPES = b'<Types><Override ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>'
PLAIN = workbook(("List 4", LIST_4))

REFUSED = [
    ("a cell at the far corner", "a.xlsx", reaching("XFD1048576"), None),
    ("a part larger than it says", "a.xlsx", lying(with_member(PLAIN, "xl/x.xml", LARGE), len(LARGE)), None),
    ("a macro sheet of old", "a.xlsx", with_member(PLAIN, "xl/macrosheets/sheet1.xml", b"<x/>"), None),
    (
        "a macro workbook called xlsx",
        "a.xlsx",
        archive(**{"xl/workbook.xml": b"<w/>", "[Content_Types].xml": TYPES}),
        None,
    ),
    ("an OpenDocument sheet", "a.xlsx", archive(mimetype=b"application/vnd.oasis", content_dot_xml=b"<x/>"), None),
    ("a binary workbook", "a.xlsx", archive(xl__workbook_dot_bin=b"x"), None),
    ("a page called xlsx", "a.xlsx", b"<!doctype html><table></table>", None),
    ("an archive within an archive", "a.zip", archive(a_dot_zip=archive(list_4_dot_csv=HEADER + ROW)), None),
    ("a folder that is a bomb", "a.zip", archive(list_4_dot_csv=b"," * 60_000_000), None),
    ("a csv larger than 64 MB", "a.csv", HEADER + b"\n" * (64 * 1024 * 1024), 4),
    ("a csv of ten million cells", "a.csv", HEADER + (b"," * 190 + b"\n") * 45_000, 4),
    ("a column that is there twice", "a.csv", b"Child Unique ID," + HEADER + b"1," + ROW, 4),
    ("a quotation mark that hides all rows after it", "a.csv", HEADER + b'"77,04/01/2021,08/02/2021\r\n' + ROW * 9, 4),
    ("a quotation mark within quotation marks", "a.csv", HEADER + b'"7"7",04/01/2021,08/02/2021\r\n', 4),
    ("an empty file", "a.xlsx", b"", None),
    ("an empty csv", "a.csv", b"", 4),
    ("a csv of blank lines", "a.csv", b"\r\n \r\n", 4),
    ("text called xlsx", "a.xlsx", b"hello", None),
    ("a picture called csv", "a.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d\x81", 4),
    ("an old or encrypted workbook", "a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, None),
    ("an archive that is no workbook", "a.xlsx", archive(readme_dot_txt=b"hello"), None),
    ("a workbook with macros", "a.xlsm", archive(xl__workbook_dot_xml=b"<w/>", xl__vbaProject_dot_bin=b"x"), None),
    ("a zip bomb", "a.xlsx", archive(xl__workbook_dot_xml=b"<w/>", xl__sheet_dot_xml=b"0" * 60_000_000), None),
    ("a workbook cut midway", "a.xlsx", workbook(("List 4", LIST_4))[:-300], None),
    ("a damaged workbook", "a.xlsx", archive(xl__workbook_dot_xml=b"<broken"), None),
    ("a workbook of other sheets", "a.xlsx", workbook(("Sheet1", ("A", "B"))), None),
    ("an empty workbook", "a.xlsx", workbook(("List 4", ())), None),
    ("a list without a child's id", "a.xlsx", workbook(("List 4", LIST_4[1:])), None),
    ("a list without a start", "a.xlsx", workbook(("List 4", (LIST_4[0], LIST_4[2]))), None),
    ("a list that is there twice", "a.xlsx", workbook(("List 4", LIST_4), ("List 04", LIST_4)), None),
    ("a csv of which nobody says which list", "a.csv", HEADER + ROW, None),
    ("a csv of another list", "a.csv", HEADER + ROW, 1),
    ("a csv with a quote that never ends", "a.csv", HEADER + b'"77,04/01/2021' * 40_000, 4),
    ("a csv of nulls", "a.csv", b"\x00" * 40, 4),
]


@pytest.mark.parametrize(("name", "content", "only"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_file_that_cannot_be_taken_is_refused_whole_in_one_plain_line(
    tmp_path: Path, name: str, content: bytes, only: int | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileRefusedError) as refused:
        annex_a.recognise(read_file(path, name, only), only)
    assert str(refused.value)
    assert "\n" not in str(refused.value)


SHORT_HEADER = b"ChildUniqueID,ContinuousAssessmentStartDate,ContinuousAssessmentAuthDate\n"

READ_AS_ONE_ROW = [
    ("UTF-8", "a.csv", HEADER + ROW),
    ("UTF-8 with its mark", "a.csv", b"\xef\xbb\xbf" + HEADER + ROW),
    ("UTF-16", "a.csv", (HEADER + ROW).decode().encode("utf-16")),
    ("UTF-16 without a mark", "a.csv", (HEADER + ROW).decode().encode("utf-16-le")),
    ("cp1252", "a.csv", HEADER.replace(b"\r\n", b",Team\r\n") + ROW.replace(b"\r\n", b",Zo\xeb\x92s\r\n")),
    ("semicolons", "a.csv", (HEADER + ROW).replace(b",", b";")),
    ("tabs", "a.tsv", (HEADER + ROW).replace(b",", b"\t")),
    ("a title above the header", "a.csv", b"Annex A,,\r\n,,\r\n" + HEADER + ROW),
    (
        "short headers of 2024",
        "a.csv",
        b"ChildUniqueID,ContinuousAssessmentStartDate,ContinuousAssessmentAuthDate\n77,04/01/2021,08/02/2021\n",
    ),
    ("a ragged row", "a.csv", HEADER + b"77,04/01/2021\r\n"),
    ("old Mac line ends", "a.csv", (HEADER + ROW).replace(b"\r\n", b"\r")),
    ("empty rows between", "a.csv", HEADER + b",,\r\n" + ROW + b",,\r\n\r\n"),
    ("UTF-16, the other way round", "a.csv", (HEADER + ROW).decode().encode("utf-16-be")),
    ("bars", "a.csv", (HEADER + ROW).replace(b",", b"|")),
    ("line ends within a cell", "a.csv", HEADER.replace(b"\r\n", b",Team\r\n") + b'77,04/01/2021,08/02/2021,"a\r\nb"'),
    (
        "characters that end a line elsewhere",
        "a.csv",
        HEADER.replace(b"\r\n", b",Team\r\n") + "77,04/01/2021,08/02/2021,a\u2028b\x0bc\x85d".encode(),
    ),
    ("an end of file without a line end", "a.csv", HEADER + ROW.strip()),
    (
        "capitals and a line end in a header",
        "a.csv",
        b'"CHILD\nUNIQUE ID"' + HEADER.removeprefix(b"Child Unique ID") + ROW,
    ),
    ("a folder from a Mac", "a.zip", archive(list_4_dot_csv=HEADER + ROW, **{"__MACOSX/._list_4.csv": b"\x05\x16"})),
    ("a folder of lists", "lists.zip", archive(out__list_4_dot_csv=HEADER + ROW)),
]


@pytest.mark.parametrize(
    ("name", "content"), [case[1:] for case in READ_AS_ONE_ROW], ids=[case[0] for case in READ_AS_ONE_ROW]
)
def test_a_list_in_any_clothes_is_one_row_of_an_assessment(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    only = None if name.endswith(".zip") else 4
    (found,) = annex_a.recognise(read_file(path, name, only), only)
    (row,) = list(found.rows())
    taken = annex_a.read(row, AS_OF, NOON)
    assert isinstance(taken, Submission)
    assert (taken.child, taken.said and taken.said.started_on) == ("77", JANUARY)


def test_a_header_alone_is_a_list_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER)
    (found,) = annex_a.recognise(read_file(path, "a.csv", 4), 4)
    assert list(found.rows()) == []


# --- Kafka ---


def event(of: type[CmsEvent] = CmsAssessmentAuthorised, /, **changes: object) -> CmsEvent:
    """A good event with some fields changed."""
    given: dict[str, object] = {"occurred_at": NOON, "council": "999", "id": "A1", "child": "C1"}
    if of is CmsAssessmentAuthorised:
        given |= {"started_on": JANUARY, "authorised_on": date(2021, 2, 8)}
    return msgspec.convert(given | changes, of)


def plan(**changes: object) -> CmsEvent:
    """A good plan with some fields changed."""
    return event(CmsEpisodeRecorded, **{"kind": "child_protection", "started_on": JANUARY, **changes})


PUBLISHED = [
    ("another council's", event(council="998"), "another_council"),
    ("said in the year 1", event(occurred_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))), "not_a_time"),
    (
        "said in the year 9999",
        plan(occurred_at=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12)))),
        "not_a_time",
    ),
    ("authorised before it started", event(authorised_on=date(2021, 1, 3)), "ends_before_start"),
    ("authorised after it was said", event(authorised_on=date(2021, 3, 13)), "in_the_future"),
    ("started before 1990", event(started_on=date(1980, 1, 1)), "too_long_ago"),
    ("started before its referral", event(referred_on=date(2021, 1, 5)), "starts_before_referral"),
    (
        "an enquiry before its referral",
        event(CmsEnquiryEnded, started_on=JANUARY, ended_on=JANUARY, referred_on=date(2021, 1, 5)),
        "starts_before_referral",
    ),
    ("an id of spaces", event(id="   "), "missing"),
    ("a child of spaces", event(child="   "), "missing"),
    ("an id with a line break", event(id="A\n1"), "unreadable_id"),
    ("an id of zero-width characters", event(id="\u200b\u2060"), "missing"),
    ("a control character in a team", event(team="Moor\x85"), "unreadable_text"),
    ("a text for a factor", event(factors=("16A", "a fall from the climbing frame")), "too_long"),
    ("a purge of a version that nobody holds", event(CmsRecordPurged, kind="assessment", version=2**63), "too_high"),
    ("a plan of a version that nobody holds", plan(version=2**63), "too_high"),
    ("a plan that ended before it started", plan(ended_on=date(2020, 1, 1)), "ends_before_start"),
    ("a plan that starts after it was said", plan(started_on=date(2021, 3, 13)), "in_the_future"),
    ("a placement that ends after it was said", plan(kind="placement", ended_on=date(2021, 3, 13)), "in_the_future"),
    ("a case that was opened before 1990", plan(kind="case", started_on=date(1980, 1, 1)), "too_long_ago"),
    ("a plan of an unknown kind", plan(kind="plan"), "unknown_kind"),
    (
        "a conference more than a year ahead",
        event(CmsEnquiryEnded, started_on=JANUARY, ended_on=JANUARY, conference_on=date(2099, 1, 1)),
        "in_the_future",
    ),
    ("a purge of an unknown kind", event(CmsRecordPurged, kind="plan"), "unknown_kind"),
    (
        "an enquiry that ended before it started",
        event(CmsEnquiryEnded, started_on=JANUARY, ended_on=date(2021, 1, 1)),
        "ends_before_start",
    ),
    (
        "a conference before its enquiry",
        event(CmsEnquiryEnded, started_on=JANUARY, ended_on=JANUARY, conference_on=date(2021, 1, 1)),
        "ends_before_start",
    ),
    (
        "a contact decided before it came",
        event(CmsContactDecided, contacted_on=JANUARY, decided_on=date(2021, 1, 1)),
        "ends_before_start",
    ),
]


@pytest.mark.parametrize(("published", "code"), [case[1:] for case in PUBLISHED], ids=[case[0] for case in PUBLISHED])
def test_an_event_that_cannot_be_is_quarantined(published: CmsEvent, code: str) -> None:
    refused = cms.read(published, "999")
    assert isinstance(refused, Refusal)
    assert refused.code == code


CLEANED = ["4410927\u200b", "\u202e4410927\u202c", "\ufeff4410927", "\xa04410927 ", "４４１０９２７"]


@pytest.mark.parametrize("child", CLEANED)
def test_an_event_about_a_child_in_odd_clothes_is_about_that_child(child: str) -> None:
    taken = cms.read(event(child=child), "999")
    assert isinstance(taken, Submission)
    assert taken.child == "4410927"


FACTORS = [
    ("as they are", ("16A", "3B"), ("16A", "3B")),
    ("in small letters", ("16a",), ("16A",)),
    ("among characters that nobody sees", ("16A\u200b", "\u202e3B\u202c", " 4C\xa0"), ("16A", "3B", "4C")),
    ("one twice", ("16A", "16a", ""), ("16A",)),
    ("one that no list knows", ("99Z",), ("99Z",)),
]


@pytest.mark.parametrize(("sent", "meant"), [case[1:] for case in FACTORS], ids=[case[0] for case in FACTORS])
def test_factors_are_taken_as_they_were_meant(sent: tuple[str, ...], meant: tuple[str, ...]) -> None:
    taken = cms.read(event(factors=sent), "999")
    assert isinstance(taken, Submission)
    assert taken.said is not None
    assert taken.said.factors == meant


def test_the_table_has_at_least_eighty_cases() -> None:
    tables: tuple[Sized, ...] = (QUARANTINED, NORMALISED, REFUSED, READ_AS_ONE_ROW, PUBLISHED, CLEANED, FACTORS)
    others: tuple[Sized, ...] = (MALFORMED, PUSHED, WELL_PUSHED, NO_CENSUS, MISREAD, READ)
    assert sum(len(table) for table in (*tables, *others)) >= 250
