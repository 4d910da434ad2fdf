"""A tenth of all verifications are looked at again by somebody else, so that a verification means something."""

SHARE = 0.1


def is_drawn(chance: float, share: float = SHARE) -> bool:
    """Whether this verification is drawn; `chance` is uniform in [0, 1), unknown to whoever verifies."""
    return chance < share
