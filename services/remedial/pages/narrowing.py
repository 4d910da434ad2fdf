"""How a list of actions is narrowed by its address: pile, team, person, theme."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from services.remedial.domain.piles import Pile
from services.remedial.queries import Filters

Code = Annotated[str, Query(max_length=64)]


def filters_of(pile: Code = "", team: Code = "", owner: Code = "", theme: Code = "") -> Filters:
    """The filters in an address; a pile that does not exist is no pile."""
    chosen = Pile(pile) if pile in set(Pile) else None
    return Filters(chosen, team or None, owner or None, theme or None)


Narrowed = Annotated[Filters, Depends(filters_of)]


def address(path: str, filters: Filters, **changed: object) -> str:
    """The list's address with these filters, some of them changed."""
    query = urlencode(filters.query(**changed))
    return f"{path}?{query}" if query else path


@dataclass(frozen=True)
class Addresses:
    """Where a list's page leads: itself, each pile (again: all), each page (`{page}`), and its live part."""

    home: str
    filters: Filters
    pile_at: dict[Pile, str]
    pages_at: str
    live_at: str
    narrowed: str
    """The filters alone, for another page that takes them too."""


def addresses(home: str, filters: Filters, number: int) -> Addresses:
    """The addresses of one page of a list, narrowed as it is."""
    held = address(home, filters)
    return Addresses(
        home=home,
        filters=filters,
        pile_at={pile: address(home, filters, pile=None if pile is filters.pile else pile) for pile in Pile},
        pages_at=f"{held}{'&' if '?' in held else '?'}page={{page}}",
        live_at=address(f"{home}/live", filters, page=number),
        narrowed=address("", filters),
    )
