"""A button pressed twice: the form as its page renders it, sent again, one after the other or at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

BOTH_WAYS = pytest.mark.parametrize("together", [False, True], ids=["one after the other", "at the same moment"])

Fields = Mapping[str, str | list[str]]
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Ready:
    """A browser before its form is sent: where to, and what is filled in."""

    browser: httpx.AsyncClient
    address: str
    fields: Mapping[str, str] | str


Arrange = Callable[[FastAPI, AsyncEngine], Awaitable[Ready]]


@dataclass
class _Forms(HTMLParser):
    """The hidden fields of each posting form of a page, by the address that it posts to."""

    page: str
    hidden: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._form: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = {}
            if given.get("method", "").lower() == "post":
                self.hidden[given.get("action") or self.page] = self._form
        elif tag == "input" and given.get("type") == "hidden":
            self._form[given["name"]] = given.get("value", "")


async def hidden_fields(browser: httpx.AsyncClient, page: str, address: str) -> dict[str, str]:
    """What the form that posts to `address` carries unseen on this page."""
    answer = await browser.get(page)
    assert answer.status_code == 200, (page, answer.status_code)
    forms = _Forms(page.partition("?")[0])
    forms.feed(answer.text)
    assert address in forms.hidden, f"{page} has no form that posts to {address}, but {sorted(forms.hidden)}"
    return forms.hidden[address]


async def press_twice(
    browser: httpx.AsyncClient, page: str, address: str, fields: Fields, *, together: bool
) -> list[httpx.Response]:
    """Fill in the form of that page and press its button twice; what each press was answered."""
    filled = {**await hidden_fields(browser, page, address), **fields}
    if together:
        await _awake(browser)
        return list(await asyncio.gather(*(browser.post(address, data=filled, headers=FORM) for _ in range(2))))
    return [await browser.post(address, data=filled, headers=FORM) for _ in range(2)]


async def _awake(browser: httpx.AsyncClient) -> None:
    """Let the service have two connections open: one that must first be made would let the other be done before it."""
    await asyncio.gather(*(browser.get("/health/ready") for _ in range(2)))


@dataclass(frozen=True, order=True)
class Answer:
    """What a press is answered: a status, and where it leads."""

    status: int
    leads_to: str = ""


async def send_twice(
    browser: httpx.AsyncClient, address: str, said: Mapping[str, object] | str, *, together: bool
) -> list[Answer]:
    """Send the same form, or the same body, twice; the answers, in order of their statuses."""
    body = said if isinstance(said, str) else urlencode(said, doseq=True)
    headers = JSON if isinstance(said, str) else FORM
    if together:
        await _awake(browser)
        answers = await asyncio.gather(*(browser.post(address, content=body, headers=headers) for _ in range(2)))
    else:
        answers = [await browser.post(address, content=body, headers=headers) for _ in range(2)]
    return sorted(Answer(each.status_code, each.headers.get("location", "")) for each in answers)


def assert_led_on(answers: list[Answer], otherwise: str | None = None) -> None:
    """The second press is answered as the first: led to what that made. `otherwise` is why it is told off instead."""
    first, second = answers
    if otherwise is None:
        assert (first.status, first) == (303, second), answers
    else:
        assert first.status < 400 <= second.status < 500, answers


async def counted(engine: AsyncEngine, query: str) -> int:
    """What a query counts."""
    async with engine.connect() as connection:
        return int((await connection.execute(sa.text(query))).scalar_one())
