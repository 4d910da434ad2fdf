"""A council small enough to reason about: its programme and its finished work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from services.audit.domain.programme import Programme
from services.audit.domain.programme_file import read_programme
from shared.events import AssessmentRecorded

OPENS_ON = date(2026, 11, 23)
TEMPLATES = Path(__file__).parents[3] / "services" / "audit" / "programmes"


def source(**replaced: str) -> str:
    """The briefing's programme as YAML; each replacement is a key's line that gets another value."""
    text = (TEMPLATES / "near-live.yaml").read_text()
    for key, value in replaced.items():
        lines = [f"{key}: {value}" if line.startswith(f"{key}:") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    return text


def programme(text: str | None = None) -> Programme:
    """The briefing's programme, opened on a Monday."""
    return read_programme(text or source(), "999", OPENS_ON)


def identity(name: object) -> UUID:
    """An id that is the same in every run."""
    return uuid5(NAMESPACE_OID, str(name))


def case(name: object, kind: str = "assessment", day: date = OPENS_ON, **facts: object) -> AssessmentRecorded:
    """A finished piece of work, authorised the day before it came."""
    stated: Mapping[str, object] = {
        "occurred_at": datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
        "assessment_id": identity(name),
        "child_id": identity(f"child of {name}"),
        "council": "999",
        "kind": kind,
        "started_on": day - timedelta(days=40),
        "authorised_on": day - timedelta(days=1),
        "worker_id": "worker-1",
        "team_id": "assessment-north",
        "authorised_by": "manager-1",
        "source": "cms",
        **facts,
    }
    return msgspec.convert(stated, AssessmentRecorded)
