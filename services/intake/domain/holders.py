"""Who holds a plan, a placement or an open case: what the sender says of it, matched against the staff directory."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from services.intake.domain import identity
from services.intake.domain.context import Context
from services.intake.domain.directory import NOBODY, Directory

Unknown = tuple[tuple[str, str], str]
"""A kind and the id that stands in, with the spelling that the directory lacks."""


class Holder(NamedTuple):
    """The worker and the team that hold it, as far as anything is said of them."""

    worker_id: str | None = None
    team_id: str | None = None
    unknown: tuple[Unknown, ...] = ()


UNSAID = Holder()


def holder_of(context: Context, directory: Directory, key: bytes, day: date) -> Holder:
    """Whom the sender means; without a team, the one that the worker belonged to on that day.

    A name that the directory lacks becomes an opaque id, the same as in finished work: the event log holds no names.
    """
    if not context.names_a_holder:
        return UNSAID
    worker = directory.worker(context.worker, context.worker_name)
    team = directory.team(context.team, context.team_name)
    if team is NOBODY:
        team = directory.team_of(worker.id, day)
    ids = identity.stand_in(key, "worker", worker), identity.stand_in(key, "team", team)
    named = zip(("worker", "team"), ids, (worker, team), strict=True)
    unknown = tuple(((kind, str(each)), found.unknown) for kind, each, found in named if found.unknown is not None)
    return Holder(*ids, unknown)
