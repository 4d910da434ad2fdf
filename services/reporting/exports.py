"""The figures as files: what a spreadsheet opens is data, never a formula, whatever a name in it begins with."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO, StringIO

from xlsxwriter import Workbook

from services.reporting.domain.figures import FIGURES, Figure, ThemeRow

Cell = str | int | float | None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV Injection)."""

FIGURE_HEADS = ("Code", "Figure", "Value", "Unit", "Part", "Of", "From", "To", "What it is")
THEME_HEADS = ("Theme", "Target", "Sampled", "Completed", "Red", "Amber", "Green", "Share red", "From", "To")


def harmless(cell: Cell) -> Cell:
    """The cell as a spreadsheet must see it: text that would be taken for a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def figure_rows(figures: dict[str, Figure]) -> list[tuple[Cell, ...]]:
    """A row for each figure, with its definition."""
    return [
        (
            code,
            definition.name,
            figure.value,
            figure.unit,
            figure.part,
            figure.of,
            figure.low,
            figure.high,
            definition.says,
        )
        for code, definition in FIGURES.items()
        if (figure := figures[code]) is not None
    ]


def theme_rows(themes: Iterable[ThemeRow]) -> list[tuple[Cell, ...]]:
    """A row for each theme."""
    return [
        (
            theme.name,
            theme.target,
            theme.sampled,
            theme.completed,
            theme.red,
            theme.amber,
            theme.green,
            theme.red_share.value,
            theme.red_share.low,
            theme.red_share.high,
        )
        for theme in themes
    ]


def as_csv(figures: dict[str, Figure], themes: Sequence[ThemeRow], at: datetime) -> bytes:
    """Figures, then themes, with the moment they were taken at. With a byte-order mark, or Excel garbles the dashes."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("Figures as they stood at", at.isoformat(timespec="seconds")))
    for heads, rows in ((FIGURE_HEADS, figure_rows(figures)), (THEME_HEADS, theme_rows(themes))):
        writer.writerow(())
        writer.writerow(heads)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_workbook(figures: dict[str, Figure], themes: Sequence[ThemeRow], at: datetime) -> bytes:
    """The same as a workbook of two sheets. Every text is written as text: nothing becomes a formula or a link."""
    held = BytesIO()
    with Workbook(held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True})
        for name, heads, rows in (
            ("Figures", FIGURE_HEADS, figure_rows(figures)),
            ("Themes", THEME_HEADS, theme_rows(themes)),
        ):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ("As it stood at", at.isoformat(timespec="seconds")))
            sheet.write_row(2, 0, heads, bold)
            for number, row in enumerate(rows, start=3):
                sheet.write_row(number, 0, [harmless(cell) for cell in row])
            sheet.set_column(0, 1, 28)
            sheet.freeze_panes(3, 0)
    return held.getvalue()
