"""A child's history, as it bears on one piece of work: what came in the twelve months before it started.

Sources: a repeat section 47 enquiry and a re-referral are within 12 months of an earlier one (DfE, Characteristics of
children in need). The count leaves out the piece itself and looks at starts, so it does not depend on what arrived
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.events import Kind
from shared.working_days import working_days_between


@dataclass(frozen=True, slots=True)
class History:
    """How many earlier enquiries and referrals a piece of work has behind it."""

    earlier_enquiries: int = 0
    earlier_referrals: int = 0


NOTHING = History()


def a_year_before(day: date) -> date:
    """The same day of the year before; 28 February for 29 February."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def history(started_on: date, starts: Iterable[tuple[str, date]]) -> History:
    """Count the child's enquiries and referrals that started in the twelve months before, that day itself left out."""
    since = a_year_before(started_on)
    earlier = [kind for kind, start in starts if since <= start < started_on]
    return History(earlier.count(Kind.ENQUIRY), earlier.count(Kind.REFERRAL))


def working_days(kind: str, started_on: date, referred_on: date | None, finished_on: date) -> int:
    """The working days that the timescale of this kind counts: from the referral for an assessment, else its start.

    An assessment's limit is 45 working days from the point of referral (Working Together to Safeguard Children).
    """
    begun = referred_on if kind == Kind.ASSESSMENT and referred_on is not None else started_on
    return working_days_between(begun, finished_on)
