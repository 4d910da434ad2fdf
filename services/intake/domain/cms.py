"""`cms.assessments.v1`: what a case management system publishes, as statements for the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from operator import attrgetter
from typing import Any

from services.intake.domain import plausibility
from services.intake.domain.context import Context
from services.intake.domain.factors import as_meant, too_long
from services.intake.domain.plausibility import clean
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Road, Said, Submission
from shared.events import (
    CmsAssessmentAuthorised,
    CmsContactDecided,
    CmsEnquiryEnded,
    CmsEnquiryStarted,
    CmsEpisodeRecorded,
    CmsEvent,
    CmsRecordPurged,
    CmsReferralDecided,
    EpisodeKind,
    Kind,
)
from shared.working_days import local_date


def read(event: CmsEvent, council: str) -> Submission | Context | Refusal:
    """One event as a statement, or why it is not taken."""
    if event.council != council:
        return ANOTHER_COUNCILS
    wrong = _unreadable(event)
    if wrong is None and day(event) is None:
        wrong = Refusal("not_a_time", "occurred_at", f"It was not said between {FIRST_YEAR} and {LAST_YEAR}")
    if wrong is not None:
        return wrong
    if isinstance(event, CmsEpisodeRecorded):
        return _episode(event)
    if isinstance(event, CmsRecordPurged) and event.kind in set(EpisodeKind):
        return _purged_episode(event)
    about = kind(event)
    if about is None:
        return Refusal("unknown_kind", "kind", "Nothing of this kind is kept here")
    said = _said(event)
    if said is not None:
        wrong = plausibility.implausible(about, said, local_date(event.occurred_at))
    return wrong or Submission(
        Road.CMS, about, clean(event.child), clean(event.id), said, event.version, event.occurred_at
    )


ANOTHER_COUNCILS = Refusal("another_council", "council", "This is another council's record")
FIRST_YEAR, LAST_YEAR = plausibility.EARLIEST.year, 2199
"""When a record may have been said; times near the ends of the calendar are no day anywhere."""


def day(event: CmsEvent) -> date | None:
    """The day on which it was said; none where that cannot be."""
    at = event.occurred_at
    return local_date(at) if FIRST_YEAR <= at.year <= LAST_YEAR else None


HIGHEST = 2**63 - 1
"""The highest version that a plan, a placement, a case or a purge is kept under: the database's integer."""

_TEXTS = ("family", "worker", "team", "outcome", "authorised_by", "decided_by", "category_of_abuse")


@cache
def _texts(kind: type[CmsEvent]) -> tuple[str, ...]:
    """Which of them a kind of event has: to ask a model for a field that it lacks is dear."""
    return tuple(field for field in _TEXTS if field in kind.__struct_fields__)


@cache
def _reader(kind: type[CmsEvent]) -> Callable[[CmsEvent], tuple[str | None, ...]]:
    return attrgetter(*_texts(kind))


def _unreadable(event: CmsEvent) -> Refusal | None:
    """Why its ids and codes cannot be, whatever it is about."""
    wrong = _not_an_id(event.child, "child") or _not_an_id(event.id, "id")
    kind = type(event)
    factors: tuple[str, ...] = event.factors if kind is CmsAssessmentAuthorised else ()  # type: ignore[attr-defined]
    if wrong is None and not plausibility.are_readable((*filter(None, _reader(kind)(event)), *factors)):
        texts = [*((field, getattr(event, field)) for field in _texts(kind)), *(("factors", each) for each in factors)]
        wrong = next(filter(None, (plausibility.unreadable(text, field) for field, text in texts)))
    return wrong or too_long(factors) or _too_high(event)


def _too_high(event: CmsEvent) -> Refusal | None:
    """Why nothing can be kept of an episode or a purge under its version."""
    if event.version <= HIGHEST or not isinstance(event, CmsEpisodeRecorded | CmsRecordPurged):
        return None
    return Refusal("too_high", "version", f"No version is higher than {HIGHEST}")


def _not_an_id(text: str, field: str) -> Refusal | None:
    """Characters that nobody sees are left out of an id; those that no id has are not."""
    return plausibility.unreadable_id(text.strip(), field) or plausibility.implausible_id(clean(text), field)


def _purged_episode(event: CmsRecordPurged) -> Context:
    return Context(
        clean(event.child),
        event.kind,
        date.min,
        None,
        None,
        Road.CMS,
        clean(event.id),
        purge=True,
        version=event.version,
        at=event.occurred_at,
    )


