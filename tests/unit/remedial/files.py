"""Files made to order: honest ones of each kind, and those that lie about what they are."""

import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO

from services.remedial.domain.file_kind import CONTENT_TYPES, MAIN, Kind

PDF = b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xda\x00\x02picture\xff\xd9"
HTML = b"<!doctype html><title>Plan</title><script>alert(document.cookie)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(note: bytes = b"") -> bytes:
    """A picture of one pixel; `note` makes two of them differ."""
    header = struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0)
    text = chunk(b"tEXt", b"Comment\x00" + note) if note else b""
    image = chunk(b"IDAT", zlib.compress(b"\x00\x00"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + image + chunk(b"IEND", b"")


def types(*names: str) -> bytes:
    """A document's own list of what its parts are."""
    listed = "".join(f'<Override PartName="/part{number}" ContentType="{name}"/>' for number, name in enumerate(names))
    return f'<?xml version="1.0"?><Types>{listed}</Types>'.encode()


def archive(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these parts."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", method) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return made.getvalue()


def document(kind: Kind, more: Mapping[str, bytes] | None = None, listed: bytes | None = None) -> bytes:
    """An Office document with the fewest parts, and `more`; `listed` in place of its own list of types."""
    main = "word/document.xml" if kind is Kind.WORD else "xl/workbook.xml"
    return archive({CONTENT_TYPES: listed or types(MAIN[kind]), main: b"<x/>", **(more or {})})


def bomb() -> bytes:
    """A document of a few hundred kilobytes that unpacks to more than 200 MB."""
    return document(Kind.WORD, {f"word/media/{number}.bin": bytes(30 * 2**20) for number in range(7)})


def directory_of(entries: int, length: int = 20) -> bytes:
    """An archive that is nearly nothing but a directory: this many entries, with names as long, of the same bytes."""
    name = b"word/document.xml".ljust(length, b"x")
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    rest = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, len(rest) * entries, len(local), 0)
    return local + rest * entries + end
