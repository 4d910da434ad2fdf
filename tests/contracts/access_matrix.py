"""Who may use which route: one row for every route of every service. A route without a row fails a test.

A row says which roles are let in at the door. What they then see of it (own, team, service) is each query's to narrow;
the tests of each service show that. Everybody else finds nothing: 404. Signed out, a page leads to /sign-in.
"""

from shared.access import Role

PUBLIC = None
"""Anybody, signed in or not."""

EVERYBODY = frozenset(Role)
"""Whoever is signed in."""


def only(*roles: Role) -> frozenset[Role]:
    """These roles."""
    return frozenset(roles)


ADMINISTRATOR = only(Role.ADMINISTRATOR)
QA = only(Role.QA_MANAGER)
AUDITORS = only(Role.AUDITOR, Role.LEAD_AUDITOR, Role.INTERNAL_AUDITOR)
OVERSEERS = only(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
OWNERS = only(Role.PRACTITIONER, Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE)
VERIFIERS = only(Role.AUDITOR, Role.LEAD_AUDITOR, Role.MODERATOR, Role.QA_MANAGER)
ACKNOWLEDGERS = only(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.QA_MANAGER)
PLANS_SESSIONS = only(Role.AUDITOR, Role.LEAD_AUDITOR, Role.MODERATOR) | OVERSEERS
WATCHES_MAIL = only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)
SEES_ACTIONS = AUDITORS | OVERSEERS | OWNERS | only(Role.MODERATOR, Role.DCS)
SEES_AUDITS = AUDITORS | OWNERS | only(Role.QA_MANAGER, Role.DCS)
SEES_PROGRAMMES = AUDITORS | only(Role.QA_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS, Role.ADMINISTRATOR)
SEES_DRAWS = AUDITORS | only(Role.QA_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS)
CHALLENGES = only(Role.PRACTITIONER, Role.TEAM_MANAGER)
REFERS = only(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.QA_MANAGER)
SEES_FIGURES = AUDITORS | OVERSEERS | only(Role.BOARD, Role.DCS, Role.SPONSOR)
READS_REPORTS = only(Role.QA_MANAGER, Role.BUSINESS_SUPPORT, Role.BOARD, Role.DCS, Role.SPONSOR)
DRAFTS_REPORTS = only(Role.QA_MANAGER, Role.BUSINESS_SUPPORT)
READS_WEEKS = only(Role.QA_MANAGER, Role.BUSINESS_SUPPORT, Role.LEAD_AUDITOR, Role.HEAD_OF_SERVICE, Role.DCS)

GIVES_STAFF_FILES = only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.ADMINISTRATOR)
SETTLES_INTAKE = only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER)
COUNTS_INTAKE = SETTLES_INTAKE | ADMINISTRATOR

Row = frozenset[Role] | None


def of_every_service(name: str) -> dict[str, Row]:
    """What the machinery of all four serves."""
    return {
        "GET /health/live": PUBLIC,
        "GET /health/ready": PUBLIC,
        "GET /metrics": PUBLIC,
        f"GET /{name}/openapi.json": PUBLIC,
        f"GET /{name}/asyncapi.json": PUBLIC,
        f"GET /{name}/dead-letters.json": ADMINISTRATOR,
        f"POST /{name}/dead-letters/{{letter}}/replay": ADMINISTRATOR,
        f"POST /{name}/dead-letters/{{letter}}/dismiss": ADMINISTRATOR,
        f"GET /{name}/outbox.json": ADMINISTRATOR,
        f"POST /{name}/outbox/{{outbox_id}}/retry": ADMINISTRATOR,
        f"POST /{name}/outbox/{{outbox_id}}/give-up": ADMINISTRATOR,
    }


