"""Messages leave through a stub of GOV.UK Notify and a real mail server: together, in time, again when they fail."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.remedial import moves, outbound, sending
from services.remedial.channels import Channel, Notify, Smtp, channel_of
from services.remedial.domain.notices import Kind
from services.remedial.models import Message, Notice
from services.remedial.notices import note
from services.remedial.settings import Settings
from shared.clock import LONDON
from shared.db import sessions
from shared.events import ConcernEscalated
from tests.service.remedial.council import MONDAY, PEOPLE, QA, SUPPORT, WORKER, finding
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_moves import council_with
from tests.support.backend import free_ports

SERVICE, SECRET = str(UUID(int=1)), str(UUID(int=2))
ORIGIN = "https://caseloop.example"
AFTERNOON = datetime(2026, 11, 23, 13, 31, tzinfo=LONDON)


class NotifyStub(ThreadingHTTPServer):
    """What Notify would answer: 201, unless a list of other answers is waiting."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: NotifyStub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append(json.loads(body) | {"path": self.path})
        self.server.tokens.append(self.headers["authorization"].removeprefix("Bearer "))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 201)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent."""


@pytest.fixture
def notify() -> Iterator[NotifyStub]:
    server = NotifyStub()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def through(stub: NotifyStub) -> Notify:
    return Notify(stub.url, f"demo-{SERVICE}-{SECRET}", "template-1")


async def send(engine: AsyncEngine, channel: Channel, at: datetime = AFTERNOON) -> None:
    async with sessions(engine)() as session, session.begin():
        await sending.send_due(session, at, channel, ORIGIN)


async def messages(engine: AsyncEngine) -> list[Message]:
    async with AsyncSession(engine) as session:
        return list((await session.execute(sa.select(Message))).scalars())


@pytest.fixture
async def mailbox(engine: AsyncEngine) -> None:
    """Everybody has an address."""
    await know(engine, *PEOPLE)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE person SET email = person_id || '@council.example'"))


async def raised(engine: AsyncEngine, count: int = 3) -> list[UUID]:
    """So many actions of worker-1, whose addresses stand whatever the people's topic says again."""
    council = await council_with(engine, *(finding() for _ in range(count)))
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE person SET email = person_id || '@council.example'"))
    return council.ids


async def test_three_new_actions_leave_as_one_mail_of_links_at_the_next_slot(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    ids = await raised(engine)
    await send(engine, through(notify), MONDAY)
    assert notify.heard == []
    await send(engine, through(notify))
    await send(engine, through(notify))
    (heard,) = notify.heard
    assert (heard["path"], heard["template_id"]) == ("/v2/notifications/email", "template-1")
    assert heard["email_address"] == "worker-1@council.example"
    assert heard["personalisation"]["subject"] == "3 things in Caseloop need you"
    body = heard["personalisation"]["body"]
    assert all(f"{ORIGIN}/remedial/actions/{each}" in body for each in ids)
    assert "planning" not in body.lower()


async def test_notify_is_asked_with_a_token_that_its_key_signed(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine)
    await send(engine, through(notify))
    signed, _, signature = notify.tokens[0].rpartition(".")
    expected = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))
    assert signature == expected.rstrip(b"=").decode()
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    assert claims == {"iss": SERVICE, "iat": int(AFTERNOON.timestamp())}


async def test_a_server_that_is_down_is_tried_again_with_the_same_reference(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine)
    notify.answers = [503, 201]
    await send(engine, through(notify))
    await send(engine, through(notify), AFTERNOON + timedelta(seconds=30))
    assert len(notify.heard) == 1
    await send(engine, through(notify), AFTERNOON + timedelta(minutes=2))
    assert len({heard["reference"] for heard in notify.heard}) == 1
    assert [(each.state, each.attempts, each.failure) for each in await messages(engine)] == [("sent", 2, None)]


@pytest.mark.parametrize(("answer", "reason"), [(400, "http_400"), (403, "http_403")])
async def test_what_notify_refuses_has_failed_is_shown_and_can_be_tried_again(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub, answer: int, reason: str
) -> None:
    await raised(engine)
    notify.answers = [answer]
    await send(engine, through(notify))
    (message,) = await messages(engine)
    assert (message.state, message.failure) == ("failed", reason)
    async with sessions(engine)() as session, session.begin():
        assert await outbound.failed(session, SUPPORT) == 1
        assert await outbound.failed(session, WORKER) == 0
        assert not await outbound.retry(session, WORKER, message.message_id, AFTERNOON)
        assert await outbound.retry(session, SUPPORT, message.message_id, AFTERNOON)
    await send(engine, through(notify))
    assert [each.state for each in await messages(engine)] == ["sent"]


async def test_patience_ends_and_says_so(engine: AsyncEngine, mailbox: None, notify: NotifyStub) -> None:
    await raised(engine)
    notify.answers = [500] * 9
    for hours in range(12):
        await send(engine, through(notify), AFTERNOON + timedelta(hours=hours * 7))
    (message,) = await messages(engine)
    assert (message.state, message.attempts) == ("failed", 6)


