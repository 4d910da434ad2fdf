"""Who may do what to an action: the matrix of roles, and the bars that no role lifts.

Two kinds of no. Where a role does not give a move at all, the move does not exist for that person (404). Where it
does, but a bar stands on this one action (one's own work, one's own oversight), the answer says so plainly.
"""

from dataclasses import dataclass
from typing import Protocol

from services.remedial.domain.life import Move, State, can
from services.remedial.domain.refusal import Refused
from shared.events import Role

OVERSIGHT_DOMAIN = "management_oversight"
"""The domain of findings about management oversight and supervision."""

EVERYTHING = frozenset({Role.BUSINESS_SUPPORT.value, Role.QA_MANAGER.value, Role.LEAD_AUDITOR.value, Role.DCS.value})
"""Roles that see every action. The DCS leaves a recorded reason when opening one."""

AUDITING = frozenset({Role.AUDITOR.value, Role.LEAD_AUDITOR.value, Role.INTERNAL_AUDITOR.value})


class Asker(Protocol):
    """Who asks: what of `shared.access.Scope` a rule needs."""

    @property
    def person_id(self) -> str: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def teams(self) -> frozenset[str]: ...
    @property
    def services(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Concerned:
    """Whom one action concerns: whose it is, who made it, who stands over it."""

    owner_id: str | None
    team_id: str | None
    service: str | None
    auditor_id: str
    moderators: frozenset[str]
    worker_id: str | None
    authorised_by: str | None
    reported_by: str | None
    domain: str
    verified_by: str | None = None
    check_waits: bool = False
    """Its verification was drawn for a second look, which nobody has had yet."""
    escalated: bool = False
    """An escalation waits for somebody to take it in hand."""
    whose_too: frozenset[str] = frozenset()
    """Who attached files that stand as its evidence, and whose work the other findings are about that it answers."""


def _owns(asker: Asker, action: Concerned) -> bool:
    return action.owner_id == asker.person_id


def _manages(asker: Asker, action: Concerned) -> bool:
    return action.team_id is not None and action.team_id in asker.teams


def _heads(asker: Asker, action: Concerned) -> bool:
    return bool(action.service) and action.service in asker.services


def _audited(asker: Asker, action: Concerned) -> bool:
    return action.auditor_id == asker.person_id and not asker.roles.isdisjoint(AUDITING)


def _moderated(asker: Asker, action: Concerned) -> bool:
    return Role.MODERATOR in asker.roles and asker.person_id in action.moderators


def sees(asker: Asker, action: Concerned) -> bool:
    """Whether the action exists for this person at all."""
    return (
        not asker.roles.isdisjoint(EVERYTHING)
        or _owns(asker, action)
        or _manages(asker, action)
        or _heads(asker, action)
        or _audited(asker, action)
        or _moderated(asker, action)
    )


def reads_words(asker: Asker, action: Concerned) -> bool:
    """Whether this person may read what was found and reported. Business support chases; it does not read cases."""
    watching = {Role.BUSINESS_SUPPORT.value}
    reading = EVERYTHING - watching
    others = (_owns, _manages, _heads, _audited, _moderated)
    return not asker.roles.isdisjoint(reading) or any(each(asker, action) for each in others)


def must_say_why(asker: Asker, action: Concerned) -> bool:
    """Whether this person sees the action as DCS only, and so leaves a reason for opening a case."""
    others = (_owns, _manages, _heads, _audited, _moderated)
    otherwise = not asker.roles.isdisjoint(EVERYTHING - {Role.DCS.value}) or any(each(asker, action) for each in others)
    return Role.DCS in asker.roles and not otherwise


def _reports(asker: Asker, action: Concerned) -> bool:
    return _owns(asker, action) or _manages(asker, action)


def _verifies(asker: Asker, action: Concerned) -> bool:
    external = _audited(asker, action) and not asker.roles.isdisjoint({Role.AUDITOR, Role.LEAD_AUDITOR})
    return external or _moderated(asker, action) or Role.QA_MANAGER in asker.roles


def _checks(asker: Asker, action: Concerned) -> bool:
    return not asker.roles.isdisjoint({Role.QA_MANAGER, Role.LEAD_AUDITOR}) or _moderated(asker, action)


def _oversees(asker: Asker, action: Concerned) -> bool:
    everywhere = not asker.roles.isdisjoint({Role.BUSINESS_SUPPORT, Role.QA_MANAGER})
    return everywhere or _manages(asker, action) or _heads(asker, action)


def _chases(asker: Asker, action: Concerned) -> bool:
    return _oversees(asker, action)


def _acknowledges(asker: Asker, action: Concerned) -> bool:
    return Role.QA_MANAGER in asker.roles or _manages(asker, action) or _heads(asker, action)


def _withdraws(asker: Asker, _: Concerned) -> bool:
    return Role.QA_MANAGER in asker.roles


MAY = {
    Move.SEE: _owns,
    Move.START: _reports,
    Move.REPORT: _reports,
    Move.ATTACH: _reports,
    Move.DETACH: _reports,
    Move.VERIFY: _verifies,
    Move.RETURN: _verifies,
    Move.REOPEN: _verifies,
    Move.CHECK: _checks,
    Move.REASSIGN: _oversees,
    Move.EXTEND: _oversees,
    Move.CHASE: _chases,
    Move.ACKNOWLEDGE: _acknowledges,
    Move.WITHDRAW: _withdraws,
}
"""The moves that people make, and whose role gives them. Changes and escalations are made by events and time."""


def has_role_for(move: Move, asker: Asker, action: Concerned) -> bool:
    """Whether the person's roles give this move on this action, the bars apart. False answers 404."""
    return move in MAY and MAY[move](asker, action)


def bar(move: Move, asker: Asker, action: Concerned) -> Refused | None:
    """The rule that keeps this person from this move although the role gives it, or None."""
    if move is Move.CHECK and asker.person_id == action.verified_by:
        return Refused("You verified this action, so somebody else has the second look.")
    if move in {Move.VERIFY, Move.RETURN, Move.REOPEN, Move.CHECK} and _is_own_work(asker, action):
        return Refused("You cannot verify your own work. Somebody else has to look at this action.")
    if move is Move.WITHDRAW and _is_own_work(asker, action):
        return Refused("This action is about your own work, so somebody else has to decide whether it is needed.")
    if move in {Move.EXTEND, Move.REASSIGN, Move.ACKNOWLEDGE, Move.CHASE} and _owns(asker, action):
        return Refused("This action is yours, so somebody else has to decide whether it moves.")
    if move in {Move.EXTEND, Move.REASSIGN} and _concerns_oversight_of(asker, action):
        return Refused("This action concerns your own oversight of the case, so somebody else has to decide.")
    return None


def may(move: Move, asker: Asker, action: Concerned) -> bool:
    """Whether to offer the move to this person: the role gives it and no bar stands."""
    return has_role_for(move, asker, action) and bar(move, asker, action) is None


def offered(asker: Asker, action: Concerned, state: State) -> list[Move]:
    """The moves to offer this person while the action stands in `state`, in the order of the matrix."""
    possible = [move for move in MAY if can(state, move) and may(move, asker, action)]
    waits = {Move.ACKNOWLEDGE: action.escalated, Move.CHECK: action.check_waits}
    return [move for move in possible if waits.get(move, True)]


def next_move(asker: Asker, action: Concerned, state: State) -> Move | None:
    """The one next step for whoever looks: the owner reports, the auditor verifies, whoever watches chases."""
    possible = offered(asker, action, state)
    if Move.REPORT in possible and _owns(asker, action):
        return Move.REPORT
    if Move.VERIFY in possible:
        return Move.VERIFY
    for waiting in (Move.ACKNOWLEDGE, Move.CHECK):
        if waiting in possible:
            return waiting
    if action.owner_id is None and Move.REASSIGN in possible:
        return Move.REASSIGN
    return Move.CHASE if Move.CHASE in possible else None


def _is_own_work(asker: Asker, action: Concerned) -> bool:
    """Doing it, reporting it, giving evidence, holding the case or having signed it off: each makes it one's own."""
    ones = {action.owner_id, action.reported_by, action.worker_id, action.authorised_by}
    return asker.person_id in ones | action.whose_too


def _concerns_oversight_of(asker: Asker, action: Concerned) -> bool:
    signed_off = action.authorised_by == asker.person_id
    return signed_off or (action.domain == OVERSIGHT_DOMAIN and _manages(asker, action))
