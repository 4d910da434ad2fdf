"""JSON of audit: programmes opened and listed by programs, the command line among them."""

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.audit import opening
from services.audit.domain.programme_file import MAX_BYTES, ProgrammeError
from services.audit.pages.asking import PLANNERS, WATCHERS, Now, found
from services.audit.pages.programmes import Deployed
from services.audit.queries import cases, drawing, programmes
from shared.access import CurrentScope
from shared.messaging import Reading, Work

router = APIRouter(prefix="/audit")


class Opened(BaseModel):
    """The programme that is now in force."""

    id: UUID
    name: str
    version: int


class ListedProgramme(Opened):
    """A programme and where it stands."""

    state: str
    opens_on: str
    closes_on: str
    target: int


class Programmes(BaseModel):
    """Every programme, the newest first."""

    programmes: list[ListedProgramme]


@router.post("/programmes", dependencies=PLANNERS, response_model=Opened, status_code=201)
async def open_programme(
    request: Request, scope: CurrentScope, work: Work, now: Now, deployed: Deployed
) -> Opened | JSONResponse:
    """Open the programme that the body states as YAML. 422 names every problem with its line; 413 over 256 KB."""
    source = await _body(request)
    try:
        plan, events = await opening.open_programme(
            work.session, source, council=deployed.council, secret=deployed.seed_secret(), by=scope.person_id, at=now
        )
    except ProgrammeError as refused:
        problems = [{"line": problem.line, "message": problem.message} for problem in refused.problems]
        return JSONResponse({"refused": str(refused), "problems": problems}, status_code=422)
    work.record(*events)
    return Opened(id=plan.programme_id, name=plan.name, version=plan.version)


async def _body(request: Request) -> str:
    if int(request.headers.get("content-length") or MAX_BYTES + 1) > MAX_BYTES:
        raise HTTPException(413)
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise HTTPException(422) from None


@router.get("/programmes.json", dependencies=WATCHERS)
async def list_programmes(scope: CurrentScope, session: Reading) -> Programmes:
    """Every programme with its period and target."""
    rows = await programmes.programme_rows(session, scope)
    plans = await cases.plans(session, scope)
    return Programmes(
        programmes=[
            ListedProgramme(
                id=row.programme_id,
                name=row.name,
                version=plans[row.programme_id].version,
                state=row.state,
                opens_on=row.opens_on.isoformat(),
                closes_on=row.closes_on.isoformat(),
                target=plans[row.programme_id].target,
            )
            for row in rows
        ]
    )


class Verified(BaseModel):
    """What replaying the published decisions came to. `by_hand` cases are outside the statistics.

    `re_audits` are audits of cases that were audited before: no decisions of the draw, so nothing there to replay.
    """

    verified: bool
    draws: int
    by_hand: int
    re_audits: int
    problems: list[str]


@router.get("/programmes/{programme_id}/verify.json", dependencies=WATCHERS)
async def verify(programme_id: UUID, scope: CurrentScope, session: Reading) -> Verified:
    """Prove which cases were drawn and which were chosen by hand, from what was published and the seed."""
    proof = found(await drawing.proof(session, scope, programme_id))
    return Verified(
        verified=proof.verified,
        draws=proof.draws,
        by_hand=proof.hands,
        re_audits=proof.re_audits,
        problems=proof.problems,
    )
