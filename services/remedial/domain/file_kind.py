"""What a file really is: read from its bytes within bounds, never from its name, and never unpacked.

Five kinds are taken. A file is one of them when its first bytes say so, its structure holds to its end, and its name
ends accordingly. What carries macros, objects or another file inside it is none of them. This keeps honest mistakes and
plain disguises out; what hides deeper is the scanner's part.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

import puremagic
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from services.remedial.domain.refusal import Refused

MOST_BYTES = 10 * 2**20
"""The largest file that is taken."""

EMPTY = "The file is empty"
TOO_LARGE = f"The file must be {MOST_BYTES // 2**20} MB or smaller"
NOT_TAKEN = (
    "Choose a PDF, PNG or JPEG file, or a Word (.docx) or Excel (.xlsx) document without macros. "
    "What is in the file must be what its name says"
)
FIELD = "file"


class Kind(StrEnum):
    """The kinds of files that are taken, each named by the ending under which it is handed out."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpg"
    WORD = "docx"
    EXCEL = "xlsx"


ENDINGS = {f".{kind}": kind for kind in Kind} | {".jpeg": Kind.JPEG}

HEAD, TAIL = 4096, 22 + 0xFFFF
"""Bytes looked at from the beginning; from the end, as far as an archive's end record can lie before it."""

