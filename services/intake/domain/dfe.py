"""The DfE's daily push API, version 1.0.1 (MIT), as it stands: what a body may hold, and what intake hears in it.

A push is state, not an event: the same child comes again and again, and what counts is what became different. It
carries names, birth dates, pupil numbers and postcodes: they are checked as the document asks, and dropped here, before
anything is stored or logged. What is absent was not said; only `purge` deletes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from msgspec.structs import replace
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    TypeAdapter,
)
from pydantic_core import CoreSchema

from services.intake.domain import cells, plausibility
from services.intake.domain.births import Births
from services.intake.domain.context import Context
from services.intake.domain.factors import as_meant
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Purge, Road, Said, Submission
from shared.events import Kind
from shared.working_days import local_date

MOST_CHILDREN = 100


def _date_only(value: object) -> object:
    """A full date as RFC 3339 writes it: pydantic alone would take instants and numbers too."""
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("not a full date")
    return value


def _whole(value: float) -> float:
    if not value.is_integer():
        raise ValueError("not a whole number")
    return value


Item = TypeVar("Item")


def _distinct(values: Sequence[Item]) -> Sequence[Item]:
    if len(set(values)) != len(values):
        raise ValueError("not distinct")
    return values


Day = Annotated[date, BeforeValidator(_date_only), Field(strict=False)]
Whole = Annotated[float, AfterValidator(_whole)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=36)]
Pupil = Annotated[str, StringConstraints(min_length=13, max_length=13)]


Code1 = Annotated[str, StringConstraints(max_length=1)]
Code2 = Annotated[str, StringConstraints(max_length=2)]
Code3 = Annotated[str, StringConstraints(max_length=3)]
Code4 = Annotated[str, StringConstraints(max_length=4)]
Code6 = Annotated[str, StringConstraints(max_length=6)]
Code8 = Annotated[str, StringConstraints(max_length=8)]


def _fields(schema: Any) -> dict[str, Any]:
    """The fields of a model's schema, whatever is wrapped around it."""
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    fields: dict[str, Any] = schema["fields"]
    return fields


