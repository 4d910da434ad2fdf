"""A pattern: one domain found in three audits of a team within ten working days. About practice, not people."""

from collections.abc import Collection
from datetime import date

from shared.working_days import add_working_days

TIMES = 3
WITHIN_WORKING_DAYS = 10


def since(day: date, proclaimed: Collection[date] = ()) -> date:
    """The first day of the ten working days that end on `day`."""
    return add_working_days(day, 1 - WITHIN_WORKING_DAYS, proclaimed)


def is_pattern(audits: int, detected_before: bool) -> bool:
    """Whether to say so: often enough, and not said already within the same days."""
    return audits >= TIMES and not detected_before
