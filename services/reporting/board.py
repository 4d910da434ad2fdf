"""One view of the figures, ready for a page: what is seen, what it is narrowed to and which lists it may open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.domain.facts import ThemeFact
from services.reporting.domain.figures import Figure, Group, ThemeRow, by_theme, compute
from services.reporting.domain.filters import Filters
from services.reporting.models import Feed
from services.reporting.presentation import Card, cards
from services.reporting.queries import board as reads
from services.reporting.queries.narrowing import OPENS_ACTIONS, OPENS_AUDITS
from shared.access import Scope


@dataclass(frozen=True)
class Board:
    """The figures of one view."""

    filters: Filters
    at: datetime | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    themes: Sequence[ThemeRow] = field(default=())
    feeds: Sequence[Feed] = field(default=())
    opens: Mapping[str, bool] = field(default_factory=dict)
    theme_names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def bare(cls, filters: Filters, themes: Sequence[ThemeFact]) -> Board:
        """A view's frame without its figures: for the lists."""
        return cls(filters, theme_names={theme.theme_id: theme.name for theme in themes})

    @property
    def cards(self) -> dict[Group, list[Card]]:
        return cards(self.figures, self.filters, opens=self.opens)

    def card(self, code: str) -> Card:
        """One figure as a page shows it."""
        return next(card for group in self.cards.values() for card in group if card.code == code)

    @property
    def heard(self) -> list[Feed]:
        """The senders that brought something or should have; not what is merely counted for all of them."""
        return [feed for feed in self.feeds if feed.last_heard_at or feed.silent]

    @property
    def target(self) -> int:
        return sum(theme.target for theme in self.themes)

    @property
    def completed(self) -> int:
        return sum(theme.completed for theme in self.themes)

    @property
    def query(self) -> str:
        return self.filters.query()


async def board_for(session: AsyncSession, scope: Scope, filters: Filters, at: datetime) -> Board:
    """The figures that this person may see, as they stand at `at`."""
    facts = await reads.facts_for(session, scope, filters, at)
    every_theme = await reads.themes_of(session, scope, Filters(programme=filters.programme))
    return Board(
        filters=filters,
        at=at,
        figures=compute(facts),
        themes=by_theme(facts),
        feeds=await reads.feeds(session, scope),
        opens={"audits": scope.has(*OPENS_AUDITS), "actions": scope.has(*OPENS_ACTIONS)},
        theme_names={theme.theme_id: theme.name for theme in every_theme},
    )
