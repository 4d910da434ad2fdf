"""The rule of who sees an action exists twice, in Python and in SQL: they agree on everybody and everything."""

from itertools import product
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.remedial import queries
from services.remedial.domain import oversight
from services.remedial.domain.life import Move
from services.remedial.models import Action, Attachment, Moderated
from shared.access import Role, Scope
from shared.db import sessions
from tests.service.remedial.council import MONDAY, PEOPLE, PROGRAMME_OPENED, completed, finding, scope
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_joining import acting_with

NAMES = ("worker-1", "worker-2", "auditor-1", "auditor-2", "moderator-1", "manager-9", "else-1")
PLACES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (((), ()), (("team-1",), ()), ((), ("children",)))


def everybody() -> list[Scope]:
    """Each name in each role, with a team, a service or neither."""
    return [
        scope(name, role.value, teams=teams, services=services)
        for name, role, (teams, services) in product(NAMES, Role, PLACES)
    ]


def attached(action_id: UUID, by: str) -> Attachment:
    """A file that stands as evidence."""
    return Attachment(
        attachment_id=uuid4(),
        action_id=action_id,
        name="plan.pdf",
        kind="pdf",
        size=1,
        digest=b"x",
        scanned=True,
        attached_by=by,
        attached_at=MONDAY,
    )


async def test_python_and_sql_agree_on_who_sees_and_who_verifies(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    first = finding()
    audits = [completed(first), completed(finding(), worker="worker-2"), completed(finding(), worker=None)]
    await deliver(engine, *audits)
    await deliver(engine, completed(acting_with(first), worker="else-1"))
    async with sessions(engine)() as session, session.begin():
        session.add(Moderated(audit_id=audits[0].audit_id, moderator_id="moderator-1"))
        await session.execute(sa.update(Action).values(state="reported", reported_by="worker-2"))
        for number, action_id in enumerate((await session.execute(sa.select(col(Action.action_id)))).scalars()):
            session.add(attached(action_id, "auditor-1" if number else "moderator-1"))
    async with sessions(engine)() as session:
        actions = (await session.execute(sa.select(Action))).scalars().all()
        services = {each.action_id: await queries.service_of(session, each.team_id) for each in actions}
        moderators = {each.action_id: await queries.moderators_of(session, each.audit_id) for each in actions}
        gave = {each.action_id: await queries.whose_work_too(session, each.action_id) for each in actions}
        for who in everybody():
            seen = set((await session.execute(sa.select(col(Action.action_id)).where(queries.visible(who)))).scalars())
            waits = sa.select(col(Action.action_id)).where(queries.verifiable(who))
            verifiable = set((await session.execute(waits)).scalars())
            for each in actions:
                concerned = each.concerned(services[each.action_id], moderators[each.action_id], gave[each.action_id])
                assert (each.action_id in seen) == oversight.sees(who, concerned), who
                assert (each.action_id in verifiable) == oversight.may(Move.VERIFY, who, concerned), who
