"""What audit does because time passes: a first programme is opened, a day turns, through the service's own router."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from shared.db import sessions
from shared.events import AssessmentRecorded, CaseSampled, DayOpened, Event, ProgrammeOpened, ThemeWeekClosed
from tests.service.audit.playing import MORNING, audits, monday, of_type
from tests.support.delivery import deliver, open_day, record_of
from tests.unit.audit.council import case, source


async def first_programme(engine: AsyncEngine) -> list[Event]:
    async with sessions(engine)() as session, session.begin():
        return await handlers.open_first_programme(MORNING, session)


async def test_the_programme_of_the_settings_is_opened_once(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await first_programme(engine) == []
    file = tmp_path / "programme.yaml"
    file.write_text(source())
    (tmp_path / "seed").write_text("s" * 40)
    monkeypatch.setenv("AUDIT_PROGRAMME_FILE", str(file))
    monkeypatch.setenv("AUDIT_SEED_FILE", str(tmp_path / "seed"))
    assert len(of_type(await first_programme(engine), ProgrammeOpened)) == 1
    assert await first_programme(engine) == []


async def test_a_programme_file_that_is_wrong_is_said_and_tried_again(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "programme.yaml"
    monkeypatch.setenv("AUDIT_PROGRAMME_FILE", str(file))
    file.write_text(source(weeks="0"))
    assert await first_programme(engine) == []
    file.write_text(source())
    assert of_type(await first_programme(engine), ProgrammeOpened)


async def test_a_redelivered_record_changes_nothing_on_the_real_road(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "programme.yaml").write_text(source().replace("expected_a_week: 60", "expected_a_week: 7.25"))
    monkeypatch.setenv("AUDIT_PROGRAMME_FILE", str(tmp_path / "programme.yaml"))
    await first_programme(engine)
    work: list[AssessmentRecorded] = [case(f"case {number}") for number in range(5)]
    first = await deliver(engine, handlers.router, *work)
    again = await deliver(engine, handlers.router, *work)
    assert len(of_type(first, CaseSampled)) == 5
    assert again == []
    assert len(await audits(engine)) == 5
    assert record_of(work[0]).topic == "caseloop.assessments.v1"
    closed = await open_day(engine, handlers.router, DayOpened(occurred_at=MORNING, day=monday(2)))
    assert len(of_type(closed, ThemeWeekClosed)) == 5
