"""Every form of every service: pressed twice by a test, or named here with the reason why twice is not too often.

A second press is led to what the first made (`pressing.assert_led_on`), unless its service's test says why not.
"""

from __future__ import annotations

import pytest

from tests.contracts.access_matrix import MATRIX
from tests.service.audit import test_pressed_twice as audit
from tests.service.intake import test_pressed_twice as intake
from tests.service.remedial import test_pressed_twice as remedial
from tests.service.reporting import test_pressed_twice as reporting

PRESSED = {
    "intake": set(intake.PRESSES),
    "audit": set(audit.PRESSES),
    "remedial": {press.route for press in remedial.PRESSES},
    "reporting": set(reporting.PRESSES),
}

SETS = "says how something is to stand: said twice, it stands so"
CURSOR = "the letter's row is settled once, as tests/messaging shows"
STUCK = "the stuck row is let go or taken out once: the second finds none (404), as tests/messaging shows"
LOOK = "another look, which leaves another trace"
ROWS = "each row has one identity: the second file's rows are duplicates, as the tests of that road show"
SETTLED = "what was settled does not wait: the second finds none (404), as test_quarantine_api shows"
LIFE = "the table of life has the move once: the second is refused (409), as tests/service/remedial shows"

REPEATABLE: dict[str, dict[str, str]] = {
    "intake": {
        "POST /intake/dead-letters/{letter}/replay": CURSOR,
        "POST /intake/dead-letters/{letter}/dismiss": CURSOR,
        "POST /intake/outbox/{outbox_id}/retry": STUCK,
        "POST /intake/outbox/{outbox_id}/give-up": STUCK,
        "POST /sign-in": "another session of the same person",
        "POST /sign-out": SETS,
        "POST /account/sign-out-everywhere": SETS,
        "POST /intake/people/{person_id}": SETS,
        "POST /intake/people/{person_id}/deactivate": SETS,
        "POST /intake/people/{person_id}/reactivate": SETS,
        "POST /intake/people/{person_id}/sign-out": SETS,
        "POST /intake/teams/{team_id}": SETS,
        "POST /intake/quarantine/{quarantine_id}/resubmit.json": SETTLED,
        "POST /intake/quarantine/{quarantine_id}/dismiss.json": SETTLED,
        "POST /intake/senders/{sender_id}/token": "the last token is the one that is taken, as test_senders shows",
        "POST /intake/senders/{sender_id}/revoke": SETS,
        "POST /intake/uploads": ROWS,
        "POST /intake/imports/annex-a": ROWS,
        "POST /intake/imports/cin-census": ROWS,
        "POST /intake/imports/staff": ROWS,
        "POST /intake/children_social_care_data/{la_code}/children": ROWS,
    },
    "audit": {
        "POST /audit/dead-letters/{letter}/replay": CURSOR,
        "POST /audit/dead-letters/{letter}/dismiss": CURSOR,
        "POST /audit/outbox/{outbox_id}/retry": STUCK,
        "POST /audit/outbox/{outbox_id}/give-up": STUCK,
        "POST /audit/audits/{audit_id}/open": LOOK,
        "POST /audit/audits/{audit_id}/siblings/{other_id}": SETS,
        "POST /audit/audits/{audit_id}/draft": "a draft's saves are numbered, and an older one is refused",
        "POST /audit/audits/{audit_id}/claim": "whoever claims second is told that it has gone, as test_auditing shows",
        "POST /audit/programmes/{programme_id}/ready": SETS,
        "POST /audit/audits/{audit_id}/re-audit": "one re-audit of an audit is open at a time, as test_re_audits shows",
    },
    "remedial": {
        "POST /remedial/dead-letters/{letter}/replay": CURSOR,
        "POST /remedial/dead-letters/{letter}/dismiss": CURSOR,
        "POST /remedial/outbox/{outbox_id}/retry": STUCK,
        "POST /remedial/outbox/{outbox_id}/give-up": STUCK,
        "POST /remedial/actions/{action_id}/open": LOOK,
        "POST /remedial/actions/{action_id}/attachments": "the same content is attached once (test_attachments)",
        "POST /remedial/holidays/{day}/remove": "what was removed is not there",
        "POST /remedial/leave/{leave_id}/remove": "what was removed is not there",
        "POST /remedial/messages/{message_id}/retry": "only a failed message is sent again, and then it waits",
        **{
            f"POST /remedial/api/actions/{{action_id}}/{move}": LIFE
            for move in ("start", "report", "acknowledge", "verify", "return", "reopen", "extend", "withdraw")
        },
        "POST /remedial/api/actions/{action_id}/reassign": "who owns it already is refused (409)",
    },
    "reporting": {
        "POST /reporting/dead-letters/{letter}/replay": CURSOR,
        "POST /reporting/dead-letters/{letter}/dismiss": CURSOR,
        "POST /reporting/outbox/{outbox_id}/retry": STUCK,
        "POST /reporting/outbox/{outbox_id}/give-up": STUCK,
        "POST /reporting/reports/{report_id}/{edition}/edit": SETS,
    },
}


def test_a_press_that_is_told_off_is_one_that_is_pressed_and_leads_a_person_nowhere() -> None:
    """Programs alone: whoever pressed a button on a page is led on."""
    for service, told_off in (("intake", intake.TOLD_OFF), ("audit", audit.TOLD_OFF)):
        assert set(told_off) <= PRESSED[service]
        assert all(why for why in told_off.values())


@pytest.mark.parametrize("service", MATRIX)
def test_every_form_is_pressed_twice_or_says_why_not(service: str) -> None:
    forms = {route for route in MATRIX[service] if route.startswith("POST ")}
    known = PRESSED[service] | set(REPEATABLE[service])
    assert sorted(forms - known) == [], "forms that nobody presses twice"
    assert sorted(set(REPEATABLE[service]) - forms) == [], "reasons for forms that are not there"
    assert sorted(PRESSED[service] & set(REPEATABLE[service])) == [], "pressed, and excused"
