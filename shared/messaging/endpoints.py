"""What programs ask a service: is it alive, is it ready, what does it hear and say, what could it not take or say."""

from __future__ import annotations

from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Form, HTTPException, Path
from fastapi.responses import JSONResponse
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access import CurrentScope, Role, allow, trail
from shared.events import Event
from shared.messaging import dead_letters, stuck
from shared.messaging.asyncapi import describe
from shared.messaging.broker import hung, is_connected
from shared.messaging.consumer import TIME_LIMIT_SECONDS, Consumer, StillFailsError
from shared.messaging.routing import EventRouter
from shared.messaging.unit_of_work import Reading, Work

Reason = Annotated[str, Form(min_length=1, max_length=500)]
OutboxId = Annotated[int, Path(ge=1, lt=2**63)]
PING_SECONDS = 2.0
HUNG_SECONDS = 2 * TIME_LIMIT_SECONDS
VERSION = "1"


class Running(Protocol):
    """What of a service is needed here."""

    name: str
    engine: AsyncEngine
    broker: KafkaBroker
    consumers: list[Consumer]
    events: EventRouter
    says: tuple[type[Event], ...]

    @property
    def is_started(self) -> bool: ...
    @property
    def ended(self) -> list[str]: ...


def system_router(service: Running) -> APIRouter:
    """Health and the AsyncAPI document."""
    system = APIRouter(include_in_schema=False)

    @system.get("/health/live")
    async def live() -> JSONResponse:
        dead = [*hung(service.broker, service.consumers, HUNG_SECONDS), *service.ended]
        return JSONResponse({"live": not dead, "hung": dead}, 503 if dead else 200)

    @system.get("/health/ready")
    async def ready() -> JSONResponse:
        parts = {
            "database": await _answers(service.engine),
            "kafka": service.is_started and await is_connected(service.broker, PING_SECONDS),
            "consumers": not any(consumer.stopped for consumer in service.consumers),
        }
        return JSONResponse({"ready": all(parts.values()), **parts}, 200 if all(parts.values()) else 503)

    @system.get(f"/{service.name}/asyncapi.json")
    async def asyncapi() -> JSONResponse:
        return JSONResponse(describe(service.broker, service.events, service.says, VERSION))

    return system


def letters_router(service: Running) -> APIRouter:
    """Dead letters, for administrators: places and reasons, never values."""
    letters = APIRouter(prefix=f"/{service.name}/dead-letters", dependencies=[allow(Role.ADMINISTRATOR)])

    @letters.get(".json")
    async def listed(session: Reading) -> list[dead_letters.Letter]:
        return await dead_letters.open_letters(session)

    @letters.post("/{letter}/replay")
    async def replay(letter: UUID, scope: CurrentScope, why: Reason) -> JSONResponse:
        return await _settle(letter, dead_letters.REPLAYED, scope.person_id, why)

    @letters.post("/{letter}/dismiss")
    async def dismiss(letter: UUID, scope: CurrentScope, why: Reason) -> JSONResponse:
        return await _settle(letter, dead_letters.DISMISSED, scope.person_id, why)

    async def _settle(letter: UUID, how: str, by: str, why: str) -> JSONResponse:
        try:
            for consumer in service.consumers:
                if await consumer.settle(letter, how=how, by=by, why=why):
                    return JSONResponse({"settled": how})
        except StillFailsError as error:
            return JSONResponse({"refused": f"it still fails: {error}"}, 409)
        raise HTTPException(404)

    return letters


def outbox_router(service: Running, source: str) -> APIRouter:
    """What Kafka refuses of what the service says, for administrators: places and types, never values."""
    outbox = APIRouter(prefix=f"/{service.name}/outbox", dependencies=[allow(Role.ADMINISTRATOR)])

    @outbox.get(".json")
    async def listed(session: Reading) -> list[stuck.Stuck]:
        return await stuck.stuck_events(session)

    @outbox.post("/{outbox_id}/retry")
    async def retry(outbox_id: OutboxId, work: Work, scope: CurrentScope, why: Reason) -> JSONResponse:
        if not await stuck.retry(work.session, outbox_id):
            raise HTTPException(404)
        await trail.record(work.session, scope, "outbox_retried", outbox_id, why)
        return JSONResponse({"settled": "retried"})

    @outbox.post("/{outbox_id}/give-up")
    async def give_up(outbox_id: OutboxId, work: Work, scope: CurrentScope, why: Reason) -> JSONResponse:
        if not await stuck.give_up(work.session, outbox_id, source, scope.person_id, why):
            raise HTTPException(404)
        await trail.record(work.session, scope, "outbox_given_up", outbox_id, why)
        return JSONResponse({"settled": "given up"})

    return outbox


async def _answers(engine: AsyncEngine) -> bool:
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception:
        return False
    return True
