"""One audit: the form while it is open, the audit as completed, and its amendment.

Every look at a narrative leaves a trace, in the transaction that reads it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import completing, owners, replies
from services.audit.audits import AuditConflictError
from services.audit.completing import Save
from services.audit.domain import audit_form, personal_data
from services.audit.domain.audit_form import AuditForm
from services.audit.models import OPEN_STATES, AuditState
from services.audit.owners import Owner
from services.audit.pages.asking import AUDITORS, DIRECTORS, READERS, CaseLink, Now, found
from services.audit.queries import cases, re_audits, siblings
from services.audit.queries.cases import Case
from services.audit.queries.drawing import SEES_DRAWS
from shared.access import CurrentScope, Scope, reasons, trail
from shared.access.reasons import Reason
from shared.messaging import UnitOfWork, Work
from shared.web.flash import flash
from shared.web.forms import Form, Submitted, parse
from shared.web.once import SENT_ALREADY
from shared.web.pages import Page, PageMaker
from shared.working_days import local_date

router = APIRouter(prefix="/audit/audits/{audit_id}")

LOOK = "audit"
"""What the trail calls an audit that somebody opens."""


@router.get("", dependencies=READERS)
async def audit(audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, link: CaseLink) -> HTMLResponse:
    """The form for its auditor while it is open; for everybody else who may see it, what it says."""
    case = found(await cases.readable_case(work.session, scope, audit_id))
    reason = await reasons.given(work.session, scope, LOOK, audit_id)
    if reason is None and await cases.opens_with_reason(work.session, scope, audit_id):
        return _ask_why(page, case, Form())
    (case,) = await siblings.beside(work.session, scope, [case])
    await _trace(work, scope, case, reason.why if reason else "")
    if case.audit.auditor_id == scope.person_id and case.audit.state in OPEN_STATES:
        may_own = await _owners(work, case, now)
        return _form_page(page, case, AuditForm.model_validate_json(case.audit.form), now, link=link, may_own=may_own)
    loop = await cases.loop_of(work.session, scope, audit_id)
    again = await re_audits.re_audits_of(work.session, scope, case)
    return page(
        "audit/audit.html",
        title=case.name,
        case=case,
        reason=reason,
        said=AuditForm.model_validate_json(case.audit.form),
        amendments=await cases.earlier_forms(work.session, scope, audit_id),
        hand_overs=await cases.hand_overs(work.session, scope, audit_id),
        challenges=await replies.challenges(work.session, scope, audit_id),
        may_comment=replies.may_comment(scope, case.audit),
        may_challenge=replies.may_challenge(scope, case.audit),
        may_answer=replies.may_answer(scope, case.audit),
        loop=loop,
        own=case.audit.auditor_id == scope.person_id,
        may_ask=scope.has(*SEES_DRAWS),
        today=local_date(now),
        link=link(case.case_id),
        labels=LABELS,
        acted_with=await _acted_with(work, case),
        re_audits=again,
        may_re_audit=re_audits.may_draw(scope, case, loop, again),
    )


async def _trace(work: UnitOfWork, scope: Scope, case: Case, why: str) -> None:
    """A look at a narrative leaves a trace; at a re-audit's it is a look at the first audit's findings too."""
    await trail.record(work.session, scope, "audit read", case.audit.audit_id, why=why)
    if case.first is not None:
        await trail.record(work.session, scope, "audit read", case.first.audit.audit_id, why="beside its re-audit")


async def _acted_with(work: UnitOfWork, case: Case) -> Mapping[str, UUID]:
    """The actions of other audits that answer findings of this one."""
    said = AuditForm.model_validate_json(case.audit.form).findings
    own = {str(finding.finding_id) for finding in said}
    elsewhere = [UUID(each.acts_with) for each in said if each.acts_with and each.acts_with not in own]
    return await owners.acted_with(work.session, elsewhere) if elsewhere else {}


@router.post("/open", dependencies=DIRECTORS)
async def give_reason(audit_id: UUID, page: Page, scope: CurrentScope, work: Work, fields: Submitted) -> Response:
    """The DCS says why they open a case. The reason goes into the trail and into no address."""
    case = found(await cases.readable_case(work.session, scope, audit_id))
    form = parse(Reason, fields)
    if form.data is None:
        return _ask_why(page, case, form)
    await reasons.give(work.session, scope, LOOK, audit_id, form.data)
    return RedirectResponse(f"/audit/audits/{audit_id}", 303)


def _ask_why(page: PageMaker, case: Case, form: Form[Reason]) -> HTMLResponse:
    return page(
        "caseloop/why.html",
        title="Why are you opening this case?",
        status=422 if form.errors else 200,
        about=f"{case.name}: {case.theme}.",
        action=f"/audit/audits/{case.audit.audit_id}/open",
        form=form,
        minutes=reasons.MINUTES,
    )


LABELS = {
    "answers": audit_form.ANSWERS,
    "levels": audit_form.LEVELS,
    "severities": audit_form.SEVERITIES,
    "yes_no": audit_form.YES_NO,
}


def _form_page(
    page: PageMaker,
    case: Case,
    form: AuditForm,
    now: datetime,
    *,
    link: CaseLink,
    may_own: Sequence[Owner],
    errors: Mapping[str, str] | None = None,
    tab: str = "",
    seen: int | None = None,
    status: int = 200,
    values: Mapping[str, str | list[str]] | None = None,
) -> HTMLResponse:
    """The form with what is in it, and what is wrong with it."""
    return page(
        "audit/form.html",
        title=f"Amend the audit of {case.name.lower()}" if case.audit.state == AuditState.COMPLETED else case.name,
        status=status,
        case=case,
        said=form,
        form=Form(values={**audit_form.fields_of(form), **(values or {})}, errors=dict(errors or {})),
        suggestion=audit_form.suggest(form, case.plan),
        personal=personal_data.warnings(form.texts()),
        tab=tab or uuid4().hex,
        today=local_date(now),
        link=link(case.case_id),
        labels=LABELS,
        may_own=may_own,
        amending=case.audit.state == AuditState.COMPLETED,
        seen=case.audit.saved if seen is None else seen,
    )


async def _owners(work: UnitOfWork, case: Case, now: datetime) -> list[Owner]:
    return await owners.owners(work.session, case.plan, case.audit, local_date(now))


def _one(fields: Mapping[str, str | list[str]], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else value[-1]


def _save_of(fields: Mapping[str, str | list[str]]) -> Save:
    saved = _one(fields, "saved")
    return Save(tab=_one(fields, "tab")[:64], saved=int(saved) if saved.isascii() and saved.isdigit() else -1)


def _read(fields: Mapping[str, str | list[str]], case: Case) -> tuple[AuditForm, dict[str, str]]:
    """The form as submitted, and what of it cannot even be a draft; the draft before stands in for that."""
    before = AuditForm.model_validate_json(case.audit.form)
    try:
        return audit_form.read_form(fields, case.plan, before), {}
    except ValidationError as refused:
        return before, audit_form.refusals(refused, before)


@router.post("/draft", dependencies=AUDITORS)
async def autosave(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> HTMLResponse:
    """Keep the draft as it is typed. 409 when another tab has saved since: nothing is overwritten."""
    case = found(await cases.own_case(work.session, scope, audit_id, lock=True))
    form, errors = _read(fields, case)
    save, conflict = _save_of(fields), ""
    if not errors:
        try:
            completing.save_draft(case.audit, form, save, now)
        except AuditConflictError as older:
            conflict = str(older)
    return HTMLResponse(
        page.render(
            "audit/_draft.html",
            case=case,
            conflict=conflict,
            errors=errors,
            tab=save.tab,
            saved=_seen(case, conflict, save),
        ),
        status_code=409 if conflict else 422 if errors else 200,
        headers={"Cache-Control": "no-store"},
    )


def _seen(case: Case, conflict: str, save: Save) -> int:
    """The last save that the page has seen: after a conflict it stays where it was."""
    return save.saved if conflict else case.audit.saved


@router.post("", dependencies=AUDITORS)
async def submit(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, link: CaseLink, fields: Submitted
) -> Response:
    """One of the form's buttons: save, add or remove a finding or strength, complete."""
    case = found(await cases.own_case(work.session, scope, audit_id, lock=True))
    if case.audit.state == AuditState.COMPLETED:
        return await _amend(page, case, scope, work, now, link, fields)
    may_own = await _owners(work, case, now)
    form, errors = _read(fields, case)
    save, do = _save_of(fields), _one(fields, "do")
    if errors:
        return _form_page(
            page, case, form, now, link=link, may_own=may_own, errors=errors, tab=save.tab, status=422, values=fields
        )
    edited, at = _edited(form.owned_by({owner.person_id for owner in may_own}), do, may_own)
    try:
        completing.save_draft(case.audit, edited, save, now)
    except AuditConflictError as older:
        found_wrong = {"saved": str(older)}
        return _form_page(
            page,
            case,
            form,
            now,
            link=link,
            may_own=may_own,
            errors=found_wrong,
            tab=save.tab,
            seen=save.saved,
            status=409,
            values=fields,
        )
    if do == "ask":
        return await _ask_accuracy(case, work, now)
    return _again(audit_id, at) if do != "complete" else await _complete(page, case, edited, work, now, link, save)


