"""A form that is answered once, however often its button is pressed.

The page gives the form an id when it renders it (the macro `once_field`). The first to arrive does what is asked;
whatever arrives with the same id, at the same moment or later, does nothing more. Which were answered stands in the
service's inbox beside its events, for the rule is the same: its insert is the duplicate check, in the transaction of
the effects.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from shared.messaging import inbox

FIELD = "form_id"
FORMS = "form"
SENT_ALREADY = "You sent this form already, so nothing was done a second time."

Made = TypeVar("Made")


def form_id(submitted: Mapping[str, str | list[str]]) -> UUID:
    """The id that a form carries; a new one where it carries none, as a program's does that made no form."""
    try:
        return UUID(str(submitted.get(FIELD, "")))
    except ValueError:
        return uuid4()


async def once(session: AsyncSession, form: UUID, make: Callable[[], Awaitable[Made]]) -> Made | None:
    """What `make` gives; None where this form was answered already.

    What `make` raises undoes all that it did, and the form may be sent again, corrected.
    """
    async with session.begin_nested():
        return await make() if await inbox.take(session, FORMS, [form]) else None
