"""Takes in a file of staff: every person and team that a row changed is told once, with all its changes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.intake import quarantine, uploads
from services.intake.csv_file import read_csv
from services.intake.domain import annex_a, staff_file
from services.intake.domain.annex_a import Sheet
from services.intake.domain.refusal import Refusal
from services.intake.domain.staff_file import Entry, StaffRow
from services.intake.models import UploadRow
from services.intake.quarantine import Arrival
from services.intake.recording import Keys
from services.intake.uploads import Given, Taken
from services.intake.workbook import is_text, read_folder, read_workbook
from shared.access import people
from shared.db import sessions
from shared.events import PersonRecorded, Role, TeamRecorded
from shared.messaging import outbox

ROAD = "staff"


@dataclass
class Staff:
    """The directory while a file is taken in: what stands, and what the file has changed in it."""

    given: Given
    may_give_roles: bool
    people: dict[str, PersonRecorded] = field(default_factory=dict)
    teams: dict[str, TeamRecorded] = field(default_factory=dict)
    listed: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The teams in which the file has each worker now: it gives no end."""
    changed: set[str] = field(default_factory=set)

    def take(self, entry: Entry) -> bool:
        """Take one row into account; whether it changed anything."""
        before = len(self.changed)
        team_changed = self._take_team(entry)
        person_changed = self._take_person(entry)
        return team_changed or person_changed or len(self.changed) > before

    def _take_team(self, entry: Entry) -> bool:
        if entry.team_id is None:
            return False
        known = self.teams.get(entry.team_id)
        name = entry.team_name or (known.name if known else entry.team_id)
        kind = staff_file.kind_of(entry.team_kind, name) if known is None or entry.team_kind else known.kind
        # A department column beside a worker is the worker's; a team's own row says which service it belongs to.
        service = entry.service if entry.worker_id is None and entry.service else (known.service if known else "")
        made = TeamRecorded(
            occurred_at=self.given.at,
            team_id=entry.team_id,
            name=name,
            kind=kind,
            service=service or entry.service or "",
        )
        return self._keep(self.teams, entry.team_id, made)

    def _take_person(self, entry: Entry) -> bool:
        if entry.worker_id is None:
            return False
        known = self.people.get(entry.worker_id)
        before = known or PersonRecorded(occurred_at=self.given.at, person_id=entry.worker_id, name=entry.worker_id)
        role = self._role(entry, is_new=known is None)
        listed = self.listed.get(entry.worker_id, ())
        teams = staff_file.moved(before.teams, entry, self.given.as_of, listed)
        left = staff_file.standing(before.teams, self.given.as_of) - staff_file.standing(teams, self.given.as_of)
        manages = {*before.manages} - left
        if role == Role.TEAM_MANAGER and entry.team_id is not None:
            manages.add(entry.team_id)
        lost = {*before.manages} - manages
        made = structs.replace(
            before,
            occurred_at=self.given.at,
            name=entry.name or before.name,
            email=entry.email or before.email,
            roles=tuple(sorted({*before.roles, *([role] if role else [])})),
            teams=teams,
            manages=tuple(sorted(manages)),
            epoch=before.epoch + bool(lost),
        )
        return self._keep(self.people, entry.worker_id, made)

    def _role(self, entry: Entry, *, is_new: bool) -> str | None:
        """What the row makes somebody; a time in a team that is over, or has not begun, makes nobody its manager."""
        role = staff_file.role_of(entry.role)
        if role is None or not self.may_give_roles or not entry.stands_on(self.given.as_of):
            return Role.PRACTITIONER.value if is_new or role == Role.PRACTITIONER else None
        return role

    def _keep(
        self, held: dict[str, PersonRecorded] | dict[str, TeamRecorded], key: str, made: PersonRecorded | TeamRecorded
    ) -> bool:
        known = held.get(key)
        same = {"occurred_at": made.occurred_at, "version": made.version}
        if known is not None and structs.replace(known, **same) == structs.replace(made, **same):
            return False
        version = (known.version if known else 0) + (0 if made.key in self.changed else 1)
        held[key] = structs.replace(made, version=version)  # type: ignore[assignment]
        self.changed.add(made.key)
        return True

    def events(self) -> list[PersonRecorded | TeamRecorded]:
        """Everybody and every team that changed, once."""
        everything: list[PersonRecorded | TeamRecorded] = [*self.teams.values(), *self.people.values()]
        return [each for each in everything if each.key in self.changed]


