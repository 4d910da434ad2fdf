"""How often one sender may push: a bucket of permits that fills at a steady rate."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Limiter:
    """`burst` at once and `rate` a second after that, for each sender. Kept in memory: each replica counts its own."""

    rate: float
    burst: int
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, sender: str, now: float) -> float:
        """Take a permit at `now` (monotonic seconds): 0, or how many seconds until there is one."""
        left, then = self._left.get(sender, (float(self.burst), now))
        left = min(float(self.burst), left + (now - then) * self.rate)
        if left < 1:
            self._left[sender] = (left, now)
            return (1 - left) / self.rate
        self._left[sender] = (left - 1, now)
        return 0.0
