"""What a CIN census brings bad: the whole refused, a row quarantined, or taken as meant."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.intake import census_file
from services.intake.census_import import _lines
from services.intake.domain.cin_census import Census, CensusRow
from services.intake.domain.refusal import FileRefusedError, Refusal
from services.intake.domain.work import Road
from services.intake.uploads import Given

MARCH = date(2024, 3, 31)

GOOD = (
    b"<Message><Header><CollectionDetails><Collection>CIN</Collection></CollectionDetails><Source><LEA>999</LEA>"
    b"</Source></Header><Children><Child><ChildIdentifiers><LAchildID>C1</LAchildID>"
    b"<PersonBirthDate>2015-03-27</PersonBirthDate></ChildIdentifiers><CINdetails>"
    b"<CINreferralDate>2024-01-05</CINreferralDate><ReferralNFA>0</ReferralNFA>"
    b"<Assessments><AssessmentActualStartDate>2024-01-08</AssessmentActualStartDate>"
    b"<AssessmentAuthorisationDate>2024-02-20</AssessmentAuthorisationDate><FactorsIdentifiedAtAssessment>"
    b"<AssessmentFactors>16A</AssessmentFactors></FactorsIdentifiedAtAssessment></Assessments>"
    b"<Section47><S47ActualStartDate>2024-01-09</S47ActualStartDate></Section47>"
    b"<ChildProtectionPlans><CPPstartDate>2024-02-01</CPPstartDate></ChildProtectionPlans>"
    b"</CINdetails></Child></Children></Message>"
)
ENQUIRY = b"<Section47><S47ActualStartDate>2024-01-09</S47ActualStartDate></Section47>"
DOCTYPE = b'<!DOCTYPE Message [<!ENTITY a "b">]>'
LAUGHS = b"".join(b'<!ENTITY %c "%b">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k")))
PADDING = b"<!--" + b"x" * 70_000 + b"-->"


def but(old: bytes, new: bytes) -> bytes:
    """The good census with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new)


def rows(folder: Path, content: bytes) -> list[CensusRow]:
    """Every row of a census, after it was checked."""
    path = folder / "census.xml"
    path.write_bytes(content)
    number = census_file.check(path, "999")
    census = Census(MARCH, datetime(2024, 3, 31, tzinfo=UTC))
    read = [row for child in census_file.children(path) for row in census.rows(child)]
    assert len(read) == number
    return read


NO_CENSUS = [
    ("nothing", b""),
    ("spaces", b" \n"),
    ("a csv", b"LAchildID\r\nC1\r\n"),
    ("an archive", b"PK\x03\x04"),
    ("a page", b"<!doctype html><html></html>"),
    ("cut midway", GOOD[:-60]),
    ("cut at the last mark", GOOD[:-1]),
    ("twice in one file", GOOD + GOOD),
    ("another root", b"<Census>" + GOOD + b"</Census>"),
    ("no header", re.sub(rb"<Header>.*</Header>", b"", GOOD)),
    ("no council", but(b"<LEA>999</LEA>", b"")),
    ("an empty council", but(b"<LEA>999</LEA>", b"<LEA/>")),
    ("another council", but(b"<LEA>999", b"<LEA>998")),
    ("two councils", but(b"</Source>", b"</Source><Source><LEA>998</LEA></Source>")),
    ("another collection", but(b">CIN<", b">CLA<")),
    ("no children", re.sub(rb"<Children>.*</Children>", b"", GOOD)),
    ("the header behind the children", re.sub(rb"(<Header>.*</Header>)(<Children>.*</Children>)", rb"\2\1", GOOD)),
    ("a document type", DOCTYPE + GOOD),
    ("a document type far down", PADDING + DOCTYPE + GOOD),
    ("a document type in UTF-7", b'<?xml version="1.0" encoding="UTF-7"?>' + DOCTYPE.decode().encode("utf-7") + GOOD),
    ("a thousand million laughs", b"<!DOCTYPE M [<!ENTITY a 'ha'>" + LAUGHS + b"]><Message>&j;</Message>"),
    (
        "laughs in an attribute",
        PADDING + b"<!DOCTYPE M [<!ENTITY a 'ha'>" + LAUGHS + b"]><Message x='&j;'/>",
    ),
    ("an entity that is a file", b'<!DOCTYPE M [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + but(b">C1<", b">&x;<")),
    ("an entity of parameters", b'<!DOCTYPE M [<!ENTITY % x SYSTEM "http://127.0.0.1:1/">%x;]>' + GOOD),
    ("a root in small letters", GOOD.replace(b"Message", b"message")),
    ("a council of four digits", but(b"<LEA>999", b"<LEA>0999")),
    ("compressed", gzip.compress(GOOD)),
    ("an entity of nobody's", but(b">C1<", b">&c;<")),
    ("a NUL", but(b">C1<", b">C\x001<")),
    ("a control character", but(b">C1<", b">C\x071<")),
    ("a byte that is no UTF-8", but(b">C1<", b">C\xe91<")),
    ("an encoding of nobody's", b'<?xml version="1.0" encoding="klingon"?>' + GOOD),
    ("nested without end", b"<Message>" * 100_000),
    ("one child without end", but(b"</Child>", b"<Disabilities/>" * 100_001 + b"</Child>")),
]


@pytest.mark.parametrize("content", [case[1] for case in NO_CENSUS], ids=[case[0] for case in NO_CENSUS])
def test_a_file_that_is_no_whole_census_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileRefusedError) as refused:
        rows(tmp_path, content)
    assert "\n" not in str(refused.value)


