"""Forms keep what was typed and say what is wrong with it in words."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Literal

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field, field_validator

from shared.web.forms import MOST_BYTES, Submitted, parse


class Report(BaseModel):
    """A form of every kind of field."""

    done: str = Field(title="What was done", min_length=3, max_length=20)
    grade: Literal["good", "poor"] = Field(title="A grade")
    on: date | None = Field(default=None, title="Date")
    minutes: int = Field(default=0, title="Minutes", ge=0)
    themes: list[str] = Field(default=[], title="Themes")
    owner: str = Field(default="", json_schema_extra={"error": "Choose who"})

    @field_validator("owner")
    @classmethod
    def known(cls, owner: str) -> str:
        if owner == "ghost":
            raise ValueError("That person has left")
        return owner


def test_a_valid_form_gives_its_data() -> None:
    form = parse(Report, {"done": " Visited ", "grade": "good", "on": "2026-11-24", "themes": "neglect"})
    assert form.is_valid
    assert form.data == Report(done="Visited", grade="good", on=date(2026, 11, 24), themes=["neglect"])


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("done", "", "Enter what was done"),
        ("done", "ab", "What was done must be 3 characters or more"),
        ("done", "a" * 21, "What was done must be 20 characters or fewer"),
        ("grade", "excellent", "Select a grade"),
        ("on", "31 February", "Date must be a real date"),
        ("minutes", "many", "Minutes must be a number"),
        ("minutes", "-1", "Minutes must be 0 or more"),
        ("owner", "ghost", "That person has left"),
    ],
)
def test_each_mistake_is_named_at_its_field(field: str, typed: str, said: str) -> None:
    form = parse(Report, {"done": "Visited", "grade": "good", field: typed})
    assert form.errors == {field: said}
    assert form.value(field) == typed
    assert form.summary == [{"text": said, "href": f"#{field}"}]
    assert not form.is_valid


def test_what_the_service_refuses_makes_the_form_invalid() -> None:
    form = parse(Report, {"done": "Visited", "grade": "good"})
    form.refuse("owner", "Nobody may verify their own work")
    assert not form.is_valid


def test_ticks_are_kept_however_many() -> None:
    assert parse(Report, {"themes": "a"}).chosen("themes") == ["a"]
    assert parse(Report, {"themes": ["a", "b"]}).chosen("themes") == ["a", "b"]
    assert parse(Report, {}).chosen("themes") == []


@pytest.fixture
def echo() -> httpx.AsyncClient:
    app = FastAPI()

    @app.post("/echo")
    async def answer(fields: Submitted) -> dict[str, str | list[str]]:
        return dict(fields)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


async def _unsized() -> AsyncIterator[bytes]:
    yield b"a=1"


async def test_a_form_is_read_with_repeated_fields_as_lists(echo: httpx.AsyncClient) -> None:
    assert (await echo.post("/echo", data={"a": "1", "b": ["2", "3"]})).json() == {"a": "1", "b": ["2", "3"]}


@pytest.mark.parametrize("sent", [{"data": {"a": "No\x00 dates"}}, {"files": {"a": (None, "No\x00 dates")}}])
async def test_what_no_database_holds_is_left_out_of_what_was_typed(
    echo: httpx.AsyncClient, sent: dict[str, dict[str, str]]
) -> None:
    """A NUL in a finding was kept in its draft and stood on the topic of texts, where no reader could store it."""
    assert (await echo.post("/echo", **sent)).json() == {"a": "No dates"}  # type: ignore[arg-type]


async def test_a_form_above_the_limit_is_refused_before_it_is_read(echo: httpx.AsyncClient) -> None:
    assert (await echo.post("/echo", data={"a": "x" * MOST_BYTES})).status_code == 413


async def test_a_form_that_does_not_say_its_length_is_refused(echo: httpx.AsyncClient) -> None:
    answer = await echo.post("/echo", content=_unsized(), headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


async def test_a_file_where_none_is_asked_for_is_refused(echo: httpx.AsyncClient) -> None:
    assert (await echo.post("/echo", files={"a": ("a.txt", b"1")})).status_code == 400


async def test_a_nonsense_length_is_refused(echo: httpx.AsyncClient) -> None:
    assert (await echo.post("/echo", content=b"a=1", headers={"content-length": "-5"})).status_code == 413
