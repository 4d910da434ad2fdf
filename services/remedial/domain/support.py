"""Support sessions: what kinds there are, how meetings are counted, and who reads what was said in them."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a session is."""

    COACHING = "coaching"
    MENTORING = "mentoring"
    REFLECTIVE = "reflective"
    WORKSHOP = "workshop"
    SHADOWED_AUDIT = "shadowed_audit"
    JOINT_AUDIT = "joint_audit"


NAMES = {
    Kind.COACHING: "Coaching, one to one",
    Kind.MENTORING: "Mentoring",
    Kind.REFLECTIVE: "Reflective meeting",
    Kind.WORKSHOP: "Workshop",
    Kind.SHADOWED_AUDIT: "Shadowed audit",
    Kind.JOINT_AUDIT: "Joint audit",
}


class State(StrEnum):
    """Where a session stands."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


RECORDED_WITHIN = timedelta(days=31)
"""How long after a meeting that nobody planned it may still be entered: it counts, and memory has not gone."""


def is_too_long_ago(starts_at: datetime, now: datetime) -> bool:
    """Whether a session began too long ago to be entered now."""
    return starts_at < now - RECORDED_WITHIN


@dataclass(frozen=True)
class Meeting:
    """A session that was held, with the managers who were there."""

    on: date
    managers: tuple[str, ...]


def week_of(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def meetings_by_manager_and_week(meetings: Iterable[Meeting]) -> Counter[tuple[str, date]]:
    """How many meetings each manager had in each week: what the programme of 2020 counted as 101."""
    return Counter((manager, week_of(meeting.on)) for meeting in meetings for manager in meeting.managers)


def not_yet_offered(everybody: Collection[str], sessions: Iterable[Collection[str]]) -> list[str]:
    """Who stands in no session, planned or held."""
    offered = {person for attendees in sessions for person in attendees}
    return sorted(set(everybody) - offered)


def reads_reflections(person_id: str, leader_id: str, attendees: Collection[str], *, shared: bool) -> bool:
    """Whether this person reads what was said: whoever was there; once it is shared, whoever sees the session."""
    return shared or person_id == leader_id or person_id in attendees