MATRIX: dict[str, dict[str, Row]] = {
    "intake": {
        **of_every_service("intake"),
        "GET /sign-in": PUBLIC,
        "POST /sign-in": PUBLIC,
        "GET /sign-out": PUBLIC,
        "POST /sign-out": PUBLIC,
        "GET /account": EVERYBODY,
        "POST /account/sign-out-everywhere": EVERYBODY,
        "GET /intake/people": ADMINISTRATOR,
        "GET /intake/people/new": ADMINISTRATOR,
        "POST /intake/people/new": ADMINISTRATOR,
        "GET /intake/people/{person_id}": ADMINISTRATOR,
        "POST /intake/people/{person_id}": ADMINISTRATOR,
        "GET /intake/people/{person_id}/deactivate": ADMINISTRATOR,
        "POST /intake/people/{person_id}/deactivate": ADMINISTRATOR,
        "POST /intake/people/{person_id}/reactivate": ADMINISTRATOR,
        "POST /intake/people/{person_id}/sign-out": ADMINISTRATOR,
        "GET /intake/teams": ADMINISTRATOR,
        "GET /intake/teams/new": ADMINISTRATOR,
        "POST /intake/teams/new": ADMINISTRATOR,
        "GET /intake/teams/{team_id}": ADMINISTRATOR,
        "POST /intake/teams/{team_id}": ADMINISTRATOR,
        "GET /intake": COUNTS_INTAKE,
        "GET /intake/quarantine": COUNTS_INTAKE,
        "GET /intake/quarantine/{quarantine_id}": SETTLES_INTAKE,
        "POST /intake/quarantine/{quarantine_id}/resubmit": SETTLES_INTAKE,
        "POST /intake/quarantine/{quarantine_id}/dismiss": SETTLES_INTAKE,
        "GET /intake/quarantine.json": COUNTS_INTAKE,
        "GET /intake/quarantine/{quarantine_id}/record.json": SETTLES_INTAKE,
        "POST /intake/quarantine/{quarantine_id}/resubmit.json": SETTLES_INTAKE,
        "POST /intake/quarantine/{quarantine_id}/dismiss.json": SETTLES_INTAKE,
        "GET /intake/uploads": SETTLES_INTAKE,
        "POST /intake/uploads": SETTLES_INTAKE,
        "GET /intake/uploads/{upload_id}": SETTLES_INTAKE,
        "GET /intake/uploads/{upload_id}/report.csv": SETTLES_INTAKE,
        "GET /intake/unmatched": SETTLES_INTAKE,
        "GET /intake/unmatched/one": SETTLES_INTAKE,
        "POST /intake/unmatched": SETTLES_INTAKE,
        "GET /intake/assessments/{assessment_id}": SETTLES_INTAKE,
        "POST /intake/imports/annex-a": SETTLES_INTAKE,
        "POST /intake/imports/cin-census": SETTLES_INTAKE,
        "POST /intake/imports/staff": GIVES_STAFF_FILES,
        # A sender's own token opens these; without one they answer 401.
        "POST /intake/children_social_care_data/{la_code}/children": PUBLIC,
        "GET /intake/receipts/{receipt_id}": PUBLIC,
        "GET /intake/senders.json": ADMINISTRATOR,
        "POST /intake/senders": ADMINISTRATOR,
        "POST /intake/senders/{sender_id}/token": ADMINISTRATOR,
        "POST /intake/senders/{sender_id}/revoke": ADMINISTRATOR,
    },
    "audit": {
        **of_every_service("audit"),
        "GET /audit/inbox": AUDITORS,
        "GET /audit/inbox/live": AUDITORS,
        "GET /audit/audits/{audit_id}": SEES_AUDITS,
        "POST /audit/audits/{audit_id}": AUDITORS,
        "POST /audit/audits/{audit_id}/open": only(Role.DCS),
        "POST /audit/audits/{audit_id}/draft": AUDITORS,
        "GET /audit/audits/{audit_id}/amend": AUDITORS,
        "POST /audit/audits/{audit_id}/claim": AUDITORS,
        "POST /audit/audits/{audit_id}/siblings/{other_id}": AUDITORS,
        "GET /audit/audits/{audit_id}/return": AUDITORS,
        "POST /audit/audits/{audit_id}/return": AUDITORS,
        "GET /audit/audits/{audit_id}/hand-over": AUDITORS,
        "POST /audit/audits/{audit_id}/hand-over": AUDITORS,
        "GET /audit/audits/{audit_id}/concern": SEES_AUDITS,
        "POST /audit/audits/{audit_id}/concern": SEES_AUDITS,
        "GET /audit/concerns": SEES_AUDITS,
        "GET /audit/concerns/new": SEES_AUDITS,
        "GET /audit/concerns/{concern_id}": SEES_AUDITS,
        "POST /audit/concerns/{concern_id}/acknowledge": SEES_AUDITS,
        "POST /audit/concerns/{concern_id}/close": SEES_AUDITS,
        "POST /audit/audits/{audit_id}/comment": only(Role.PRACTITIONER),
        "GET /audit/audits/{audit_id}/findings/{finding_id}/challenge": CHALLENGES,
        "POST /audit/audits/{audit_id}/findings/{finding_id}/challenge": CHALLENGES,
        "POST /audit/audits/{audit_id}/challenges/{challenge_id}/answer": QA,
        "GET /audit/referrals": REFERS,
        "POST /audit/referrals": REFERS,
        "GET /audit/assessments/{assessment_id}": SEES_DRAWS,
        "GET /audit/programmes": SEES_PROGRAMMES,
        "GET /audit/programmes.json": SEES_PROGRAMMES,
        "POST /audit/programmes": QA,
        "GET /audit/programmes/new": QA,
        "POST /audit/programmes/new": QA,
        "GET /audit/programmes/{programme_id}": SEES_PROGRAMMES,
        "GET /audit/programmes/{programme_id}/verify.json": SEES_PROGRAMMES,
        "GET /audit/programmes/{programme_id}/re-audits": QA,
        "GET /audit/audits/{audit_id}/re-audit": QA,
        "POST /audit/audits/{audit_id}/re-audit": QA,
        "POST /audit/programmes/{programme_id}/ready": QA,
    },
    "remedial": {
        **of_every_service("remedial"),
        "GET /remedial/mine": OWNERS,
        "GET /remedial/mine/live": OWNERS,
        "GET /remedial/team": only(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS),
        "GET /remedial/team/live": only(Role.TEAM_MANAGER, Role.HEAD_OF_SERVICE, Role.DCS),
        "GET /remedial/board": only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER),
        "GET /remedial/board/live": only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER),
        "GET /remedial/verify": VERIFIERS,
        "GET /remedial/verify/live": VERIFIERS,
        "GET /remedial/holidays": only(Role.QA_MANAGER, Role.ADMINISTRATOR),
        "POST /remedial/holidays": only(Role.QA_MANAGER, Role.ADMINISTRATOR),
        "POST /remedial/holidays/{day}/remove": only(Role.QA_MANAGER, Role.ADMINISTRATOR),
        "GET /remedial/leave": only(Role.TEAM_MANAGER, Role.BUSINESS_SUPPORT),
        "POST /remedial/leave": only(Role.TEAM_MANAGER, Role.BUSINESS_SUPPORT),
        "POST /remedial/leave/{leave_id}/remove": only(Role.TEAM_MANAGER, Role.BUSINESS_SUPPORT),
        "GET /remedial/several": OVERSEERS,
        "POST /remedial/several": OVERSEERS,
        "GET /remedial/sessions": SEES_ACTIONS,
        "POST /remedial/sessions": PLANS_SESSIONS,
        "GET /remedial/sessions/new": PLANS_SESSIONS,
        "GET /remedial/sessions/counts": only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.LEAD_AUDITOR, Role.DCS),
        "GET /remedial/sessions/mine.csv": SEES_ACTIONS,
        "GET /remedial/sessions/{session_id}": SEES_ACTIONS,
        "GET /remedial/sessions/{session_id}/invitation.ics": SEES_ACTIONS,
        "POST /remedial/sessions/{session_id}/held": PLANS_SESSIONS,
        "POST /remedial/sessions/{session_id}/cancel": PLANS_SESSIONS,
        "GET /remedial/messages": WATCHES_MAIL,
        "POST /remedial/messages/{message_id}/retry": WATCHES_MAIL,
        "GET /remedial/actions/{action_id}": SEES_ACTIONS,
        "POST /remedial/actions/{action_id}/open": only(Role.DCS),
        "POST /remedial/actions/{action_id}/start": OWNERS,
        "GET /remedial/actions/{action_id}/report": OWNERS,
        "POST /remedial/actions/{action_id}/report": OWNERS,
        "GET /remedial/actions/{action_id}/attachments": OWNERS,
        "POST /remedial/actions/{action_id}/attachments": OWNERS,
        "GET /remedial/actions/{action_id}/attachments/{attachment_id}": SEES_ACTIONS - only(Role.BUSINESS_SUPPORT),
        "POST /remedial/actions/{action_id}/acknowledge": ACKNOWLEDGERS,
        "POST /remedial/actions/{action_id}/check": only(Role.QA_MANAGER, Role.LEAD_AUDITOR, Role.MODERATOR),
        "POST /remedial/actions/{action_id}/verify": VERIFIERS,
        "GET /remedial/actions/{action_id}/return": VERIFIERS,
        "POST /remedial/actions/{action_id}/return": VERIFIERS,
        "GET /remedial/actions/{action_id}/reopen": VERIFIERS,
        "POST /remedial/actions/{action_id}/reopen": VERIFIERS,
        "GET /remedial/actions/{action_id}/withdraw": QA,
        "POST /remedial/actions/{action_id}/withdraw": QA,
        "GET /remedial/actions/{action_id}/chase": OVERSEERS,
        "POST /remedial/actions/{action_id}/chase": OVERSEERS,
        "GET /remedial/actions/{action_id}/reassign": OVERSEERS,
        "POST /remedial/actions/{action_id}/reassign": OVERSEERS,
        "GET /remedial/actions/{action_id}/extend": OVERSEERS,
        "POST /remedial/actions/{action_id}/extend": OVERSEERS,
        "GET /remedial/api/loops/{audit_id}": SEES_ACTIONS - only(Role.BUSINESS_SUPPORT),
        "GET /remedial/api/actions": SEES_ACTIONS,
        "GET /remedial/api/actions/{action_id}": SEES_ACTIONS,
        "POST /remedial/api/actions/{action_id}/start": OWNERS,
        "POST /remedial/api/actions/{action_id}/report": OWNERS,
        "POST /remedial/api/actions/{action_id}/acknowledge": ACKNOWLEDGERS,
        "POST /remedial/api/actions/{action_id}/verify": VERIFIERS,
        "POST /remedial/api/actions/{action_id}/return": VERIFIERS,
        "POST /remedial/api/actions/{action_id}/reopen": VERIFIERS,
        "POST /remedial/api/actions/{action_id}/reassign": OVERSEERS,
        "POST /remedial/api/actions/{action_id}/extend": OVERSEERS,
        "POST /remedial/api/actions/{action_id}/withdraw": QA,
    },
    "reporting": {
        **of_every_service("reporting"),
        "GET /": EVERYBODY,
        "GET /search": EVERYBODY,
        "GET /help": PUBLIC,
        "GET /accessibility": PUBLIC,
        "GET /reporting": SEES_FIGURES,
        "GET /reporting/board": SEES_FIGURES,
        "GET /reporting/board/live": SEES_FIGURES,
        "GET /reporting/trends": SEES_FIGURES,
        "GET /reporting/figures.json": SEES_FIGURES,
        "GET /reporting/figures.csv": SEES_FIGURES,
        "GET /reporting/figures.xlsx": SEES_FIGURES,
        "GET /reporting/audits": SEES_AUDITS,
        "GET /reporting/actions": SEES_AUDITS | only(Role.BUSINESS_SUPPORT),
        "GET /reporting/practitioners/{person_id}": SEES_AUDITS,
        "GET /reporting/definitions": EVERYBODY,
        "GET /reporting/meetings": only(Role.BUSINESS_SUPPORT, Role.QA_MANAGER, Role.LEAD_AUDITOR, Role.DCS),
        "GET /reporting/weeks": READS_WEEKS,
        "GET /reporting/weeks/{monday}": READS_WEEKS,
        "GET /reporting/reports": READS_REPORTS,
        "POST /reporting/reports": DRAFTS_REPORTS,
        "GET /reporting/reports/latest": READS_REPORTS,
        "GET /reporting/reports/{report_id}/{edition}": READS_REPORTS,
        "GET /reporting/reports/{report_id}/{edition}/edit": DRAFTS_REPORTS,
        "POST /reporting/reports/{report_id}/{edition}/edit": DRAFTS_REPORTS,
        "POST /reporting/reports/{report_id}/{edition}/publish": QA,
        "POST /reporting/reports/{report_id}/{edition}/correct": QA,
    },
}
