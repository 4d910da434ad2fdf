"""Any event of the vocabulary, as Hypothesis makes them: every field by its type and its constraints."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st
from msgspec import Meta, structs

from shared.events import Fact

F = TypeVar("F", bound=Fact)

_ZONES = st.just(UTC) | st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    bool: st.booleans(),
    int: st.integers(1, 2**53),
    # Beyond this two writers of JSON may write an exponent in two ways
    float: st.floats(-1e15, 1e15),
    date: st.dates(),
    datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=_ZONES),  # noqa: DTZ001
    UUID: st.uuids(),
}


def facts(kind: type[F]) -> st.SearchStrategy[F]:
    """Any of this kind; a field that has a default is left out now and then."""
    fields = structs.fields(kind)
    needed = {field.name: _of(field.type) for field in fields if field.required}
    others = {field.name: _of(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(needed, optional=others).map(lambda said: kind(**said))


def _of(kind: Any) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _within(inner[0], inner[1])
    if origin in (Union, types.UnionType):
        return st.none() | _of(next(each for each in inner if each is not types.NoneType))
    if origin is tuple:
        return st.lists(_of(inner[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(_TEXT, _TEXT, max_size=2)
    if issubclass(kind, Fact):
        return facts(kind)
    return _PLAIN[kind]


def _within(kind: Any, meta: Meta) -> st.SearchStrategy[Any]:
    if meta.pattern is not None:
        return st.from_regex(meta.pattern, fullmatch=True)
    if kind is str:
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=meta.min_length or 0, max_size=8)
    return _of(kind)
