"""Reads for pages and the api. Every one takes the scope of whoever asks and narrows by it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.domain import oversight, piles
from services.remedial.domain.life import OPEN, TO_DO, State
from services.remedial.domain.piles import Band, Pile
from services.remedial.models import (
    Action,
    Attachment,
    CaseLink,
    Join,
    Joined,
    Loop,
    Moderated,
    Programme,
    Step,
    Text,
)
from services.remedial.words import Words, words_of
from shared.access import Role, Scope
from shared.access.tables import TEAM

Condition = sa.ColumnElement[bool]

PAGE_SIZE = 25


def _is_in(*states: State) -> Condition:
    """States as literals: with parameters the planner cannot prove that a partial index fits."""
    listed = ", ".join(f"'{state}'" for state in sorted(states))
    return sa.literal_column(f"action.state IN ({listed})", sa.Boolean)


IS_OPEN = _is_in(*OPEN)
IS_TO_DO = _is_in(*TO_DO)
IS_WAITING = _is_in(State.REPORTED)


def teams_of(scope: Scope) -> Condition:
    """Actions of the teams that the person manages, and of the services that they head."""
    of_services = sa.select(TEAM.c.team_id).where(TEAM.c.service.in_(sorted(scope.services)))
    managed = col(Action.team_id).in_(sorted(scope.teams))
    return sa.or_(managed, col(Action.team_id).in_(of_services)) if scope.services else managed


def moderated_by(scope: Scope) -> Condition:
    """Actions of audits that the person moderated."""
    return col(Action.audit_id).in_(
        sa.select(col(Moderated.audit_id)).where(col(Moderated.moderator_id) == scope.person_id)
    )


def visible(scope: Scope) -> Condition:
    """The actions that exist for this person: the same rule as `oversight.sees`, in SQL."""
    if scope.has(*oversight.EVERYTHING):
        return sa.true()
    seen = [col(Action.owner_id) == scope.person_id, teams_of(scope)]
    if scope.has(*oversight.AUDITING):
        seen.append(col(Action.auditor_id) == scope.person_id)
    if scope.has(Role.MODERATOR):
        seen.append(moderated_by(scope))
    return sa.or_(*seen)


def verifiable(scope: Scope) -> Condition:
    """The reported actions that wait for this person: their own audits, what they moderated, everything for QA."""
    waiting = [IS_WAITING, *_not_own_work(scope)]
    if scope.has(Role.QA_MANAGER):
        return sa.and_(*waiting)
    whose = [col(Action.auditor_id) == scope.person_id] if scope.has(Role.AUDITOR, Role.LEAD_AUDITOR) else []
    if scope.has(Role.MODERATOR):
        whose.append(moderated_by(scope))
    return sa.and_(*waiting, sa.or_(sa.false(), *whose))


def checkable(scope: Scope) -> Condition:
    """The verified actions drawn for a second look that this person may have; never of their own verification."""
    drawn = [col(Action.check_drawn_at).is_not(None), col(Action.checked_at).is_(None), *_not_own_work(scope)]
    drawn.append(col(Action.verified_by).is_distinct_from(scope.person_id))
    everywhere = scope.has(Role.QA_MANAGER, Role.LEAD_AUDITOR)
    return sa.and_(*drawn, sa.true() if everywhere else moderated_by(scope))


def _not_own_work(scope: Scope) -> list[Condition]:
    ones = (Action.owner_id, Action.reported_by, Action.worker_id, Action.authorised_by)
    gave = sa.exists().where(*_stands_for(Action.action_id), col(Attachment.attached_by) == scope.person_id)
    behind = sa.or_(col(Loop.worker_id) == scope.person_id, col(Loop.authorised_by) == scope.person_id)
    merged = sa.exists().where(*_answered_by(Action.action_id), behind)
    return [*(col(one).is_distinct_from(scope.person_id) for one in ones), ~gave, ~merged]


def _stands_for(action_id: UUID) -> list[Condition]:
    """The files that stand as an action's evidence; what was removed or erased is none."""
    return [col(Attachment.action_id) == action_id, col(Attachment.gone_at).is_(None)]


