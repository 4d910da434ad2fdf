"""What travels to an open inbox makes the list before into the list now, whatever the two are."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.audit.pages.changes import Changes, Row, changes, own_rows
from services.audit.queries.waiting import Inbox, Line, arranged


def line(number: int, **shown: object) -> Line:
    """A case as a list reads it."""
    stated: dict[str, object] = dict.fromkeys(Line._fields) | {
        "audit_id": UUID(int=number),
        "child_id": UUID(int=1000 + number),
        "kind": "assessment",
        "authorised_on": date(2026, 9, 7),
        "saved": 0,
        "facts": "{}",
        **shown,
    }
    return Line(**stated)  # type: ignore[arg-type]


def done(before: list[Row], what: Changes) -> list[Row]:
    """What a browser does with the message: anchors are found before anything is put in."""
    anchors = {come.before for come in what.come if come.before is not None}
    assert anchors <= {row.line.audit_id for row in before}
    looks = {row.line.audit_id: row for row in what.changed}
    shown = [looks.get(row.line.audit_id, row) for row in before if row.line.audit_id not in what.left]
    for come in what.come:
        place = len(shown)
        if come.before is not None:
            place = next(at for at, row in enumerate(shown) if row.line.audit_id == come.before)
        shown[place:place] = come.rows
    return shown


lists = (
    st.lists(st.integers(1, 12), unique=True)
    .map(sorted)
    .flatmap(
        lambda numbers: st.lists(st.integers(0, 1), min_size=len(numbers), max_size=len(numbers)).map(
            lambda saves: [Row(line(number, saved=saved)) for number, saved in zip(numbers, saves, strict=True)]
        )
    )
)


@given(lists, lists)
def test_the_changes_make_one_list_into_the_other_and_hold_no_row_that_stayed_as_it_was(
    before: list[Row], now: list[Row]
) -> None:
    what = changes(before, now)
    if bool(before) != bool(now):
        assert what is None
        return
    assert what is not None
    assert done(before, what) == now
    travelled = [*what.changed, *(row for come in what.come for row in come.rows)]
    assert not [row for row in travelled if row in before]
    assert bool(what) == (before != now)


def test_rows_that_changed_places_are_drawn_with_the_whole_list() -> None:
    one, two = Row(line(1)), Row(line(2))
    assert changes([one, two], [two, one]) is None


def test_a_case_whose_family_comes_above_it_is_drawn_again_since_it_says_so() -> None:
    first, second = line(1, family_key="f"), line(3, family_key="f")
    before = own_rows(Inbox([second], 1, []))
    what = changes(before, own_rows(Inbox(arranged([first, line(2), second]), 3, [])))
    assert what is not None
    assert [row.after_family for row in what.changed] == [True]
    assert [[row.line.audit_id.int for row in come.rows] for come in what.come] == [[1], [2]]


def test_families_stand_where_their_first_case_does() -> None:
    lines = [line(1), line(2, family_key="f"), line(3), line(4, family_key="f")]
    assert [each.audit_id.int for each in arranged(lines)] == [1, 2, 4, 3]
