"""What a file really is: every kind that is taken, and every way of lying about it that is not."""

import tracemalloc
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.file_kind import EMPTY, MOST_BYTES, NOT_TAKEN, TOO_LARGE, Kind, ending_of, kind_of
from services.remedial.domain.refusal import Refused
from tests.unit.remedial.files import (
    HTML,
    JPEG,
    PDF,
    PROGRAM,
    SVG,
    archive,
    bomb,
    chunk,
    directory_of,
    document,
    png,
    types,
)

MACRO = "application/vnd.ms-word.document.macroEnabled.main+xml"
WORD, EXCEL = document(Kind.WORD), document(Kind.EXCEL)


def workbook() -> bytes:
    """A workbook as a library writes it."""
    made = BytesIO()
    with xlsxwriter.Workbook(made) as book:
        book.add_worksheet().write(0, 0, "Visits")
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("plan.pdf", PDF, Kind.PDF),
        ("Plan of the family.v2.PDF", PDF, Kind.PDF),
        ("drawing.png", png(), Kind.PNG),
        ("photo.jpg", JPEG, Kind.JPEG),
        ("photo.jpeg", JPEG, Kind.JPEG),
        ("photo with a smaller one behind it.jpg", JPEG + JPEG, Kind.JPEG),
        ("minutes.docx", WORD, Kind.WORD),
        ("visits.xlsx", EXCEL, Kind.EXCEL),
        ("visits.xlsx", workbook(), Kind.EXCEL),
        ("a chart in it.docx", document(Kind.WORD, {"word/embeddings/chart.xlsx": EXCEL}), Kind.WORD),
    ],
)
def test_an_honest_file_is_taken_for_what_it_is(name: str, content: bytes, kind: Kind) -> None:
    assert kind_of(BytesIO(content), name) is kind


LIES = {
    "a page of the web that says it is a PDF": ("plan.pdf", HTML),
    "a page of the web by its own name": ("plan.html", HTML),
    "a drawing that runs": ("logo.svg", SVG),
    "a drawing that runs and says it is a picture": ("logo.png", SVG),
    "a program that says it is a PDF": ("plan.pdf", PROGRAM),
    "a program behind a second ending": ("plan.pdf.exe", PROGRAM),
    "a PDF with the ending of a program": ("plan.pdf.exe", PDF),
    "a PDF without an ending": ("plan", PDF),
    "a name that is nothing but an ending": (".pdf", PDF),
    "a PDF that says it is a picture": ("plan.png", PDF),
    "a picture that says it is a PDF": ("photo.pdf", JPEG),
    "a workbook that says it is a letter": ("minutes.docx", EXCEL),
    "a letter that says it is a workbook": ("visits.xlsx", WORD),
    "an archive that says it is a letter": ("minutes.docx", archive({"letter.exe": PROGRAM})),
    "text": ("notes.txt", b"She was seen on Monday."),
    "a PDF that begins with something else": ("plan.pdf", b"GIF89a" + PDF),
    "a PDF that a browser would read as a page": ("plan.pdf", b"%PDF-1.7\n" + HTML + PDF),
    "a PDF with an archive behind it": ("plan.pdf", PDF + archive({"a.exe": PROGRAM})),
    "a PDF that runs a script": ("plan.pdf", PDF.replace(b"/Catalog", b"/Catalog /OpenAction <</S /JavaScript>>")),
    "a PDF that starts a program": ("plan.pdf", PDF.replace(b"/Catalog", b"/Catalog /AA <</S /Launch>>")),
    "a PDF with a file in it": ("plan.pdf", PDF.replace(b"/Catalog", b"/Catalog /Type /EmbeddedFile")),
    "a PDF that was cut off": ("plan.pdf", PDF.removesuffix(b"%%EOF\n")),
    "a picture with an archive behind it": ("drawing.png", png() + WORD),
    "a picture with a page behind it": ("drawing.png", png() + HTML),
    "a picture with a page inside it": ("drawing.png", png(HTML)),
    "a picture that was cut off": ("drawing.png", png()[:-6]),
    "a picture whose header is not its first part": ("drawing.png", png()[:8] + chunk(b"tEXt", b"x") + png()[8:]),
    "a picture that is only a beginning": ("drawing.png", png()[:8]),
    "a picture of empty parts without end": ("drawing.png", png()[:33] + chunk(b"IDAT", b"") * 60_000),
    "a photo with an archive behind it": ("photo.jpg", JPEG + WORD),
    "a photo that was cut off": ("photo.jpg", JPEG[:-2]),
    "a letter with macros": ("minutes.docx", document(Kind.WORD, {"word/vbaProject.bin": b"x"})),
    "a letter whose list names macros": ("minutes.docx", document(Kind.WORD, listed=types(MACRO))),
    "a letter with macros by its own name": ("minutes.docm", document(Kind.WORD, listed=types(MACRO))),
    "a letter that runs a control": ("minutes.docx", document(Kind.WORD, {"word/activeX/activeX1.bin": b"x"})),
    "a letter with a program in it": ("minutes.docx", document(Kind.WORD, {"word/embeddings/oleObject1.bin": b"x"})),
    "a workbook with macros of the old kind": ("v.xlsx", document(Kind.EXCEL, {"xl/macrosheets/sheet1.xml": b"x"})),
    "a letter without a list of its parts": ("minutes.docx", archive({"word/document.xml": b"<x/>"})),
    "a letter whose list is no list": ("minutes.docx", document(Kind.WORD, listed=b"<Types")),
    "a letter whose list grows by itself": (
        "minutes.docx",
        document(Kind.WORD, listed=b'<!DOCTYPE t [<!ENTITY a "aaaa">]><Types><x y="&a;"/></Types>'),
    ),
    "a letter whose list is endless": ("minutes.docx", document(Kind.WORD, listed=types(*["x" * 100] * 5000))),
    "a letter that writes beside its folder": ("minutes.docx", document(Kind.WORD, {"../../etc/cron.d/x": b"x"})),
    "a letter that names a part twice": ("minutes.docx", document(Kind.WORD, {"WORD/DOCUMENT.XML": b"<y/>"})),
    "a letter packed as nobody packs": (
        "minutes.docx",
        archive({"[Content_Types].xml": types(MACRO)}, zipfile.ZIP_LZMA),
    ),
    "a letter that unpacks to a disk full": ("minutes.docx", bomb()),
    "a letter of sixty thousand parts": ("minutes.docx", directory_of(60_000)),
    "a letter of more parts than any letter has": ("minutes.docx", directory_of(2_500)),
    "a letter whose parts have endless names": ("minutes.docx", directory_of(20, 60_000)),
    "a letter with something before it": ("minutes.docx", b"PK\x03\x04" + WORD),
    "a letter with something behind it": ("minutes.docx", WORD + PROGRAM),
    "a letter that was cut off": ("minutes.docx", WORD[:-10]),
    "a letter of which only the beginning is one": ("minutes.docx", WORD[:60]),
}