def test_a_workbook_given_as_a_census_is_not_called_cut_short(tmp_path: Path) -> None:
    """Whoever left "CIN census" chosen was told that their workbook was cut short."""
    with pytest.raises(FileRefusedError, match="this is a workbook or a zip, not a census"):
        rows(tmp_path, b"PK\x03\x04")


BORN = b"<PersonBirthDate>2015-03-27</PersonBirthDate>"
EXPECTED = b"<ExpectedPersonBirthDate>2024-06-01</ExpectedPersonBirthDate>"
CHILD = re.search(rb"<Child>.*</Child>", GOOD)
assert CHILD is not None
TWO_CHILDREN = GOOD.replace(CHILD.group(), CHILD.group() + CHILD.group().replace(b"2015-03-27", b"2016-03-27"))

REFERRED = b"<CINreferralDate>2024-01-05</CINreferralDate>"
CLOSED = b"<CINclosureDate>%b</CINclosureDate>"
START = b"<AssessmentActualStartDate>2024-01-08</AssessmentActualStartDate>"

MISREAD = [
    ("no id", but(b"<LAchildID>C1</LAchildID>", b""), {"missing": 4}),
    ("an id of zero-width characters", but(b">C1<", ">\u200b<".encode()), {"missing": 4}),
    ("an id of 65 characters", but(b">C1<", b">" + b"1" * 65 + b"<"), {"too_long": 4}),
    ("an id of nought", but(b">C1<", b">0<"), {"missing": 4}),
    ("an id in a spreadsheet's short form", but(b">C1<", b">1.0E+05<"), {"unreadable_id": 4}),
    ("an id within another element", but(b">C1<", b"><b>C1</b><"), {"missing": 4}),
    ("an id with decimals", but(b">C1<", b">12.5<"), {"unreadable_id": 4}),
    ("one id for two children", TWO_CHILDREN, {"id_of_another_child": 4}),
    ("a child over 25", but(b"2015-03-27", b"1994-03-27"), {"too_old": 3}),
    ("a birth date that is none", but(b"2015-03-27", b"2015-02-30"), {"not_a_date": 3}),
    ("a birth ten months later", but(b"2015-03-27", b"2025-03-27"), {"born_too_late": 3}),
    ("a referral without a date", but(b"<CINreferralDate>2024-01-05</CINreferralDate>", b""), {"missing": 1}),
    ("an impossible start", but(b"2024-01-08", b"2024-02-30"), {"not_a_date": 1}),
    ("a two-digit year", but(b"2024-01-08", b"08/01/24"), {"two_digit_year": 1}),
    ("authorised before it started", but(b"2024-02-20", b"2024-01-07"), {"ends_before_start": 1}),
    ("authorised in the future", but(b"2024-02-20", b"2024-04-01"), {"in_the_future": 1}),
    ("an unknown factor", but(b">16A<", b">99Z<"), {"unknown_code": 1}),
    (
        "an unknown category of abuse",
        but(b"</ChildProtectionPlans>", b"<LatestCategoryOfAbuse>XXX</LatestCategoryOfAbuse></ChildProtectionPlans>"),
        {"unknown_code": 1},
    ),
    ("closed before it was referred", but(REFERRED, REFERRED + CLOSED % b"2024-01-04"), {"ends_before_start": 1}),
    ("closed in the future", but(REFERRED, REFERRED + CLOSED % b"2024-04-01"), {"in_the_future": 1}),
    ("closed on a day that is none", but(REFERRED, REFERRED + CLOSED % b"2024-02-30"), {"not_a_date": 1}),
    ("two starts of one assessment", but(START, START + START.replace(b"01-08", b"01-09")), {"said_twice": 1}),
    ("two dates of one referral", but(REFERRED, REFERRED + REFERRED.replace(b"01-05", b"01-04")), {"said_twice": 4}),
    ("two ids of one child", but(b"</LAchildID>", b"</LAchildID><LAchildID>C2</LAchildID>"), {"said_twice": 4}),
    ("two birth dates of one child", but(BORN, BORN + BORN.replace(b"2015", b"2016")), {"said_twice": 4}),
    ("an unknown code", but(b"<ReferralNFA>0", b"<ReferralNFA>perhaps"), {"unknown_code": 1}),
    ("a plan in the future", but(b"2024-02-01", b"2024-04-01"), {"in_the_future": 1}),
    (
        "a plan that ends first",
        but(b"</ChildProtectionPlans>", b"<CPPendDate>2024-01-31</CPPendDate></ChildProtectionPlans>"),
        {"ends_before_start": 1},
    ),
    ("an enquiry under no referral", but(b"</CINdetails>", b"</CINdetails>" + ENQUIRY), {"misplaced": 1}),
    ("an enquiry under no child", but(b"</Child>", b"</Child>" + ENQUIRY), {"misplaced": 1}),
    ("an enquiry under nothing", but(b"</Children>", b"</Children>" + ENQUIRY), {"misplaced": 1}),
    ("an enquiry within an enquiry", but(b"</Section47>", ENQUIRY + b"</Section47>"), {"misplaced": 1}),
    ("children by another name", GOOD.replace(b"Child>", b"Kid>"), {"misplaced": 4}),
]


