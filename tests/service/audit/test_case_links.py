"""The case system's id of each child, for the deep link: the newest word on it, until it is erased."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit import handlers
from shared.events import ChildLinked, ChildUnlinked
from tests.service.audit.playing import MORNING
from tests.support.delivery import deliver
from tests.unit.audit.council import identity


def linked(name: str, case_id: str, version: int = 1) -> ChildLinked:
    return ChildLinked(occurred_at=MORNING, version=version, child_id=identity(name), case_id=case_id)


async def links(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT child_id, case_id FROM child_link"))
        return {str(row.child_id): row.case_id for row in rows}


async def test_a_batch_of_links_is_kept_each_child_under_its_last_id(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, linked("ann", "1"), linked("ben", "2"), linked("ann", "3", version=2))
    assert await links(engine) == {str(identity("ann")): "3", str(identity("ben")): "2"}


async def test_an_older_word_that_comes_late_does_not_bring_back_an_older_id(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, linked("ann", "3", version=2))
    await deliver(engine, handlers.router, linked("ann", "1"))
    assert await links(engine) == {str(identity("ann")): "3"}


async def test_an_erased_link_is_gone_whatever_came_with_it(engine: AsyncEngine) -> None:
    await deliver(engine, handlers.router, linked("ann", "1"), linked("ben", "2"))
    gone = ChildUnlinked(occurred_at=MORNING, version=2, child_id=identity("ann"))
    await deliver(engine, handlers.router, linked("ann", "1"), gone, linked("cat", "4"))
    assert await links(engine) == {str(identity("ben")): "2", str(identity("cat")): "4"}
