"""What is published gives nobody away."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain.suppression import is_small, suppressed

tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 30), min_size=width, max_size=width), min_size=2, max_size=5)
)


def turned(table: Sequence[Sequence[int | None]]) -> list[tuple[int | None, ...]]:
    return list(zip(*table, strict=True))


def test_one_to_five_are_hidden_and_nought_and_six_are_shown() -> None:
    assert [is_small(count) for count in (0, 1, 5, 6)] == [False, True, True, False]
    assert suppressed([[0, 1, 5, 6], [0, 2, 3, 7]]) == [[0, None, None, 6], [0, None, None, 7]]


def test_a_single_small_count_takes_the_next_smallest_of_its_row_and_column_with_it() -> None:
    assert suppressed([[3, 10, 20], [12, 14, 30]]) == [[None, None, 20], [None, None, 30]]


@given(tables)
def test_no_line_gives_a_hidden_count_away_by_its_total(counts: list[list[int]]) -> None:
    shown = suppressed(counts)
    for line, real in [*zip(shown, counts, strict=True), *zip(turned(shown), turned(counts), strict=True)]:
        hidden = [count for cell, count in zip(line, real, strict=True) if cell is None]
        assert all(cell is None or cell == count for cell, count in zip(line, real, strict=True))
        assert not any(cell is not None and is_small(cell) for cell in line)
        others = [cell for cell in line if cell]
        assert len(hidden) != 1 or not others


@given(tables)
def test_a_table_without_small_counts_is_shown_whole(counts: list[list[int]]) -> None:
    large = [[count if count == 0 or count > 5 else 9 for count in row] for row in counts]
    assert suppressed(large) == large
