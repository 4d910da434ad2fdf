"""What has not changed is not told again, whenever it is looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from services.intake.domain.directory import Directory
from services.intake.domain.ledger import Ledger
from services.intake.domain.work import Road, Said, Submission
from shared.events import AssessmentRecorded, Kind, TeamMembership

KEY = b"k" * 32
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORKED = Said(at=NOON, started_on=date(2026, 10, 1), finished_on=date(2026, 11, 2), worker="w-1")


def told() -> Ledger:
    """A ledger that has told one assessment whose worker is in no team yet."""
    ledger = Ledger("999", KEY, directory=Directory(memberships={"w-1": []}))
    ledger.take(Submission(Road.CMS, Kind.ASSESSMENT, "C1", "A1", WORKED, 1, NOON))
    assert len(list(ledger.settle())) == 1
    return ledger


def looked_at_anew(ledger: Ledger, directory: Directory) -> list[object]:
    """What the same ledger tells a day later, under this directory."""
    again = Ledger("999", KEY, directory=directory, works=ledger.works, all_anew=True)
    again.heard_at = {child: NOON + timedelta(days=1) for child in ledger.works}
    return list(again.settle())


def test_a_later_look_at_the_same_facts_tells_nothing() -> None:
    ledger = told()
    assert looked_at_anew(ledger, ledger.directory) == []


def test_a_fact_that_changed_is_told_as_the_next_version() -> None:
    member = TeamMembership(team_id="t-1", since=date(2026, 1, 1))
    (event,) = looked_at_anew(told(), Directory(memberships={"w-1": [member]}, teams=frozenset({"t-1"})))
    assert isinstance(event, AssessmentRecorded)
    assert (event.version, event.team_id) == (2, "t-1")
