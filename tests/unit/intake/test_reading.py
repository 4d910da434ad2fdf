"""A file is read beside the event loop, by one thread from its first row to its last."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

from services.intake.uploads import in_a_thread, in_batches


class Reader:
    """Yields numbers, and remembers in which threads it ran and ended."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.ended_in: int | None = None

    def rows(self) -> Iterator[int]:
        """A hundred rows."""
        try:
            for number in range(100):
                self.threads.add(threading.get_ident())
                yield number
        finally:
            self.ended_in = threading.get_ident()


async def test_one_thread_reads_from_the_first_to_the_last() -> None:
    """Incident prevented: the XML parser, handed from thread to thread, aborted the whole process."""
    reader, together = Reader(), threading.Barrier(4)
    await asyncio.gather(*(asyncio.to_thread(together.wait) for _ in range(4)))
    async with aclosing(in_a_thread(in_batches(reader.rows(), 7))) as batches:
        read = [number async for some in batches for number in some]
    assert read == list(range(100))
    assert reader.threads == {reader.ended_in}
    assert threading.get_ident() not in reader.threads


async def test_what_is_broken_off_is_closed_where_it_was_read() -> None:
    reader = Reader()
    async with aclosing(in_a_thread(in_batches(reader.rows(), 7))) as batches:
        assert len(await anext(batches)) == 7
    assert reader.threads == {reader.ended_in}
