"""Whom an action may be given to, with what should be seen before it is: how much they have to do, and their leave."""

from services.remedial import absence, queries
from services.remedial.pages.asking import Visit
from shared.access import people
from shared.web.filters import counted, short_date
from shared.working_days import local_date


async def possible_owners(visit: Visit) -> list[tuple[str, str]]:
    """Everybody who may own an action, by id, and what stands beside each name."""
    session = visit.work.session
    loads = await queries.loads(session, visit.scope)
    away = await absence.away_on(session, visit.scope, local_date(visit.now))
    return [
        (
            each.person_id,
            f"{each.name}, {counted(loads.get(each.person_id, 0), 'action')} to do"
            + (f", on leave until {short_date(away[each.person_id])}" if each.person_id in away else ""),
        )
        for each in await people.people_with_role(session, *absence.OWNS)
    ]