async def _complete(
    page: PageMaker, case: Case, form: AuditForm, work: UnitOfWork, now: datetime, link: CaseLink, save: Save
) -> Response:
    """The audit is final where nothing is wrong with it; else the form says what is."""
    may_own = await _owners(work, case, now)
    wrong = audit_form.problems(form, case.plan, _elsewhere(may_own))
    if wrong:
        return _form_page(page, case, form, now, link=link, may_own=may_own, errors=wrong, tab=save.tab, status=422)
    work.record(*await completing.complete(work.session, case.plan, case.audit, form, now))
    return _completed(f"The audit is complete: {case.theme}, {case.plan.name}.")


def _completed(message: str) -> Response:
    response = RedirectResponse("/audit/inbox", 303)
    flash(response, message)
    return response


async def _ask_accuracy(case: Case, work: UnitOfWork, now: datetime) -> Response:
    """The practitioner sees the findings first."""
    response = RedirectResponse("/audit/inbox", 303)
    try:
        work.record(*await replies.ask_accuracy(work.session, case.plan, case.audit, now))
        flash(response, "The practitioner can read the draft and comment. You may complete it at any time.")
    except AuditConflictError as barred:
        flash(response, str(barred))
    return response


def _elsewhere(may_own: Sequence[Owner]) -> dict[str, Owner]:
    """The findings of other audits whose open action may answer one more, and whose action it is."""
    return {str(action.finding_id): owner for owner in may_own for action in owner.joinable}


