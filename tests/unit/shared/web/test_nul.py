"""NUL in what a program sends: refused with a word, however it is cut into parts; what only looks like it is let by."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from httpx import ASGITransport, AsyncClient
from starlette.responses import JSONResponse, Response

from shared.web.nul import install_nul

JSON = {"content-type": "application/json"}


def application() -> FastAPI:
    app = FastAPI()

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": error.detail}, status_code=error.status_code)

    @app.post("/read")
    async def read(body: dict[str, Any]) -> dict[str, Any]:
        return body

    @app.post("/machine/read")
    async def held(request: Request) -> int:
        return len(await request.body())

    @app.post("/form")
    async def form(request: Request) -> int:
        return len(await request.body())

    install_nul(app, ("/machine/",))
    return app


async def sent(parts: Sequence[bytes], path: str = "/read", headers: dict[str, str] = JSON) -> int:
    """The status of the answer to a body that comes in these parts."""

    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async with AsyncClient(transport=ASGITransport(app=application()), base_url="http://caseloop.test") as client:
        return (await client.post(path, content=body(), headers=headers)).status_code


def in_two(body: bytes) -> list[list[bytes]]:
    return [[body[:at], body[at:]] for at in range(len(body) + 1)]


@pytest.mark.parametrize("said", ["\x00", "a\x00b", "\\\x00", "\\\\\x00", "0u\x00"])
async def test_a_nul_is_refused_wherever_the_body_is_cut(said: str) -> None:
    assert {await sent(parts) for parts in in_two(json.dumps({"a": said}).encode())} == {422}


@pytest.mark.parametrize("said", ["\\u0000", "\\\\u0000", "\\", "u0000", "\x01", "\\\\"])
async def test_what_only_looks_like_one_is_let_by_wherever_it_is_cut(said: str) -> None:
    assert {await sent(parts) for parts in in_two(json.dumps({"a": said}).encode())} == {200}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-32"])
async def test_a_nul_is_refused_in_every_encoding_that_json_has(encoding: str) -> None:
    assert await sent([json.dumps({"a": "\x00"}).encode(encoding)]) == 422


async def test_a_body_of_backslashes_alone_is_read_in_no_time() -> None:
    assert await sent([b'{"a": "' + b"\\" * 65536, b"\\" * 65536 + b'\\u0000"}']) == 422


async def test_rows_from_outside_are_left_to_whoever_holds_each_of_them() -> None:
    assert await sent([json.dumps({"a": "\x00"}).encode()], "/machine/read") == 200


async def test_a_form_is_left_alone() -> None:
    assert await sent([b"a=\\u0000"], "/form", {"content-type": "application/x-www-form-urlencoded"}) == 200
