"""Opens what was uploaded as sheets of cells, within bounds, and refuses what it is not: before much memory is used."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from services.intake.csv_file import read_csv
from services.intake.domain.annex_a import Sheet
from services.intake.domain.refusal import FileRefusedError

MOST_UNPACKED = 400 * 1024 * 1024
MOST_TIMES = 200
"""How much larger than its file a workbook may be when unpacked."""
MOST_CELLS = 8_000_000
MOST_LISTS = 12

_LIST_IN_NAME = re.compile(r"list[\W_]*0*\d{1,2}", re.IGNORECASE)

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"


def read_file(path: Path, filename: str, only: int | None) -> list[Sheet]:
    """An Annex A as sheets: a workbook, a csv of the list `only`, or a zip of csvs, one for each list."""
    with path.open("rb") as file:
        start = file.read(8)
    folder = read_folder(path)
    if folder is not None:
        return folder
    if start and start[:4] != _ZIP and start != _OLE and filename.casefold().endswith((".csv", ".txt", ".tsv")):
        if only is None and _LIST_IN_NAME.search(filename) is None:
            raise FileRefusedError("a csv holds one list: say which one (--list 4)")
        return [read_csv(path, filename)]
    return read_workbook(path)


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
    return "xl/workbook.xml" not in names and any(name.endswith(".csv") for name in names)


def _folder(path: Path) -> list[Sheet]:
    """The csvs of an archive, each bounded before it is unpacked; their names say which list each is."""
    sheets: list[Sheet] = []
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="caseloop-") as folder:
            members = [each for each in archive.infolist() if each.filename.casefold().endswith(".csv")]
            if len(members) > MOST_LISTS or sum(each.file_size for each in members) > MOST_UNPACKED:
                raise FileRefusedError("the folder holds more than the lists of an Annex A")
            for number, member in enumerate(members):
                if member.flag_bits & 1:
                    raise FileRefusedError("the archive is encrypted")
                unpacked = Path(folder) / f"{number}.csv"
                with archive.open(member) as packed, unpacked.open("wb") as out:
                    shutil.copyfileobj(packed, out)
                sheets.append(read_csv(unpacked, PurePosixPath(member.filename).name))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise FileRefusedError("the file is damaged and cannot be read") from error
    return sheets


def read_workbook(path: Path) -> list[Sheet]:
    """Every sheet of an xlsx; FileRefusedError where it is not one, or not one that can be read safely."""
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise FileRefusedError("the file is empty")
    if start == _OLE:
        raise FileRefusedError("the workbook is encrypted or in the old xls format: save it as an open xlsx")
    if start[:4] != _ZIP:
        raise FileRefusedError("this is not an xlsx workbook, whatever its name says")
    from_1904 = _look_inside(path)
    try:
        return _sheets(path, from_1904)
    except (CalamineError, ValueError, zipfile.BadZipFile) as error:
        raise FileRefusedError("the workbook is damaged and cannot be read") from error


def _look_inside(path: Path) -> bool:
    """Whether dates count from 1904; refuses macros, bombs and archives that are no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            unpacked = sum(member.file_size for member in members)
            packed = max(path.stat().st_size, 1)
            if any(name.casefold().endswith("vbaproject.bin") for name in names):
                raise FileRefusedError("the workbook has macros: save it as xlsx without them")
            if "xl/workbook.xml" not in names:
                raise FileRefusedError("this is not an xlsx workbook, whatever its name says")
            if unpacked > MOST_UNPACKED or (unpacked > 20 * 1024 * 1024 and unpacked > MOST_TIMES * packed):
                raise FileRefusedError("the workbook unpacks to far more than its size and is not opened")
            with archive.open("xl/workbook.xml") as workbook:
                head = workbook.read(1024 * 1024)
            return b'date1904="1"' in head or b'date1904="true"' in head
    except (zipfile.BadZipFile, OSError, KeyError, NotImplementedError, RuntimeError) as error:
        raise FileRefusedError("the workbook is damaged and cannot be read") from error


def _sheets(path: Path, from_1904: bool) -> list[Sheet]:
    sheets: list[Sheet] = []
    cells = 0
    with CalamineWorkbook.from_path(path) as workbook:
        for meta in workbook.sheets_metadata:
            if meta.typ != SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            cells += sheet.total_height * sheet.total_width
            if cells > MOST_CELLS:
                raise FileRefusedError(f"the workbook has more than {MOST_CELLS:,} cells")
            rows = sheet.to_python(skip_empty_area=True)
            first = sheet.start[0] + 1 if sheet.start is not None else 1
            hidden = meta.visible != SheetVisibleEnum.Visible
            sheets.append(Sheet(meta.name, rows, first, hidden, from_1904))  # type: ignore[arg-type]
    return sheets