def _answered_by(action_id: UUID) -> list[Condition]:
    """The loops of the findings that an action answers too."""
    joined = [col(Joined.action_id) == action_id, col(Joined.join) == Join.JOINED]
    return [*joined, col(Loop.audit_id) == col(Joined.audit_id)]


@dataclass(frozen=True)
class Days:
    """Today in London, and the days off beside the bank holidays: what lists sort due dates by."""

    today: date
    off: frozenset[date] = frozenset()


def in_pile(pile: Pile, days: Days) -> Condition:
    """The same piles as `piles.pile_of`, in SQL."""
    due, today = col(Action.due_on), days.today
    soon = piles.soon(today, days.off)
    conditions: dict[Pile, Condition] = {
        Pile.OVERDUE: sa.and_(IS_TO_DO, due < today),
        Pile.DUE_TODAY: sa.and_(IS_TO_DO, due == today),
        Pile.DUE_SOON: sa.and_(IS_TO_DO, due > today, due <= soon),
        Pile.LATER: sa.and_(IS_TO_DO, due > soon),
        Pile.WAITING: IS_WAITING,
        Pile.UNOWNED: sa.and_(IS_TO_DO, col(Action.owner_id).is_(None)),
    }
    return conditions[pile]


@dataclass(frozen=True)
class Filters:
    """What narrows a list beyond who asks: a pile, a team, a person, a programme's theme; all optional."""

    pile: Pile | None = None
    team: str | None = None
    owner: str | None = None
    theme: str | None = None

    def within(self) -> list[Condition]:
        """As SQL, the pile apart."""
        chosen = ((Action.team_id, self.team), (Action.owner_id, self.owner), (Action.theme_id, self.theme))
        return [col(column) == value for column, value in chosen if value]

    def conditions(self, days: Days) -> list[Condition]:
        """As SQL: every open action where no pile is chosen."""
        return [in_pile(self.pile, days) if self.pile else IS_OPEN, *self.within()]

    def query(self, **changed: object) -> dict[str, str]:
        """As an address's query, with some of it changed."""
        held = {"pile": self.pile, "team": self.team, "owner": self.owner, "theme": self.theme} | changed
        return {name: str(value) for name, value in held.items() if value}


@dataclass(frozen=True)
class Listed:
    """One page of actions, and how many there are in all."""

    actions: Sequence[Action]
    total: int
    page: int = 1

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


async def listed(session: AsyncSession, scope: Scope, conditions: Sequence[Condition], page: int = 1) -> Listed:
    """The actions of a list that this person may see, the first due first, one page of them."""
    where = [visible(scope), *conditions]
    total = (await session.execute(sa.select(sa.func.count()).select_from(Action).where(*where))).scalar_one()
    query = sa.select(Action).where(*where).order_by(col(Action.due_at), col(Action.action_id))
    rows = await session.execute(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE))
    return Listed(rows.scalars().all(), total, page)


async def counted(session: AsyncSession, scope: Scope, conditions: Sequence[Condition], days: Days) -> dict[Pile, int]:
    """How many open actions of a list lie in each pile, in one read of the open ones."""
    columns = [sa.func.count().filter(in_pile(pile, days)) for pile in Pile]
    query = sa.select(*columns).select_from(Action).where(visible(scope), IS_OPEN, *conditions)
    return dict(zip(Pile, (await session.execute(query)).one(), strict=True))


async def overdue_by_age(
    session: AsyncSession, scope: Scope, conditions: Sequence[Condition], days: Days
) -> list[tuple[Band, int]]:
    """How many of a list are overdue in each band of age, the oldest first."""
    bands = piles.age_bands(days.today, days.off)
    columns = [sa.func.count().filter(_in_band(band)) for band in bands]
    query = sa.select(*columns).select_from(Action)
    row = (await session.execute(query.where(visible(scope), in_pile(Pile.OVERDUE, days), *conditions))).one()
    return list(zip(bands, row, strict=True))


def _in_band(band: Band) -> Condition:
    due = col(Action.due_on)
    return sa.and_(sa.true() if band.first is None else due >= band.first, due <= band.last)


