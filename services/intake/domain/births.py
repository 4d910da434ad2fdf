"""Whether one id stands for two children: its rows give two birth dates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from services.intake.domain.refusal import Refusal


@dataclass
class Births:
    """The birth dates of one file or push, under a hash of each id: a large file has hundreds of thousands."""

    _born: dict[int, int] = field(default_factory=dict)
    _days: dict[int, int] = field(default_factory=dict)

    def contradicted(self, child: str, born: date | None) -> Refusal | None:
        """Why this cannot be the child that the id stood for before; the first birth date that was given counts."""
        if born is None:
            return None
        day = born.toordinal()
        first = self._born.setdefault(hash(child), self._days.setdefault(day, day))
        if first == day:
            return None
        return Refusal("id_of_another_child", "child", "This id comes with two birth dates: it stands for two children")
