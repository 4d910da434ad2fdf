"""`cms.assessments.v1`: what a case management system publishes, as statements for the ledger."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from services.intake.domain import plausibility
from services.intake.domain.context import Context
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
        return Refusal("another_council", "council", "This is another council's record")
    wrong = _unreadable(event)
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
        Road.CMS, about, event.child.strip(), event.id.strip(), said, event.version, event.occurred_at
    )


_TEXTS = ("family", "worker", "team", "outcome", "authorised_by", "decided_by", "category_of_abuse")


@cache
def _texts(kind: type[CmsEvent]) -> tuple[str, ...]:
    """Which of them a kind of event has: to ask a model for a field that it lacks is dear."""
    return tuple(field for field in _TEXTS if field in kind.model_fields)


def _unreadable(event: CmsEvent) -> Refusal | None:
    """Why its ids and codes cannot be, whatever it is about."""
    wrong = plausibility.implausible_id(event.child.strip(), "child")
    wrong = wrong or plausibility.implausible_id(event.id.strip(), "id")
    texts = [(field, getattr(event, field)) for field in _texts(type(event))]
    texts += [("factors", factor) for factor in getattr(event, "factors", ())]
    for field, text in texts:
        wrong = wrong or plausibility.unreadable(text, field)
    return wrong


def _purged_episode(event: CmsRecordPurged) -> Context:
    return Context(
        event.child.strip(),
        event.kind,
        date.min,
        None,
        None,
        Road.CMS,
        event.id.strip(),
        purge=True,
        version=event.version,
        at=event.occurred_at,
    )


def _episode(event: CmsEpisodeRecorded) -> Context | Refusal:
    today = local_date(event.occurred_at)
    if event.kind not in set(EpisodeKind):
        return Refusal("unknown_kind", "kind", "Nothing of this kind is kept here")
    if event.started_on > today:
        return Refusal("in_the_future", "started_on", "This date lies after the day that the record speaks of")
    if event.ended_on is not None and event.ended_on < event.started_on:
        return Refusal("ends_before_start", "ended_on", "It ended before it started")
    return Context(
        event.child.strip(),
        event.kind,
        event.started_on,
        event.ended_on,
        event.category_of_abuse,
        Road.CMS,
        event.id.strip(),
        version=event.version,
        at=event.occurred_at,
        worker=event.worker,
        team=event.team,
    )


def kind(event: CmsEvent) -> Kind | None:
    """What it is about; none for a kind that is not kept here."""
    if isinstance(event, CmsRecordPurged):
        return Kind(event.kind) if event.kind in set(Kind) else None
    return _KINDS.get(type(event))


def kept(event: CmsEvent) -> dict[str, str]:
    """The allow-listed fields of one that was refused, named as people and files name them."""
    said = _said(event)
    fields: dict[str, object] = {"id": event.id, "child": event.child}
    if said is not None:
        named = ("started_on", "finished_on", "referred_on", "conference_on", "team", "worker", "no_further_action")
        fields |= {name: getattr(said, name) for name in named}
        fields |= {"factors": ", ".join(said.factors), "child_seen": said.child_seen, "outcome": said.outcome}
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
            factors=event.factors,
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
