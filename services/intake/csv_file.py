"""Reads a csv of one list: whatever its encoding and delimiter, within bounds."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from services.intake.domain.annex_a import Sheet
from services.intake.domain.refusal import FileRefusedError

MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 500_000
MOST_COLUMNS = 200
MOST_CELLS = 8_000_000
DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_csv(path: Path, name: str) -> Sheet:
    """The file as a sheet; FileRefusedError where it is no csv."""
    if path.stat().st_size > MOST_BYTES:
        raise FileRefusedError("the file is larger than 64 MB")
    content = path.read_bytes()
    if not content.strip(b"\x00\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise FileRefusedError("the file is empty")
    return Sheet(name, list(_rows(text_of(content))))


def text_of(content: bytes) -> str:
    """The text, by its mark, or as UTF-8, UTF-16 without a mark, or what Excel in England writes (cp1252)."""
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    guesses = [marked] if marked else [*_unmarked_utf_16(content), "utf-8", "cp1252"]
    for encoding in guesses:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise FileRefusedError("the file is no text: save it as a csv in UTF-8")


def _unmarked_utf_16(content: bytes) -> list[str]:
    """Every other byte of UTF-16 in Latin letters is nought."""
    head = content[:2000]
    if head[1::2].count(0) > len(head) // 3:
        return ["utf-16-le"]
    return ["utf-16-be"] if head[0::2].count(0) > len(head) // 3 else []


def _rows(text: str) -> Iterator[list[str]]:
    """The rows, strictly: a quotation mark that is not closed where it should be would hide the rows after it."""
    cells = 0
    try:
        read = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        for number, row in enumerate(read, 1):
            cells += len(row)
            if number > MOST_ROWS or len(row) > MOST_COLUMNS or cells > MOST_CELLS:
                raise FileRefusedError("the file has more rows or columns than any list")
            yield row
    except csv.Error as error:
        raise FileRefusedError(
            f"the file is not a csv that can be read: a quotation mark or line end is wrong near line {read.line_num}"
        ) from error


def _delimiter(text: str) -> str:
    """The one that splits the first lines into the most columns."""
    head = [line for line in text.splitlines()[:15] if line.strip()]
    return max(DELIMITERS, key=lambda each: max((line.count(each) for line in head), default=0))
