"""Did it hold? Whether a child came back after the loop of an audit was closed, looked at after 30 and 90 days.

A later section 47 enquiry, referral or plan within the windows says that the loop did not hold; none says that it did.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from shared.events import EpisodeKind, Kind

WINDOWS = (30, 90)
"""Calendar days after the closing at which it is said that it held."""

COMES_BACK = {
    Kind.ENQUIRY.value: "enquiry",
    Kind.REFERRAL.value: "referral",
    EpisodeKind.CHILD_IN_NEED.value: "plan",
    EpisodeKind.CHILD_PROTECTION.value: "plan",
}
"""What counts as coming back, and what is then said. A contact, an assessment or a new placement alone does not."""


def came_back_after(closed_on: date, began_on: date, windows: Sequence[int] = WINDOWS) -> int | None:
    """How many days after the closing something began, where that is within the longest window; else None.

    What began on the day of the closing, or before it, was known when the loop was closed.
    """
    days = (began_on - closed_on).days
    return days if 0 < days <= max(windows) else None


def held_by(day: date, closed_on: date, said: int, windows: Sequence[int] = WINDOWS) -> list[int]:
    """The windows that are over when `day` begins and have not been spoken of, the shortest first."""
    return [window for window in windows if window > said and closed_on + timedelta(days=window) < day]
