"""The staff directory of a measurement: whom the feed names is known, as a council's staff is."""

from __future__ import annotations

from tests.bench.england import ASSESSING, TEAMS, WORKERS
from tests.support.backend import Database

AUDITORS = tuple(f"auditor-{number}" for number in range(1, 5))


def know_directory(database: Database, *services: str) -> None:
    """The feed's teams, workers and managers, and the programme's auditors, in the services' copies."""
    for name in services:
        database.psql(
            f"INSERT INTO {name}.team (team_id, name, kind, service)"
            " SELECT 't-' || lpad(n::text, 2, '0'), 'Team ' || n,"
            f" CASE WHEN n < {ASSESSING} THEN 'assessment' ELSE 'other' END, 'children'"
            f" FROM generate_series(0, {TEAMS - 1}) AS n"
        )
        database.psql(
            f"INSERT INTO {name}.person (person_id, name, roles, teams)"
            " SELECT 'w-' || lpad(n::text, 4, '0'), 'Worker ' || n, '{practitioner}',"
            " jsonb_build_array(jsonb_build_object('since', '2015-01-01', 'team_id',"
            f" 't-' || lpad((n % {TEAMS})::text, 2, '0'))) FROM generate_series(0, {WORKERS - 1}) AS n"
        )
        managers = ", ".join(f"('m-{number:02}', 'Manager {number}', '{{team_manager}}')" for number in range(TEAMS))
        auditors = ", ".join(f"('{person}', '{person}', '{{auditor}}')" for person in AUDITORS)
        database.psql(f"INSERT INTO {name}.person (person_id, name, roles) VALUES {managers}, {auditors}")
