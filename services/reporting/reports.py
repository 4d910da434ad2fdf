"""What people do to a board report: begin it, write it, publish it, correct it. A published edition never changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.domain.board_report import Stage, report_id
from services.reporting.models import Report
from services.reporting.queries import reports as reads
from shared.access import Scope
from shared.events import Event


class SettledError(Exception):
    """The report is published, or being corrected already: there is nothing to change here."""


async def begin(session: AsyncSession, scope: Scope, programme_id: UUID, month: date, now: datetime) -> Report:
    """The draft of a month's report; the newest edition where there is one already."""
    known = await reads.editions(session, scope, report_id(programme_id, month))
    if known:
        return known[0]
    return await _add(session, scope, programme_id, month, edition=1, now=now)


async def write(session: AsyncSession, scope: Scope, draft: Report, words: Mapping[str, str]) -> None:
    """Keep what was written. SettledError where it is published."""
    if draft.stage != Stage.DRAFT:
        raise SettledError
    draft.words = dict(words)
    session.add(draft)


async def publish(session: AsyncSession, scope: Scope, draft: Report, now: datetime) -> list[Event]:
    """Freeze the figures as they stand and say that the board has it. SettledError where that is done already."""
    if draft.stage != Stage.DRAFT:
        raise SettledError
    event = draft.publish(scope.person_id, now, await reads.figures_of(session, scope, draft, now))
    session.add(draft)
    return [event]


async def correct(session: AsyncSession, scope: Scope, published: Report, why: str, now: datetime) -> Report:
    """Another edition, a draft with the same words, saying why. SettledError where a newer one exists.

    Asked twice by one person for one reason, it is the draft that the first asking made.
    """
    newest = (await reads.editions(session, scope, published.report_id))[0]
    is_asked_again = (newest.correction, newest.drafted_by) == (why, scope.person_id)
    if newest.edition == published.edition + 1 and newest.stage == Stage.DRAFT and is_asked_again:
        return newest
    if newest.edition != published.edition or published.stage != Stage.PUBLISHED:
        raise SettledError
    draft = await _add(session, scope, published.programme_id, published.month, edition=published.edition + 1, now=now)
    draft.words, draft.correction = dict(published.words), why
    return draft


async def _add(
    session: AsyncSession, scope: Scope, programme_id: UUID, month: date, *, edition: int, now: datetime
) -> Report:
    """The new draft, or the one that somebody else began at the same moment."""
    fresh = Report(
        report_id=report_id(programme_id, month),
        edition=edition,
        programme_id=programme_id,
        month=month,
        drafted_by=scope.person_id,
        drafted_at=now,
    )
    await session.execute(insert(Report).values(fresh.model_dump()).on_conflict_do_nothing())
    return await session.get_one(Report, (fresh.report_id, edition))
