"""Who and what: pseudonyms of children, lasting ids of pieces of work, and which known piece a statement is about."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache
from uuid import UUID

from services.intake.domain.directory import Named
from services.intake.domain.work import Submission, Work
from shared.uuids import uuid_of

NAMESPACE = UUID("b3a5c0de-6b1c-5f9e-9c1d-0ca5e100b0d1")
"""Under which every id of a piece of work is derived. Never changed: ids are for good."""


@lru_cache(maxsize=4096)
def pseudonym(key: bytes, child: str) -> UUID:
    """The UUID that stands for a child outside intake: the first 16 bytes of HMAC-SHA256(key, the case system's id)."""
    return uuid_of(hmac.digest(key, child.encode(), "sha256")[:16])


@lru_cache(maxsize=4096)
def opaque(key: bytes, kind: str, value: str) -> str:
    """A short opaque stand-in for a value of a sender's that nobody downstream needs to read."""
    return hmac.digest(key, f"{kind}\n{value}".encode(), "sha256").hex()[:20]


def stand_in(key: bytes, kind: str, found: Named) -> str | None:
    """The id that events have for a worker or team: a name the directory lacks becomes opaque, for they hold none."""
    if found.unknown is None:
        return found.id
    return found.id or "n-" + opaque(key, kind, found.unknown)


def minted(council: str, kind: str, child_id: UUID, started_on: date, ordinal: int) -> UUID:
    """The id of the `ordinal`-th piece of work of its kind that started on that day with that child."""
    name = f"{council}/{kind}/{child_id}/{started_on}/{ordinal}"
    digest = hashlib.sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()
    # As uuid5 has it: version 5 and the variant of RFC 9562
    version, variant = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
    return uuid_of(b"%b%c%b%c%b" % (digest[:6], version, digest[7:8], variant, digest[9:16]))


_NAMESPACE = NAMESPACE.bytes


def mint(council: str, kind: str, child_id: UUID, started_on: date, taken: Collection[UUID]) -> UUID:
    """The first such id that no other piece of work has."""
    return minted(council, kind, child_id, started_on, len(minted_for(council, kind, child_id, started_on, taken)))


def minted_for(council: str, kind: str, child_id: UUID, started_on: date, taken: Collection[UUID]) -> list[UUID]:
    """The ids of the pieces that were first heard of with that start, wherever a correction has moved them since."""
    ids: list[UUID] = []
    while (known := minted(council, kind, child_id, started_on, len(ids))) in taken:
        ids.append(known)
    return ids


def match(
    submission: Submission, works: Iterable[Work], council: str, child_id: UUID, claimed: Collection[UUID] = ()
) -> Work | None:
    """Which of a child's pieces of work a statement without a known id is about; none for a new one.

    The same kind and start day; where the sender has ids, one that the same road has not named yet, so that two ids
    of one source never merge. A road without ids is matched by what it says: first the piece of which it said exactly
    this before, then one that no other row of the same file has claimed.
    """
    said = submission.said
    if said is None:
        return None
    alike = _alike(submission.kind, said.started_on, works, council, child_id)
    if submission.sender_id is not None:
        return next((work for work in alike if not _named_by(work, submission.road)), None)
    before = [(work, work.said.get(submission.road)) for work in alike]
    same = next((work for work, known in before if known is not None and known.says_the_same_as(said)), None)
    return same or next((work for work, _ in before if work.assessment_id not in claimed), None)


def _alike(kind: str, day: date, works: Iterable[Work], council: str, child_id: UUID) -> list[Work]:
    """The pieces of that kind that began on that day, or did by what was said first or by what a road still says.

    A file made before a correction speaks of the old day. What stands comes before what was purged, and what began on
    that day before what was moved from it.
    """
    kin = [work for work in works if work.kind == kind]
    if not kin:
        return kin
    first = minted_for(council, kind, child_id, day, {work.assessment_id for work in kin})
    alike = [
        work
        for work in kin
        if work.started_on == day
        or work.assessment_id in first
        or any(said.started_on == day for said in work.said.values())
    ]
    return sorted(alike, key=lambda work: (work.withdrawn_at is not None, work.started_on != day))


def _named_by(work: Work, road: str) -> bool:
    """Whether the road has an id for this piece already, purged or not."""
    return road in work.said or road == work.withdrawn_road or (road == work.road and work.sender_id is not None)