class Part(BaseModel):
    """A part of the document: nothing unknown, nothing null, no type bent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        """What may be absent may not be null: told to the validator itself, for a hook would run for every part."""
        schema = handler(source)
        for field in _fields(schema).values():
            default = field["schema"]
            if default["type"] == "default" and default["schema"]["type"] == "nullable":
                default["schema"] = default["schema"]["schema"]
        return schema


class Purgeable(Part):
    """A part that the sender may ask to delete."""

    purge: bool = False


class ChildDetails(Purgeable):
    """Who the child is. Checked and dropped, but for the age band that the birth date gives."""

    unique_pupil_number: Pupil | None = None
    former_unique_pupil_number: Pupil | None = None
    unique_pupil_number_unknown_reason: Code4 | None = None
    first_name: str | None = None
    surname: str | None = None
    date_of_birth: Day | None = None
    expected_date_of_birth: Day | None = None
    sex: Code1 | None = None
    ethnicity: Code4 | None = None
    disabilities: Annotated[list[Code4], Field(max_length=12), AfterValidator(_distinct)] = Field(default_factory=list)
    postcode: Code8 | None = None
    uasc_flag: bool | None = None
    uasc_end_date: Day | None = None


class SdqAssessment(Part):
    """Known to the document, not kept."""

    date: Day | None = None
    score: Whole | None = None


class HealthAndWellbeing(Purgeable):
    """Known to the document, not kept."""

    sdq_assessments: list[SdqAssessment] = Field(default_factory=list)


class CareWorker(Part):
    """Who worked with the child, and when."""

    worker_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=12)] | None = None
    start_date: Day | None = None
    end_date: Day | None = None


class Assessment(Purgeable):
    """A child and family assessment; completed once it has its date of authorisation."""

    child_and_family_assessment_id: Identifier
    start_date: Day | None = None
    authorisation_date: Day | None = None
    factors: Annotated[list[Code3], Field(max_length=41), AfterValidator(_distinct)] = Field(default_factory=list)


class CinPlan(Purgeable):
    """A child in need plan."""

    child_in_need_plan_id: Identifier
    start_date: Day | None = None
    end_date: Day | None = None


class Section47(Purgeable):
    """A section 47 enquiry and its initial conference."""

    section_47_assessment_id: Identifier
    start_date: Day | None = None
    icpc_required_flag: bool | None = None
    icpc_date: Day | None = None
    end_date: Day | None = None


class CpPlan(Purgeable):
    """A child protection plan."""

    child_protection_plan_id: Identifier
    start_date: Day | None = None
    end_date: Day | None = None


class Placement(Purgeable):
    """A placement of a child looked after; its postcode is dropped."""

    child_looked_after_placement_id: Identifier
    start_date: Day | None = None
    start_reason: Code1 | None = None
    placement_type: Code3 | None = None
    postcode: Code8 | None = None
    end_date: Day | None = None
    end_reason: Code3 | None = None
    change_reason: Code6 | None = None


class Adoption(Purgeable):
    """Known to the document, not kept."""

    initial_decision_date: Day | None = None
    matched_date: Day | None = None
    placed_date: Day | None = None


class CareLeavers(Purgeable):
    """Known to the document, not kept."""

    contact_date: Day | None = None
    activity: Code2 | None = None
    accommodation: Code1 | None = None


class Episode(Purgeable):
    """From a referral to the closure of the case."""

    social_care_episode_id: Identifier
    referral_date: Day | None = None
    referral_source: Code2 | None = None
    referral_no_further_action_flag: bool | None = None
    closure_date: Day | None = None
    closure_reason: Code3 | None = None
    care_worker_details: list[CareWorker] = Field(default_factory=list)
    child_and_family_assessments: list[Assessment] = Field(default_factory=list)
    child_in_need_plans: list[CinPlan] = Field(default_factory=list)
    section_47_assessments: list[Section47] = Field(default_factory=list)
    child_protection_plans: list[CpPlan] = Field(default_factory=list)
    child_looked_after_placements: list[Placement] = Field(default_factory=list)
    adoption: Adoption | None = None
    care_leavers: CareLeavers | None = None

    def worker_on(self, day: date | None) -> str | None:
        """Who worked with the child on that day; the newest worker where nobody is said to have."""
        known = sorted(
            (each for each in self.care_worker_details if each.worker_id),
            key=lambda each: each.start_date or date.min,
        )
        then = [each for each in known if day is not None and _covers(each, day)]
        return (then or known)[-1].worker_id if known else None


class Child(Purgeable):
    """One child as pushed."""

    la_child_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+$", max_length=20)]
    mis_child_id: Identifier | None = None
    child_details: ChildDetails | None = None
    health_and_wellbeing: HealthAndWellbeing | None = None
    social_care_episodes: list[Episode] = Field(default_factory=list)

    @property
    def born(self) -> date | None:
        """The birth date, or the expected one: for the age band only."""
        details = self.child_details
        return (details.date_of_birth or details.expected_date_of_birth) if details is not None else None


PUSH: TypeAdapter[list[Child]] = TypeAdapter(list[Child])
"""A body."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one child's state says, or why none of it is taken."""

    statements: tuple[Submission | Purge, ...] = ()
    contexts: tuple[Context, ...] = ()
    refusal: Refusal | None = None
    refused: Submission | None = None
    """Which record it was about."""


