"""A calendar invitation: when and where to look, nothing of what a session is about."""

from datetime import datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vText

from services.remedial.domain.support import NAMES, Kind, State
from services.remedial.models import SupportSession
from shared.access.people import Person


def invitation(held: SupportSession, origin: str, now: datetime, leader: Person | None) -> bytes:
    """The session as iCalendar (RFC 5545): the same UID in every version, cancelled where it is.

    What is published or cancelled has an organizer (RFC 5546): whoever leads it.
    """
    event = Event()
    event.add("uid", f"{held.session_id}@caseloop")
    event.add("sequence", held.version - 1)
    event.add("dtstamp", now)
    event.add("dtstart", held.starts_at)
    event.add("dtend", held.starts_at + timedelta(minutes=held.minutes))
    event.add("summary", NAMES[Kind(held.kind)])
    event.add("url", f"{origin}/remedial/sessions/{held.session_id}")
    event.add("status", "CANCELLED" if held.state == State.CANCELLED else "CONFIRMED")
    event.add("organizer", _organizer(held, leader))
    calendar = Calendar()
    calendar.add("prodid", "-//Caseloop//Support sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if held.state == State.CANCELLED else "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _organizer(held: SupportSession, leader: Person | None) -> vCalAddress:
    has_address = leader is not None and leader.email
    address = vCalAddress(f"mailto:{leader.email}" if leader and has_address else "invalid:nomail")
    address.params["CN"] = vText(leader.name if leader else held.leader_id)
    return address
