"""What remedial hears: audits become actions; programmes, words, case links and people are kept to read from."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import structs
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import (
    erasing,
    figures,
    holding,
    leaving,
    patterns,
    raising,
    sending,
    settling,
    strengths,
    telling,
    watching,
    words,
)
from services.remedial.channels import channel_of
from services.remedial.loops import locked_loops
from services.remedial.models import CaseLink, Programme
from services.remedial.settings import current
from shared.events import (
    AccuracyAsked,
    ActionRaised,
    AssessmentRecorded,
    AssessmentWithdrawn,
    AuditAmended,
    AuditCompleted,
    CaseAllocated,
    ChallengeAnswered,
    ChildLinked,
    ChildUnlinked,
    ConcernEscalated,
    DayOpened,
    EpisodeRecorded,
    Event,
    FindingChallenged,
    PersonRecorded,
    ProgrammeOpened,
    StrengthRecognised,
    TextErased,
    TextWritten,
)
from shared.messaging import EventRouter, consumes, every, on_day

router = EventRouter("remedial")


@consumes(router, AuditCompleted, AuditAmended)
async def raise_actions(audits: Sequence[AuditCompleted | AuditAmended], session: AsyncSession) -> list[Event]:
    """Raise one remedial action for each finding that needs one; an amendment adds, changes and withdraws."""
    events = await raising.follow_all(session, audits)
    raised = {event.finding_id: event.occurred_at for event in events if isinstance(event, ActionRaised)}
    if raised:
        events += await erasing.erase_with_findings(session, raised, max(raised.values()))
    return events + await patterns.detect(session, events)


@consumes(
    router,
    ConcernEscalated,
    CaseAllocated,
    StrengthRecognised,
    AccuracyAsked,
    FindingChallenged,
    ChallengeAnswered,
    suffix="notices",
)
async def note_for_people(happened: Sequence[telling.Told], session: AsyncSession) -> list[Event]:
    """Note whom audit's events are to reach outside: a concern at once, the rest with the next digest."""
    for event in happened:
        await telling.tell(session, event)
        if isinstance(event, StrengthRecognised):
            await strengths.keep(session, event)
    return []


@consumes(router, AssessmentRecorded, EpisodeRecorded, AssessmentWithdrawn)
async def look_back(
    heard: Sequence[AssessmentRecorded | EpisodeRecorded | AssessmentWithdrawn], session: AsyncSession
) -> list[Event]:
    """Say which closed loops did not hold: the child came back. Erase what was said of cases that are withdrawn."""
    back = holding.coming_back([each for each in heard if not isinstance(each, AssessmentWithdrawn)])
    gone = [each for each in heard if isinstance(each, AssessmentWithdrawn)]
    if not back and not gone:
        return []
    audits = {*await holding.closed_for(session, back), *await erasing.about(session, gone)}
    loops = (await locked_loops(session, audits)).values()
    return [*await holding.look_at(session, loops, back), *await erasing.erase(session, loops, gone)]


@consumes(router, ProgrammeOpened)
async def keep_programmes(opened: Sequence[ProgrammeOpened], session: AsyncSession) -> list[Event]:
    """Keep the version in force: its names, its scale and how long an action gets."""
    for programme in opened:
        statement = insert(Programme).values(
            programme_id=programme.programme_id,
            version=programme.version,
            name=programme.name,
            themes={theme.theme_id: theme.name for theme in programme.themes},
            scale=[structs.asdict(grade) for grade in programme.scale],
            action_working_days=programme.action_working_days,
            red_action_working_days=programme.red_action_working_days,
        )
        fresh = {column: statement.excluded[column] for column in _PROGRAMME_FACTS}
        newer = col(Programme.version) <= statement.excluded.version
        await session.execute(statement.on_conflict_do_update(index_elements=["programme_id"], set_=fresh, where=newer))
    return []


_PROGRAMME_FACTS = ("version", "name", "themes", "scale", "action_working_days", "red_action_working_days")


@consumes(router, TextWritten, TextErased)
async def keep_words(texts: Sequence[TextWritten | TextErased], session: AsyncSession) -> list[Event]:
    """Keep what was written, and forget what was erased; with a finding's words goes what was said of its action."""
    erased = {text.text_id: text.occurred_at for text in texts if isinstance(text, TextErased)}
    await erasing.hold(session, erased)
    ordered = sorted(texts, key=lambda each: each.text_id)
    for text in ordered:
        if isinstance(text, TextErased):
            await words.keep(session, text)
    gone = await erasing.erase_with_findings(session, erased, max(erased.values())) if erased else []
    # Last: whoever moves an action holds its loop and writes its words, so no loop may be waited for with words held.
    for text in ordered:
        if isinstance(text, TextWritten):
            await words.keep(session, text)
    return gone


@consumes(router, ChildLinked, ChildUnlinked)
async def keep_case_links(links: Sequence[ChildLinked | ChildUnlinked], session: AsyncSession) -> list[Event]:
    """Keep the way into the case system, and forget it when it is erased."""
    for link in sorted(links, key=lambda each: each.child_id):
        if isinstance(link, ChildUnlinked):
            await session.execute(sa.delete(CaseLink).where(col(CaseLink.child_id) == link.child_id))
            continue
        statement = insert(CaseLink).values(child_id=link.child_id, version=link.version, case_id=link.case_id)
        fresh = {"version": statement.excluded.version, "case_id": statement.excluded.case_id}
        newer = col(CaseLink.version) <= statement.excluded.version
        await session.execute(statement.on_conflict_do_update(index_elements=["child_id"], set_=fresh, where=newer))
    return []


@every(router, seconds=1, name="joined findings")
async def settle_joined(now: datetime, session: AsyncSession) -> list[Event]:
    """Settle the loops of which a finding is answered by an action of another audit that has moved."""
    events = await settling.settle_noted(session, now)
    return events + await patterns.detect(session, events)


@every(router, seconds=15, name="figures")
async def count_actions(now: datetime, session: AsyncSession) -> list[Event]:
    """Let the metrics say how the open actions stand."""
    await figures.measure(now, session)
    return []


@consumes(router, PersonRecorded, suffix="owners")
async def follow_people(recorded: Sequence[PersonRecorded], session: AsyncSession) -> list[Event]:
    """Hand over what somebody who left had to do; give what nobody owns to whom it was meant for."""
    return await leaving.follow_people(session, recorded)


@on_day(router)
async def watch(opened: DayOpened, session: AsyncSession) -> list[Event]:
    """Remind owners of what is due, let what is overdue climb a step, say which loops held, wait no longer in vain."""
    day, now = opened.day, opened.occurred_at
    over, waiting, late = (
        await holding.over(session, day, now),
        await settling.waiting(session),
        await watching.late(session, day),
    )
    loops = await locked_loops(session, [*over, *waiting, *(action.audit_id for action in late)])
    await watching.remind(session, day, now)
    held = holding.say_what_held([loops[audit_id] for audit_id in over], day, now)
    held += await settling.give_up_waiting(session, [loops[audit_id] for audit_id in waiting], now)
    return held + await watching.escalate(session, loops, late, day, now)


@every(router, seconds=5, name="messages")
async def send_messages(now: datetime, session: AsyncSession) -> list[Event]:
    """Send what is due to people; it waits while no channel is set up.

    Not in the tick's own transaction, as all else is: what has left cannot be rolled back (see `sending`).
    """
    channel = channel_of(current())
    if channel is not None:
        assert isinstance(session.bind, AsyncEngine), "a tick's session is of the service's engine"  # noqa: S101
        await sending.send_due(session.bind, now, channel, current().origin)
    return []
