"""What is told to people outside Caseloop: which words, and when. Ids and links only, never a case's content."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.clock import LONDON
from shared.working_days import is_working_day, local_date

SLOTS = (time(8, 30), time(13, 30))
"""When a digest leaves on a working day, in London. What cannot wait (a concern) leaves at once, at any hour."""

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
"""How long after each failure to try again; after the last one the message has failed, and says so."""


class Kind(StrEnum):
    """What a person may be told."""

    RAISED = "raised"
    HANDED_OVER = "handed_over"
    JOINED = "joined"
    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"
    RETURNED = "returned"
    ESCALATED = "escalated"
    ESCALATED_IN_LEAVE = "escalated_in_leave"
    DUE_IN_LEAVE = "due_in_leave"
    REPORTED = "reported"
    UNOWNED = "unowned"
    REOPENED = "reopened"
    PATTERN = "pattern"
    SESSION = "session"
    ALLOCATED = "allocated"
    STRENGTH = "strength"
    CONCERN = "concern"
    ACCURACY = "accuracy"
    CHALLENGED = "challenged"
    ANSWERED = "answered"
    SESSION_CANCELLED = "session_cancelled"


WORDS: dict[Kind, str] = {
    Kind.RAISED: "You have a new action",
    Kind.HANDED_OVER: "An action was given to you",
    Kind.JOINED: "An action of yours answers one more finding",
    Kind.DUE_SOON: "An action of yours is due on the next working day",
    Kind.DUE_TODAY: "An action of yours is due today",
    Kind.RETURNED: "An action of yours was sent back",
    Kind.ESCALATED: "An overdue action was escalated to you",
    Kind.ESCALATED_IN_LEAVE: "An overdue action was escalated to you; its owner is on leave",
    Kind.DUE_IN_LEAVE: "An action in your team falls due while its owner is on leave",
    Kind.REPORTED: "An action waits for you to verify it",
    Kind.UNOWNED: "An action has no owner",
    Kind.REOPENED: "Something happened after a loop was closed",
    Kind.PATTERN: "The same thing was found three times in your team",
    Kind.SESSION: "A support session was planned with you",
    Kind.ALLOCATED: "A case waits for your audit",
    Kind.STRENGTH: "Something done well was recognised",
    Kind.CONCERN: "A concern about a child needs you now",
    Kind.ACCURACY: "What an audit of your work found is there for you to check",
    Kind.CHALLENGED: "A finding was challenged and waits for your answer",
    Kind.ANSWERED: "Your challenge of a finding was answered",
    Kind.SESSION_CANCELLED: "A support session that was planned with you will not happen",
}

URGENT = frozenset({Kind.CONCERN})
"""Quiet hours do not apply to these."""

TO_OWNERS = frozenset({Kind.RAISED, Kind.HANDED_OVER, Kind.JOINED, Kind.DUE_SOON, Kind.DUE_TODAY, Kind.RETURNED})
"""Moot as soon as the owner has nothing more to do, or is somebody else."""

REMINDERS = frozenset({Kind.DUE_SOON, Kind.DUE_TODAY})
"""Each is of one due date, and moot when that has moved."""

TO_SUPERIORS = frozenset({Kind.ESCALATED, Kind.ESCALATED_IN_LEAVE})
WHILE_TO_DO = TO_OWNERS | TO_SUPERIORS | {Kind.DUE_IN_LEAVE, Kind.UNOWNED}
ABOUT_ACTIONS = WHILE_TO_DO | {Kind.REPORTED}


@dataclass(frozen=True)
class Stands:
    """How an action stands when a notice about it could leave."""

    is_to_do: bool
    is_reported: bool
    owner_id: str | None
    escalated_to: str | None
    due_on: date


def is_moot(kind: Kind, person_id: str, occasion: str, action: Stands) -> bool:
    """Whether the person need not hear of this any more: it was done, moved, or became somebody else's meanwhile."""
    if kind is Kind.REPORTED:
        return not action.is_reported
    if kind in WHILE_TO_DO and not action.is_to_do:
        return True
    if kind in REMINDERS and occasion != action.due_on.isoformat():
        return True
    meant = {**dict.fromkeys(TO_OWNERS, action.owner_id), **dict.fromkeys(TO_SUPERIORS, action.escalated_to)}
    if kind is Kind.UNOWNED:
        return action.owner_id is not None
    return kind in meant and meant[kind] != person_id


QUIET_UNTIL, QUIET_FROM = time(8), time(18)


def is_quiet(now: datetime, proclaimed: Collection[date] = ()) -> bool:
    """Whether nothing but what is urgent leaves now: before eight, from six on, and on days off, in London.

    A digest is due in working hours; one that was held up (a server down, a failure tried again) waits for the next.
    """
    local = now.astimezone(LONDON)
    return not is_working_day(local.date(), proclaimed) or not QUIET_UNTIL <= local.time() < QUIET_FROM


def send_after(
    made_at: datetime, kind: Kind, slots: Sequence[time] = SLOTS, proclaimed: Collection[date] = ()
) -> datetime:
    """When to send: at once what is urgent, the rest at the next slot of a working day in London."""
    if kind in URGENT:
        return made_at
    day = local_date(made_at)
    while True:
        if is_working_day(day, proclaimed):
            times = (datetime.combine(day, slot, LONDON) for slot in slots)
            if (following := next((each for each in times if each >= made_at), None)) is not None:
                return following
        day += timedelta(days=1)


def subject(kinds: Sequence[Kind]) -> str:
    """The subject of a message about these: the one thing, or how many."""
    return WORDS[kinds[0]] if len(kinds) == 1 else f"{len(kinds)} things in Caseloop need you"


def body(things: Sequence[tuple[Kind, str]]) -> str:
    """The text of a message: a line and an address for each thing."""
    lines = [f"{WORDS[kind]}:\n{address}" for kind, address in things]
    return "\n\n".join([*lines, "Sign in to see more. This message holds no case content, and nobody reads replies."])


class Next(StrEnum):
    """What becomes of a message that was begun and of which nobody heard what came of it."""

    SENT = "sent"
    AGAIN = "again"
    LEAVE = "leave"


def after_silence(kinds: Collection[Kind], is_known: bool | None) -> Next:
    """What to do where the sender died, or was cut off, between handing a message over and noting that it did.

    Where the other side can say whether it has the message, that decides. Where it cannot (`is_known` is None), a
    concern is sent again, for one that is lost is worse than one that comes twice; anything else is left for people to
    see, for it stands in Caseloop all the same, and mails that come twice are soon not read.
    """
    if is_known is not None:
        return Next.SENT if is_known else Next.AGAIN
    return Next.AGAIN if not URGENT.isdisjoint(kinds) else Next.LEAVE


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many failed attempts; None when it was the last."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None
