"""Reads for intake's pages and exports. What a person may not see is not there: every read takes a scope."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.intake import staff
from services.intake.domain import rhythm
from services.intake.domain.work import Road
from services.intake.feeds import first_heard
from services.intake.models import ChangeRow, Child, Feed, Quarantined, Sender, SpellingRow, Upload, UploadRow, WorkRow
from shared.access import Role, Scope
from shared.access.tables import PERSON, TEAM
from shared.db import sessions

Item = TypeVar("Item")

PAGE = 50
MOST_AROUND = 20
SILENT = timedelta(seconds=30)
"""A file that nobody has been taking in for so long was broken off."""
AT_ONCE = 1000
"""Rows of a report that are read in one go."""
SEES_VALUES = (Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
"""Who may see what a refused row holds; an administrator sees reasons and counts."""


@dataclass(frozen=True)
class Listed(Generic[Item]):
    """One page of a list, and how many there are in all."""

    items: Sequence[Item]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages; one where there is nothing."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class Waiting:
    """How much of one reason waits in quarantine."""

    road: str
    code: str
    sentence: str
    count: int


@dataclass(frozen=True)
class Around:
    """A record of the child that something refused is about: what it is, and when it started."""

    assessment_id: UUID
    kind: str
    started_on: date


@dataclass(frozen=True)
class Unmatched:
    """A worker or team that cases name and the directory lacks."""

    kind: str
    stand_in: str
    shown: str
    cases: int
    first_seen_at: datetime


@dataclass(frozen=True)
class Story:
    """One assessment as intake holds it, and what changed in it."""

    work: WorkRow
    case_id: str | None
    changes: Sequence[ChangeRow]
    other_ids: Sequence[tuple[str, str]]


def sees_values(scope: Scope) -> bool:
    """Whether this person may see what refused rows hold."""
    return scope.has(*SEES_VALUES)


async def feeds(session: AsyncSession, scope: Scope) -> Sequence[Feed]:
    """Every feed, the longest unheard first; counts only, for whoever runs or watches the system."""
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return []
    query = sa.select(Feed).order_by(col(Feed.last_heard_at))
    return (await session.execute(query)).scalars().all()


async def never_heard(session: AsyncSession, scope: Scope) -> Sequence[Sender]:
    """The systems that may push and never did, the newest last."""
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return []
    heard = sa.select(col(Feed.feed))
    query = sa.select(Sender).where(col(Sender.revoked_at).is_(None), col(Sender.name).not_in(heard))
    return (await session.execute(query.order_by(col(Sender.added_at)))).scalars().all()


async def senders(session: AsyncSession, scope: Scope) -> list[tuple[Sender, datetime | None]]:
    """Every system that was let to push, by name, with when it was last heard; an administrator's to see."""
    if not scope.has(Role.ADMINISTRATOR):
        return []
    query = sa.select(Sender, col(Feed.last_heard_at)).outerjoin(Feed, col(Feed.feed) == col(Sender.name))
    return [(sender, heard) for sender, heard in await session.execute(query.order_by(col(Sender.name)))]


async def revoked(session: AsyncSession, scope: Scope) -> Mapping[str, datetime]:
    """The senders whose feed has ended, and since when."""
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return {}
    query = sa.select(Sender).join(Feed, col(Feed.feed) == col(Sender.name))
    query = query.where(col(Sender.revoked_at).is_not(None), col(Feed.road) == Road.DFE)
    return {sender.name: sender.revoked_at for sender in (await session.execute(query)).scalars() if sender.revoked_at}


async def usual_hours(session: AsyncSession, scope: Scope, today: date) -> Mapping[str, Mapping[int, time]]:
    """By when each feed is usually heard, in London, on each weekday (Monday is 0) on which it is."""
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return {}
    heard = await first_heard(session, today)
    return {feed: rhythm.usual_hours(days, today) for feed, days in heard.items()}


async def waiting(session: AsyncSession, scope: Scope) -> list[Waiting]:
    """Counts by reason of what waits in quarantine, the most first: never a value."""
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return []
    query = (
        sa.select(col(Quarantined.road), col(Quarantined.code), sa.func.min(Quarantined.sentence), sa.func.count())
        .where(col(Quarantined.state) == "waiting")
        .group_by(col(Quarantined.road), col(Quarantined.code))
        .order_by(sa.func.count().desc(), col(Quarantined.code))
    )
    return [Waiting(*row) for row in await session.execute(query)]


