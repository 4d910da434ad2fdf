"""What the auditors can do, week by week: hours for audits, with leave and everything else they do taken off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.audit.domain.programme import Auditor, Programme, is_away
from services.audit.domain.sampling import cumulative_target, week_opens_on


@dataclass(frozen=True, slots=True)
class WeekOfWork:
    """One week: the hours for audits and the audits that the targets ask for."""

    week: int
    opens_on: date
    hours: float
    audits: int
    needed: float

    @property
    def is_too_much(self) -> bool:
        """Whether the week asks for more than the auditors have."""
        return self.needed > self.hours


def hours_of(auditor: Auditor, programme: Programme, opens_on: date) -> float:
    """One auditor's hours for audits in the week that opens on this day."""
    days = [opens_on + timedelta(days=each) for each in range(7)]
    working = [day for day in days if day.weekday() < 5]
    here = sum(not is_away(auditor, day) for day in working)
    return max(0.0, auditor.hours_a_week - programme.other_hours.total) * here / len(working)


def weeks_of_work(programme: Programme) -> list[WeekOfWork]:
    """Every week of the programme, so that more than its people can do is seen weeks ahead."""
    found = []
    for week in range(1, programme.weeks + 1):
        opens_on = week_opens_on(week, programme.opens_on)
        audits = sum(_wanted(theme.target, week, programme.weeks) for theme in programme.themes)
        hours = sum(hours_of(auditor, programme, opens_on) for auditor in programme.auditors)
        found.append(WeekOfWork(week, opens_on, hours, audits, audits * programme.hours_an_audit))
    return found


def _wanted(target: int, week: int, weeks: int) -> int:
    return cumulative_target(target, week, weeks) - cumulative_target(target, week - 1, weeks)
