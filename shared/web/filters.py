"""How pages write dates, deadlines, names and numbers: the one place where that is decided."""

from collections.abc import Mapping
from datetime import date, datetime

from markupsafe import Markup, escape

from shared.clock import LONDON
from shared.events import Role
from shared.working_days import local_date, working_days_between

ROLE_NAMES = {Role.QA_MANAGER.value: "QA manager", Role.BOARD.value: "Board member", Role.DCS.value: "DCS"}
"""The roles that their code alone does not name well."""

SENDER_NAMES = {
    "cms": "Case management system",
    "dfe": "DfE daily push",
    "cin-census": "CIN census",
    "annex-a": "Annex A",
    "staff": "Staff file",
    "intake": "Intake",
}
"""What brings work and people, by its road, in the words of every page."""


def as_day(value: date | datetime) -> date:
    """The date in London."""
    return local_date(value) if isinstance(value, datetime) else value


def long_date(value: date | datetime | None) -> str:
    """ "Tuesday 24 November 2026"."""
    return "" if value is None else f"{as_day(value):%A} {as_day(value).day} {as_day(value):%B %Y}"


def short_date(value: date | datetime | None) -> str:
    """ "24 Nov 2026", for tables."""
    return "" if value is None else f"{as_day(value).day} {as_day(value):%b %Y}"


def clock_time(value: datetime | None) -> str:
    """ "4:05pm", London's."""
    if value is None:
        return ""
    local = value.astimezone(LONDON)
    hour = local.hour % 12 or 12
    return f"{hour}{f':{local.minute:02d}' if local.minute else ''}{'am' if local.hour < 12 else 'pm'}"


def long_time(value: datetime | None) -> str:
    """ "Tuesday 24 November 2026 at 4:05pm"."""
    return "" if value is None else f"{long_date(value)} at {clock_time(value)}"


def due_in(due: date | datetime | None, today: date | datetime) -> str:
    """ "due today", "due in 2 working days", "overdue by 1 working day"."""
    if due is None:
        return "no due date"
    last, now = as_day(due), as_day(today)
    if last == now:
        return "due today"
    left = working_days_between(now, last)
    if last < now:
        return f"overdue by {counted(max(-left, 1), 'working day')}"
    return f"due in {counted(left, 'working day')}" if left else f"due {long_date(last)}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """ "1 audit", "1,204 audits"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def grouped(value: object) -> object:
    """ "12,040": a number as it is read, with its thousands apart; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0")


def percent(share: float | None) -> str:
    """A share of 1 as "43%"; a dash where there is nothing to divide."""
    return "–" if share is None else f"{share:.0%}"


def named(person_or_team: str | None, names: Mapping[str, str], missing: str) -> str:
    """The name behind an id; the id where the directory does not know it."""
    return missing if person_or_team is None else names.get(person_or_team, person_or_team)


def sender_name(sender: str) -> str:
    """A sender in words; its own name where it has no other."""
    return SENDER_NAMES.get(sender, sender)


def sentence(code: str) -> str:
    """A code as words: `team_manager` as "Team manager"."""
    words = code.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def role_name(role: str) -> str:
    """A role in the field's words."""
    return ROLE_NAMES.get(role) or sentence(role)


def paragraphs(text: str | None) -> Markup:
    """Somebody's words as paragraphs, escaped."""
    parts = [part.strip() for part in (text or "").replace("\r\n", "\n").split("\n\n") if part.strip()]
    return Markup("").join(
        Markup('<p class="govuk-body">{}</p>').format(Markup("<br>").join(escape(line) for line in part.split("\n")))
        for part in parts
    )