def hear(child: Child, at: datetime, births: Births | None = None) -> Heard:
    """Everything that one child's state says at a moment; nothing of it where one record cannot be."""
    if cells.is_nobodys(child.la_child_id):
        return Heard(refusal=NO_ID)
    if child.purge:
        return Heard((Purge(Road.DFE, child.la_child_id, None, at),))
    today = local_date(at)
    wrong = births.contradicted(child.la_child_id, child.born) if births is not None else None
    if wrong is not None:
        return Heard(refusal=wrong)
    statements: list[Submission | Purge] = []
    contexts: list[Context] = []
    for episode in child.social_care_episodes:
        if episode.purge:
            statements.append(Purge(Road.DFE, child.la_child_id, episode.social_care_episode_id, at))
            continue
        for statement in _statements(child, episode, at):
            wrong = _implausible(statement, today, child.born)
            if wrong is not None:
                return Heard(refusal=wrong, refused=statement)
            statements.append(statement)
        around = list(_contexts(child.la_child_id, episode))
        wrong = _undated(episode) or next(
            filter(None, (_implausible_context(each, episode.referral_date, today) for each in around)), None
        )
        if wrong is not None:
            return Heard(refusal=wrong)
        contexts.extend(around)
    heard = Heard(tuple(statements), tuple(contexts))
    return Heard(refusal=ID_TWICE) if _differ(heard, {}) else heard


def hear_all(children: Sequence[Child], at: datetime) -> list[Heard]:
    """What each child's state says. A child that is there again and says something else is refused that time."""
    births = Births()
    times = Counter(child.la_child_id for child in children)
    first: dict[str, Story] = defaultdict(dict)
    heard = []
    for child in children:
        what = hear(child, at, births)
        if times[child.la_child_id] > 1 and _differ(what, first[child.la_child_id]):
            what = Heard(refusal=ID_TWICE)
        first[child.la_child_id].update(_named(what))
        heard.append(what)
    return heard


NO_ID = Refusal("missing", "child", "There is no id here")
"""With such an id as theirs, all children whose id is unknown would be one."""

ID_TWICE = Refusal("id_twice", "id", "This id is there twice and says two different things")

Story = dict[tuple[str, str | None], object]
"""What was said of a child, under each id; of the child (no id) and of its episodes also whether to delete them."""


def _differ(heard: Heard, first: Story) -> bool:
    """Whether one id says two different things, here or before: nobody could tell which of them stands."""
    story = dict(first)
    return any(story.setdefault(key, said) != said for key, said in _named(heard))


def _named(heard: Heard) -> Iterator[tuple[tuple[str, str | None], object]]:
    for each in heard.statements:
        if isinstance(each, Purge):
            yield ("deleted", each.episode), True
        else:
            yield (each.kind, each.sender_id), each.said
            yield from _kept(each.said.episode if each.said is not None else None)
    for context in heard.contexts:
        yield (context.kind, context.sender_id), context
        yield from _kept(None if context.purge else context.under)


def _kept(episode: str | None) -> Iterator[tuple[tuple[str, str | None], object]]:
    """Neither the child is to be deleted, nor the episode that this belongs to."""
    yield ("deleted", None), False
    yield ("deleted", episode), False


def _undated(episode: Episode) -> Refusal | None:
    """Why it cannot be that something of the episode ended, for it has no start."""
    plans: list[CinPlan | CpPlan | Placement] = [
        *episode.child_in_need_plans,
        *episode.child_protection_plans,
        *episode.child_looked_after_placements,
    ]
    assessments, enquiries = episode.child_and_family_assessments, episode.section_47_assessments
    ended: list[tuple[date | None, object]] = [
        (episode.referral_date, episode.closure_date),
        (episode.referral_date, episode.referral_no_further_action_flag),
        *((each.start_date, each.authorisation_date) for each in assessments if not each.purge),
        *((each.start_date, each.end_date or each.icpc_date) for each in enquiries if not each.purge),
        *((each.start_date, each.end_date) for each in plans if not each.purge),
    ]
    if any(start is None and end is not None for start, end in ended):
        return Refusal("missing", "started_on", "It has an end or an outcome and no start")
    return None


def _implausible(statement: Submission, today: date, born: date | None) -> Refusal | None:
    said = statement.said
    wrong = plausibility.implausible_id(statement.sender_id or "", "id")
    if said is None:
        return wrong
    # The document bounds a code's length, not its characters
    unreadable = (plausibility.unreadable(factor, "factors") for factor in said.factors)
    return wrong or next(filter(None, unreadable), None) or plausibility.implausible(statement.kind, said, today, born)


