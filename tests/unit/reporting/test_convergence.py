"""Topics arrive in any order, and some things twice: the figures are the same in the end."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.domain.facts import ThemeFact
from services.reporting.domain.figures import by_theme, compute
from shared.events import Event
from tests.unit.reporting.histories import (
    PROGRAMME,
    a_closed_loop,
    an_action,
    an_amendment,
    an_audit,
    facts_of,
)

LATER = datetime(2026, 11, 20, 9, tzinfo=UTC)
THEMES = (ThemeFact(PROGRAMME, "neglect", "Neglect", 12), ThemeFact(PROGRAMME, "risk", "Risk", 5))


def a_history() -> list[Event]:
    """Twelve audits, nine with an action at one stage or another, two loops closed, one audit amended."""
    events: list[Event] = []
    for number in range(12):
        events += an_audit(number, theme=("neglect", "risk")[number % 2], rag=("red", "amber", "green")[number % 3])
    for number, until in enumerate(("verified", "raised", "reported", "returned", "verified")):
        events += an_action(number, until=until, in_time=number == 0)
    return [*events, a_closed_loop(0), a_closed_loop(4), an_amendment(5, "green", "risk")]


@st.composite
def interleavings(draw: st.DrawFn) -> list[Event]:
    """The history with each topic's keys in order and everything else in any order."""
    queues: dict[tuple[str, str], deque[Event]] = defaultdict(deque)
    for event in a_history():
        queues[event.topic, event.key].append(event)
    told: list[Event] = []
    while queues:
        key = draw(st.sampled_from(sorted(queues)))
        told.append(queues[key].popleft())
        if not queues[key]:
            del queues[key]
    return told


@settings(max_examples=60, deadline=None)
@given(interleavings())
def test_figures_are_the_same_whatever_order_the_topics_arrive_in(told: list[Event]) -> None:
    expected, seen = facts_of(a_history(), LATER, THEMES), facts_of(told, LATER, THEMES)
    assert compute(seen) == compute(expected)
    assert by_theme(seen) == by_theme(expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_older_version_that_comes_back_overwrites_nothing(data: st.DataObject) -> None:
    """A letter replayed late, a compacted topic read again: what is older than the row is let go."""
    history = a_history()
    newest: dict[object, int] = {}
    for event in history:
        newest[event.topic, event.key, getattr(event, "action_id", None)] = event.version
    stale = [
        event for event in history if event.version < newest[event.topic, event.key, getattr(event, "action_id", None)]
    ]
    again = data.draw(st.lists(st.sampled_from(stale), max_size=20))
    assert compute(facts_of([*history, *again], LATER)) == compute(facts_of(history, LATER))


def test_an_action_verified_before_its_audit_is_known_counts_once_both_are_here() -> None:
    action, audit = an_action(1), an_audit(1)
    early = compute(facts_of(action, LATER))
    both = compute(facts_of([*action, *audit], LATER))
    assert early["actions_verified"].value == both["actions_verified"].value == 1
    assert (early["audits_completed"].value, both["audits_completed"].value) == (0, 1)
