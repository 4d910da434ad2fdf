"""Intake's tables: children's pseudonyms, finished work and what each road said of it, quarantine, uploads, senders."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

INSTANT = sa.DateTime(timezone=True)


class Table(SQLModel, registry=registry()):
    """The base of intake's tables: its own registry, so that four services fit in one process."""


class Child(Table, table=True):
    """A child's pseudonym and the case system's id that it stands for. Erased by a purge."""

    __tablename__: ClassVar[str] = "child"

    child_id: UUID = Field(primary_key=True)
    case_id: str
    version: int = 1


class WorkRow(Table, table=True):
    """One piece of work: its lasting id, what each road said (`said`), and how far its record was told.

    `road` and `sender_id` are how it first came; ids by other roads are in `alias`. `digest` is that of the newest
    event's facts: none while nothing stands. `unmatched` holds `worker:…` and `team:…` of what the directory lacked.
    """

    __tablename__: ClassVar[str] = "work"

    assessment_id: UUID = Field(primary_key=True)
    child_id: UUID
    kind: str
    started_on: date
    road: str
    sender_id: str | None = None
    version: int = 0
    said: dict[str, object] = Field(default_factory=dict, sa_type=sa.JSON)
    digest: str | None = None
    unmatched: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    changed: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    withdrawn_road: str | None = None
    withdrawn_version: int = Field(default=0, sa_type=sa.BigInteger)
    withdrawn_at: datetime | None = Field(default=None, sa_type=INSTANT)
    first_heard_at: datetime = Field(sa_type=INSTANT)


class AliasRow(Table, table=True):
    """The id under which a further road knows a piece of work."""

    __tablename__: ClassVar[str] = "alias"

    sender_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    road: str = Field(primary_key=True)
    child_id: UUID
    assessment_id: UUID


class ChangeRow(Table, table=True):
    """What changed in a record after it was first told: field by field, before and after."""

    __tablename__: ClassVar[str] = "work_change"

    change_id: int | None = Field(default=None, primary_key=True)
    assessment_id: UUID
    version: int
    at: datetime = Field(sa_type=INSTANT)
    road: str
    fields: dict[str, list[str | None]] = Field(default_factory=dict, sa_type=JSONB)


class Episode(Table, table=True):
    """What stands around the work on a child: a plan, a period looked after, an open case. Context, never drawn.

    `under` is the sender's id of the social care episode that it belongs to; `worker_id` and `team_id` hold it.
    """

    __tablename__: ClassVar[str] = "episode"

    child_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    started_on: date = Field(primary_key=True)
    ended_on: date | None = None
    category: str | None = None
    said_on: date
    road: str
    sender_id: str | None = None
    under: str | None = None
    version: int = 1
    said_version: int = Field(default=1, sa_type=sa.BigInteger)
    said_at: datetime | None = Field(default=None, sa_type=INSTANT)
    worker_id: str | None = None
    team_id: str | None = None


class Quarantined(Table, table=True):
    """Something that came in and was not taken: when, from whom, why, and its allow-listed fields.

    `fingerprint` is a keyed hash of the whole: the same thing seen again is a duplicate.
    """

    __tablename__: ClassVar[str] = "quarantined"

    quarantine_id: UUID = Field(primary_key=True)
    fingerprint: str
    road: str
    sender: str
    kind: str | None = None
    place: dict[str, str | int] = Field(default_factory=dict, sa_type=JSONB)
    code: str
    field: str
    sentence: str
    fields: dict[str, str] = Field(default_factory=dict, sa_type=JSONB)
    as_of: date | None = None
    came_at: datetime = Field(sa_type=INSTANT)
    seen: int = 1
    state: str = "waiting"
    settled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    settled_by: str | None = None
    why: str | None = None
    assessment_id: UUID | None = None


class Sender(Table, table=True):
    """A system that may push. Its token is shown once and kept as a hash only."""

    __tablename__: ClassVar[str] = "sender"

    sender_id: UUID = Field(primary_key=True)
    name: str
    token_hash: str
    added_at: datetime = Field(sa_type=INSTANT)
    added_by: str
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)


class Receipt(Table, table=True):
    """What one push came to, for its sender to ask."""

    __tablename__: ClassVar[str] = "receipt"

    receipt_id: UUID = Field(primary_key=True)
    sender_id: UUID
    at: datetime = Field(sa_type=INSTANT)
    accepted: int
    duplicate: int
    quarantined: int


class Feed(Table, table=True):
    """A road by which something came, and how it has been doing."""

    __tablename__: ClassVar[str] = "feed"

    feed: str = Field(primary_key=True)
    road: str
    version: int = 0
    last_heard_at: datetime = Field(sa_type=INSTANT)
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    silent_since: datetime | None = Field(default=None, sa_type=INSTANT)


class Upload(Table, table=True):
    """A file that was given to intake, how far it is and what its rows came to.

    `state` is `reading`, `taking`, `finished`, `refused` or `broken`; `heard_at` is when whoever takes it in last said
    so. `reason` says why it was refused.
    """

    __tablename__: ClassVar[str] = "upload"

    upload_id: UUID = Field(primary_key=True)
    road: str
    filename: str
    size: int
    as_of: date
    by: str
    at: datetime = Field(sa_type=INSTANT)
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    context: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)
    notes: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text))
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)
    state: str = "reading"
    rows_read: int = 0
    heard_at: datetime | None = Field(default=None, sa_type=INSTANT)
    reason: str | None = None


class UploadRow(Table, table=True):
    """What happened to one row of a file, and the record or the quarantine that it came to."""

    __tablename__: ClassVar[str] = "upload_row"

    upload_id: UUID = Field(primary_key=True)
    sheet: str = Field(primary_key=True)
    row: int = Field(primary_key=True)
    outcome: str
    column: str | None = None
    reason: str | None = None
    assessment_id: UUID | None = None
    quarantine_id: UUID | None = None


class SpellingRow(Table, table=True):
    """A worker or team that cases name and the directory did not know; `stands_for` once somebody has said who."""

    __tablename__: ClassVar[str] = "spelling"

    kind: str = Field(primary_key=True)
    stand_in: str = Field(primary_key=True)
    shown: str
    stands_for: str | None = None
    first_seen_at: datetime = Field(sa_type=INSTANT)
    settled_by: str | None = None
    told_at: datetime | None = Field(default=None, sa_type=INSTANT)
