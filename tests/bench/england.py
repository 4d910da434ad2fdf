"""A synthetic year of England's finished work, in the order in which it was finished.

Of a hundred pieces 42 are referrals, 43 assessments and 15 section 47 enquiries, as in the Department's statistics. The
assessment or the enquiry belongs to a child who was referred before it; a fifth of referrals are of a child known
already, so that a child has some two pieces, and some of them an earlier enquiry.
"""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_DNS, uuid5

from tests.bench.feed import Message, sent

YEAR = 650_000
"""Assessments of children in England in a year, with which the mix is scaled."""
DAYS = 365
BEGAN = date(2025, 1, 6)
"""Where the year begins: a Monday."""
TEAMS, WORKERS = 40, 700
ASSESSING = 16
"""So many of the teams assess; the others hold longer work."""

REFERRALS, ASSESSMENTS = 0.42, 0.43
KNOWN = 0.2
TOOK = (5, 60)
"""Days from a referral to what follows on it."""
FACTORS = ("16A", "3A", "3B", "4A", "2B", "10A", "17A", "21A", "24A", "9A")


def finished_work(count: int, began: date, days: int = DAYS, series: str = "") -> Iterator[Message]:
    """So much finished work, spread evenly over the days. Another `series` has other children and other ids."""
    chance = random.Random(f"england/{series}")
    children = Children(chance)
    first = datetime.combine(began, time(), UTC)
    for number in range(count):
        at = first + timedelta(days=days) * (number / count)
        took = chance.randrange(*TOOK)
        # What follows, follows on a referral of so many days ago
        before = number - took * count // days
        kind = _kind(chance.random()) if before >= 0 else "CmsReferralDecided"
        child = children.referred(number) if kind == "CmsReferralDecided" else children.referred_about(before)
        yield _piece(chance, f"{series}{number:07}", f"{series}C{child:07}", kind, at, took)


class Children:
    """Who was referred when, each child under the number of the first piece about them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._known = array("I")
        self._referrals: tuple[array[int], array[int]] = array("I"), array("I")

    def referred(self, number: int) -> int:
        """The child of a referral: a new one, or one of those known."""
        again = self._known and self._chance.random() < KNOWN
        child = self._chance.choice(self._known) if again else number
        if not again:
            self._known.append(child)
        numbers, children = self._referrals
        numbers.append(number)
        children.append(child)
        return child

    def referred_about(self, number: int) -> int:
        """The child of the referral nearest to this piece."""
        numbers, children = self._referrals
        return children[min(bisect_left(numbers, number), len(children) - 1)]


def sender_ids(series: str, first: int, count: int) -> Iterator[str]:
    """What the sender calls each of them."""
    return (f"{series}{number:07}" for number in range(first, first + count))


def _kind(drawn: float) -> str:
    if drawn < REFERRALS:
        return "CmsReferralDecided"
    return "CmsAssessmentAuthorised" if drawn < REFERRALS + ASSESSMENTS else "CmsEnquiryEnded"


def _piece(chance: random.Random, name: str, child: str, kind: str, at: datetime, took: int) -> Message:
    worker = chance.randrange(WORKERS)
    ended, started = at.date().isoformat(), (at - timedelta(days=took)).date().isoformat()
    body: dict[str, object] = {
        "occurred_at": at.isoformat(),
        "version": 1,
        "council": "999",
        "id": name,
        "child": child,
        "worker": f"w-{worker:04}",
        "team": f"t-{worker % TEAMS:02}",
    }
    if kind == "CmsReferralDecided":
        body |= {"referred_on": ended, "decided_on": ended, "no_further_action": chance.random() < 0.3}
    elif kind == "CmsEnquiryEnded":
        body |= {"started_on": started, "ended_on": ended, "conference_required": took < 25, "outcome": "concerns"}
    else:
        body |= {
            "started_on": started,
            "authorised_on": ended,
            "authorised_by": f"w-{worker % TEAMS:04}",
            "factors": chance.sample(FACTORS, 3),
            "child_seen": True,
            "outcome": "child_in_need",
        }
    return sent(kind, uuid5(NAMESPACE_DNS, name), child, body, at)