async def uploads(session: AsyncSession, scope: Scope, page: int) -> Listed[Upload]:
    """The files that were given, the newest first."""
    query = sa.select(Upload).where(_values(scope)).order_by(col(Upload.at).desc())
    return await _listed(session, query, page)


async def upload(session: AsyncSession, scope: Scope, upload_id: UUID) -> Upload | None:
    """One file."""
    return await session.get(Upload, upload_id) if sees_values(scope) else None


async def upload_rows(
    session: AsyncSession, scope: Scope, upload_id: UUID, outcome: str | None, page: int
) -> Listed[UploadRow]:
    """What happened to a file's rows, fifty at a time."""
    query = _rows_of(scope, upload_id)
    return await _listed(session, query.where(col(UploadRow.outcome) == outcome) if outcome else query, page)


async def upload_state(session: AsyncSession, upload: Upload) -> str:
    """How far one file is; what nobody has been taking in for a while was broken off."""
    if upload.state not in {"reading", "taking"}:
        return upload.state
    now: datetime = (await session.execute(sa.select(sa.func.now()))).scalar_one()
    return "broken" if upload.heard_at is None or now - upload.heard_at > SILENT else upload.state


async def every_upload_row(engine: AsyncEngine, scope: Scope, upload_id: UUID) -> AsyncIterator[Sequence[UploadRow]]:
    """What happened to all of a file's rows, some at a time: a census has hundreds of thousands."""
    async with sessions(engine)() as session:
        rows = await session.stream_scalars(_rows_of(scope, upload_id).execution_options(yield_per=AT_ONCE))
        async for some in rows.partitions():
            yield some


async def quarantined(
    session: AsyncSession, scope: Scope, state: str, code: str | None, page: int
) -> Listed[Quarantined]:
    """What was refused, the newest first; what came at once, in the order of its file."""
    query = sa.select(Quarantined).where(_values(scope), col(Quarantined.state) == state)
    if code:
        query = query.where(col(Quarantined.code) == code)
    place = col(Quarantined.place)
    order = (col(Quarantined.came_at).desc(), place["sheet"], place["row"], col(Quarantined.quarantine_id))
    return await _listed(session, query.order_by(*order), page)


async def quarantined_one(
    session: AsyncSession, scope: Scope, quarantine_id: UUID, *, lock: bool = False
) -> Quarantined | None:
    """One thing that was refused; locked where it is about to be settled."""
    query = sa.select(Quarantined).where(_values(scope), col(Quarantined.quarantine_id) == quarantine_id)
    return (await session.execute(query.with_for_update() if lock else query)).scalars().first()


async def newest_file_with(session: AsyncSession, scope: Scope, quarantine_id: UUID) -> Upload | None:
    """The last file that held what was refused; none where it came by another road, or its file was forgotten."""
    holds = sa.select(col(UploadRow.upload_id)).where(col(UploadRow.quarantine_id) == quarantine_id)
    query = sa.select(Upload).where(_values(scope), col(Upload.upload_id).in_(holds)).order_by(col(Upload.at).desc())
    return (await session.execute(query.limit(1))).scalars().first()


async def records_of(session: AsyncSession, scope: Scope, child_id: UUID) -> list[Around]:
    """The newest records of one child, for whoever settles what was refused of it."""
    query = (
        sa.select(col(WorkRow.assessment_id), col(WorkRow.kind), col(WorkRow.started_on))
        .where(_values(scope), col(WorkRow.child_id) == child_id, col(WorkRow.withdrawn_at).is_(None))
        .order_by(col(WorkRow.started_on).desc(), col(WorkRow.kind))
    )
    return [Around(*row) for row in await session.execute(query.limit(MOST_AROUND))]


async def unmatched(session: AsyncSession, scope: Scope, page: int, kind: str | None = None) -> Listed[Unmatched]:
    """Workers and teams that the directory lacks, or those of one kind; those of most cases first."""
    if not sees_values(scope):
        return Listed([], 0, page)
    query = sa.text(
        "SELECT spelling.kind, spelling.stand_in, spelling.shown, count(*) AS cases, spelling.first_seen_at "  # noqa: S608 - what is put into it is our own
        f"FROM spelling JOIN {staff.UNMATCHED} AS named "
        "ON named.key = spelling.kind || ':' || spelling.stand_in WHERE spelling.stands_for IS NULL "
        "AND (CAST(:kind AS text) IS NULL OR spelling.kind = :kind) GROUP BY 1, 2, 3, 5 ORDER BY cases DESC, shown"
    )
    rows = [Unmatched(*row) for row in await session.execute(query, {"kind": kind})]
    return Listed(rows[(page - 1) * PAGE : page * PAGE], len(rows), page)


