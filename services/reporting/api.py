"""The figures for programs and for taking away: JSON, CSV, a workbook. Every file taken leaves a row in the trail."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from services.reporting.asking import Narrowed, Now
from services.reporting.board import Board, board_for
from services.reporting.domain.figures import Figure
from services.reporting.domain.filters import Filters
from services.reporting.exports import as_csv, as_workbook
from services.reporting.presentation import in_words
from services.reporting.queries.narrowing import SEES_FIGURES
from shared.access import CurrentScope, allow, trail
from shared.messaging import Reading, Work

router = APIRouter()

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class FigureOut(BaseModel):
    """One figure: `part` of `of` for a share, with its 95% interval; the quartiles of a median in `low` and `high`."""

    value: float | None
    unit: str
    words: str
    part: int | None
    of: int | None
    low: float | None
    high: float | None


class ThemeOut(BaseModel):
    """One theme's audits by rating against its target."""

    theme_id: str
    name: str
    target: int
    sampled: int
    completed: int
    red: int
    amber: int
    green: int


class FeedOut(BaseModel):
    """One sender's counts."""

    sender: str
    silent: bool
    ended: bool
    accepted: int
    duplicate: int
    quarantined: int


class FiguresOut(BaseModel):
    """Every figure of one view, by its code."""

    at: datetime
    filters: Filters
    figures: dict[str, FigureOut]
    themes: list[ThemeOut]
    feeds: list[FeedOut]


@router.get("/reporting/figures.json", dependencies=[allow(*SEES_FIGURES)])
async def figures_json(scope: CurrentScope, session: Reading, filters: Narrowed, now: Now) -> FiguresOut:
    """The figures that this person may see."""
    board = await board_for(session, scope, filters, now)
    return FiguresOut(
        at=now,
        filters=filters,
        figures={code: _figure(figure) for code, figure in board.figures.items()},
        themes=[ThemeOut.model_validate(theme, from_attributes=True) for theme in board.themes],
        feeds=[FeedOut.model_validate(feed, from_attributes=True) for feed in board.feeds],
    )


@router.get("/reporting/figures.csv", dependencies=[allow(*SEES_FIGURES)])
async def figures_csv(scope: CurrentScope, work: Work, filters: Narrowed, now: Now) -> Response:
    """The figures as CSV."""
    board = await _taken(scope, work, filters, now, "figures.csv")
    return _file(
        as_csv(dict(board.figures), board.themes, now), "text/csv; charset=utf-8", f"figures-{now:%Y-%m-%d}.csv"
    )


@router.get("/reporting/figures.xlsx", dependencies=[allow(*SEES_FIGURES)])
async def figures_xlsx(scope: CurrentScope, work: Work, filters: Narrowed, now: Now) -> Response:
    """The figures as a workbook."""
    board = await _taken(scope, work, filters, now, "figures.xlsx")
    return _file(as_workbook(dict(board.figures), board.themes, now), WORKBOOK, f"figures-{now:%Y-%m-%d}.xlsx")


async def _taken(scope: CurrentScope, work: Work, filters: Filters, now: datetime, what: str) -> Board:
    await trail.record(work.session, scope, "export", what, filters.query())
    return await board_for(work.session, scope, filters, now)


def _figure(figure: Figure) -> FigureOut:
    return FigureOut(
        value=figure.value,
        unit=figure.unit,
        words=in_words(figure),
        part=figure.part,
        of=figure.of,
        low=figure.low,
        high=figure.high,
    )


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
