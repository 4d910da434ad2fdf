"""What is well-formed and still cannot be: judged against the day the sender speaks of, never against the clock."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, timedelta

from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Said
from shared.events import Kind

EARLIEST = date(1990, 1, 1)
"""Nothing that is audited began before the Children Act 1989 came into force."""

FARTHEST = timedelta(days=366)
"""How far ahead a conference may be planned."""

OLDEST = 25
"""Care leavers are helped until 25; nobody older has a children's record."""

FINISHED = {
    Kind.ASSESSMENT: "authorised",
    Kind.CONTACT: "decided",
    Kind.REFERRAL: "decided",
    Kind.ENQUIRY: "ended",
}
"""What finished means, kind by kind."""

_REFERRED = {Kind.ASSESSMENT, Kind.ENQUIRY}
STARTS_BEFORE_REFERRAL = Refusal("starts_before_referral", "referred_on", "It started before its referral")
"""A rule of the DfE's census, kept on every road. A child protection plan may be older: another council began it."""

_UNSEEN = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_NOT_OPAQUE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Text as it was meant: compatibility forms folded, characters that nobody sees left out, gaps made one."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFKC", text)).split())


def implausible_id(value: str, field: str) -> Refusal | None:
    """Why this cannot be an opaque id of a case system."""
    if not value:
        return Refusal("missing", field, "There is no id here")
    if len(value) > 64:
        return Refusal("too_long", field, "An id has 64 characters at most")
    return unreadable_id(value, field)


def unreadable_id(value: str, field: str) -> Refusal | None:
    """Why no id holds these characters."""
    if _NOT_OPAQUE.search(value):
        return Refusal("unreadable_id", field, "The id holds characters that no id has")
    return None


def unreadable(value: str | None, field: str) -> Refusal | None:
    """Why this cannot be a code or an id of anything: no database further on could hold it."""
    if value is None or not _NOT_OPAQUE.search(value):
        return None
    return Refusal("unreadable_text", field, "It holds characters that no code has")


def are_readable(values: Iterable[str]) -> bool:
    """Whether none of them is `unreadable`: one look at all, for nearly always it is so."""
    return _NOT_OPAQUE.search(" ".join(values)) is None


def implausible(kind: str, said: Said, today: date, born: date | None = None) -> Refusal | None:
    """Why these dates cannot be, judged on `today`, the day that the sender speaks of."""
    return _out_of_range(said, today) or _out_of_order(kind, said) or (_too_old_or_unborn(said, born) if born else None)


def _out_of_range(said: Said, today: date) -> Refusal | None:
    for field in ("started_on", "finished_on", "referred_on"):
        day = getattr(said, field)
        if day is not None and day > today:
            return Refusal("in_the_future", field, "This date lies after the day that the record speaks of")
        if day is not None and day < EARLIEST:
            return Refusal("too_long_ago", field, "This date lies before 1990")
    if said.conference_on is not None and said.conference_on < EARLIEST:
        return Refusal("too_long_ago", "conference_on", "This date lies before 1990")
    if said.conference_on is not None and said.conference_on - today > FARTHEST:
        return Refusal("in_the_future", "conference_on", "No conference is planned more than a year ahead")
    return None


def implausible_span(started_on: date, ended_on: date | None, today: date) -> Refusal | None:
    """Why a plan, a placement or a case cannot have stood from one day to the other, judged on `today`."""
    for field, day in (("started_on", started_on), ("ended_on", ended_on)):
        if day is not None and day > today:
            return Refusal("in_the_future", field, "This date lies after the day that the record speaks of")
        if day is not None and day < EARLIEST:
            return Refusal("too_long_ago", field, "This date lies before 1990")
    if ended_on is not None and ended_on < started_on:
        return Refusal("ends_before_start", "ended_on", "It ended before it started")
    return None


def _out_of_order(kind: str, said: Said) -> Refusal | None:
    if said.finished_on is not None and said.finished_on < said.started_on:
        return Refusal("ends_before_start", "finished_on", f"It was {FINISHED[Kind(kind)]} before it started")
    if said.referred_on is not None and said.referred_on > said.started_on and kind in _REFERRED:
        return STARTS_BEFORE_REFERRAL
    if said.conference_on is not None and said.conference_on < said.started_on:
        return Refusal("ends_before_start", "conference_on", "The conference lies before the enquiry's start")
    return None


def _too_old_or_unborn(said: Said, born: date) -> Refusal | None:
    """Work may start before a birth (pre-birth), within nine months."""
    if born - said.started_on > timedelta(days=280):
        return Refusal("born_too_late", "date_of_birth", "The child was born more than nine months after the start")
    if years_between(born, said.started_on) > OLDEST:
        return Refusal("too_old", "date_of_birth", "The child was older than 25")
    return None


def years_between(born: date, day: date) -> int:
    """Whole years of age on that day; negative before the birth."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def age_band(born: date | None, day: date) -> str | None:
    """The band that replaces a birth date at the edge: `unborn`, `0`, `1-4`, `5-9`, `10-15`, `16-17`, `18+`."""
    if born is None:
        return None
    years = years_between(born, day)
    if years < 0:
        return "unborn"
    bands = ((1, "0"), (5, "1-4"), (10, "5-9"), (16, "10-15"), (18, "16-17"))
    return next((band for limit, band in bands if years < limit), "18+")
