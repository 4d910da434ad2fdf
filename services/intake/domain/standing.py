"""What stands around some children, as a batch of statements goes along: which of them say something new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

Place = tuple[UUID, str, date]
"""A child, a kind and a start."""

Named = tuple[UUID, str, str, str]
"""A child, a kind, a road and the id that its sender has for the episode."""

Order = tuple[int, datetime]


class Standing(NamedTuple):
    """One that stands, as it was last said: who holds it is kept where a later word says nothing of that."""

    ended_on: date | None
    category: str | None
    sender_id: str | None
    worker_id: str | None
    team_id: str | None
    road: str

    def said_again(self, values: Mapping[str, Any]) -> Standing:
        """As it stands once this is said of it."""
        names = values["worker_id"] is not None or values["team_id"] is not None
        return Standing(
            values["ended_on"],
            values["category"] or self.category,
            values["sender_id"],
            values["worker_id"] if names else self.worker_id,
            values["team_id"] if names else self.team_id,
            self.road,
        )

    def outlasts(self, values: Mapping[str, Any]) -> bool:
        """Whether it is another one of the same road that ended later: of two that began on one day it is what stands.

        A child who is moved on the first day of a placement has two. Were each put in the other's place, a push that
        says both would change something every day.
        """
        another = self.road == values["road"] and None not in (self.sender_id, values["sender_id"])
        if not another or self.sender_id == values["sender_id"]:
            return False
        return (values["ended_on"] or date.max) < (self.ended_on or date.max)


@dataclass
class Known:
    """What is known of some children's episodes, as a batch goes along."""

    standing: dict[Place, Standing] = field(default_factory=dict)
    newest: dict[Named, Order] = field(default_factory=dict)
    """Which word of its sender was the last."""
    purged: dict[Named, Order] = field(default_factory=dict)
    gone: dict[Place, int] = field(default_factory=dict)
    """The version in which one that stood was withdrawn."""

    @property
    def children(self) -> set[UUID]:
        """Of whom something stands."""
        return {child for child, _, _ in self.standing}

    def is_stale(self, values: Mapping[str, Any]) -> bool:
        """Whether its sender has said something later of it, or has purged it since."""
        named, order = named_by(values), order_of(values)
        if named is None:
            return False
        purged = self.purged.get(named)
        return (purged is not None and order <= purged) or order < self.newest.get(named, order)

    def stands(self, values: Mapping[str, Any]) -> bool:
        """Whether an episode stands already as it is said: most of a daily push does."""
        held = self.standing.get(place_of(values))
        if held is None or values["purge"]:
            return False
        return held == held.said_again(values)


def place_of(values: Mapping[str, Any]) -> Place:
    """Where an episode stands."""
    return values["child_id"], values["kind"], values["started_on"]


def named_by(values: Mapping[str, Any]) -> Named | None:
    """Under which id its sender knows it; none where the road has no ids."""
    about = values["child_id"], values["kind"], values["road"], values["sender_id"]
    return None if values["sender_id"] is None else about


def order_of(values: Mapping[str, Any]) -> Order:
    """What decides which of two statements of one sender is the newer: its version, then when it was said."""
    return values["said_version"], values["said_at"]
