"""Before the story: intake is told who works at the council, audit which programme is in force. Each of it once."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import Final

import httpx

from deploy.demo.council import Council
from shared.access import sessions
from shared.events import PersonRecorded, Role

PROGRAMME: Final = Path(__file__).parents[2] / "services" / "audit" / "programmes" / "near-live.yaml"
"""The programme that Caseloop is delivered with."""

ADDED_OR_KNOWN: Final = (httpx.codes.SEE_OTHER, httpx.codes.UNPROCESSABLE_ENTITY)


async def load_directory(origin: str, session_key: Path, council: Council) -> None:
    """Tell intake who works at the council, unless it knows: caseworkers by a staff file, the others one by one.

    A staff file gives nobody a role beyond casework; an administrator does.
    """
    async with _signed_in(origin, session_key, Role.ADMINISTRATOR) as client:
        appointed = [person for person in council.people if not person.teams]
        if (await client.get(f"/intake/people/{appointed[-1].person_id}")).status_code == httpx.codes.OK:
            return
        file = {"file": ("staff.csv", staff_file(council), "text/csv")}
        (await client.post("/intake/imports/staff", files=file)).raise_for_status()
        for person in appointed:
            response = await client.post("/intake/people/new", data=_form(person))
            if response.status_code not in ADDED_OR_KNOWN:
                response.raise_for_status()


def staff_file(council: Council) -> bytes:
    """The council's caseworkers and their teams as the csv that any council could give."""
    teams = {team.team_id: team for team in council.teams}
    text = StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(
        ("Worker ID", "Name", "Email", "Job title", "Team ID", "Team name", "Team kind", "Service", "Start date")
    )
    for person in council.people:
        for held in person.teams:
            team = teams[held.team_id]
            title = "Team manager" if Role.TEAM_MANAGER in person.roles else "Social worker"
            about_team = (team.team_id, team.name, team.kind, team.service)
            rows.writerow((person.person_id, person.name, person.email, title, *about_team, held.since.isoformat()))
    return text.getvalue().encode()


def _form(person: PersonRecorded) -> dict[str, str | list[str]]:
    """The form by which an administrator adds somebody."""
    return {
        "person_id": person.person_id,
        "name": person.name,
        "email": person.email or "",
        "roles": list(person.roles),
        "services": list(person.services),
    }


async def open_programme(origin: str, session_key: Path, stated: bytes | None = None) -> None:
    """Open a programme, the delivered one where nothing else is stated, unless one was opened before."""
    async with _signed_in(origin, session_key, Role.QA_MANAGER) as client:
        known = (await client.get("/audit/programmes.json")).raise_for_status().json()
        if not known["programmes"]:
            (await client.post("/audit/programmes", content=stated or PROGRAMME.read_bytes())).raise_for_status()


def _signed_in(origin: str, session_key: Path, role: Role) -> httpx.AsyncClient:
    """A client signed in as the command line is, with one role."""
    cookie = sessions.sign_system(sessions.read_key(session_key), role)
    return httpx.AsyncClient(base_url=origin, cookies={sessions.COOKIE: cookie}, timeout=60)
