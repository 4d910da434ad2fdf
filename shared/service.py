"""How a service is put together: one call, four times.

`create_service` gives a FastAPI application its pages, its access rules, its consumers, its relay and its ticker. It
starts and serves pages while Kafka or PostgreSQL is away, and says that it is not ready.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import observability, web
from shared.access.people import record_people
from shared.clock import Clock, SystemClock
from shared.db import create_engine
from shared.events import Event, PersonRecorded, TeamRecorded
from shared.messaging import EventRouter, Listener, consumes
from shared.messaging.broker import build_broker, keep_measuring, keep_started, stop
from shared.messaging.consumer import Consumer
from shared.messaging.endpoints import letters_router, outbox_router, system_router
from shared.messaging.relay import Relay
from shared.messaging.ticker import Ticker
from shared.web.forms import MOST_BYTES

log = structlog.get_logger()


def _shared(name: str) -> AliasChoices:
    return AliasChoices(f"CASELOOP_{name.upper()}", name)


class ServiceSettings(BaseSettings):
    """What every service may be told: with the prefix CASELOOP_, but for its own database's address."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = "postgresql+asyncpg://127.0.0.1:5432/caseloop"
    """Under the service's own prefix. The login role's search_path is the service's schema."""
    kafka: str = Field(default="127.0.0.1:9092", validation_alias=_shared("kafka"))
    council: str = Field(default="999", pattern=r"^\d{3}$", validation_alias=_shared("council"))
    council_name: str = Field(default="", validation_alias=_shared("council_name"))
    """How pages name the council; its code where nothing is set."""
    session_key_file: Path = Field(default=Path(".caseloop/session.key"), validation_alias=_shared("session_key_file"))
    pseudonym_key_file: Path = Field(
        default=Path(".caseloop/pseudonym.key"), validation_alias=_shared("pseudonym_key_file")
    )
    origin: str = Field(default="http://127.0.0.1:8080", validation_alias=_shared("origin"))
    case_link: str = Field(default="", validation_alias=_shared("case_link"))
    """Where a case is in the case management system, with `{case_id}` in it."""
    local_sign_in: bool = Field(default=False, validation_alias=_shared("local_sign_in"))
    local_sign_in_anywhere: bool = Field(default=False, validation_alias=_shared("local_sign_in_anywhere"))
    otlp_endpoint: str | None = Field(default=None, validation_alias=_shared("otlp_endpoint"))


YOUNG_OBJECTS = 50_000
"""So many are made between two rounds of the collector; a tenth of the hot path's time went to it with Python's 700."""


def is_loopback(origin: str) -> bool:
    """Whether only this machine can reach the origin."""
    host = urlsplit(origin).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass
class Service:
    """What runs beside the pages, kept at `app.state.service`."""

    name: str
    settings: ServiceSettings
    engine: AsyncEngine
    clock: Clock
    live: Listener
    broker: KafkaBroker
    consumers: list[Consumer]
    relay: Relay
    ticker: Ticker
    events: EventRouter
    says: tuple[type[Event], ...]
    started: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def is_started(self) -> bool:
        """Whether the consumers have joined Kafka."""
        return self.started.is_set()

    @property
    def ended(self) -> list[str]:
        """What should run as long as the process does, and has ended."""
        return [task.get_name() for task in self.tasks if task.done() and not task.get_name().endswith(".start")]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run relay, ticker, listener and consumers in the background, whatever is down."""
        self.tasks = [
            asyncio.create_task(work, name=f"{self.name}.{what}")
            for what, work in {
                "live": self.live.run(),
                "relay": self.relay.run(),
                "ticker": self.ticker.run(),
                "start": keep_started(self.broker, self.started),
                "lag": keep_measuring(self.broker),
            }.items()
        ]
        settle_memory()
        try:
            yield
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await stop(self.broker)
            with suppress(Exception):
                await asyncio.gather(self.relay.lease.give_up(), self.ticker.lease.give_up())
            await self.engine.dispose()


def settle_memory() -> None:
    """Once everything is started: what was made stays for good, and the collector need not look at it again.

    Rounds come seldom, too: a batch makes thousands of objects and leaves none of them in a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def create_service(
    *,
    name: str,
    settings: ServiceSettings,
    events: EventRouter,
    routers: Iterable[APIRouter],
    templates: Path | None = None,
    says: Iterable[type[Event]] = (),
    owns_people: bool = False,
    machine_paths: tuple[str, ...] = (),
    clock: Clock | None = None,
) -> FastAPI:
    """One service as an application.

    `says` are the events that it publishes, for its AsyncAPI document. `owns_people` is intake's alone: the others
    fold people from the topic. `machine_paths` take posts from programs that hold a credential of their own.
    """
    observability.configure_logs(name)
    registry = CollectorRegistry()
    router = with_people(events) if not owns_people else events
    service = _assemble(name, settings, router, tuple(says), registry, clock or SystemClock())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title=f"Caseloop {name}",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"/{name}/openapi.json",
        max_body_size=MOST_BYTES,
    )
    app.state.service = service
    app.include_router(system_router(service))
    app.include_router(letters_router(service))
    app.include_router(outbox_router(service, service.relay.source))
    for one in routers:
        app.include_router(one)
    web.install(
        app,
        templates=templates,
        council=settings.council_name or f"Council {settings.council}",
        origin=settings.origin,
        machine_paths=machine_paths,
    )
    observability.install(app, name, registry=registry, otlp_endpoint=settings.otlp_endpoint)
    return app


def _assemble(
    name: str,
    settings: ServiceSettings,
    router: EventRouter,
    says: tuple[type[Event], ...],
    registry: CollectorRegistry,
    clock: Clock,
) -> Service:
    engine = create_engine(settings.database_url, name=f"caseloop-{name}")
    live = Listener(settings.database_url, name)
    broker, consumers = build_broker(router, engine, settings.kafka, registry)
    source = f"caseloop/{settings.council}/{name}"
    relay = Relay(name, engine, settings.kafka, source, live)
    ticker = Ticker(engine, router, clock)
    return Service(name, settings, engine, clock, live, broker, consumers, relay, ticker, router, says)


def with_people(events: EventRouter) -> EventRouter:
    """The service's router with a consumer of its own that keeps people and teams."""
    router = EventRouter(events.service, list(events.subscriptions), list(events.days), list(events.ticks))
    consumes(router, PersonRecorded, TeamRecorded, suffix="people")(record_people)
    return router
