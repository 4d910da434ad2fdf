"""One auditor's inbox in one browser: what it shows now, and the messages that keep it so.

At every note the auditor's own cases are read again, in one statement. What colleagues' cases say (which could be
taken, which may be siblings) is read at most once a second. A message holds the rows that differ from what the browser
shows, whatever the note was about: so none can be missed, and a case that is the auditor's no longer leaves the list.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.pages.changes import Row, changes, free_rows, own_rows
from services.audit.queries import cases, waiting
from services.audit.queries.waiting import LONGEST_INBOX, Inbox, Wanted
from shared.access import Scope
from shared.access.people import PEOPLE
from shared.repeated import Repeated
from shared.service import Service
from shared.web.pages import PageMaker
from shared.working_days import local_date

LOOK_SECONDS = 1.0
"""So often at most what colleagues' cases say is read again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the browser shows."""

    inbox: Inbox
    mine: list[Row]
    others: list[Row]
    today: date


@dataclass
class OpenInbox:
    """Looks at the inbox and says what to change in the browser."""

    service: Service
    page: PageMaker
    scope: Scope
    wanted: Wanted
    seconds: Callable[[], float] = time.monotonic
    _shown: Shown | None = None
    _looked_at: float = float("-inf")
    _stale: bool = True
    _own: Repeated = field(init=False)

    def __post_init__(self) -> None:
        self._own = Repeated.of(waiting.own_lines(self.scope, self.wanted))

    @property
    def looks_again_in(self) -> float | None:
        """The seconds after which a look is due, though nobody says anything; None where none is."""
        return max(0.0, self._looked_at + LOOK_SECONDS - self.seconds()) if self._stale else None

    async def looks(self, scope: Scope, spoke: frozenset[str]) -> AsyncIterator[str]:
        """The messages that follow from what was said on these channels, none where nothing looks different."""
        self._stale = self._stale or bool(spoke)
        if PEOPLE in spoke and await self.page.names.changed():
            self._shown = None
        if spoke and self._shown is not None and not self._counts_others(self._shown.inbox):
            mine = waiting.arranged(await self._own.rows(self.service.engine))
            if text := self._message(replace(self._shown.inbox, mine=mine, total=len(mine))):
                yield text
        if self._is_due() and (text := await self._look(scope)):
            yield text

    def _counts_others(self, inbox: Inbox) -> bool:
        """Whether more is counted than is listed, so that the list alone does not say how many there are."""
        return self.wanted.narrows or len(inbox.mine) >= LONGEST_INBOX

    def _is_due(self) -> bool:
        if self._shown is None or self._counts_others(self._shown.inbox):
            return True
        return self._stale and self.looks_again_in == 0

    async def _look(self, scope: Scope) -> str:
        self._looked_at, self._stale = self.seconds(), False
        async with AsyncSession(self.service.engine) as session:
            inbox = await waiting.inbox(session, scope, self.wanted)
            # Asked for only where the list is empty: then the page says why
            programmes = 0 if inbox.mine else len(await cases.plans(session, scope))
        return self._message(inbox, programmes)

    def _message(self, inbox: Inbox, programmes: int = 1) -> str:
        before = self._shown
        now = Shown(inbox, own_rows(inbox), free_rows(inbox), local_date(self.service.clock.now()))
        self._shown = now
        if before is None or before.today != now.today:
            return self._whole(now, programmes)
        mine, others = changes(before.mine, now.mine), changes(before.others, now.others)
        if mine is None or others is None:
            return self._whole(now, programmes)
        counts = (len(before.mine), before.inbox.total) != (len(now.mine), inbox.total)
        if not (mine or others or counts):
            return ""
        return self.page.part(
            "audit/_inbox_changes.html",
            mine=mine,
            others=others,
            counts=counts,
            counts_free=len(before.others) != len(now.others),
            inbox=inbox,
            wanted=self.wanted,
            today=now.today,
        )

    def _whole(self, now: Shown, programmes: int) -> str:
        return self.page.part(
            "audit/_inbox.html",
            inbox=now.inbox,
            mine=now.mine,
            others=now.others,
            wanted=self.wanted,
            programmes=programmes,
            today=now.today,
        )