async def import_staff(
    engine: AsyncEngine, keys: Keys, given: Given, taken: Taken, path: Path, *, may_give_roles: bool
) -> None:
    """Import the file; FileRefusedError, with nothing taken, where it names neither workers nor teams."""
    rows, notes = await asyncio.to_thread(_read, path, given)
    await uploads.opened(engine, taken, len(rows), notes)
    async with sessions(engine)() as session, session.begin():
        # One at a time, over all people, as changes by hand are.
        await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('intake.people'))"))
        staff = await _standing(session, given, may_give_roles)
        staff.listed = _listed(rows)
        outcomes = [row.read if isinstance(row.read, Refusal) else staff.take(row.read) for row in rows]
        await _note(session, keys[1], given, taken, list(zip(rows, outcomes, strict=True)))
        await people.record_people(staff.events(), session)
        await outbox.store(session, staff.events())


def _read(path: Path, given: Given) -> tuple[list[StaffRow], list[str]]:
    sheets = _sheets(path, given.filename)
    return list(staff_file.rows(sheets, given.as_of)), annex_a.oddities(sheets)


def _listed(rows: Sequence[StaffRow]) -> dict[str, set[str]]:
    listed: dict[str, set[str]] = defaultdict(set)
    for entry in (row.read for row in rows):
        if isinstance(entry, Entry) and entry.worker_id and entry.team_id and entry.until is None:
            listed[entry.worker_id].add(entry.team_id)
    return listed


def _sheets(path: Path, filename: str) -> Sequence[Sheet]:
    folder = read_folder(path)
    if folder is not None:
        return folder
    if is_text(path, filename):
        return [read_csv(path, filename)]
    return read_workbook(path)


async def _standing(session: AsyncSession, given: Given, may_give_roles: bool) -> Staff:
    staff = Staff(given, may_give_roles)
    for person in await people.people(session, active_only=False):
        staff.people[person.person_id] = _recorded(person, given.at)
    for team in await people.teams(session):
        staff.teams[team.team_id] = TeamRecorded(
            occurred_at=given.at,
            version=team.version,
            team_id=team.team_id,
            name=team.name,
            kind=team.kind,
            service=team.service,
        )
    return staff


def _recorded(person: people.Person, at: datetime) -> PersonRecorded:
    return PersonRecorded(
        occurred_at=at,
        version=person.version,
        person_id=person.person_id,
        name=person.name,
        email=person.email,
        roles=tuple(sorted(person.roles)),
        teams=person.memberships,
        manages=tuple(sorted(person.manages)),
        services=tuple(sorted(person.services)),
        active=person.active,
        epoch=person.epoch,
    )


async def _note(
    session: AsyncSession,
    key: bytes,
    given: Given,
    taken: Taken,
    outcomes: Sequence[tuple[StaffRow, bool | Refusal]],
) -> None:
    refused = [(row, outcome) for row, outcome in outcomes if isinstance(outcome, Refusal)]
    arrivals = [_arrival(row, refusal, given) for row, refusal in refused]
    fresh = await quarantine.keep(session, key, arrivals)
    kept = iter(zip(arrivals, fresh, strict=True))
    taken.counts.update({"quarantined": sum(fresh), "duplicate": len(fresh) - sum(fresh)})
    for row, outcome in outcomes:
        refusal = outcome if isinstance(outcome, Refusal) else None
        word = "accepted" if outcome else "duplicate"
        quarantine_id = None
        if refusal is None:
            taken.counts[word] += 1
        else:
            arrival, is_fresh = next(kept)
            quarantine_id = quarantine.id_of(key, arrival)
            word = "quarantined" if is_fresh else "duplicate"
        session.add(
            UploadRow(
                upload_id=taken.upload_id,
                sheet=row.sheet,
                row=row.number,
                outcome=word,
                column=row.headers.get(refusal.field, refusal.field) if refusal else None,
                reason=refusal.sentence if refusal else None,
                quarantine_id=quarantine_id,
            )
        )


def _arrival(row: StaffRow, refusal: Refusal, given: Given) -> Arrival:
    return Arrival(
        road=ROAD,
        sender=given.by,
        refusal=refusal,
        content=uploads.content_of((row.sheet, *sorted(row.cells.items()))),
        came_at=given.at,
        place={"sheet": row.sheet, "row": row.number, "column": row.headers.get(refusal.field, refusal.field)},
        as_of=given.as_of,
    )
