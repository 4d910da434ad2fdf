"""Siblings: what suggests that two cases are one family where the sender names none, and what an answer makes of it.

A suggestion merges nothing: an auditor confirms or refuses it. It also changes no draw, for a decision is final; who
is confirmed is read together from then on, and counts as one family in what is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from shared.events import AssessmentRecorded, Kind


class Signs(NamedTuple):
    """What two siblings' work has in common: referred on one day, done by one worker, authorised together."""

    kind: str
    referred_on: date
    team_id: str
    worker_id: str
    authorised_on: date
    authorised_by: str | None


def signs_of(case: AssessmentRecorded) -> Signs | None:
    """What of this case could suggest siblings; none where the sender names the family or says too little."""
    referred_on = case.referred_on or (case.started_on if case.kind == Kind.REFERRAL else None)
    if case.family_key or referred_on is None or case.team_id is None or case.worker_id is None:
        return None
    return Signs(case.kind, referred_on, case.team_id, case.worker_id, case.authorised_on, case.authorised_by)


def may_be_siblings(one: AssessmentRecorded, other: AssessmentRecorded) -> bool:
    """Whether two cases of different children carry the same signs."""
    signs = signs_of(one)
    return one.child_id != other.child_id and signs is not None and signs == signs_of(other)


def pair_of(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """Two audits in the order in which the answer on them is kept."""
    return (one, other) if one < other else (other, one)


def families(audits: Iterable[UUID], confirmed: Sequence[tuple[UUID, UUID]]) -> Mapping[UUID, str | None]:
    """The key of each audit's family by the pairs that were confirmed; none for one that has no sibling.

    Siblings of siblings are siblings. The key names the family's first audit, so that it is the same however the
    answers came.
    """
    first = {audit_id: audit_id for audit_id in audits}
    for _ in first:
        for one, other in confirmed:
            if one in first and other in first:
                first[one] = first[other] = min(first[one], first[other])
    sizes: dict[UUID, int] = {}
    for audit_id in first.values():
        sizes[audit_id] = sizes.get(audit_id, 0) + 1
    return {audit_id: f"confirmed:{name}" if sizes[name] > 1 else None for audit_id, name in first.items()}
