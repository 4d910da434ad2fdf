"""Fixtures that every test may ask for: a real broker, a real cluster, fresh databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.postgres import DATABASE
from deploy.local.reaper import Reaper
from tests.support.backend import (
    Database,
    KafkaForTests,
    PostgresForTests,
    home,
    kafka_for_tests,
    memory,
    postgres_for_tests,
    reaping,
)
from tests.support.databases import database

__all__ = ["database"]

FreshDatabase = Callable[..., Database]


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """Where this run's servers keep their files."""
    with home() as folder:
        yield folder


@pytest.fixture(scope="session")
def reaper() -> Iterator[Reaper]:
    """Stops what this run started, even if the run is killed."""
    with reaping() as one:
        yield one


@pytest.fixture(scope="session")
def kafka(servers_home: Path, reaper: Reaper) -> Iterator[KafkaForTests]:
    """A real broker, shared by the run: `kafka.bootstrap`, and `await kafka.topic("name")` for a topic of one's own."""
    with kafka_for_tests(servers_home, reaper) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres(servers_home: Path, reaper: Reaper) -> Iterator[PostgresForTests]:
    """A real cluster, shared by the run; see `fresh_database`."""
    with postgres_for_tests(servers_home, reaper, data_in=memory()) as cluster:
        yield cluster


@pytest.fixture
def fresh_database(postgres: PostgresForTests) -> Iterator[FreshDatabase]:
    """Call it for a database of one's own, `fresh_database(template)`; all are dropped after the test."""
    made: list[Database] = []

    def create(template: str = DATABASE) -> Database:
        made.append(postgres.create(template))
        return made[-1]

    yield create
    for one in made:
        postgres.drop(one)
