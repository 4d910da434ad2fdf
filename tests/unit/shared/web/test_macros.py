"""Numbers on pages: thousands apart, wherever a number is shown; words and dashes as they are."""

from datetime import datetime
from pathlib import Path

import pytest

from shared.clock import LONDON
from shared.web import filters
from shared.web.pages import environment

ROOT = Path(__file__).parents[4]
NUMERIC = '[{"text": "Rows", "numeric": true}, {"text": "Id"}]'
SHOWN = {
    "a figure": 'figures([{"value": 12040, "label": "rows"}])',
    "how far something has come": 'progress(12040, 98765, "rows taken")',
    "a column of numbers": f'table("Rows", {NUMERIC}, [[12040, "12040"]])',
    "a bar in a table": "sparkline_bar(12040, 98765)",
    "ratings": "rag_bar(12040, 2, 3)",
    "a list's count": 'count_line(12040, "row")',
    "the number of pages": 'pagination(3, 12040, "/x?page={page}", "row", 301000)',
}


@pytest.mark.parametrize("macro", SHOWN.values(), ids=list(SHOWN))
def test_thousands_stand_apart(macro: str) -> None:
    template = '{% from "caseloop/macros.html" import figures, progress, table, sparkline_bar, rag_bar, '
    template += "count_line, pagination %}{{ " + macro + " }}"
    assert "12,040" in environment(None, "999").from_string(template).render(now=datetime(2026, 11, 24, tzinfo=LONDON))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *(
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-1_234, "-1,234"),
            (2_500_000.0, "2,500,000"),
            (1_234.5, "1,234.5"),
        ),
        *((0.25, "0.25"), ("–", "–"), ("1000", "1000"), (None, None), (True, True)),
    ],
)
def test_a_number_is_grouped_and_nothing_else(value: object, shown: object) -> None:
    assert filters.grouped(value) == shown


def test_no_template_groups_numbers_by_itself() -> None:
    templates = [*ROOT.glob("services/*/templates/**/*.html"), *ROOT.glob("shared/web/templates/**/*.html")]
    assert len(templates) > 60
    assert [path.name for path in templates if ":,}" in path.read_text()] == []
