"""What an audit's state asks of its actions: raise, change, hand over, withdraw or reopen, whatever was there before.

The audit's whole state is compared with the actions that exist, so an amendment that arrives before its audit, or an
audit that is amended five times, ends in the same actions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

from services.remedial.domain.life import OPEN, State
from shared.events import Finding

_NAMESPACE = UUID("6c1d0f7e-6b1e-5d0c-9a54-3f0d2b7a8e11")


def action_id_of(finding_id: UUID) -> UUID:
    """One action for one finding, for ever: a redelivered audit finds its action there."""
    return uuid5(_NAMESPACE, str(finding_id))


class Ask(StrEnum):
    """What an audit's state asks for one finding."""

    RAISE = "raise"
    CHANGE = "change"
    HAND_OVER = "hand_over"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


@dataclass(frozen=True)
class Held:
    """What an existing action was made of."""

    state: State
    domain: str
    severity: str
    named_owner: str | None


@dataclass(frozen=True)
class Asked:
    """One thing to do, in the order in which the findings stand."""

    ask: Ask
    finding_id: UUID
    finding: Finding | None = None


def asked_of(findings: Sequence[Finding], held: Mapping[UUID, Held]) -> list[Asked]:
    """Compare the findings of an audit with the actions held, by finding. Finished work is never taken back."""
    wanted = {finding.finding_id: finding for finding in findings if finding.needs_action}
    asked = [each for finding in wanted.values() for each in _asked_for(finding, held.get(finding.finding_id))]
    gone = [
        Asked(Ask.WITHDRAW, finding_id)
        for finding_id, action in held.items()
        if finding_id not in wanted and action.state in OPEN
    ]
    return asked + gone


def _asked_for(finding: Finding, held: Held | None) -> list[Asked]:
    if held is None:
        return [Asked(Ask.RAISE, finding.finding_id, finding)]
    if held.state is State.WITHDRAWN:
        return [Asked(Ask.REOPEN, finding.finding_id, finding)]
    if held.state is State.VERIFIED:
        return []
    asked = []
    if (finding.domain, finding.severity) != (held.domain, held.severity):
        asked.append(Asked(Ask.CHANGE, finding.finding_id, finding))
    if finding.owner_id != held.named_owner and held.state is not State.REPORTED:
        asked.append(Asked(Ask.HAND_OVER, finding.finding_id, finding))
    return asked
