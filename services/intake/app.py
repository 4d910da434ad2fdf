"""Intake: what arrived, from where, what was refused and why; and who the people are. Wiring only."""

from pathlib import Path

from fastapi import FastAPI

from services.intake import api, handlers, pages, people_pages, pushes, quarantine_api, sign_in
from services.intake.settings import Settings
from shared.events import (
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildLinked,
    ChildUnlinked,
    EpisodeRecorded,
    EpisodeWithdrawn,
    FeedEnded,
    FeedFellSilent,
    FeedReceived,
    FeedResumed,
    PersonRecorded,
    TeamRecorded,
    WorkersUnmatched,
)
from shared.service import create_service

SAYS = (
    AssessmentRecorded,
    AssessmentWithdrawn,
    ChildLinked,
    ChildUnlinked,
    EpisodeRecorded,
    EpisodeWithdrawn,
    PersonRecorded,
    TeamRecorded,
    FeedReceived,
    FeedFellSilent,
    FeedResumed,
    FeedEnded,
    WorkersUnmatched,
)


def build(settings: Settings) -> FastAPI:
    """Intake as an application under these settings."""
    sign_in.check_local_sign_in(settings)
    return create_service(
        name="intake",
        settings=settings,
        events=handlers.router,
        routers=[sign_in.router, people_pages.router, pages.router, api.router, quarantine_api.router, pushes.router],
        templates=Path(__file__).parent / "templates",
        says=SAYS,
        owns_people=True,
        # Senders come with a token and no browser's headers.
        machine_paths=("/intake/children_social_care_data/",),
    )


app = build(Settings())
