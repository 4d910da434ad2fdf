"""A child may be unsafe: raise it, take it in hand, close it with what made the child safe."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.audit import audits, concerns
from services.audit.concerns import ConcernError
from services.audit.domain.concerns import ACKNOWLEDGE_WITHIN, Chain
from services.audit.models import Concern
from services.audit.pages.asking import READERS, Now, found
from services.audit.queries import cases
from services.audit.queries.cases import Case
from shared.access import CurrentScope, Scope, trail
from shared.messaging import Reading, Work
from shared.web.flash import flash
from shared.web.forms import Form as Said
from shared.web.forms import Submitted, parse
from shared.web.pages import Page, PageMaker

router = APIRouter(dependencies=READERS)
MINUTES = int(ACKNOWLEDGE_WITHIN.total_seconds() // 60)


class ConcernForm(BaseModel):
    """What is feared, and who has been telephoned."""

    telephoned: str = Field(
        title="Who was telephoned", max_length=500, json_schema_extra={"error": "Say whom you telephoned, and when"}
    )
    worry: str = Field(
        title="Worry", max_length=4000, json_schema_extra={"error": "Say why the child may be unsafe now"}
    )
    implicated: list[str] = []
    lado: str = ""


class ClosingForm(BaseModel):
    """What ends a concern."""

    made_safe: str = Field(
        title="What made the child safe", max_length=4000, json_schema_extra={"error": "Say what made the child safe"}
    )


@router.get("/audit/audits/{audit_id}/concern")
async def ask_concern(audit_id: UUID, page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """Telephone first; then say it here."""
    case = found(await cases.readable_case(session, scope, audit_id))
    return _ask(page, case, await concerns.chain_of(session, case.audit), Said())


def _ask(page: PageMaker, case: Case, chain: Chain, form: Said[ConcernForm], status: int = 200) -> HTMLResponse:
    left_out = {case.audit.worker_id, case.audit.authorised_by}
    people = dict.fromkeys(person for step in chain.steps for person in step if person not in left_out)
    return page(
        "audit/concern_new.html",
        title="A child may be unsafe now",
        status=status,
        case=case,
        form=form,
        people=list(people),
        minutes=MINUTES,
    )


@router.post("/audit/audits/{audit_id}/concern")
async def raise_concern(
    audit_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted
) -> Response:
    """Tell the chain at once, without anyone implicated."""
    case = found(await cases.readable_case(work.session, scope, audit_id, lock=True))
    form = parse(ConcernForm, fields)
    if form.data is None:
        return _ask(page, case, await concerns.chain_of(work.session, case.audit), form, 422)
    before = await concerns.said_already(work.session, case.audit, scope.person_id, form.data.worry)
    if before is not None:
        return _to(before.concern_id, "The concern is recorded already, and those below have been told.")
    concern_id = uuid4()
    work.record(
        *await concerns.escalate(
            work.session,
            case.audit,
            concern_id=concern_id,
            by=scope.person_id,
            worry=form.data.worry,
            telephoned=form.data.telephoned,
            implicated=form.data.implicated,
            lado=form.data.lado == "yes",
            at=now,
        )
    )
    return _to(concern_id, "The concern is recorded and those below have been told.")


def _to(concern_id: UUID, message: str) -> Response:
    response = RedirectResponse(f"/audit/concerns/{concern_id}", 303)
    flash(response, message)
    return response


@router.get("/audit/concerns")
async def list_concerns(page: Page, scope: CurrentScope, session: Reading) -> HTMLResponse:
    """The concerns that I raised or was told of."""
    return page("audit/concerns.html", title="Concerns about a child", concerns=await concerns.concerns(session, scope))


@router.get("/audit/concerns/new")
async def find_case(
    page: Page,
    scope: CurrentScope,
    session: Reading,
    case_id: Annotated[str, Query(alias="case", max_length=64)] = "",
) -> Response:
    """From any screen: telephone first, then the case by its id; where it has one audit, straight to the form."""
    case_id = case_id.strip()
    of_case = await cases.audits_of_case(session, scope, case_id) if case_id else []
    if len(of_case) == 1:
        return RedirectResponse(f"/audit/audits/{of_case[0].audit.audit_id}/concern", 303)
    return page("audit/concern_find.html", title="A child may be unsafe now", case_id=case_id, cases=of_case)


@router.get("/audit/concerns/{concern_id}")
async def show_concern(concern_id: UUID, page: Page, scope: CurrentScope, work: Work) -> HTMLResponse:
    """One concern: what is feared, who knows, who has it in hand, what made the child safe."""
    concern = found(await concerns.concern(work.session, scope, concern_id))
    await trail.record(work.session, scope, "concern read", concern_id)
    return page(
        "audit/concern.html", title="A child may be unsafe", concern=concern, form=Said(), may=_may(scope, concern)
    )


def _may(scope: Scope, concern: Concern) -> bool:
    """Whether this person may take it in hand or close it: whoever was told."""
    return scope.person_id in concern.recipients


@router.post("/audit/concerns/{concern_id}/acknowledge")
async def acknowledge(concern_id: UUID, scope: CurrentScope, work: Work, now: Now) -> Response:
    """I have it in hand."""
    before = found(await concerns.concern(work.session, scope, concern_id))
    found(before if _may(scope, before) else None)
    audit = await audits.locked(work.session, before.audit_id)
    await work.session.refresh(before)
    try:
        work.record(*await concerns.acknowledge(work.session, audit, before, scope.person_id, now))
    except ConcernError as late:
        return _to(concern_id, str(late))
    return _to(concern_id, "You have it in hand. It stays open until the child is safe.")


@router.post("/audit/concerns/{concern_id}/close")
async def close(concern_id: UUID, page: Page, scope: CurrentScope, work: Work, now: Now, fields: Submitted) -> Response:
    """Close it with what made the child safe."""
    concern = found(await concerns.concern(work.session, scope, concern_id))
    found(concern if _may(scope, concern) else None)
    form = parse(ClosingForm, fields)
    if form.data is None:
        return page(
            "audit/concern.html", title="A child may be unsafe", status=422, concern=concern, form=form, may=True
        )
    audit = await audits.locked(work.session, concern.audit_id)
    await work.session.refresh(concern)
    try:
        events = await concerns.close(
            work.session, audit, concern, by=scope.person_id, made_safe=form.data.made_safe, at=now
        )
    except ConcernError as late:
        return _to(concern_id, str(late))
    work.record(*events)
    return _to(concern_id, "The concern is closed.")
