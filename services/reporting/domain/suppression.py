"""Small counts about identifiable people are hidden in anything published, so that nobody can be worked out from it.

The DfE's convention: a count of one to five is shown as `c`; nought is shown. A count that the totals beside it would
give away is hidden too (secondary suppression). Papers that stay inside the council may show small counts of audits.
"""

from __future__ import annotations

from collections.abc import Sequence

HIDDEN = "c"
SMALL = range(1, 6)

Table = list[list[int | None]]


def is_small(count: int) -> bool:
    """Whether a count could point at somebody."""
    return count in SMALL


def suppressed(counts: Sequence[Sequence[int]]) -> Table:
    """The table with its small counts hidden, and enough beside them that no row or column total gives one away.

    The totals are taken to be public: so a line with exactly one hidden cell loses its smallest other count above
    nought, again and again until no line has exactly one.
    """
    table: Table = [[None if is_small(count) else count for count in row] for row in counts]
    while True:
        given_away = next((line for line in _lines(table) if _gives_away(table, line)), None)
        if given_away is None:
            return table
        at = min(
            ((row, column) for row, column in given_away if table[row][column]),
            key=lambda cell: (counts[cell[0]][cell[1]], cell),
        )
        table[at[0]][at[1]] = None


def _lines(table: Table) -> list[list[tuple[int, int]]]:
    """Every row and every column, as the places of their cells."""
    rows = [[(row, column) for column in range(len(cells))] for row, cells in enumerate(table)]
    columns = [list(line) for line in zip(*rows, strict=True)]
    return rows + columns


def _gives_away(table: Table, line: Sequence[tuple[int, int]]) -> bool:
    """Exactly one cell is hidden, and another could be hidden with it."""
    hidden = sum(table[row][column] is None for row, column in line)
    return hidden == 1 and any(table[row][column] for row, column in line)