async def test_somebody_without_an_address_is_shown_as_not_reached(engine: AsyncEngine, notify: NotifyStub) -> None:
    await council_with(engine, finding())
    await send(engine, through(notify))
    assert [(each.state, each.failure) for each in await messages(engine)] == [("failed", "no_address")]


async def test_what_was_done_meanwhile_is_not_told(engine: AsyncEngine, mailbox: None, notify: NotifyStub) -> None:
    council = await council_with(engine, finding())
    await council.report(council.ids[0])
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE person SET email = person_id || '@council.example'"))
    await send(engine, through(notify))
    assert [heard["email_address"] for heard in notify.heard] == ["auditor-1@council.example"]


async def test_a_concern_leaves_in_the_middle_of_the_night(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    night = datetime(2026, 11, 22, 3, 0, tzinfo=LONDON)
    concern = ConcernEscalated(
        occurred_at=night,
        audit_id=uuid4(),
        concern_id=uuid4(),
        child_id=uuid4(),
        raised_by="auditor-1",
        recipients=("manager-1", "head-1"),
        acknowledge_by=night + timedelta(hours=1),
    )
    await deliver(engine, concern)
    await send(engine, through(notify), night)
    assert {heard["email_address"] for heard in notify.heard} == {
        "manager-1@council.example",
        "head-1@council.example",
    }


class Inbox:
    """Keeps what a real mail server is handed; refuses whoever it is told to."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return f"{self.refuses} no"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 kept"


@pytest.fixture
def mail_server() -> Iterator[tuple[Inbox, int]]:
    inbox, (port,) = Inbox(), free_ports(1)
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


async def test_a_mail_server_takes_the_same_message(
    engine: AsyncEngine, mailbox: None, mail_server: tuple[Inbox, int]
) -> None:
    inbox, port = mail_server
    ids = await raised(engine, 1)
    await send(engine, Smtp("127.0.0.1", port, "caseloop@council.example", start_tls=False))
    mail = message_from_bytes(inbox.mails[0])
    (message,) = await messages(engine)
    assert (mail["To"], mail["Subject"]) == ("worker-1@council.example", "You have a new action")
    assert mail["Message-ID"] == f"<{message.message_id}@caseloop>"
    assert f"{ORIGIN}/remedial/actions/{ids[0]}" in str(mail.get_payload())


@pytest.mark.parametrize(("code", "state"), [(451, "ready"), (554, "failed")])
async def test_a_mail_servers_no_is_for_now_or_for_good(
    engine: AsyncEngine, mailbox: None, mail_server: tuple[Inbox, int], code: int, state: str
) -> None:
    inbox, port = mail_server
    inbox.refuses = code
    await raised(engine, 1)
    await send(engine, Smtp("127.0.0.1", port, "caseloop@council.example", start_tls=False))
    assert [(each.state, each.failure) for each in await messages(engine)] == [(state, f"smtp_{code}")]


async def test_a_mail_server_that_is_away_is_tried_again(engine: AsyncEngine, mailbox: None) -> None:
    await raised(engine, 1)
    (port,) = free_ports(1)
    await send(engine, Smtp("127.0.0.1", port, "caseloop@council.example", start_tls=False))
    assert [each.state for each in await messages(engine)] == ["ready"]


async def test_an_address_that_no_mail_can_be_made_for_fails_alone_and_undoes_nothing(
    engine: AsyncEngine, mailbox: None, mail_server: tuple[Inbox, int]
) -> None:
    inbox, port = mail_server
    await raised(engine, 1)
    async with engine.begin() as connection:
        await connection.execute(sa.text(r"UPDATE person SET email = E'x@y\r\nBcc: z@y' WHERE person_id = 'manager-1'"))
    now = AFTERNOON
    async with sessions(engine)() as session, session.begin():
        await note(session, "manager-1", Kind.CONCERN, uuid4(), now + timedelta(seconds=1), path="/")
    await send(engine, Smtp("127.0.0.1", port, "caseloop@council.example", start_tls=False), now + timedelta(minutes=1))
    assert len(inbox.mails) == 1
    assert sorted((each.state, each.failure) for each in await messages(engine)) == [
        ("failed", "ValueError"),
        ("sent", None),
    ]


async def test_the_same_thing_is_noted_once_for_each_occasion(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    await deliver(engine, council.audit.model_copy(update={"minutes": 5}))
    async with AsyncSession(engine) as session:
        assert len((await session.execute(sa.select(Notice))).scalars().all()) == 1
    await council.report(council.ids[0])
    await council.do(QA, lambda session, by: moves.send_back(session, by, council.ids[0], "Not yet."))
    async with AsyncSession(engine) as session:
        noted = (await session.execute(sa.select(Notice))).scalars().all()
    assert sorted(notice.kind for notice in noted) == ["raised", "reported", "returned"]


def test_the_way_out_is_what_the_deployment_has_set_up(tmp_path: Path) -> None:
    key = tmp_path / "notify.key"
    key.write_text("k\n")
    assert channel_of(Settings()) is None
    assert isinstance(channel_of(Settings(smtp_host="mail")), Smtp)
    assert isinstance(channel_of(Settings(notify_key_file=key, smtp_host="mail")), Notify)
