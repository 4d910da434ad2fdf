"""How a service says what it listens for: handlers are registered on its router, and wired by `create_service`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import DayOpened, Event
from shared.messaging.consumer import Handler, OnBad, Subscription

DayHandler = Callable[[DayOpened, AsyncSession], Awaitable[Sequence[Event]]]
TickHandler = Callable[[datetime, AsyncSession], Awaitable[Sequence[Event]]]
AnyHandler = TypeVar("AnyHandler", bound=Handler)
AnyDayHandler = TypeVar("AnyDayHandler", bound=DayHandler)
AnyTickHandler = TypeVar("AnyTickHandler", bound=TickHandler)


@dataclass(frozen=True)
class Tick:
    """Something that one replica does every so often."""

    name: str
    seconds: float
    handler: TickHandler


@dataclass
class EventRouter:
    """Everything one service listens for."""

    service: str
    subscriptions: list[Subscription] = field(default_factory=list)
    days: list[DayHandler] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


def consumes(
    router: EventRouter, *events: type[Event], on_bad: OnBad | None = None, suffix: str = ""
) -> Callable[[AnyHandler], AnyHandler]:
    """Register a handler for events of one topic. It gets each batch's fresh events in the order of their records.

    It returns the events that follow, and has no effect outside the session: a batch may be rolled back, halved and
    run again. A service has one consumer for a topic; a `suffix` makes another, which reads the topic on its own.
    """
    topics = {event.topic for event in events}
    if len(topics) != 1:
        raise ValueError(f"one consumer listens to one topic, not {len(topics)}")
    topic = topics.pop()
    name = f"{router.service}{'.' + suffix if suffix else ''}:{topic.value}"
    if any(known.name == name for known in router.subscriptions):
        raise ValueError(f"{name} is registered already")

    def register(handler: AnyHandler) -> AnyHandler:
        router.subscriptions.append(Subscription(topic, name, events, handler, on_bad))
        return handler

    return register


def on_day(router: EventRouter) -> Callable[[AnyDayHandler], AnyDayHandler]:
    """Register what happens once when a day begins in Europe/London."""

    def register(handler: AnyDayHandler) -> AnyDayHandler:
        router.days.append(handler)
        return handler

    return register


def every(router: EventRouter, *, seconds: float, name: str) -> Callable[[AnyTickHandler], AnyTickHandler]:
    """Register what one replica does every so many seconds, in a transaction of its own."""

    def register(handler: AnyTickHandler) -> AnyTickHandler:
        router.ticks.append(Tick(name, seconds, handler))
        return handler

    return register
