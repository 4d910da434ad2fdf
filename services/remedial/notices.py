"""What people hear outside Caseloop: noted in the transaction of what happened, gathered into one message a person."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.remedial.calendar import proclaimed
from services.remedial.domain.life import State
from services.remedial.domain.notices import ABOUT_ACTIONS, URGENT, Kind, Stands, is_moot, is_quiet, send_after
from services.remedial.domain.support import State as Meeting
from services.remedial.models import Action, Message, Notice, SupportSession
from shared.access import Role, people

MOST_IN_A_MESSAGE = 50
READY, SENDING, SENT, FAILED = "ready", "sending", "sent", "failed"
"""`sending`: somebody has it in hand, or had and never said what came of it."""


async def note(
    session: AsyncSession,
    person_id: str | None,
    kind: Kind,
    about: UUID,
    now: datetime,
    *,
    path: str,
    occasion: str = "",
) -> None:
    """Note that the person should hear of this, once for each occasion. Nobody hears what is meant for nobody."""
    if person_id is None:
        return
    await session.execute(
        insert(Notice)
        .values(
            notice_id=uuid4(),
            person_id=person_id,
            kind=kind,
            about=about,
            occasion=occasion,
            path=path,
            made_at=now,
            send_after=send_after(now, kind, proclaimed=await proclaimed(session)),
            dropped=False,
        )
        .on_conflict_do_nothing()
    )


async def note_action(
    session: AsyncSession, person_id: str | None, kind: Kind, action: Action, now: datetime, occasion: str = ""
) -> None:
    """Note something about one action."""
    path = f"/remedial/actions/{action.action_id}"
    await note(session, person_id, kind, action.action_id, now, path=path, occasion=occasion)


async def note_support(session: AsyncSession, action: Action, now: datetime, occasion: str) -> None:
    """Note for business support that an action has nobody."""
    for person in await people.people_with_role(session, Role.BUSINESS_SUPPORT):
        await note_action(session, person.person_id, Kind.UNOWNED, action, now, occasion)


async def gather(session: AsyncSession, now: datetime) -> None:
    """Make one message of all that is due to each person, leaving out what no longer matters.

    Outside working hours that is what is urgent alone.
    """
    query = sa.select(Notice).where(
        col(Notice.message_id).is_(None), col(Notice.dropped).is_(False), col(Notice.send_after) <= now
    )
    if is_quiet(now, await proclaimed(session)):
        query = query.where(col(Notice.kind).in_(sorted(URGENT)))
    due = (await session.execute(query.order_by(col(Notice.made_at)).with_for_update(skip_locked=True))).scalars().all()
    moot = await _moot(session, due)
    by_person: dict[str, list[Notice]] = defaultdict(list)
    for notice in due:
        notice.dropped = notice.notice_id in moot
        if not notice.dropped:
            by_person[notice.person_id].append(notice)
    for person_id, notices in by_person.items():
        for start in range(0, len(notices), MOST_IN_A_MESSAGE):
            _send_together(session, person_id, notices[start : start + MOST_IN_A_MESSAGE], now)


def _send_together(session: AsyncSession, person_id: str, notices: Sequence[Notice], now: datetime) -> None:
    message = Message(message_id=uuid4(), person_id=person_id, state=READY, made_at=now, next_at=now)
    session.add(message)
    for notice in notices:
        notice.message_id = message.message_id


async def _moot(session: AsyncSession, notices: Sequence[Notice]) -> set[UUID]:
    """What nobody need hear any more: an action was done, moved or changed hands, a session was called off."""
    actions = await _stand(session, {notice.about for notice in notices if notice.kind in ABOUT_ACTIONS})
    sessions = {notice.about for notice in notices if notice.kind == Kind.SESSION}
    called_off = sa.select(col(SupportSession.session_id)).where(
        col(SupportSession.session_id).in_(sessions), col(SupportSession.state) == Meeting.CANCELLED
    )
    cancelled = set((await session.execute(called_off)).scalars()) if sessions else set()
    return {
        notice.notice_id
        for notice in notices
        if (notice.kind == Kind.SESSION and notice.about in cancelled)
        or (
            notice.about in actions
            and is_moot(Kind(notice.kind), notice.person_id, notice.occasion, actions[notice.about])
        )
    }


async def _stand(session: AsyncSession, about: Collection[UUID]) -> dict[UUID, Stands]:
    found = (
        (await session.execute(sa.select(Action).where(col(Action.action_id).in_(about)))).scalars() if about else ()
    )
    return {
        action.action_id: Stands(
            action.is_to_do, action.state == State.REPORTED, action.owner_id, action.escalated_to, action.due_on
        )
        for action in found
    }
