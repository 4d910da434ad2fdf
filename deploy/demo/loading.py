"""Before the story: intake is told who works at the council, audit which programme is in force. Each of it once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from deploy.demo.council import Council
from shared.access import sessions
from shared.events import PersonRecorded, Role, TeamRecorded

PROGRAMME: Final = Path(__file__).parents[2] / "services" / "audit" / "programmes" / "near-live.yaml"
"""The programme that Caseloop is delivered with."""

ADDED_OR_KNOWN: Final = (httpx.codes.SEE_OTHER, httpx.codes.UNPROCESSABLE_ENTITY)


async def load_directory(origin: str, session_key: Path, council: Council) -> None:
    """Add the council's teams and people as its administrator would, unless they are there."""
    async with _signed_in(origin, session_key, Role.ADMINISTRATOR) as client:
        last = council.people[-1].person_id
        if (await client.get(f"/intake/people/{last}")).status_code == httpx.codes.OK:
            return
        for team in council.teams:
            await _add(client, "/intake/teams/new", _team_form(team))
        for person in council.people:
            await _add(client, "/intake/people/new", _person_form(person))


async def _add(client: httpx.AsyncClient, path: str, form: Mapping[str, str | list[str]]) -> None:
    """Send one form. Refused is fine where the id is taken: an earlier run came this far."""
    response = await client.post(path, data=dict(form))
    if response.status_code not in ADDED_OR_KNOWN:
        response.raise_for_status()


def _team_form(team: TeamRecorded) -> Mapping[str, str]:
    return {"team_id": team.team_id, "name": team.name, "kind": team.kind, "service": team.service}


def _person_form(person: PersonRecorded) -> Mapping[str, str | list[str]]:
    return {
        "person_id": person.person_id,
        "name": person.name,
        "email": person.email or "",
        "roles": list(person.roles),
        "teams": [membership.team_id for membership in person.teams],
        "manages": list(person.manages),
        "services": list(person.services),
    }


async def open_programme(origin: str, session_key: Path) -> None:
    """Open the delivered programme, unless one was opened before."""
    async with _signed_in(origin, session_key, Role.QA_MANAGER) as client:
        known = (await client.get("/audit/programmes.json")).raise_for_status().json()
        if not known["programmes"]:
            (await client.post("/audit/programmes", content=PROGRAMME.read_bytes())).raise_for_status()


def _signed_in(origin: str, session_key: Path, role: Role) -> httpx.AsyncClient:
    """A client signed in as the command line is, with one role."""
    cookie = sessions.sign_system(sessions.read_key(session_key), role)
    return httpx.AsyncClient(base_url=origin, cookies={sessions.COOKIE: cookie}, timeout=30)
