"""The demo council's finished work, as its case management system would publish it.

Weeks of finished work flow out as `CmsEvent` objects in the order in which they happened. The shapes are the DfE's for
England in the year to March 2025 and the briefing's for one council; what no source states is a constant here. A seed
and a week give the same records on every machine, so whoever publishes them twice publishes duplicates. Children and
families are numbers: the demo knows no name of a child.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypedDict
from uuid import UUID, uuid5

from msgspec import structs

from deploy.demo.council import CODE, PATCHES, Council
from shared.clock import LONDON
from shared.events import (
    CmsAssessmentAuthorised,
    CmsContactDecided,
    CmsEnquiryEnded,
    CmsEvent,
    CmsReferralDecided,
    Kind,
)
from shared.working_days import add_working_days, is_working_day, local_date

SOURCE = UUID("c5ca5e10-0999-4ca5-9e10-0000000000de")
"""The namespace of this sender's event ids."""

WEEKLY = {
    Kind.CONTACT: (10, 20),
    Kind.REFERRAL: (46, 60),
    Kind.ASSESSMENT: (45, 85),
    Kind.ENQUIRY: (16, 30),
}
"""Least and most records a week: assessments and enquiries as in the briefing; referrals a twelfth of the North East's
32,490 a year. Of the contacts, several times the referrals, only those that needed a manager's decision are published:
the others never leave the front door's own system."""

DURATIONS = (
    (range(1), 11_680),
    (range(1, 11), 75_590),
    (range(11, 21), 112_180),
    (range(21, 31), 102_260),
    (range(31, 41), 131_380),
    (range(41, 45), 84_000),
    (range(45, 46), 38_730),
    (range(46, 51), 37_640),
    (range(51, 61), 27_860),
    (range(61, 121), 27_500),
)
"""Working days that an assessment took, England: the DfE's buckets, of which 41 to 45 (122,730) is split so that the
deadline itself stands out."""

HOURS = {7: 1, 8: 3, 9: 9, 10: 13, 11: 13, 12: 8, 13: 8, 14: 13, 15: 15, 16: 15, 17: 6, 18: 2}
"""When in the day work is signed off: the late morning and the end of the afternoon."""

WEEKDAYS = {0: 20, 1: 21, 2: 21, 3: 20, 4: 18}
WEEKEND = {5: 2, 6: 2}
"""Contacts and enquiries do not stop on Saturday; authorisations do."""

FACTORS = {
    "3B": 0.31, "4B": 0.30, "17A": 0.22, "16A": 0.19, "2B": 0.16, "1B": 0.15, "3A": 0.14, "4A": 0.13, "18C": 0.11,
    "6A": 0.09, "5A": 0.09, "15A": 0.06, "19C": 0.05, "18B": 0.04, "12A": 0.03, "14A": 0.03, "11A": 0.03, "7A": 0.02,
    "13A": 0.02, "24A": 0.02, "19B": 0.02, "20": 0.06,
}  # fmt: skip
"""Factors identified at the end of assessment and how often each is: neglect is 16A, domestic abuse 3A and 3B."""

CATEGORIES = {"NEG": 45, "EMO": 37, "PHY": 8, "SAB": 4, "MUL": 6}
SOURCES = {"1A": 6, "1B": 6, "1C": 3, "2A": 16, "3A": 14, "3D": 4, "5A": 12, "5C": 6, "6": 24, "7": 4, "9": 5}
OUTCOMES = {"Child in need plan": 34, "No further action": 30, "Early help": 22, "Strategy discussion": 9, "Other": 5}

NO_FURTHER_ACTION = 0.065
REPEAT_ENQUIRY = 0.28
SIBLING_ASSESSED_TOO = 0.55
CHILD_SEEN = 0.95
AGENCY_WORKER = 0.015
"""A locum whom the staff directory does not know yet: business support has something to match."""
SLIPS = 4
"""Referrals a week whose year somebody mistyped: business support finds them in quarantine, to correct."""

FAMILY_SIZES = {1: 40, 2: 34, 3: 17, 4: 9}
FAMILIES = 1_400


@dataclass(frozen=True)
class Family:
    """Children who live together, in one patch of the town. Opaque numbers, all of them."""

    family: str
    children: tuple[str, ...]
    patch: str


class Record(TypedDict):
    """The fields that every kind of record has."""

    occurred_at: datetime
    council: str
    id: str
    child: str
    family: str
    worker: str
    team: str