async def owners_and_teams(session: AsyncSession, scope: Scope) -> tuple[list[str], list[str]]:
    """Who owns open actions that this person may see, and their teams: what a list can be narrowed to."""
    found = []
    for column in (Action.owner_id, Action.team_id):
        query = sa.select(col(column)).where(visible(scope), IS_OPEN, col(column).is_not(None)).distinct()
        found.append([str(each) for each in (await session.execute(query)).scalars()])
    return found[0], found[1]


async def load_by_owner(session: AsyncSession, scope: Scope, conditions: Sequence[Condition]) -> list[tuple[str, int]]:
    """Open actions on each person, the most first: too many on one are to be seen."""
    number = sa.func.count()
    query = sa.select(col(Action.owner_id), number).where(visible(scope), IS_TO_DO, *conditions)
    query = query.where(col(Action.owner_id).is_not(None)).group_by(col(Action.owner_id))
    rows = await session.execute(query.order_by(number.desc(), col(Action.owner_id)).limit(PAGE_SIZE))
    return [(str(owner), int(count)) for owner, count in rows]


@dataclass(frozen=True)
class Seen:
    """One action with what its page needs."""

    action: Action
    loop: Loop
    programme: Programme | None
    service: str | None
    moderators: frozenset[str]
    case_id: str | None
    whose_too: frozenset[str]
    is_erased: bool
    """Whether its case was withdrawn and its words erased: nothing that is written now is kept."""

    @property
    def concerned(self) -> oversight.Concerned:
        """Whom it concerns, for the rules of who may do what."""
        return self.action.concerned(self.service, self.moderators, self.whose_too)

    @property
    def theme(self) -> str:
        """The theme's name, or its id where the programme has not come yet."""
        themes = self.programme.themes if self.programme else {}
        return themes.get(self.action.theme_id, self.action.theme_id)


