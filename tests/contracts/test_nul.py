"""NUL, which no database holds, on every road of every service: never a fault of ours, and where JSON is taken, 422.

A dismissal with a NUL in its reason was once answered with a 500.
"""

from __future__ import annotations

import json

from fastapi import FastAPI
from fastapi.params import Body, Form
from fastapi.routing import RouteContext, iter_route_contexts

from shared.access import Role
from tests.contracts.test_access_matrix import Door, doors, served
from tests.support.clients import client_as

__all__ = ["served"]

NUL = json.dumps({"reason": "a\x00b"}).encode()
FROM_OUTSIDE = "/intake/children_social_care_data/"
"""Takes each row on its own: one with a NUL is quarantined."""


def takes_json(app: FastAPI) -> set[str]:
    """The doors that take a JSON body."""
    fields = {f"POST {context.path}": getattr(context.route, "body_field", None) for context in routes(app)}
    return {
        name
        for name, field in fields.items()
        if field is not None and isinstance(field.field_info, Body) and not isinstance(field.field_info, Form)
    }


def routes(app: FastAPI) -> list[RouteContext]:
    return [each for each in iter_route_contexts(app.routes) if "POST" in (each.methods or ())]


async def test_a_nul_is_refused_on_every_road(served: FastAPI) -> None:
    posts: list[Door] = [door for door in doors(served) if door.method == "POST"]
    posts.sort(key=lambda door: door.path.endswith(("/sign-out", "/sign-out-everywhere")))
    answers: dict[str, int] = {}
    async with await client_as(served, *Role) as everybody:
        for door in posts:
            headers = {"accept": "application/json", "content-type": "application/json"}
            answers[door.name] = (await everybody.post(door.address, content=NUL, headers=headers)).status_code
    assert {name: status for name, status in answers.items() if status >= 500} == {}
    assert {answers[name] for name in takes_json(served)} <= {422}


async def test_a_nul_in_an_address_is_no_fault(served: FastAPI) -> None:
    pages = [door for door in doors(served) if door.method == "GET" and not door.is_stream]
    answers: dict[str, int] = {}
    async with await client_as(served, *Role) as everybody:
        for door in pages:
            answers[door.name] = (await everybody.get(f"{door.address}?page=%00&q=%00&team=a%00b")).status_code
        assert (await everybody.get("/reporting/%00")).status_code == 404
    assert {name: status for name, status in answers.items() if status >= 500} == {}
