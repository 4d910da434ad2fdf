"""The DfE's CIN census: what each element of a child says, and the rules of the collection that are worth keeping.

Each `CINdetails`, `Assessments`, `Section47` and plan element is one row. Kept from the DfE's validation rules: a
completed assessment has factors, 21 (none) stands alone, nothing starts before its referral, and neither assessments
nor enquiries overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from services.intake.domain import cells
from services.intake.domain.births import Births
from services.intake.domain.context import Context, stated
from services.intake.domain.factors import FACTORS, NO_FACTOR
from services.intake.domain.plausibility import implausible_span
from services.intake.domain.refusal import Refusal
from services.intake.domain.statements import FIELDS, statement
from services.intake.domain.work import Road, Said, Submission
from shared.events import EpisodeKind, Kind

WORK = {"CINdetails": Kind.REFERRAL, "Assessments": Kind.ASSESSMENT, "Section47": Kind.ENQUIRY}
PLANS = {"CINPlanDates": EpisodeKind.CHILD_IN_NEED, "ChildProtectionPlans": EpisodeKind.CHILD_PROTECTION}


@dataclass(frozen=True)
class Element:
    """One row: its name, where it stands in the file, and the texts of the elements in it."""

    name: str
    line: int
    texts: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str | None:
        """The text of an element in it, or none."""
        found = self.texts.get(name, ())
        return found[0] if found else None


@dataclass(frozen=True)
class CensusChild:
    """A child of the census: an id, a birth date that only gives an age band, and its rows by referral."""

    child: str | None
    born: str | None
    referrals: Sequence[tuple[Element, Sequence[Element]]]
    misplaced: Sequence[Element] = ()
    """Rows that stand where no census has them: under no referral, or inside one another."""
    twice: str | None = None
    """Which field of the child itself is there twice and says two things."""


@dataclass(frozen=True)
class CensusRow:
    """A row as it was read."""

    element: Element
    number: int
    kind: str
    fields: Mapping[str, str | None]
    read: Submission | Context | Refusal

    @property
    def kept(self) -> dict[str, str]:
        """The allow-listed fields, for quarantine."""
        return {name: text[:200] for name in FIELDS[self.kind] if (text := self.fields.get(name))}


@dataclass
class Census:
    """Reads the children of one file; rows of each name are numbered through it."""

    today: date
    at: datetime
    _numbers: Counter[str] = field(default_factory=Counter)
    _births: Births = field(default_factory=Births)

    def rows(self, child: CensusChild) -> Iterator[CensusRow]:
        """Every row of a child, in the order of the file."""
        spans: dict[str, list[tuple[date, date]]] = {Kind.ASSESSMENT: [], Kind.ENQUIRY: []}
        for referral, parts in child.referrals:
            for element in (referral, *parts):
                yield self._row(child, referral, element, spans)
        for element in child.misplaced:
            yield self._misplaced(child, element)

    def _row(
        self,
        child: CensusChild,
        referral: Element,
        element: Element,
        spans: dict[str, list[tuple[date, date]]],
    ) -> CensusRow:
        self._numbers[element.name] += 1
        kind = WORK.get(element.name) or PLANS[element.name]
        referred_on = referral.text("CINreferralDate")
        fields = {"child": child.child, "date_of_birth": child.born} | _FIELDS[element.name](element, referred_on)
        read = _said_twice(child, referral, element) or self._read(child, kind, fields, referred_on, element, spans)
        return CensusRow(element, self._numbers[element.name], kind, fields, read)

    def _read(
        self,
        child: CensusChild,
        kind: str,
        fields: Mapping[str, str | None],
        referred_on: str | None,
        element: Element,
        spans: dict[str, list[tuple[date, date]]],
    ) -> Submission | Context | Refusal:
        if element.name in PLANS:
            return self._contradicted(child) or _plan(kind, fields, referred_on, self.today)
        read = statement(kind, Road.CENSUS, fields, self.today, self.at, births=self._births)
        if isinstance(read, Refusal):
            return read
        if kind == Kind.REFERRAL:
            return _closed_wrongly(fields, self.today) or read
        return _by_the_rules(read, cells.day(referred_on, "referred_on"), spans) or read

    def _contradicted(self, child: CensusChild) -> Refusal | None:
        about, born = cells.identifier(child.child, "child"), cells.day(child.born, "date_of_birth")
        if isinstance(about, Refusal) or isinstance(born, Refusal):
            return None
        return self._births.contradicted(about, born)

    def _misplaced(self, child: CensusChild, element: Element) -> CensusRow:
        self._numbers[element.name] += 1
        kind = WORK.get(element.name) or PLANS[element.name]
        refusal = Refusal("misplaced", "started_on", "It stands in the file where no census has it")
        fields = {"child": child.child} | _FIELDS[element.name](element, None)
        return CensusRow(element, self._numbers[element.name], kind, fields, refusal)


def _referral(element: Element, referred_on: str | None) -> dict[str, str | None]:
    return {
        "started_on": referred_on,
        "ended_on": element.text("CINclosureDate"),
        "no_further_action": element.text("ReferralNFA"),
    }


def _assessment(element: Element, referred_on: str | None) -> dict[str, str | None]:
    return {
        "started_on": element.text("AssessmentActualStartDate"),
        "finished_on": element.text("AssessmentAuthorisationDate"),
        "referred_on": referred_on,
        "factors": " ".join(element.texts.get("AssessmentFactors", ())),
    }


def _enquiry(element: Element, _referred_on: str | None) -> dict[str, str | None]:
    return {
        "started_on": element.text("S47ActualStartDate"),
        "conference_on": element.text("DateOfInitialCPC"),
        "conference_unnecessary": element.text("ICPCnotRequired"),
    }


def _cin_plan(element: Element, _referred_on: str | None) -> dict[str, str | None]:
    return {"started_on": element.text("CINPlanStartDate"), "ended_on": element.text("CINPlanEndDate")}


def _cp_plan(element: Element, _referred_on: str | None) -> dict[str, str | None]:
    return {
        "started_on": element.text("CPPstartDate"),
        "ended_on": element.text("CPPendDate"),
        "category": element.text("LatestCategoryOfAbuse") or element.text("InitialCategoryOfAbuse"),
    }


_FIELDS = {
    "CINdetails": _referral,
    "Assessments": _assessment,
    "Section47": _enquiry,
    "CINPlanDates": _cin_plan,
    "ChildProtectionPlans": _cp_plan,
}


OF_A_CHILD = {"child": "LAchildID", "date_of_birth": "PersonBirthDate"}
ELEMENTS = {
    "CINdetails": {
        "started_on": "CINreferralDate",
        "ended_on": "CINclosureDate",
        "no_further_action": "ReferralNFA",
    },
    "Assessments": {
        "started_on": "AssessmentActualStartDate",
        "finished_on": "AssessmentAuthorisationDate",
        "referred_on": "CINreferralDate",
        "factors": "AssessmentFactors",
    },
    "Section47": {
        "started_on": "S47ActualStartDate",
        "conference_on": "DateOfInitialCPC",
        "conference_unnecessary": "ICPCnotRequired",
    },
    "CINPlanDates": {"started_on": "CINPlanStartDate", "ended_on": "CINPlanEndDate"},
    "ChildProtectionPlans": {
        "started_on": "CPPstartDate",
        "ended_on": "CPPendDate",
        "category": "LatestCategoryOfAbuse",
    },
}
"""What the census calls each field. Of all but the factors an element has one."""


def _said_twice(child: CensusChild, referral: Element, element: Element) -> Refusal | None:
    """Why nobody could tell what the row says: its child, its referral or itself says one thing in two ways."""
    once = {name: place for place, name in ELEMENTS[element.name].items() if place != "factors"}
    wrong = child.twice
    for part, names in ((referral, {"CINreferralDate": "started_on"}), (element, once)):
        wrong = wrong or next((place for name, place in names.items() if len(set(part.texts.get(name, ()))) > 1), None)
    return Refusal("said_twice", wrong, "This is there twice and says two different things") if wrong else None


def _closed_wrongly(fields: Mapping[str, str | None], today: date) -> Refusal | None:
    """Why a case cannot have been closed on the day that its referral says."""
    referred = cells.day(fields.get("started_on"), "started_on")
    closed = cells.day(fields.get("ended_on"), "ended_on")
    if isinstance(closed, Refusal):
        return closed
    return implausible_span(referred, closed, today) if isinstance(referred, date) else None


def _plan(kind: str, fields: Mapping[str, str | None], referred_on: str | None, today: date) -> Context | Refusal:
    read = stated(kind, Road.CENSUS, fields, today)
    if isinstance(read, Refusal) or kind == EpisodeKind.CHILD_PROTECTION:
        return read
    referred = cells.day(referred_on, "referred_on")
    if isinstance(referred, date) and read.started_on < referred:
        return Refusal("starts_before_referral", "started_on", "It started before its referral")
    return read


def _by_the_rules(
    read: Submission, referred_on: date | Refusal | None, spans: dict[str, list[tuple[date, date]]]
) -> Refusal | None:
    """What breaks a rule of the collection."""
    said = read.said
    if said is None:
        return None
    if isinstance(referred_on, date) and said.started_on < referred_on:
        return Refusal("starts_before_referral", "started_on", "It started before its referral")
    wrong = wrong_factors(read.kind, said)
    if wrong is not None:
        return wrong
    span = (said.started_on, said.finished_on or date.max)
    if any(span[0] < until and since < span[1] for since, until in spans[read.kind]):
        return Refusal("overlaps", "started_on", "It overlaps another one of the same child")
    spans[read.kind].append(span)
    return None


def wrong_factors(kind: str, said: Said) -> Refusal | None:
    """Which of the collection's rules the factors of an assessment break."""
    if kind != Kind.ASSESSMENT:
        return None
    if said.finished_on is not None and not said.factors:
        return Refusal("no_factors", "factors", "A completed assessment has factors")
    if any(factor not in FACTORS for factor in said.factors):
        return Refusal("unknown_code", "factors", "One of the factors is not in the DfE's list")
    if NO_FACTOR in said.factors and len(said.factors) > 1:
        return Refusal("factors_contradict", "factors", "Factor 21 (none) stands beside others")
    return None
