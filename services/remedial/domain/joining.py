"""When an open action answers a finding too, because the auditor meant it to, and when the finding gets one of its own.

One action may answer several findings: of one audit, or of several audits of the same auditor about the same team, so
that everybody who sees the action may read the findings too.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.remedial.domain.life import TO_DO, State


class Alone(StrEnum):
    """Why a finding got an action of its own although another's was meant to answer it."""

    UNKNOWN = "unknown"
    """No such action became known."""
    REPORTED = "reported"
    """Its owner had said that it was done before it was asked to do more."""
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"
    OTHER_OWNER = "other_owner"
    """It belongs to somebody else than whoever the finding is for."""
    OTHER_TEAM = "other_team"
    OTHER_AUDITOR = "other_auditor"


@dataclass(frozen=True)
class Place:
    """Where a finding stands, or an action: whose audit, whose team, who is to act, and on which audit."""

    audit_id: UUID
    auditor_id: str
    team_id: str | None
    owner_id: str | None


_FINISHED = {
    State.REPORTED: Alone.REPORTED,
    State.VERIFIED: Alone.VERIFIED,
    State.WITHDRAWN: Alone.WITHDRAWN,
}


def alone_because(finding: Place, action: Place, state: State) -> Alone | None:
    """What keeps the action from answering the finding; None where it answers it.

    Within one audit the auditor has the action's owner in view and means them: only its state counts.
    """
    if state not in TO_DO:
        return _FINISHED[state]
    if finding.audit_id == action.audit_id:
        return None
    if finding.auditor_id != action.auditor_id:
        return Alone.OTHER_AUDITOR
    if finding.team_id != action.team_id:
        return Alone.OTHER_TEAM
    return None if finding.owner_id == action.owner_id else Alone.OTHER_OWNER