MARKUP = (b"<script", b"<html", b"<!doctype", b"<svg", b"<?php")
ACTIVE_PDF = (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/RichMedia")

MOST_CHUNKS = 50_000
MOST_ENTRIES = 2000
MOST_DIRECTORY = 512 * 1024
MOST_UNPACKED = 200 * 2**20
MOST_CONTENT_TYPES = 256 * 1024

END_RECORD = struct.Struct("<4s4H2LH")
END_MARK, FAR_END_MARK, ENTRY_MARK = b"PK\x05\x06", b"PK\x06\x07", b"PK\x03\x04"
FAR_END_BYTES = 20
ENCRYPTED = 0x1 | 0x40

CONTENT_TYPES = "[Content_Types].xml"
MAIN = {
    Kind.WORD: "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    Kind.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
ACTIVE_TYPES = ("macroenabled", "vbaproject", "activex", "oleobject")
ACTIVE_FOLDERS = ("/activex/", "/macrosheets/", "/dialogsheets/")


def kind_of(file: BinaryIO, name: str) -> Kind:
    """The kind of a file that calls itself `name`.

    Raises:
        Refused: with the field `file`: empty, too large, none of the kinds, or another one than its name says.
    """
    size = file.seek(0, 2)
    if size == 0:
        raise Refused(EMPTY, FIELD)
    if size > MOST_BYTES:
        raise Refused(TOO_LARGE, FIELD)
    told = ENDINGS.get(ending_of(name))
    if told is None or told not in _signed(file) or not _HOLDS[told](file, size):
        raise Refused(NOT_TAKEN, FIELD)
    return told


def ending_of(name: str) -> str:
    """The last ending of a name, small, with its dot; empty where there is none."""
    stem, dot, last = name.strip().rpartition(".")
    return f".{last.lower()}" if stem and dot else ""


def _signed(file: BinaryIO) -> set[Kind]:
    """The kinds that the first bytes may be; none where they could be read as markup as well."""
    head = _read(file, 0, HEAD)
    if any(mark in head.lower() for mark in MARKUP):
        return set()
    try:
        found = {match.extension for match in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        return set()
    return {kind for kind in Kind if f".{kind}" in found}


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _tail(file: BinaryIO, size: int) -> bytes:
    return _read(file, max(0, size - TAIL), TAIL)


def _hides_an_archive(file: BinaryIO, size: int) -> bool:
    """An archive is read from its end, so that a picture with one behind it is both."""
    return END_MARK in _tail(file, size)


def _is_pdf(file: BinaryIO, size: int) -> bool:
    if b"%%EOF" not in _read(file, max(0, size - 1024), 1024) or _hides_an_archive(file, size):
        return False
    content = _read(file, 0, size)
    return not any(mark in content for mark in ACTIVE_PDF)


def _is_png(file: BinaryIO, size: int) -> bool:
    """Chunk after chunk, from the header to the end, which is the end of the file as well."""
    place = 8
    for number in range(MOST_CHUNKS):
        head = _read(file, place, 8)
        if len(head) < 8:
            return False
        length, kind = struct.unpack(">L4s", head)
        if number == 0 and (length, kind) != (13, b"IHDR"):
            return False
        place += 12 + length
        if kind == b"IEND":
            return bool(place == size and length == 0)
    return False


def _is_jpeg(file: BinaryIO, size: int) -> bool:
    """From its beginning to an end of image. Telephones put more pictures behind it; an archive is none."""
    return b"\xff\xd9" in _read(file, 3, size) and not _hides_an_archive(file, size)


def _is_word(file: BinaryIO, size: int) -> bool:
    return _is_document(file, size, Kind.WORD)


def _is_excel(file: BinaryIO, size: int) -> bool:
    return _is_document(file, size, Kind.EXCEL)


_HOLDS: dict[Kind, Callable[[BinaryIO, int], bool]] = {
    Kind.PDF: _is_pdf,
    Kind.PNG: _is_png,
    Kind.JPEG: _is_jpeg,
    Kind.WORD: _is_word,
    Kind.EXCEL: _is_excel,
}


def _is_document(file: BinaryIO, size: int, kind: Kind) -> bool:
    """An Office document by the list of its parts. Of its content only the list of types is read, a little of it."""
    if not _has_a_bounded_directory(file, size):
        return False
    try:
        with zipfile.ZipFile(file) as package:
            entries = package.infolist()
            if not _are_plain(entries, size) or CONTENT_TYPES not in {entry.filename for entry in entries}:
                return False
            with package.open(CONTENT_TYPES) as part:
                listed = part.read(MOST_CONTENT_TYPES + 1)
        types = _types(listed)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ParseError,
        DefusedXmlException,
        OSError,
        ValueError,
        RuntimeError,
        EOFError,
    ):
        return False
    return MAIN[kind] in types and not any(mark in each.lower() for each in types for mark in ACTIVE_TYPES)


def _has_a_bounded_directory(file: BinaryIO, size: int) -> bool:
    """One archive from the first byte to the last, its directory small enough to be read.

    Checked before anything reads the directory: a file of ten megabytes could list hundreds of thousands of entries.
    """
    tail = _tail(file, size)
    at = tail.rfind(END_MARK)
    if at < 0 or len(tail) - at < END_RECORD.size or _read(file, 0, 4) != ENTRY_MARK:
        return False
    _, disk, first_disk, here, entries, length, start, comment = END_RECORD.unpack_from(tail, at)
    is_far = tail[max(0, at - FAR_END_BYTES) : at].startswith(FAR_END_MARK)
    place = size - len(tail) + at
    return (
        not is_far
        and (disk, first_disk, here) == (0, 0, entries)
        and at + END_RECORD.size + comment == len(tail)
        and start + length == place
        and entries <= MOST_ENTRIES
        and length <= MOST_DIRECTORY
    )


def _are_plain(entries: Iterable[zipfile.ZipInfo], size: int) -> bool:
    """Nothing encrypted, named twice or out of its folder, nothing that acts, and no more of it than is likely."""
    entries = list(entries)
    names = [entry.filename.casefold() for entry in entries]
    return (
        len(names) == len(set(names)) <= MOST_ENTRIES
        and sum(entry.file_size for entry in entries) <= MOST_UNPACKED
        # Entries that share their bytes unpack to far more than the file could hold.
        and sum(entry.compress_size for entry in entries) <= size
        and not any(entry.flag_bits & ENCRYPTED for entry in entries)
        and all(entry.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries)
        and not any(_is_astray(name) or _acts(name) for name in names)
    )


def _is_astray(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")


def _acts(name: str) -> bool:
    is_object = "/embeddings/" in name and name.endswith(".bin")
    is_macro = name.rpartition("/")[2] in {"vbaproject.bin", "vbadata.xml"}
    return is_object or is_macro or any(folder in name for folder in ACTIVE_FOLDERS)


def _types(listed: bytes) -> set[str]:
    """The types of a document's parts, as its own list names them."""
    if len(listed) > MOST_CONTENT_TYPES:
        raise ValueError("a list of types as long as this is none")
    tree = fromstring(listed, forbid_dtd=True)
    return {each.get("ContentType", "") for each in tree}
