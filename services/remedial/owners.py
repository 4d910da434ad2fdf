"""Who an action's owner is, from the directory as it stands."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.remedial.domain.ownership import Owner, owner_of
from shared.access import people


async def find_owner(session: AsyncSession, named: str | None, practitioner: str | None, team_id: str | None) -> Owner:
    """The owner of an action of this team: who was named, or the practitioner, or who stands in for them."""
    meant = named or practitioner
    person = await people.person(session, meant) if meant else None
    managers: Sequence[str] = ()
    if team_id is not None:
        managers = [manager.person_id for manager in await people.managers_of(session, team_id)]
    active = {person.person_id: person.active} if person else {}
    return owner_of(named, practitioner, team_id, active, {team_id or "": managers})
