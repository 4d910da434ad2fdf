"""Histories of audits and their actions, as their owners would tell them, and a board that folds them in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from msgspec import structs

from services.reporting.domain.facts import Facts, ThemeFact
from services.reporting.models import (
    Action,
    Audit,
    Concern,
    FoldedEvent,
    Loop,
    Projection,
    key_of,
    row_for,
)
from shared.events import (
    ActionExtended,
    ActionRaised,
    ActionReported,
    ActionReturned,
    ActionVerified,
    AuditAmended,
    AuditCompleted,
    CaseAllocated,
    CaseSampled,
    Event,
    LoopClosed,
)

SPACE = UUID("5d2b8f6a-3a57-4d5c-9f0e-6a2f5f2f7c11")
PROGRAMME = uuid5(SPACE, "programme")
MONDAY = date(2026, 11, 2)
MORNING = datetime(2026, 11, 2, 9, tzinfo=UTC)


def an_id(*parts: object) -> UUID:
    return uuid5(SPACE, "/".join(map(str, parts)))


def an_audit(
    number: int, *, theme: str = "neglect", rag: str = "amber", age: int = 3, by_hand: bool = False
) -> list[Event]:
    """A case sampled `age` days after its authorisation, allocated, and audited the day after."""
    audit_id = an_id("audit", number)
    about: dict[str, Any] = {
        "audit_id": audit_id,
        "assessment_id": an_id("assessment", number),
        "child_id": an_id("child", number),
        "programme_id": PROGRAMME,
        "theme_id": theme,
        "kind": "assessment",
        "sampled_on": MONDAY,
        "authorised_on": MONDAY - timedelta(days=age),
        "team_id": "team-north",
        "worker_id": f"worker-{number % 3}",
        "by_hand": by_hand,
    }
    return [
        CaseSampled(occurred_at=MORNING, version=1, week=1, priority=0.1, threshold=0.5, **about),
        CaseAllocated(
            occurred_at=MORNING, version=2, audit_id=audit_id, auditor_id="auditor-1", due_on=MONDAY + timedelta(days=3)
        ),
        AuditCompleted(
            occurred_at=MORNING + timedelta(days=1), version=3, auditor_id="auditor-1", grade=rag, rag=rag, **about
        ),
    ]


def an_amendment(number: int, rag: str, theme: str = "neglect") -> Event:
    """The audit was changed after completion."""
    completed = an_audit(number, theme=theme)[-1]
    assert isinstance(completed, AuditCompleted)
    changed = structs.asdict(completed) | {"version": 4, "grade": rag, "rag": rag}
    changed["occurred_at"] = MORNING + timedelta(days=9)
    return AuditAmended(amendment_id=an_id("amendment", number), **changed)


def an_action(number: int, *, until: str = "verified", in_time: bool = True) -> list[Event]:
    """An action of audit `number`, due at five on the fifth working day, taken as far as `until`."""
    audit_id, action_id = an_id("audit", number), an_id("action", number)
    due_on = MONDAY + timedelta(days=8)
    due_at = datetime(2026, 11, 10, 17, tzinfo=UTC)
    ids: dict[str, Any] = {"audit_id": audit_id, "action_id": action_id}
    life: list[tuple[str, Event]] = [
        (
            "raised",
            ActionRaised(
                occurred_at=MORNING + timedelta(days=1),
                version=1,
                finding_id=an_id("finding", number),
                child_id=an_id("child", number),
                programme_id=PROGRAMME,
                theme_id="neglect",
                auditor_id="auditor-1",
                owner_id=f"worker-{number % 3}",
                team_id="team-north",
                domain="voice",
                severity="medium",
                rag="amber",
                due_on=due_on,
                due_at=due_at,
                working_days=5,
                **ids,
            ),
        ),
        (
            "extended",
            ActionExtended(occurred_at=MORNING, version=2, by="manager-1", due_on=due_on, due_at=due_at, **ids),
        ),
        ("reported", ActionReported(occurred_at=MORNING + timedelta(days=3), version=3, by="worker-1", **ids)),
        ("returned", ActionReturned(occurred_at=MORNING + timedelta(days=4), version=4, by="auditor-1", **ids)),
        ("reported again", ActionReported(occurred_at=MORNING + timedelta(days=5), version=5, by="worker-1", **ids)),
        (
            "verified",
            ActionVerified(occurred_at=MORNING + timedelta(days=6), version=6, by="auditor-1", in_time=in_time, **ids),
        ),
    ]
    told = [name for name, _ in life]
    return [event for _, event in life[: told.index(until) + 1]]


def a_closed_loop(number: int) -> Event:
    """Every action of audit `number` is verified."""
    return LoopClosed(
        occurred_at=MORNING + timedelta(days=6),
        version=1,
        audit_id=an_id("audit", number),
        before="amber",
        after="green",
        working_days=4,
        actions=1,
    )


def fold(events: Iterable[Event]) -> dict[tuple[object, ...], Projection]:
    """What the projections hold after these events, in this order."""
    rows: dict[tuple[object, ...], Projection] = {}
    for event in events:
        assert isinstance(event, FoldedEvent)
        fresh = row_for(event)
        row = rows.setdefault((type(fresh).__name__, *key_of(fresh)), fresh)
        row.fold(event)
    return rows


def facts_of(events: Iterable[Event], at: datetime, themes: Sequence[ThemeFact] = ()) -> Facts:
    """The facts that figures are computed from, in the order of their ids as a query would give them."""
    rows = [row for _, row in sorted(fold(events).items(), key=lambda item: str(item[0]))]
    return Facts(
        at=at,
        audits=[audit for row in rows if isinstance(row, Audit) and (audit := row.fact()) is not None],
        actions=[action for row in rows if isinstance(row, Action) and (action := row.fact()) is not None],
        loops=[loop for row in rows if isinstance(row, Loop) and (loop := row.fact()) is not None],
        concerns=[concern for row in rows if isinstance(row, Concern) and (concern := row.fact()) is not None],
        themes=themes,
    )
