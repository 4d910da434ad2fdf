"""What is logged as a fault of ours: whatever nobody caught, but not that a client hung up."""

import structlog
from fastapi import FastAPI, Request
from starlette.types import Message
from structlog.testing import capture_logs

from shared.web.errors import Faults

POST = {"type": "http", "method": "POST", "path": "/read", "headers": [], "query_string": b"", "http_version": "1.1"}


def application() -> FastAPI:
    """One that reads what is sent."""
    app = FastAPI()
    app.add_middleware(Faults)

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    return app


async def test_a_client_that_hangs_up_while_it_sends_is_no_fault_and_gets_no_answer() -> None:
    answered: list[Message] = []

    async def hangs_up() -> Message:
        return {"type": "http.disconnect"}

    async def answer(message: Message) -> None:
        answered.append(message)

    structlog.reset_defaults()
    with capture_logs() as logged:
        await application()(dict(POST), hangs_up, answer)
    assert logged == []
    assert answered == []