async def unmatched_counts(session: AsyncSession, scope: Scope) -> Mapping[str, int]:
    """How many workers and teams the directory lacks; counts only, for whoever runs or watches the system."""
    found = {"worker": 0, "team": 0}
    if not scope.has(*SEES_VALUES, Role.ADMINISTRATOR):
        return found
    query = sa.text(
        "SELECT spelling.kind, count(DISTINCT named.key) "  # noqa: S608 - what is put into it is our own
        f"FROM spelling JOIN {staff.UNMATCHED} AS named "
        "ON named.key = spelling.kind || ':' || spelling.stand_in WHERE spelling.stands_for IS NULL GROUP BY 1"
    )
    return found | {str(kind): int(count) for kind, count in await session.execute(query)}


async def spelling(session: AsyncSession, scope: Scope, kind: str, stand_in: str) -> SpellingRow | None:
    """One of them, locked, for it is about to be resolved."""
    query = sa.select(SpellingRow).where(
        _values(scope), col(SpellingRow.kind) == kind, col(SpellingRow.stand_in) == stand_in
    )
    return (await session.execute(query.with_for_update())).scalars().first()


async def spellings_of(session: AsyncSession, scope: Scope, unmatched: Sequence[str]) -> list[str]:
    """How cases name the workers and teams behind these keys (`worker:…`, `team:…`)."""
    keys = [tuple(key.split(":", 1)) for key in unmatched]
    query = sa.select(col(SpellingRow.shown)).where(
        _values(scope), sa.tuple_(col(SpellingRow.kind), col(SpellingRow.stand_in)).in_(keys)
    )
    return list((await session.execute(query.order_by(col(SpellingRow.shown)))).scalars())


async def directory_choices(session: AsyncSession, scope: Scope) -> Mapping[str, list[tuple[str, str]]]:
    """Whom an unmatched worker or team may stand for: everybody of the directory, by name."""
    if not sees_values(scope):
        return {"worker": [], "team": []}
    people = await session.execute(sa.select(PERSON.c.person_id, PERSON.c.name).order_by(PERSON.c.name))
    teams = await session.execute(sa.select(TEAM.c.team_id, TEAM.c.name).order_by(TEAM.c.name))
    return {"worker": [_choice(row) for row in people], "team": [_choice(row) for row in teams]}


async def story(session: AsyncSession, scope: Scope, assessment_id: UUID) -> Story | None:
    """What arrived of one assessment, when, from where, and what changed."""
    work = await session.get(WorkRow, assessment_id) if sees_values(scope) else None
    if work is None:
        return None
    changes = sa.select(ChangeRow).where(col(ChangeRow.assessment_id) == assessment_id)
    case_id = await session.execute(sa.select(col(Child.case_id)).where(col(Child.child_id) == work.child_id))
    aliases = sa.text("SELECT road, sender_id FROM alias WHERE assessment_id = :id ORDER BY road, sender_id")
    return Story(
        work=work,
        case_id=case_id.scalar(),
        changes=(await session.execute(changes.order_by(col(ChangeRow.change_id).desc()))).scalars().all(),
        other_ids=[(row.road, row.sender_id) for row in await session.execute(aliases, {"id": assessment_id})],
    )


def _choice(row: sa.Row[str, str]) -> tuple[str, str]:
    return str(row[0]), f"{row[1]} ({row[0]})"


def _values(scope: Scope) -> sa.ColumnElement[bool]:
    return sa.true() if sees_values(scope) else sa.false()


def _rows_of(scope: Scope, upload_id: UUID) -> sa.Select[UploadRow]:
    query = sa.select(UploadRow).where(_values(scope), col(UploadRow.upload_id) == upload_id)
    return query.order_by(col(UploadRow.sheet), col(UploadRow.row))


async def _listed(session: AsyncSession, query: sa.Select[Item], page: int) -> Listed[Item]:
    total = (
        await session.execute(sa.select(sa.func.count()).select_from(query.order_by(None).subquery()))
    ).scalar_one()
    items = (await session.execute(query.limit(PAGE).offset((page - 1) * PAGE))).scalars().all()
    return Listed(items, int(total), page)