@pytest.mark.parametrize(("content", "codes"), [case[1:] for case in MISREAD], ids=[case[0] for case in MISREAD])
def test_a_row_that_cannot_be_is_quarantined_and_the_rest_is_taken(
    tmp_path: Path, content: bytes, codes: dict[str, int]
) -> None:
    refusals = [row.read.code for row in rows(tmp_path, content) if isinstance(row.read, Refusal)]
    assert {code: refusals.count(code) for code in refusals} == codes


READ = [
    ("as it is", GOOD),
    ("in a namespace", but(b"<Message>", b'<Message xmlns="urn:x">')),
    ("with prefixes", re.sub(rb"<(/?)(\w)", rb"<\1c:\2", GOOD).replace(b"<c:Message>", b'<c:Message xmlns:c="urn:x">')),
    ("in UTF-16", GOOD.decode().encode("utf-16")),
    ("with a byte order mark", b"\xef\xbb\xbf" + GOOD),
    ("in Latin-1 that says so", b'<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD),
    ("with a style sheet", b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>' + GOOD),
    ("with an instruction within an id", but(b">C1<", b">C<?x y?>1<")),
    ("with a child of another namespace", but(b"<Child>", b'<Child xmlns="urn:other">')),
    ("in UTF-16 without a mark", ('<?xml version="1.0" encoding="UTF-16LE"?>' + GOOD.decode()).encode("utf-16-le")),
    (
        "with a file to be put in",
        but(b"<Children>", b'<Children><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'),
    ),
    ("with comments", but(b"<Children>", b"<!-- --><Children><?x?>")),
    ("with an id in a character section", but(b">C1<", b"><![CDATA[C1]]><")),
    ("with an id by its number", but(b">C1<", b">&#67;1<")),
    ("with an id among spaces", but(b">C1<", b">\n C1 \n<")),
    ("with an id written from right to left", but(b">C1<", ">\u202eC1\u202c<".encode())),
    (
        "with a child not born yet",
        but(BORN, BORN.replace(b"Person", b"ExpectedPerson").replace(b"2015-03-27", b"2024-06-01")),
    ),
    ("with a factor in small letters", but(b">16A<", b">16a<")),
    ("with a factor written from right to left", but(b">16A<", ">\u202e16A\u202c<".encode())),
    ("without a birth date", but(BORN, b"")),
    (
        "with dates of a time zone",
        GOOD.replace(b"2024-01-08", b"2024-01-08Z").replace(b"2024-02-20", b"2024-02-20+01:00"),
    ),
    ("with one thing said twice", but(START, START * 2).replace(BORN, BORN * 2)),
    ("closed on the day that it was referred", but(REFERRED, REFERRED + CLOSED % b"2024-01-05")),
    ("with dates day first", but(b"2024-01-08", b"08/01/2024")),
]


@pytest.mark.parametrize("content", [case[1] for case in READ], ids=[case[0] for case in READ])
def test_a_census_in_odd_clothes_is_taken_whole(tmp_path: Path, content: bytes) -> None:
    read = rows(tmp_path, content)
    assert len(read) == 4
    assert not [row.read for row in read if isinstance(row.read, Refusal)]
    assert {row.fields["child"] for row in read} <= {"C1", "\u202eC1\u202c"}


def test_a_census_that_names_no_council_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="LEA is missing"):
        rows(tmp_path, but(b"<LEA>999</LEA>", b"<LEA> </LEA>"))


def test_a_wrong_birth_date_is_said_by_the_name_of_its_element(tmp_path: Path) -> None:
    path = tmp_path / "census.xml"
    path.write_bytes(but(b"2015-03-27", b"1994-03-27"))
    lines = list(_lines(path, Given(Road.CENSUS, "census.xml", 0, MARCH, "P1", datetime(2024, 3, 31, tzinfo=UTC))))
    assert {line.headers["date_of_birth"] for line in lines} == {"PersonBirthDate"}
