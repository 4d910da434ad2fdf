"""What time it is, asked in one place: rules take time as an argument, edges take it from here."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class Clock(Protocol):
    """Says the time. Leases, time-outs and backoff use the monotonic clock instead."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    def today(self) -> date:
        """The date in Europe/London."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().astimezone(LONDON).date()


class FixedClock:
    """A clock that stands where it was put, and is moved by hand."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def today(self) -> date:
        return self.instant.astimezone(LONDON).date()


def london_date(instant: datetime) -> date:
    """The date on which an aware instant falls in Europe/London."""
    return instant.astimezone(LONDON).date()