def _edited(form: AuditForm, do: str, may_own: Sequence[Owner]) -> tuple[AuditForm, str]:
    """The form after the button's own edit, and where on the page to go on."""
    minted = uuid4()
    match do.partition(":"):
        case ("add-finding", _, _) if len(form.findings) < audit_form.MOST_FINDINGS:
            return form.with_finding(minted), f"findings.{minted}.finding"
        case ("add-strength", _, _) if len(form.strengths) < audit_form.MOST_STRENGTHS:
            return form.with_strength(minted), f"strengths.{minted}.strength"
        case ("remove", _, part_id):
            return form.without(part_id), "findings"
        case ("merge" | "join" | "part" as how, _, which):
            return _answered(form, how, which, may_own)
        case _:
            return form, ""


def _answered(form: AuditForm, how: str, which: str, may_own: Sequence[Owner]) -> tuple[AuditForm, str]:
    """The form after a finding went with another's action, of this audit or of another, or has its own again."""
    part_id, _, into = which.partition(":")
    if how == "part":
        return form.parted(part_id), f"findings.{part_id}.needs_action"
    if how == "merge":
        return form.merged(part_id, into), f"findings.{into}.action"
    owner = _elsewhere(may_own).get(into)
    return form.joined(part_id, into, owner.person_id) if owner else form, f"findings.{part_id}.acts_with"


def _again(audit_id: UUID, at: str) -> Response:
    """Back to the form, where the person was."""
    response = RedirectResponse(f"/audit/audits/{audit_id}" + (f"#{at}" if at else ""), 303)
    if not at:
        flash(response, "The draft is saved.")
    return response


