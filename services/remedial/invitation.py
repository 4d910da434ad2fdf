"""A calendar invitation: when and where to look, nothing of what a session is about."""

from datetime import datetime, timedelta

from icalendar import Calendar, Event

from services.remedial.domain.support import NAMES, Kind, State
from services.remedial.models import SupportSession


def invitation(held: SupportSession, origin: str, now: datetime) -> bytes:
    """The session as iCalendar (RFC 5545): the same UID in every version, cancelled where it is."""
    event = Event()
    event.add("uid", f"{held.session_id}@caseloop")
    event.add("sequence", held.version - 1)
    event.add("dtstamp", now)
    event.add("dtstart", held.starts_at)
    event.add("dtend", held.starts_at + timedelta(minutes=held.minutes))
    event.add("summary", NAMES[Kind(held.kind)])
    event.add("url", f"{origin}/remedial/sessions/{held.session_id}")
    event.add("status", "CANCELLED" if held.state == State.CANCELLED else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//Caseloop//Support sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if held.state == State.CANCELLED else "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