def _episode(event: CmsEpisodeRecorded) -> Context | Refusal:
    today = local_date(event.occurred_at)
    if event.kind not in set(EpisodeKind):
        return Refusal("unknown_kind", "kind", "Nothing of this kind is kept here")
    wrong = plausibility.implausible_span(event.started_on, event.ended_on, today)
    return wrong or Context(
        clean(event.child),
        event.kind,
        event.started_on,
        event.ended_on,
        event.category_of_abuse,
        Road.CMS,
        clean(event.id),
        version=event.version,
        at=event.occurred_at,
        worker=event.worker,
        team=event.team,
    )


def kind(event: CmsEvent) -> str | None:
    """What it is about; none for a kind that is not kept here."""
    if isinstance(event, CmsRecordPurged):
        return event.kind if event.kind in set(Kind) else None
    if isinstance(event, CmsEpisodeRecorded):
        return event.kind if event.kind in set(EpisodeKind) else None
    return _KINDS.get(type(event))


def correctable(event: CmsEvent, refusal: Refusal) -> str | None:
    """The same, where a person may put it right: not another council's, nor a purge, which asks for deletion."""
    return None if refusal == ANOTHER_COUNCILS or isinstance(event, CmsRecordPurged) else kind(event)


def kept(event: CmsEvent, refusal: Refusal) -> dict[str, str]:
    """The allow-listed fields of one that was refused, as people and files name them: none of another council's."""
    if refusal == ANOTHER_COUNCILS:
        return {}
    said = _said(event)
    fields: dict[str, object] = {"id": event.id, "child": event.child}
    if said is not None:
        named = ("started_on", "finished_on", "referred_on", "conference_on", "team", "worker", "no_further_action")
        fields |= {name: getattr(said, name) for name in named}
        fields |= {"factors": ", ".join(said.factors), "child_seen": said.child_seen, "outcome": said.outcome}
    if isinstance(event, CmsEpisodeRecorded):
        fields |= {name: getattr(event, name) for name in ("started_on", "ended_on", "team", "worker")}
        fields["category"] = event.category_of_abuse
    return {name: str(value)[:200] for name, value in fields.items() if value not in (None, "")}


_KINDS: dict[type[CmsEvent], Kind] = {
    CmsAssessmentAuthorised: Kind.ASSESSMENT,
    CmsReferralDecided: Kind.REFERRAL,
    CmsContactDecided: Kind.CONTACT,
    CmsEnquiryEnded: Kind.ENQUIRY,
    CmsEnquiryStarted: Kind.ENQUIRY,
}


def _said(event: CmsEvent) -> Said | None:
    """What it says; none for a purge."""
    common: dict[str, Any] = {
        "version": event.version,
        "at": event.occurred_at,
        "worker": event.worker,
        "team": event.team,
        "family": event.family,
    }
    if isinstance(event, CmsAssessmentAuthorised):
        return Said(
            **common,
            started_on=event.started_on,
            finished_on=event.authorised_on,
            finished_at=event.authorised_at,
            finished_by=event.authorised_by,
            referred_on=event.referred_on,
            factors=as_meant(event.factors),
            category=event.category_of_abuse,
            child_seen=event.child_seen,
            outcome=event.outcome,
        )
    if isinstance(event, CmsReferralDecided):
        return Said(
            **common,
            started_on=event.referred_on,
            finished_on=event.decided_on,
            finished_at=event.decided_at,
            finished_by=event.decided_by,
            no_further_action=event.no_further_action,
        )
    if isinstance(event, CmsContactDecided):
        return Said(
            **common,
            started_on=event.contacted_on,
            finished_on=event.decided_on,
            finished_at=event.decided_at,
            finished_by=event.decided_by,
            outcome=event.outcome,
        )
    if isinstance(event, CmsEnquiryStarted):
        return Said(**common, started_on=event.started_on, referred_on=event.referred_on)
    if isinstance(event, CmsEnquiryEnded):
        return Said(
            **common,
            started_on=event.started_on,
            finished_on=event.ended_on,
            finished_at=event.ended_at,
            finished_by=event.authorised_by,
            referred_on=event.referred_on,
            conference_on=event.conference_on,
            category=event.category_of_abuse,
            outcome=event.outcome,
        )
    return None