def _implausible_context(context: Context, referred_on: date | None, today: date) -> Refusal | None:
    if context.purge:
        return None
    if context.kind == "child_in_need" and referred_on is not None and context.started_on < referred_on:
        return plausibility.STARTS_BEFORE_REFERRAL
    wrong = plausibility.implausible_id(context.sender_id or "", "id")
    return wrong or plausibility.implausible_span(context.started_on, context.ended_on, today)


def _statements(child: Child, episode: Episode, at: datetime) -> Iterator[Submission]:
    for said, kind, sender_id, purge in (
        *_referral(episode, at),
        *_assessments(episode, at),
        *_enquiries(episode, at),
    ):
        if purge:
            yield Submission(Road.DFE, kind, child.la_child_id, sender_id, None, 1, at)
        elif said is not None:
            aged = replace(said, age_band=plausibility.age_band(child.born, said.started_on))
            yield Submission(Road.DFE, kind, child.la_child_id, sender_id, aged, 1, at)


Stated = tuple[Said | None, Kind, str, bool]


def _referral(episode: Episode, at: datetime) -> Iterable[Stated]:
    """Decided once it is said whether anything follows; the document has no other date than the referral's."""
    if episode.referral_date is None:
        return
    decided = episode.referral_no_further_action_flag is not None
    said = Said(
        at=at,
        started_on=episode.referral_date,
        finished_on=episode.referral_date if decided else None,
        worker=episode.worker_on(episode.referral_date),
        no_further_action=episode.referral_no_further_action_flag,
        episode=episode.social_care_episode_id,
    )
    yield said, Kind.REFERRAL, episode.social_care_episode_id, False


def _assessments(episode: Episode, at: datetime) -> Iterable[Stated]:
    for each in episode.child_and_family_assessments:
        said = None
        if each.start_date is not None:
            said = Said(
                at=at,
                started_on=each.start_date,
                finished_on=each.authorisation_date,
                referred_on=episode.referral_date,
                worker=episode.worker_on(each.authorisation_date or each.start_date),
                factors=as_meant(tuple(each.factors)),
                episode=episode.social_care_episode_id,
            )
        yield said, Kind.ASSESSMENT, each.child_and_family_assessment_id, each.purge


def _enquiries(episode: Episode, at: datetime) -> Iterable[Stated]:
    for each in episode.section_47_assessments:
        said = None
        if each.start_date is not None:
            said = Said(
                at=at,
                started_on=each.start_date,
                finished_on=each.end_date,
                referred_on=episode.referral_date,
                worker=episode.worker_on(each.end_date or each.start_date),
                conference_on=each.icpc_date,
                outcome=_OUTCOMES[each.icpc_required_flag],
                episode=episode.social_care_episode_id,
            )
        yield said, Kind.ENQUIRY, each.section_47_assessment_id, each.purge


_OUTCOMES = {True: "conference", False: "no_conference", None: None}


def _contexts(child: str, episode: Episode) -> Iterator[Context]:
    """Plans and placements; one without a start has nothing to say yet, unless it is to be deleted."""
    under = episode.social_care_episode_id
    plans: list[tuple[str, str, CinPlan | CpPlan | Placement]] = [
        *(("child_in_need", each.child_in_need_plan_id, each) for each in episode.child_in_need_plans),
        *(("child_protection", each.child_protection_plan_id, each) for each in episode.child_protection_plans),
        *(("placement", each.child_looked_after_placement_id, each) for each in episode.child_looked_after_placements),
    ]
    if episode.referral_date is not None:
        opened, closed = episode.referral_date, episode.closure_date
        worker = episode.worker_on(closed)
        yield Context(child, "case", opened, closed, None, Road.DFE, under, under=under, worker=worker)
    for kind, sender_id, each in plans:
        if each.start_date is not None or each.purge:
            start = each.start_date or date.min
            worker = episode.worker_on(each.end_date)
            yield Context(
                child, kind, start, each.end_date, None, Road.DFE, sender_id, each.purge, under, worker=worker
            )


def _covers(worker: CareWorker, day: date) -> bool:
    return (worker.start_date or date.min) <= day and (worker.end_date is None or day <= worker.end_date)
