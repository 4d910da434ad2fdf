"""What every request to reporting may ask: as of when, and narrowed to what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from pydantic import ValidationError

from services.reporting.domain.filters import Filters
from services.reporting.queries.board import with_programme
from shared.access import CurrentScope
from shared.messaging import Reading


def now_of(request: Request) -> datetime:
    """The service's time: the programme's in a replay."""
    now: datetime = request.app.state.service.clock.now()
    return now


Now = Annotated[datetime, Depends(now_of)]


async def filters_of(request: Request, session: Reading, scope: CurrentScope) -> Filters:
    """What the address narrows the view to; 404 for what is no filter at all."""
    try:
        asked = Filters.model_validate(dict(request.query_params))
    except ValidationError as refused:
        raise HTTPException(404) from refused
    return await with_programme(session, scope, asked)


Narrowed = Annotated[Filters, Depends(filters_of)]