@router.get("/amend", dependencies=AUDITORS)
async def ask_amend(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, link: CaseLink
) -> HTMLResponse:
    """The form of a completed audit, to change it with a reason."""
    case = found(await cases.own_case(work.session, scope, audit_id))
    if case.audit.state != AuditState.COMPLETED or case.audit.flag == "withdrawn":
        raise HTTPException(404)
    await _trace(work, scope, case, "to amend it")
    may_own = await _owners(work, case, now)
    return _form_page(page, case, AuditForm.model_validate_json(case.audit.form), now, link=link, may_own=may_own)


async def _amend(
    page: PageMaker,
    case: Case,
    scope: Scope,
    work: UnitOfWork,
    now: datetime,
    link: CaseLink,
    fields: Mapping[str, str | list[str]],
) -> Response:
    """Save an amendment, or show what is wrong with it. Nothing of it is kept before it is whole."""
    before = AuditForm.model_validate_json(case.audit.form)
    save, do, reason = _save_of(fields), _one(fields, "do"), _one(fields, "reason").strip()
    grown = _with_new_parts(before, fields)
    try:
        form = audit_form.read_form(fields, case.plan, grown)
        wrong = {}
    except ValidationError as refused:
        form, wrong = grown, audit_form.refusals(refused, grown)
    may_own = await _owners(work, case, now)
    edited, _ = _edited(form.owned_by({owner.person_id for owner in may_own}), do, may_own)
    if do == "complete" and not wrong and edited == before and "reason" not in fields:
        # The draft's button, pressed a second time: an amendment's form has a reason, if an empty one.
        return _completed(SENT_ALREADY)
    if do == "complete" and not wrong:
        standing = {finding.acts_with for finding in before.findings}
        wrong = audit_form.problems(edited, case.plan, {*_elsewhere(may_own), *standing}) | _wrong_reason(reason)
    if wrong or do != "complete":
        return _form_page(
            page,
            case,
            edited,
            now,
            link=link,
            may_own=may_own,
            errors=wrong,
            tab=save.tab,
            status=422 if wrong else 200,
            values={"reason": reason},
        )
    try:
        work.record(
            *await completing.amend(
                work.session,
                case.plan,
                case.audit,
                edited,
                amendment_id=uuid4(),
                reason=reason,
                by=scope.person_id,
                save=save,
                at=now,
            )
        )
    except AuditConflictError as older:
        if edited == before:
            return _amended(case, SENT_ALREADY)
        conflict = {"saved": str(older)}
        return _form_page(
            page, case, edited, now, link=link, may_own=may_own, errors=conflict, tab=save.tab, status=409
        )
    return _amended(case, "The audit is amended. What it said before is kept.")


def _wrong_reason(reason: str) -> dict[str, str]:
    return {} if 0 < len(reason) <= 1000 else {"reason": "Say in up to 1,000 characters why the audit is amended"}


def _amended(case: Case, message: str) -> Response:
    response = RedirectResponse(f"/audit/audits/{case.audit.audit_id}", 303)
    flash(response, message)
    return response


def _with_new_parts(before: AuditForm, fields: Mapping[str, str | list[str]]) -> AuditForm:
    """The audit with the findings and strengths that the amendment has added or removed so far: the page holds them."""
    findings = _ids(fields, "findings.")
    strengths = _ids(fields, "strengths.")
    kept = [finding for finding in before.findings if finding.finding_id in findings]
    stay = [strength for strength in before.strengths if strength.strength_id in strengths]
    known = {finding.finding_id for finding in kept} | {strength.strength_id for strength in stay}
    form = before.model_copy(update={"findings": tuple(kept), "strengths": tuple(stay)})
    for minted in findings[: audit_form.MOST_FINDINGS]:
        form = form if minted in known else form.with_finding(minted)
    for minted in strengths[: audit_form.MOST_STRENGTHS]:
        form = form if minted in known else form.with_strength(minted)
    return form


def _ids(fields: Mapping[str, str | list[str]], prefix: str) -> list[UUID]:
    found_ids: dict[UUID, None] = {}
    for name in fields:
        if name.startswith(prefix):
            try:
                found_ids[UUID(name.split(".")[1])] = None
            except ValueError:
                continue
    return list(found_ids)
