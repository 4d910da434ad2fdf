"""A case is withdrawn upstream: every word about it goes, here and for every reader; what was done stays."""

from uuid import uuid4

import pytest
import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves
from services.remedial.models import Action, Step, Text
from shared.events import AssessmentWithdrawn, AuditCompleted, TextErased, TextWritten
from tests.service.remedial.council import CHILD, MONDAY, PEOPLE, PROGRAMME_OPENED, QA, completed, finding
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_moves import Council, council_with


def withdrawn(audit: AuditCompleted) -> AssessmentWithdrawn:
    """The case of this audit is purged by its sender."""
    return AssessmentWithdrawn(
        occurred_at=MONDAY,
        version=2,
        assessment_id=audit.assessment_id,
        child_id=CHILD,
        council="999",
        kind="assessment",
    )


async def test_reports_and_reasons_about_a_withdrawn_case_are_erased(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    (action,) = council.ids
    await council.report(action)
    await council.do(QA, lambda session, by: moves.send_back(session, by, action, "Her brother was not seen."))
    gone = withdrawn(council.audit)
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
    assert await deliver(engine, structs.replace(gone, version=3)) == []


async def test_words_that_come_again_after_their_erasure_stay_erased(engine: AsyncEngine) -> None:
    """A redelivered or late `TextWritten` once put back what the council had asked to erase."""
    about, text_id = uuid4(), uuid4()
    written = TextWritten(occurred_at=MONDAY, version=1, text_id=text_id, about=about, parts={"finding": "No dates."})
    erased = TextErased(occurred_at=MONDAY, version=2, text_id=text_id)
    late = structs.replace(written, version=3)
    for each in (written, erased, structs.replace(written), late):
        await deliver(engine, each)
    async with AsyncSession(engine) as session:
        kept = await session.get_one(Text, text_id)
    assert (kept.erased, kept.parts) == (True, {})


async def test_an_erasure_that_comes_before_its_words_holds(engine: AsyncEngine) -> None:
    text_id = uuid4()
    written = TextWritten(occurred_at=MONDAY, version=5, text_id=text_id, about=uuid4(), parts={"finding": "No dates."})
    await deliver(engine, TextErased(occurred_at=MONDAY, version=1, text_id=text_id))
    await deliver(engine, written)
    async with AsyncSession(engine) as session:
        kept = await session.get_one(Text, text_id)
    assert (kept.erased, kept.parts) == (True, {})


async def test_what_is_written_about_a_case_after_it_was_withdrawn_is_not_kept(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding(), finding("voice"))
    reported, fresh = council.ids
    await council.report(reported)
    await deliver(engine, withdrawn(council.audit))
    sent_back = await council.do(QA, lambda session, by: moves.send_back(session, by, reported, "Her brother."))
    told = [*sent_back, *await council.report(reported), *await council.report(fresh)]
    assert [event.type() for event in told] == ["ActionReturned", "ActionReported", "ActionReported"]
    async with AsyncSession(engine) as session:
        kept = (await session.execute(sa.select(Text))).scalars().all()
    assert {text.text_id for text in kept} == {reported, fresh}
    assert all(text.erased and text.parts == {} for text in kept)


@pytest.mark.parametrize("comes_first", ["the erasure", "the audit"])
async def test_an_audit_that_comes_after_its_case_was_withdrawn_takes_no_words_either(
    engine: AsyncEngine, comes_first: str
) -> None:
    """Topics have no order between them: the purge may be heard before the audit, which is dead-lettered, say."""
    await know(engine, *PEOPLE)
    await deliver(engine, PROGRAMME_OPENED)
    found, other = finding(), finding("voice")
    audit = completed(found, other)
    gone = TextErased(occurred_at=MONDAY, version=9, text_id=found.finding_id)
    await deliver(engine, withdrawn(audit))
    in_order = ((gone,), (audit,)) if comes_first == "the erasure" else ((audit,), (gone,))
    told = [event for each in in_order for event in await deliver(engine, *each)]
    council = Council(engine, audit)
    erased, kept = council.ids
    assert [event.text_id for event in told if isinstance(event, TextErased)] == [erased]
    assert [event.type() for event in await council.report(erased)] == ["ActionReported"]
    assert [event.type() for event in await council.report(kept)] == ["TextWritten", "ActionReported"]
    assert await deliver(engine, structs.replace(gone, version=10)) == []
