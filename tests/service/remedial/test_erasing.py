"""A case is withdrawn upstream: every word about it goes, here and for every reader; what was done stays."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves
from services.remedial.models import Action, Step, Text
from shared.events import AssessmentWithdrawn, TextErased
from tests.service.remedial.council import CHILD, MONDAY, QA, finding
from tests.service.remedial.delivering import deliver
from tests.service.remedial.test_moves import council_with


async def test_reports_and_reasons_about_a_withdrawn_case_are_erased(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    (action,) = council.ids
    await council.report(action)
    await council.do(QA, lambda session, by: moves.send_back(session, by, action, "Her brother was not seen."))
    gone = AssessmentWithdrawn(
        occurred_at=MONDAY,
        version=2,
        assessment_id=council.audit.assessment_id,
        child_id=CHILD,
        council="999",
        kind="assessment",
    )
    erased = {event.text_id for event in await deliver(engine, gone) if isinstance(event, TextErased)}
    async with AsyncSession(engine) as session:
        reasons = set(
            (await session.execute(sa.select(col(Step.text_id)).where(col(Step.text_id).is_not(None)))).scalars()
        )
        left = (await session.execute(sa.select(Text).where(col(Text.text_id).in_([action, *reasons])))).scalars().all()
        state = (await session.execute(sa.select(col(Action.state)))).scalar_one()
    assert erased == {action, *reasons}
    assert len(erased) == 2
    assert all(text.erased and text.parts == {} for text in left)
    assert state == "returned"
    assert await deliver(engine, gone.model_copy(update={"version": 3})) == []