@dataclass(frozen=True)
class Casework:
    """What a council finishes, week by week, for ever."""

    council: Council
    families: tuple[Family, ...]
    seed: int

    def between(self, first: datetime, last: datetime) -> list[CmsEvent]:
        """Everything finished after `first` and until `last`, in order.

        A repeat enquiry comes with the earlier one of that child, which may lie up to a year before `first`.
        """
        monday = local_date(first) - timedelta(days=local_date(first).weekday())
        weeks = range((local_date(last) - monday).days // 7 + 1)
        pieces = [piece for each in weeks for piece in self._week(monday + timedelta(weeks=each))]
        finished = (piece for piece in pieces if first < piece[-1].occurred_at <= last)
        return sorted((event for piece in finished for event in piece), key=_when)

    def finished(self, kind: Kind, at: datetime) -> tuple[CmsEvent, ...]:
        """The records that one piece of work finished at an instant leaves: of siblings together, one for each."""
        rng = Random(f"{self.seed}/{kind}/{at.astimezone(UTC).isoformat()}")
        return self._piece(rng, kind, at)

    def _week(self, monday: date) -> Iterator[tuple[CmsEvent, ...]]:
        """The pieces of work of one week, by kind."""
        rng = Random(f"{self.seed}/{monday}")
        for kind, (least, most) in WEEKLY.items():
            wanted = rng.randint(least, most)
            while wanted > 0:
                piece = self._piece(rng, kind, _instant(rng, kind, monday))
                if kind is Kind.ASSESSMENT:
                    piece = piece[:wanted]
                if kind is Kind.REFERRAL and wanted <= SLIPS:
                    piece = tuple(map(_mistyped, piece))
                wanted -= len(piece) if kind is Kind.ASSESSMENT else 1
                yield piece

    def _piece(self, rng: Random, kind: Kind, at: datetime) -> tuple[CmsEvent, ...]:
        family = rng.choice(self.families)
        match kind:
            case Kind.CONTACT:
                return (self._contact(rng, family, at),)
            case Kind.REFERRAL:
                return (self._referral(rng, family, at),)
            case Kind.ASSESSMENT:
                return tuple(self._assessments(rng, family, at))
            case Kind.ENQUIRY:
                return tuple(self._enquiries(rng, family, at))

    def _contact(self, rng: Random, family: Family, at: datetime) -> CmsContactDecided:
        return CmsContactDecided(
            **self._record(rng, "C", family, at, team="front-door"),
            contacted_on=local_date(at),
            decided_on=local_date(at),
            decided_at=at,
            decided_by=self.council.manager_of("front-door").person_id,
            source=_weighted(rng, SOURCES),
            outcome=_weighted(rng, {"Information and advice": 60, "Early help": 20, "Referral": 20}),
        )

    def _referral(self, rng: Random, family: Family, at: datetime) -> CmsReferralDecided:
        decided_on = local_date(at)
        return CmsReferralDecided(
            **self._record(rng, "R", family, at, team="front-door"),
            referred_on=add_working_days(decided_on, -1) if rng.random() < 0.6 else decided_on,
            decided_on=decided_on,
            decided_at=at,
            decided_by=self.council.manager_of("front-door").person_id,
            source=_weighted(rng, SOURCES),
            no_further_action=rng.random() < NO_FURTHER_ACTION,
        )

    def _assessments(self, rng: Random, family: Family, at: datetime) -> Iterator[CmsAssessmentAuthorised]:
        """One child's assessment, and those of the brothers and sisters who were assessed together with it."""
        team = f"assessment-{family.patch.lower()}"
        worker = self._worker(rng, team)
        started_on = add_working_days(local_date(at), -duration(rng))
        factors = tuple(_factors(rng))
        for number, child in enumerate(_children(rng, family)):
            yield CmsAssessmentAuthorised(
                **self._record(
                    rng, "A", family, at + timedelta(seconds=20 * number), team=team, worker=worker, child=child
                ),
                started_on=started_on,
                authorised_on=local_date(at),
                authorised_at=at + timedelta(seconds=20 * number),
                authorised_by=self.council.manager_of(team).person_id,
                referred_on=started_on,
                factors=factors,
                child_seen=rng.random() < CHILD_SEEN,
                outcome="No further action" if factors == ("21",) else _weighted(rng, OUTCOMES),
            )

    def _enquiries(self, rng: Random, family: Family, at: datetime) -> Iterator[CmsEnquiryEnded]:
        """An enquiry; where it is a repeat one, after the earlier one of the same child within the 12 months before."""
        child = rng.choice(family.children)
        category = _weighted(rng, CATEGORIES)
        if rng.random() < REPEAT_ENQUIRY:
            yield self._enquiry(rng, family, child, at - timedelta(days=rng.randint(60, 320)), category)
        yield self._enquiry(rng, family, child, at, category)

    def _enquiry(self, rng: Random, family: Family, child: str, at: datetime, category: str) -> CmsEnquiryEnded:
        patch = family.patch.lower()
        team = f"assessment-{patch}" if rng.random() < 0.6 else f"safeguarding-{patch}"
        ended_on = local_date(at)
        conference = rng.random() < 0.31
        return CmsEnquiryEnded(
            **self._record(rng, "S", family, at, team=team, child=child),
            started_on=add_working_days(ended_on, -rng.randint(2, 14)),
            ended_on=ended_on,
            ended_at=at,
            authorised_by=self.council.manager_of(team).person_id,
            conference_required=conference,
            conference_on=add_working_days(ended_on, 1) if conference else None,
            category_of_abuse=category,
            outcome="Initial child protection conference" if conference else "No conference",
        )

    def _record(
        self,
        rng: Random,
        prefix: str,
        family: Family,
        at: datetime,
        *,
        team: str,
        worker: str | None = None,
        child: str | None = None,
    ) -> Record:
        """What every record has. Its id is drawn from the same chance, so it is the same on every run."""
        return Record(
            occurred_at=at,
            council=CODE,
            id=f"{prefix}{rng.randrange(10**11):011d}",
            child=child or rng.choice(family.children),
            family=family.family,
            worker=worker or self._worker(rng, team),
            team=team,
        )

    def _worker(self, rng: Random, team: str) -> str:
        if rng.random() < AGENCY_WORKER:
            return f"L{rng.randint(501, 509)}"
        return rng.choice(self.council.practitioners_of(team)).person_id


def simulate(council: Council, seed: int = 1) -> Casework:
    """The work of a council under a seed."""
    return Casework(council, tuple(_families(Random(f"{seed}/families"))), seed)


def event_id(event: CmsEvent) -> UUID:
    """The `ce_id` under which a record's event is published, however often."""
    return uuid5(SOURCE, f"{event.type()}/{event.id}/{event.version}")


def duration(rng: Random) -> int:
    """Working days from the start of an assessment to its authorisation, as England's assessments took."""
    buckets, weights = zip(*DURATIONS, strict=True)
    bucket: range = rng.choices(buckets, weights)[0]
    return rng.choice(bucket)


def _families(rng: Random) -> Iterator[Family]:
    numbers = iter(rng.sample(range(4_000_000, 4_999_999), FAMILIES * max(FAMILY_SIZES)))
    for each in range(FAMILIES):
        size = rng.choices(list(FAMILY_SIZES), list(FAMILY_SIZES.values()))[0]
        children = tuple(str(next(numbers)) for _ in range(size))
        yield Family(family=f"F{each + 70_001}", children=children, patch=rng.choice(PATCHES))


def _children(rng: Random, family: Family) -> Iterable[str]:
    """Which children of a family were assessed together."""
    first = rng.choice(family.children)
    return [first, *(other for other in family.children if other != first and rng.random() < SIBLING_ASSESSED_TOO)]


def _factors(rng: Random) -> Iterator[str]:
    """The factors of an assessment; code 21 (none) stands alone."""
    identified = [factor for factor, share in FACTORS.items() if rng.random() < share]
    yield from identified or ["21"]


def _mistyped(event: CmsEvent) -> CmsEvent:
    """A referral that would have come after it was decided: the year is one too high."""
    if isinstance(event, CmsReferralDecided):
        return structs.replace(event, referred_on=event.referred_on + timedelta(days=365))
    return event


def _instant(rng: Random, kind: Kind, monday: date) -> datetime:
    """When in the week: authorisations and decisions on working days, contacts and enquiries on any."""
    any_day = kind in {Kind.CONTACT, Kind.ENQUIRY}
    days = {monday + timedelta(days=each): weight for each, weight in (WEEKDAYS | WEEKEND).items()}
    open_days = {day: weight for day, weight in days.items() if any_day or is_working_day(day)}
    day = rng.choices(list(open_days or days), list((open_days or days).values()))[0]
    hour = rng.choices(list(HOURS), list(HOURS.values()))[0]
    return datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)), LONDON).astimezone(UTC)


def _weighted(rng: Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _when(event: CmsEvent) -> datetime:
    return event.occurred_at
