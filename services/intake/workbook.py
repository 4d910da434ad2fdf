"""Opens what was uploaded as sheets of cells, within bounds, and refuses what it is not: before much memory is used."""

from __future__ import annotations

import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from services.intake import sheet_scan
from services.intake.csv_file import read_csv
from services.intake.domain.annex_a import Sheet
from services.intake.domain.refusal import FileRefusedError, ListUnsaidError
from services.intake.sheet_scan import BOOK, Extent

MOST_UNPACKED = 400 * 1024 * 1024
MOST_TIMES = 100
"""How much larger than its file a workbook may be when unpacked."""
SMALL = 20 * 1024 * 1024
"""Bytes that an archive may unpack to, however small it is itself."""
MOST_CELLS = 8_000_000
MOST_LISTS = 12

_LIST_IN_NAME = re.compile(r"list[\W_]*0*\d{1,2}", re.IGNORECASE)

TEXTS = (".csv", ".tsv", ".txt")
OTHERS = (*TEXTS, ".xls", ".xlsb", ".ods")
"""Endings that promise something else than an xlsx."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_MARK = b"\xef\xbb\xbf"
_XML = (b"<?xml", b"<Mess")


def read_file(path: Path, filename: str, only: int | None) -> list[Sheet]:
    """An Annex A as sheets: a workbook, a csv of the list `only`, or a zip of csvs, one for each list."""
    folder = read_folder(path)
    if folder is not None:
        return folder
    if is_text(path, filename):
        if only is None and _LIST_IN_NAME.search(filename) is None:
            raise ListUnsaidError("a csv holds one list: say which list it is")
        return [read_csv(path, filename)]
    return read_workbook(path)


def is_text(path: Path, filename: str) -> bool:
    """Whether a file is named as a csv and begins as nothing else."""
    with path.open("rb") as file:
        start = file.read(8)
    return filename.casefold().endswith(TEXTS) and start[:4] != _ZIP and start != _OLE


def read_folder(path: Path) -> list[Sheet] | None:
    """The csvs of an archive; none where the file is no archive of csvs."""
    with path.open("rb") as file:
        start = file.read(4)
    return _folder(path) if start == _ZIP and _is_folder(path) else None


def _is_folder(path: Path) -> bool:
    """Whether an archive holds csvs and no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.casefold() for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise FileRefusedError("the file is damaged and cannot be read") from error
    return BOOK not in names and any(map(_is_list, names))


def _folder(path: Path) -> list[Sheet]:
    """The csvs of an archive, each bounded before it is unpacked; their names say which list each is."""
    sheets: list[Sheet] = []
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="caseloop-") as folder:
            members = [each for each in archive.infolist() if _is_list(each.filename)]
            if len(members) > MOST_LISTS or _is_bomb(path, members):
                raise FileRefusedError("the folder holds more than the lists of an Annex A")
            names = Counter(PurePosixPath(member.filename).name for member in members)
            for number, member in enumerate(members):
                if member.flag_bits & 1:
                    raise FileRefusedError("the archive is encrypted")
                unpacked = Path(folder) / f"{number}.csv"
                with archive.open(member) as packed, unpacked.open("wb") as out:
                    shutil.copyfileobj(packed, out)
                name = PurePosixPath(member.filename).name
                sheets.append(_one_of_several(unpacked, name if names[name] == 1 else member.filename))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise FileRefusedError("the file is damaged and cannot be read") from error
    return sheets


def _one_of_several(path: Path, name: str) -> Sheet:
    """As `read_csv`; a refusal names the file, for whoever gave a folder has to know which."""
    try:
        return read_csv(path, name)
    except FileRefusedError as error:
        raise FileRefusedError(f"{name}: {error}") from error