@pytest.mark.parametrize(("name", "content"), LIES.values(), ids=LIES.keys())
def test_a_file_that_lies_about_itself_is_refused_in_one_sentence(name: str, content: bytes) -> None:
    with pytest.raises(Refused) as no:
        kind_of(BytesIO(content), name)
    assert (str(no.value), no.value.field) == (NOT_TAKEN, "file")


def test_an_encrypted_letter_is_refused() -> None:
    """Nobody can look into it, the scanner as little."""
    content = bytearray(WORD)
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    with pytest.raises(Refused, match="Choose a PDF"):
        kind_of(BytesIO(bytes(content)), "minutes.docx")


@pytest.mark.parametrize(("size", "said"), [(0, EMPTY), (MOST_BYTES + 1, TOO_LARGE), (10 * MOST_BYTES, TOO_LARGE)])
def test_a_file_of_no_size_or_too_much_of_it_is_refused_before_it_is_looked_at(
    tmp_path: Path, size: int, said: str
) -> None:
    with (tmp_path / "file").open("w+b") as file:
        file.truncate(size)
        with pytest.raises(Refused, match=said):
            kind_of(file, "plan.pdf")


def test_nothing_reads_a_directory_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its own end record: the reader would hold every entry in memory first."""
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("the directory was read"))
    for content in (directory_of(60_000), directory_of(2_500), directory_of(20, 60_000)):
        with pytest.raises(Refused, match="Choose a PDF"):
            kind_of(BytesIO(content), "minutes.docx")


@given(st.sampled_from([PDF, png(), JPEG, WORD, EXCEL]), st.data())
def test_whatever_a_file_holds_it_is_taken_or_refused_and_nothing_else(content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(content)))
    broken = content[:at] + data.draw(st.binary(max_size=12)) + content[at + data.draw(st.integers(0, 12)) :]
    for name in ("a.pdf", "a.png", "a.jpg", "a.docx", "a.xlsx"):
        with suppress(Refused):
            kind_of(BytesIO(broken), name)


def test_looking_at_a_bomb_takes_little_memory() -> None:
    content = BytesIO(bomb())
    tracemalloc.start()
    with pytest.raises(Refused):
        kind_of(content, "minutes.docx")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * 2**20


@pytest.mark.parametrize(
    ("name", "ending"), [("a.PDF", ".pdf"), ("a.b.docx ", ".docx"), ("a", ""), (".pdf", ""), ("a.", "."), ("", "")]
)
def test_an_ending_is_what_stands_after_the_last_dot(name: str, ending: str) -> None:
    assert ending_of(name) == ending
