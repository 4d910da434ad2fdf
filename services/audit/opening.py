"""A programme is opened, or a new version of it brought into force, from the YAML that states it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit import frames, weeks
from services.audit.domain.programme import Programme
from services.audit.domain.programme_file import Problem, ProgrammeError, problem_at, read_programme
from services.audit.models import ProgrammeRow, ProgrammeState, ProgrammeVersion, ThemeRow
from services.audit.standings import in_force, parse_plan
from shared.access import people
from shared.events import Event, Grade, ProgrammeOpened, Theme
from shared.working_days import local_date


async def opened_with(session: AsyncSession, source: str, *, by: str) -> UUID | None:
    """The programme whose newest version is this very file, where this person opened it."""
    versions = (await session.execute(sa.select(ProgrammeVersion).order_by(col(ProgrammeVersion.number)))).scalars()
    newest = {version.programme_id: version for version in versions}
    same = (each.programme_id for each in newest.values() if (each.source, each.opened_by) == (source, by))
    return next(same, None)


async def open_programme(
    session: AsyncSession, source: str, *, council: str, secret: bytes | None, by: str, at: datetime
) -> tuple[Programme, list[Event]]:
    """Bring the programme of this file into force and open its first weeks. ProgrammeError says what is wrong, by line.

    `secret` is the deployment's own: the programme's seed is derived from it, or drawn at random where there is none.
    """
    plan = read_programme(source, council, local_date(at))
    if plan.source == "frame" and plan.version == 1:
        await _refuse_what_has_no_feed(session, plan, source, at)
    await _refuse_whom_nobody_knows(session, plan, source)
    # One programme is opened at a time: two first versions at once would otherwise both be new.
    await session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('audit/programme'))"))
    # Themes before the programme, the order in which a day turns.
    await in_force(session)
    row = await session.get(ProgrammeRow, plan.programme_id, with_for_update=True, populate_existing=True)
    if row is None:
        row = await _first(session, plan, secret, at)
    else:
        plan = read_programme(source, council, local_date(at), row.opens_on)
        await _next(session, row, plan)
    session.add(
        ProgrammeVersion(
            programme_id=plan.programme_id,
            number=plan.version,
            source=source,
            reason=plan.reason,
            opened_by=by,
            opened_at=at,
        )
    )
    await session.flush()
    happened: list[Event] = [_opened(row, plan, at)]
    for standing in await in_force(session):
        if standing.programme_id == plan.programme_id:
            happened += await weeks.turn_programme(session, standing, row.day, at)
    return plan, happened


async def _refuse_what_has_no_feed(session: AsyncSession, plan: Programme, source: str, at: datetime) -> None:
    """A programme over open cases needs some to be open now, and as many as it wants."""
    problems = []
    needed = " or ".join(plan.needs) or "open cases"
    sizes = await frames.sizes(session, plan, at)
    for position, theme in enumerate(plan.themes):
        size = sizes[theme.theme]
        if size == 0:
            why = f"no feed brings {needed}: nothing that this theme could take is open"
            problems.append(problem_at(source, ("themes", position, "eligible"), why))
        elif theme.target > size:
            why = f"{theme.target} audits from {size} open cases: lower the target or widen the rules"
            problems.append(problem_at(source, ("themes", position, "target"), why))
    if problems:
        raise ProgrammeError(problems)


async def _refuse_whom_nobody_knows(session: AsyncSession, plan: Programme, source: str) -> None:
    """Auditors and teams are people and teams of the directory: a misspelt id would wait for cases for ever."""
    persons = {person.person_id for person in await people.people(session)}
    teams = {team.team_id for team in await people.teams(session)}
    problems = []
    for at, auditor in enumerate(plan.auditors):
        if auditor.person not in persons:
            why = f"nobody of the directory has the id {auditor.person}: add them, or name somebody else"
            problems.append(problem_at(source, ("auditors", at, "person"), why))
        for team in sorted(auditor.conflicts.teams - teams):
            why = f"the directory has no team {team}"
            problems.append(problem_at(source, ("auditors", at, "conflicts", "teams"), why))
    if problems:
        raise ProgrammeError(problems)


async def _first(session: AsyncSession, plan: Programme, secret: bytes | None, at: datetime) -> ProgrammeRow:
    if plan.version != 1:
        raise ProgrammeError([Problem(1, "version: a programme that was never open starts with version 1")])
    if plan.opens_on < local_date(at):
        raise ProgrammeError([Problem(1, "opens_on: is in the past: what came before today was never sampled")])
    row = ProgrammeRow(
        programme_id=plan.programme_id,
        version=1,
        name=plan.name,
        opens_on=plan.opens_on,
        closes_on=plan.closes_on,
        body=plan.model_dump_json(by_alias=True),
        seed=_seed(plan, secret),
        day=local_date(at),
    )
    session.add(row)
    for position, theme in enumerate(plan.themes):
        session.add(
            ThemeRow(
                programme_id=plan.programme_id,
                theme_id=theme.theme,
                position=position,
                name=theme.name,
                target=theme.target,
            )
        )
    return row


def _seed(plan: Programme, secret: bytes | None) -> bytes:
    if secret is None:
        return secrets.token_bytes(32)
    return hmac.digest(secret, b"caseloop/seed/" + plan.programme_id.bytes, hashlib.sha256)


async def _next(session: AsyncSession, row: ProgrammeRow, plan: Programme) -> None:
    """A new version: it says why, keeps its first day and its themes, and changes targets from the next week on."""
    before = parse_plan(row.body)
    problems = list(_not_a_next_version(row, before, plan))
    if problems:
        raise ProgrammeError([Problem(1, problem) for problem in problems])
    row.version += 1
    row.name, row.closes_on = plan.name, plan.closes_on
    row.body = plan.model_dump_json(by_alias=True)
    for position, theme in enumerate(plan.themes):
        key = (plan.programme_id, theme.theme)
        kept = await session.get(ThemeRow, key, with_for_update=True, populate_existing=True)
        if kept is None:
            kept = ThemeRow(programme_id=plan.programme_id, theme_id=theme.theme, position=position, name="", target=1)
        kept.position, kept.name, kept.target = position, theme.name, theme.target
        session.add(kept)


def _not_a_next_version(row: ProgrammeRow, before: Programme, plan: Programme) -> list[str]:
    problems = []
    if row.state == ProgrammeState.CLOSED:
        problems.append("programme: this programme is over: open a new one under another name")
    if plan.version != before.version + 1:
        problems.append(f"version: version {before.version} is in force, so the next one is {before.version + 1}")
    if plan.reason is None:
        problems.append("reason: a new version says why it is needed")
    if plan.opens_on != before.opens_on:
        problems.append(f"opens_on: the programme opened on {before.opens_on.isoformat()} and keeps that day")
    gone = {theme.theme for theme in before.themes} - {theme.theme for theme in plan.themes}
    if gone:
        problems.append(f"themes: {', '.join(sorted(gone))} cannot be dropped: its audits stand")
    return problems


def _opened(row: ProgrammeRow, plan: Programme, at: datetime) -> ProgrammeOpened:
    return ProgrammeOpened(
        occurred_at=at,
        version=row.version,
        programme_id=plan.programme_id,
        name=plan.name,
        council=plan.council,
        opens_on=plan.opens_on,
        closes_on=plan.closes_on,
        themes=tuple(Theme(theme_id=theme.theme, name=theme.name, target=theme.target) for theme in plan.themes),
        scale=tuple(
            Grade(code=step.code, name=step.name, rank=rank, rag=step.rag) for rank, step in enumerate(plan.scale)
        ),
        auditors=tuple(auditor.person for auditor in plan.auditors),
        action_working_days=plan.remedial.working_days,
        red_action_working_days=plan.remedial.red_working_days,
        near_live_days=plan.near_live_days,
    )


async def known_programmes(session: AsyncSession) -> int:
    """How many programmes were ever opened here."""
    return int((await session.execute(sa.select(sa.func.count(col(ProgrammeRow.programme_id))))).scalar_one())
