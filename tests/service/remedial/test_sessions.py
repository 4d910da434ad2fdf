"""Support sessions by their pages: planned, held, cancelled, counted, exported; private words stay private."""

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from icalendar import Calendar
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from services.remedial.domain.amendment import action_id_of
from services.remedial.models import Notice
from shared.clock import FixedClock
from shared.db import sessions
from shared.events import (
    AuditCompleted,
    PatternDetected,
    SessionCancelled,
    SessionHeld,
    SessionPlanned,
    TextWritten,
)
from tests.service.remedial.council import MONDAY, completed, finding
from tests.service.remedial.delivering import deliver, said
from tests.service.remedial.test_pages import SignIn, app, app_clock, audit, shows, sign_in

__all__ = ["app", "app_clock", "audit", "sign_in"]

PLAN = {
    "kind": "reflective",
    "day": "2026-11-26",
    "at": "14:30",
    "minutes": "45",
    "team": "team-1",
    "attendees": ["manager-1"],
}
WORDS = {"attendees": ["manager-1"], "reflection": "We looked at plans together.", "change": "Dates in every plan."}


async def plan(sign_in: SignIn, who: str = "auditor-1", changed: Mapping[str, object] | None = None) -> str:
    answer = await sign_in(who).post("/remedial/sessions", data={**PLAN, **(changed or {})})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_planned_session_is_told_to_whom_it_invites(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await said(engine)
    page = await plan(sign_in)
    (planned,) = await said(engine)
    assert isinstance(planned, SessionPlanned)
    assert (planned.leader_id, planned.attendees, planned.managers) == ("auditor-1", ("manager-1",), ("manager-1",))
    assert planned.starts_at == datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
    assert "Reflective meeting" in await shows(sign_in("manager-1"), "/remedial/sessions")
    for who in ("worker-1", "manager-2"):
        assert (await sign_in(who).get(page)).status_code == 404


async def test_a_session_is_about_actions_domains_and_themes_chosen_from_what_the_team_has(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    await said(engine)
    form = await shows(sign_in("auditor-1"), "/remedial/sessions/new?team=team-1")
    first = action_id_of(audit.findings[0].finding_id)
    assert f'value="{first}"' in form
    assert "Planning: Worker 1, due 30 Nov 2026" in form
    assert "Neglect" in form
    about = {"actions": [str(first)], "domains": ["planning"], "themes": ["neglect"], "domain": "voice"}
    page = await plan(sign_in, changed=about)
    (planned,) = await said(engine)
    assert isinstance(planned, SessionPlanned)
    assert (planned.actions, planned.domains, planned.themes) == ((first,), ("planning", "voice"), ("neglect",))
    html = await shows(sign_in("manager-1"), page)
    assert f"/remedial/actions/{first}" in html
    assert "Neglect" in html


async def test_an_action_that_a_planner_may_not_see_cannot_be_linked_and_is_not_offered(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    hidden = str(action_id_of(audit.findings[0].finding_id))
    browser = sign_in("auditor-2")
    assert hidden not in await shows(browser, "/remedial/sessions/new?team=team-1")
    answer = await browser.post("/remedial/sessions", data=PLAN | {"actions": [hidden]})
    assert (answer.status_code, "Choose actions from the list" in answer.text) == (422, True)


async def test_the_form_says_who_has_not_yet_been_offered_one(audit: AuditCompleted, sign_in: SignIn) -> None:
    await plan(sign_in)
    form = await shows(sign_in("auditor-1"), "/remedial/sessions/new?team=team-1")
    people = {name for name in ("worker-1", "worker-2", "manager-1") if f'value="{name}"' in form}
    assert people == {"worker-1", "worker-2", "manager-1"}
    assert form.count("Not yet offered a session") == 2


async def test_a_meeting_that_nobody_planned_is_entered_afterwards_invites_nobody_and_counts(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    page = await plan(sign_in, changed={"day": "2026-11-20"})
    assert "It was held" in await shows(sign_in("auditor-1"), page)
    assert (await sign_in("auditor-1").post(page + "/held", data=WORDS)).status_code == 303
    async with sessions(engine)() as session:
        told = (await session.execute(sa.select(Notice).where(col(Notice.path) == page))).all()
    assert told == []
    assert "16 Nov 2026" in await shows(sign_in("support-1"), "/remedial/sessions/counts")


async def test_a_session_long_ago_or_with_nobody_is_refused_beside_its_field(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    browser = sign_in("auditor-1")
    past = await browser.post("/remedial/sessions", data=PLAN | {"day": "2026-10-20"})
    assert (past.status_code, "less than a month ago" in past.text) == (422, True)
    alone = {name: value for name, value in PLAN.items() if name != "attendees"}
    assert "Select who is invited" in (await browser.post("/remedial/sessions", data=alone)).text
    unknown = await browser.post("/remedial/sessions", data=PLAN | {"attendees": ["nobody"]})
    assert "from the staff directory" in unknown.text


async def test_an_invitation_says_when_and_where_to_look_and_nothing_else(
    audit: AuditCompleted, sign_in: SignIn
) -> None:
    page = await plan(sign_in, changed={"domains": ["planning"]})
    answer = await sign_in("manager-1").get(page + "/invitation.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event.decoded("dtstart") == datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
    assert (event.decoded("dtend") - event.decoded("dtstart")).total_seconds() == 45 * 60
    assert str(event["url"]).endswith(page)
    assert b"planning" not in answer.content.lower()
    calendar = Calendar.from_ical(answer.content)
    assert (calendar.errors, event.errors) == ([], [])
    assert (str(calendar["method"]), str(event["organizer"])) == ("PUBLISH", "invalid:nomail")
    assert event["organizer"].params["CN"] == "Auditor 1"
    assert {"uid", "dtstamp", "sequence", "summary"} <= {name.lower() for name in event}


async def test_a_cancelled_session_is_told_to_whom_it_invited_and_cancels_itself_in_their_calendar(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    page = await plan(sign_in)
    await sign_in("auditor-1").post(page + "/cancel")
    async with sessions(engine)() as session:
        query = sa.select(col(Notice.kind)).where(col(Notice.person_id) == "manager-1", col(Notice.path) == page)
        assert sorted((await session.execute(query)).scalars()) == ["session", "session_cancelled"]
    content = (await sign_in("manager-1").get(page + "/invitation.ics")).content
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    assert (str(Calendar.from_ical(content)["method"]), str(event["status"])) == ("CANCEL", "CANCELLED")
    assert event.decoded("sequence") == 1


async def test_what_was_said_stays_with_those_who_were_there(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn, app_clock: FixedClock
) -> None:
    page = await plan(sign_in)
    early = await sign_in("auditor-1").post(page + "/held", data=WORDS)
    assert "has not begun" in early.text
    app_clock.instant = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    await said(engine)
    assert (await sign_in("auditor-1").post(page + "/held", data=WORDS)).status_code == 303
    (held,) = await said(engine)
    assert isinstance(held, SessionHeld)
    assert held.managers == ("manager-1",)
    for who in ("auditor-1", "manager-1"):
        assert str(WORDS["reflection"]) in await shows(sign_in(who), page)
    for who in ("qa-1", "support-1"):
        html = await shows(sign_in(who), page)
        assert "private to those who were there" in html
        assert str(WORDS["reflection"]) not in html


async def test_what_is_shared_travels_as_words_and_is_read_by_those_who_see_the_session(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn, app_clock: FixedClock
) -> None:
    page = await plan(sign_in)
    app_clock.instant = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    await said(engine)
    await sign_in("auditor-1").post(page + "/held", data=WORDS | {"shared": "true"})
    assert [type(event) for event in await said(engine)] == [TextWritten, SessionHeld]
    assert str(WORDS["change"]) in await shows(sign_in("qa-1"), page)


async def test_meetings_are_counted_by_manager_and_week_and_who_had_none_is_named(
    audit: AuditCompleted, sign_in: SignIn, app_clock: FixedClock
) -> None:
    page = await plan(sign_in)
    html = await shows(sign_in("support-1"), "/remedial/sessions/counts")
    assert "No meetings yet" in html
    app_clock.instant = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    await sign_in("auditor-1").post(page + "/held", data=WORDS)
    html = await shows(sign_in("support-1"), "/remedial/sessions/counts")
    assert "23 Nov 2026" in html
    assert "Not yet offered one" in html
    assert "Manager 2" in html
    assert (await sign_in("worker-1").get("/remedial/sessions/counts")).status_code == 404


async def test_only_who_leads_or_planned_it_settles_a_session_and_once(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    page = await plan(sign_in)
    assert (await sign_in("manager-1").post(page + "/cancel")).status_code == 404
    await said(engine)
    assert (await sign_in("auditor-1").post(page + "/cancel")).status_code == 303
    assert [type(event) for event in await said(engine)] == [SessionCancelled]
    assert "was cancelled already" in (await sign_in("auditor-1").post(page + "/cancel")).text
    ics = await sign_in("manager-1").get(page + "/invitation.ics")
    assert b"STATUS:CANCELLED" in ics.content


async def test_ones_own_record_can_be_taken_along_and_opens_as_no_formula(
    audit: AuditCompleted, sign_in: SignIn, app_clock: FixedClock
) -> None:
    page = await plan(sign_in)
    app_clock.instant = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    await sign_in("auditor-1").post(page + "/held", data=WORDS | {"reflection": "=1+1"})
    mine = (await sign_in("manager-1").get("/remedial/sessions/mine.csv")).text
    assert "Dates in every plan." in mine
    assert "'=1+1" in mine
    assert "Dates" not in (await sign_in("worker-1").get("/remedial/sessions/mine.csv")).text


async def test_a_pattern_offers_a_workshop_already_filled_in(
    engine: AsyncEngine, audit: AuditCompleted, sign_in: SignIn
) -> None:
    events = await deliver(engine, *(completed(finding("voice"), worker="worker-2") for _ in range(3)))
    (pattern,) = [event for event in events if isinstance(event, PatternDetected)]
    manager = sign_in("manager-1")
    assert f"pattern={pattern.pattern_id}" in await shows(manager, "/remedial/team")
    html = await shows(manager, f"/remedial/sessions/new?pattern={pattern.pattern_id}")
    assert 'value="workshop" checked' in " ".join(html.split())
    assert 'value="voice"' in html
    assert MONDAY.date() >= pattern.since