def _is_list(member: str) -> bool:
    """Whether this is a csv that somebody put there: a Mac adds shadows of its own."""
    parts = PurePosixPath(member).parts
    return member.casefold().endswith(".csv") and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _is_bomb(path: Path, members: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether these unpack to far more than their file."""
    unpacked, packed = sum(member.file_size for member in members), max(path.stat().st_size, 1)
    return unpacked > MOST_UNPACKED or (unpacked > SMALL and unpacked > MOST_TIMES * packed)


def read_workbook(path: Path) -> list[Sheet]:
    """Every sheet of an xlsx; FileRefusedError where it is not one, or not one that can be read safely."""
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise FileRefusedError("the file is empty")
    if start == _OLE:
        raise FileRefusedError("the workbook is encrypted or in the old xls format: save it as an open xlsx")
    if start[:4] == _EMPTY_ZIP:
        raise FileRefusedError(_no_workbook(path))
    if start.removeprefix(_MARK).startswith(_XML):
        raise FileRefusedError("this is XML, not an xlsx workbook: give it as a CIN census if it is one")
    if start[:4] != _ZIP:
        raise FileRefusedError("this is not an xlsx workbook, whatever its name says")
    from_1904, extents = _look_inside(path)
    if sum(extent.cells for extent in extents.values()) > MOST_CELLS:
        raise FileRefusedError(f"the workbook has more than {MOST_CELLS:,} cells")
    try:
        return _sheets(path, from_1904, extents)
    except (CalamineError, ValueError, zipfile.BadZipFile) as error:
        raise FileRefusedError("the workbook is damaged and cannot be read") from error
    except BaseException as error:
        # What panics in the reader's Rust is no Exception, and would end more than this file.
        if type(error).__name__ != "PanicException":
            raise
        raise FileRefusedError("the workbook is damaged and cannot be read") from error


def _look_inside(path: Path) -> tuple[bool, dict[str, Extent]]:
    """Whether dates count from 1904, and each sheet's extent; refuses macros, bombs and what is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if _is_bomb(path, members):
                raise FileRefusedError("the workbook unpacks to far more than its size and is not opened")
            if any(member.flag_bits & 1 for member in members):
                raise FileRefusedError("the workbook is encrypted: save it without a password")
            if any(_MACROS.search(name) for name in names) or _says_macros(archive, names):
                raise FileRefusedError("the workbook has macros: save it as xlsx without them")
            if BOOK not in names:
                raise FileRefusedError(_no_workbook(path))
            if path.suffix.casefold() in OTHERS:
                raise FileRefusedError(f"this is an xlsx workbook, but its name ends in {path.suffix.casefold()}")
            with archive.open(BOOK) as workbook:
                head = workbook.read(1024 * 1024)
            return _FROM_1904.search(head) is not None, sheet_scan.extents(archive)
    except (
        zipfile.BadZipFile,
        OSError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise FileRefusedError("the workbook is damaged and cannot be read") from error


def _no_workbook(path: Path) -> str:
    """What an archive without a workbook is not, by what its name promises."""
    if path.suffix.casefold() == ".zip":
        return "the zip holds no csv: put one for each list in it, not a zip or a workbook"
    return "this is not an xlsx workbook, whatever its name says"


_MACROS = re.compile(r"vbaproject\.bin$|^xl/macrosheets/", re.IGNORECASE)
_FROM_1904 = re.compile(rb"""\bdate1904\s*=\s*["'](?:1|true|on)["']""")


def _says_macros(archive: zipfile.ZipFile, names: Collection[str]) -> bool:
    """Whether it is a macro file by what it says of itself, whatever its name says."""
    if _TYPES not in names:
        return False
    with archive.open(_TYPES) as types:
        return b"macroenabled" in types.read(1024 * 1024).lower()


_TYPES = "[Content_Types].xml"


def _sheets(path: Path, from_1904: bool, extents: Mapping[str, Extent]) -> list[Sheet]:
    sheets: list[Sheet] = []
    with CalamineWorkbook.from_path(path) as workbook:
        for meta in workbook.sheets_metadata:
            if meta.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            rows = sheet.to_python(skip_empty_area=True)
            first = sheet.start[0] + 1 if sheet.start is not None else 1
            hidden = meta.visible != SheetVisibleEnum.Visible
            seen = extents.get(meta.name, Extent())
            sheets.append(
                Sheet(meta.name, rows, first, hidden, from_1904, seen.hidden_rows, seen.failed_formulas)  # type: ignore[arg-type]
            )
    return sheets
