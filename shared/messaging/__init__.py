"""Messages between services, written once: effects, inbox and outbox in one transaction; only the relay publishes."""

from shared.messaging.consumer import Consumer, Subscription
from shared.messaging.live import Listener, Note, notify, telling
from shared.messaging.routing import EventRouter, consumes, every, on_day
from shared.messaging.unit_of_work import Reading, UnitOfWork, Work

__all__ = [
    "Consumer",
    "EventRouter",
    "Listener",
    "Note",
    "Reading",
    "Subscription",
    "UnitOfWork",
    "Work",
    "consumes",
    "every",
    "notify",
    "on_day",
    "telling",
]