async def one(session: AsyncSession, scope: Scope, action_id: UUID) -> Seen | None:
    """One action, or None where it does not exist for this person."""
    query = (
        sa.select(Action, Loop, Programme, TEAM.c.service, col(CaseLink.case_id), col(Text.erased))
        .join(Loop, col(Loop.audit_id) == col(Action.audit_id))
        .outerjoin(Programme, col(Programme.programme_id) == col(Action.programme_id))
        .outerjoin(TEAM, TEAM.c.team_id == col(Action.team_id))
        .outerjoin(CaseLink, col(CaseLink.child_id) == col(Action.child_id))
        .outerjoin(Text, col(Text.text_id) == col(Action.action_id))
        .where(col(Action.action_id) == action_id, visible(scope))
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    action, loop, programme, service, case_id, erased = row
    moderators, whose_too = await moderators_of(session, action.audit_id), await whose_work_too(session, action_id)
    return Seen(action, loop, programme, service, moderators, case_id, whose_too, bool(erased))


async def moderators_of(session: AsyncSession, audit_id: UUID) -> frozenset[str]:
    """Who moderated the audit."""
    query = sa.select(col(Moderated.moderator_id)).where(col(Moderated.audit_id) == audit_id)
    return frozenset((await session.execute(query)).scalars())


async def whose_work_too(session: AsyncSession, action_id: UUID) -> frozenset[str]:
    """Whose work it is beside those whom the action names.

    Who attached the files that stand as its evidence, and who did or signed off the work in which the findings lie that
    it answers too.
    """
    gave = sa.select(col(Attachment.attached_by)).where(*_stands_for(action_id))
    did = sa.select(col(Loop.worker_id)).where(*_answered_by(action_id))
    found = (await session.execute(gave.union(did))).scalars()
    too = frozenset(person for person in found if person is not None)
    return too | await who_signed_off_too(session, action_id)


async def who_signed_off_too(session: AsyncSession, action_id: UUID) -> frozenset[str]:
    """Who signed off the work in which the findings lie that an action answers too."""
    query = sa.select(col(Loop.authorised_by)).where(*_answered_by(action_id))
    found = (await session.execute(query)).scalars()
    return frozenset(person for person in found if person is not None)


async def attachments_of(
    session: AsyncSession, scope: Scope, action_ids: Collection[UUID]
) -> dict[UUID, list[Attachment]]:
    """The files that stand as evidence of each of these actions that exist for this person, the first first."""
    query = (
        sa.select(Attachment)
        .join(Action, col(Action.action_id) == col(Attachment.action_id))
        .where(visible(scope), col(Attachment.action_id).in_(action_ids), col(Attachment.gone_at).is_(None))
    )
    found: dict[UUID, list[Attachment]] = {action_id: [] for action_id in action_ids}
    for each in (await session.execute(query.order_by(col(Attachment.attached_at), col(Attachment.name)))).scalars():
        found[each.action_id].append(each)
    return found


async def audit_of(session: AsyncSession, scope: Scope, action_id: UUID) -> UUID | None:
    """The audit whose loop holds the action, or None where the action does not exist for this person."""
    query = sa.select(col(Action.audit_id)).where(col(Action.action_id) == action_id, visible(scope))
    return (await session.execute(query)).scalar_one_or_none()


async def service_of(session: AsyncSession, team_id: str | None) -> str | None:
    """The service that a team belongs to."""
    query = sa.select(TEAM.c.service).where(TEAM.c.team_id == team_id)
    return (await session.execute(query)).scalar_one_or_none()


async def steps_of(session: AsyncSession, scope: Scope, action_id: UUID) -> list[tuple[Step, Words]]:
    """The timeline of an action with the reasons given, the latest first. Empty where it does not exist for them."""
    query = sa.select(Step).join(Action, col(Action.action_id) == col(Step.action_id))
    query = query.where(col(Step.action_id) == action_id, visible(scope)).order_by(col(Step.step_id).desc())
    steps = (await session.execute(query)).scalars().all()
    words = await words_of(session, [step.text_id for step in steps if step.text_id])
    return [(step, words[step.text_id] if step.text_id else Words()) for step in steps]


async def open_siblings(session: AsyncSession, scope: Scope, action: Action) -> int:
    """How many other actions keep the loop of this one's audit open."""
    query = sa.select(sa.func.count()).select_from(Action)
    where = [col(Action.audit_id) == action.audit_id, col(Action.action_id) != action.action_id, IS_OPEN]
    return (await session.execute(query.where(visible(scope), *where))).scalar_one()


async def case_ids(session: AsyncSession, scope: Scope, actions: Sequence[Action]) -> dict[UUID, str]:
    """The case system's ids of these actions' children, for links into the case."""
    children = {action.child_id for action in actions}
    query = sa.select(col(CaseLink.child_id), col(CaseLink.case_id)).where(col(CaseLink.child_id).in_(children))
    return {row.child_id: row.case_id for row in await session.execute(query)} if scope.person_id else {}


async def recently_finished(session: AsyncSession, scope: Scope, most: int = 5) -> Sequence[Action]:
    """The last actions of this person that were verified: what came of the work."""
    query = sa.select(Action).where(col(Action.owner_id) == scope.person_id, _is_in(State.VERIFIED))
    return (await session.execute(query.order_by(col(Action.verified_at).desc()).limit(most))).scalars().all()


async def loads(session: AsyncSession, scope: Scope) -> dict[str, int]:
    """How many actions each person has to do, over all teams: whoever gives them another one sees it first."""
    query = sa.select(col(Action.owner_id), sa.func.count()).where(IS_TO_DO, col(Action.owner_id).is_not(None))
    rows = await session.execute(query.group_by(col(Action.owner_id)))
    return {str(owner): int(count) for owner, count in rows} if scope.roles else {}


async def team_ids(session: AsyncSession, scope: Scope) -> list[str]:
    """The teams that this person answers for: managed, of the services headed, or every one for the DCS."""
    everywhere = sa.literal(scope.has(Role.DCS, Role.QA_MANAGER))
    query = sa.select(TEAM.c.team_id).where(
        sa.or_(everywhere, TEAM.c.team_id.in_(sorted(scope.teams)), TEAM.c.service.in_(sorted(scope.services)))
    )
    return list((await session.execute(query)).scalars())


async def theme_names(session: AsyncSession, scope: Scope) -> dict[str, str]:
    """The names of the themes of every programme, for whoever is signed in with a role."""
    themes = (await session.execute(sa.select(col(Programme.themes)).where(sa.literal(bool(scope.roles))))).scalars()
    return {theme_id: name for each in themes for theme_id, name in each.items()}
