"""Messages leave through a stub of GOV.UK Notify and a real mail server: together, in time, again when they fail."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from services.remedial import moves, outbound, sending, watching
from services.remedial.channels import Channel, Notify, Smtp, channel_of
from services.remedial.domain.notices import Kind
from services.remedial.models import Message, Notice
from services.remedial.moves import By
from services.remedial.notices import gather, note
from services.remedial.settings import Settings
from shared.clock import LONDON
from shared.db import sessions
from shared.events import AccuracyAsked, ChallengeAnswered, ConcernEscalated, FindingChallenged
from tests.service.remedial.council import MONDAY, PEOPLE, QA, SUPPORT, WORKER, escalated, finding
from tests.service.remedial.delivering import deliver, know
from tests.service.remedial.test_moves import council_with
from tests.support.backend import Database, free_ports

SERVICE, SECRET = str(UUID(int=1)), str(UUID(int=2))
KEY = f"demo-{SERVICE}-{SECRET}"
ORIGIN = "https://caseloop.example"
AFTERNOON = datetime(2026, 11, 23, 13, 31, tzinfo=LONDON)


class NotifyStub(ThreadingHTTPServer):
    """What Notify would answer: 201, unless a list of other answers is waiting; and what it has, when it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.answers: list[int] = []
        self.kept: list[str] = []
        self.asked: list[str] = []
        self.loses = frozenset[int]()
        """The answers at which it keeps the message all the same."""
        self.on_heard: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: NotifyStub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        told = json.loads(body) | {"path": self.path}
        status = self.server.answers.pop(0) if self.server.answers else 201
        self.server.heard.append(told)
        if status < 300 or status in self.server.loses:
            self.server.kept.append(told["reference"])
        self.server.tokens.append(self.headers["authorization"].removeprefix("Bearer "))
        self.server.on_heard()
        self._answer(status, {})

    def do_GET(self) -> None:
        reference = parse_qs(urlsplit(self.path).query)["reference"][0]
        self.server.asked.append(reference)
        status = self.server.answers.pop(0) if self.server.answers else 200
        known = [{"reference": each} for each in self.server.kept if each == reference]
        self._answer(status, {"notifications": known, "links": {}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

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
    return Notify(stub.url, KEY, "template-1")


async def send(engine: AsyncEngine, channel: Channel, at: datetime = AFTERNOON) -> None:
    await sending.send_due(engine, at, channel, ORIGIN)


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
    for days in range(12):
        await send(engine, through(notify), AFTERNOON + timedelta(days=days))
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
    """Keeps what a real mail server is handed; refuses where it is told to."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuses = 0
        self.on_heard: Callable[[], None] = lambda: None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return f"{self.refuses} no"
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.on_heard()
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


async def one_round(database: Database, *way: str) -> asyncio.subprocess.Process:
    """One round of sending in a process of its own."""
    url, at = database.url("remedial"), AFTERNOON.isoformat()
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.service.remedial.one_round", url, at, *way)


async def die_of_it(receiver: NotifyStub | Inbox, database: Database, *way: str) -> None:
    """Let a process send, and be killed when its message has been taken, before it can note that it was sent."""
    process = await one_round(database, *way)

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)

    receiver.on_heard = kill
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    receiver.on_heard = lambda: None


async def concern_of_manager(engine: AsyncEngine) -> None:
    async with sessions(engine)() as session, session.begin():
        await note(session, "manager-1", Kind.CONCERN, uuid4(), AFTERNOON, path="/audit/concerns/1")


SOON = AFTERNOON + timedelta(seconds=90)
LATER = AFTERNOON + timedelta(minutes=3)


async def test_who_dies_between_sending_and_noting_it_sends_nothing_twice_where_notify_can_be_asked(
    engine: AsyncEngine, database: Database, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    await die_of_it(notify, database, "notify", notify.url, KEY)
    assert [(each.state, each.attempts) for each in await messages(engine)] == [("sending", 1)]
    await send(engine, through(notify), SOON)
    assert notify.asked == []
    await send(engine, through(notify), LATER)
    (message,) = await messages(engine)
    assert (notify.asked, len(notify.heard)) == ([str(message.message_id)], 1)
    assert (message.state, message.failure) == ("sent", None)


async def test_who_dies_before_sending_loses_nothing_where_notify_can_be_asked(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    await in_hand_and_left(engine)
    await send(engine, through(notify), LATER)
    assert (len(notify.asked), len(notify.heard)) == (1, 1)
    assert [each.state for each in await messages(engine)] == ["sent"]


async def in_hand_and_left(engine: AsyncEngine) -> None:
    """Somebody gathered and took each message in hand, and died before anything left."""
    async with sessions(engine)() as session, session.begin():
        await gather(session, AFTERNOON)
        await session.execute(sa.update(Message).values(state="sending", attempts=1, next_at=AFTERNOON))


async def test_a_notify_that_cannot_be_asked_is_asked_again_before_anything_is_sent_again(
    engine: AsyncEngine, database: Database, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    await die_of_it(notify, database, "notify", notify.url, KEY)
    notify.answers = [503]
    await send(engine, through(notify), LATER)
    assert [(each.state, each.failure) for each in await messages(engine)] == [("sending", "HTTPStatusError")]
    await send(engine, through(notify), LATER + timedelta(minutes=10))
    assert (len(notify.asked), len(notify.heard)) == (2, 1)
    assert [each.state for each in await messages(engine)] == ["sent"]


async def test_an_answer_that_was_lost_is_not_a_message_that_was_lost(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    notify.answers, notify.loses = [502], frozenset({502})
    await send(engine, through(notify))
    await send(engine, through(notify), LATER)
    assert (len(notify.asked), len(notify.heard)) == (1, 1)
    assert [each.state for each in await messages(engine)] == ["sent"]


async def test_of_two_mails_cut_off_the_concern_is_sent_again_and_the_digest_is_left_to_people(
    engine: AsyncEngine, database: Database, mailbox: None, mail_server: tuple[Inbox, int]
) -> None:
    inbox, port = mail_server
    way = Smtp("127.0.0.1", port, "caseloop@council.example", start_tls=False)
    await raised(engine, 1)
    await concern_of_manager(engine)
    await die_of_it(inbox, database, "smtp", str(port))
    assert [message_from_bytes(each)["To"] for each in inbox.mails] == ["manager-1@council.example"]
    await die_of_it(inbox, database, "smtp", str(port))
    assert [message_from_bytes(each)["To"] for each in inbox.mails][1:] == ["worker-1@council.example"]
    await send(engine, way, LATER)
    again = [message_from_bytes(each) for each in inbox.mails[2:]]
    assert [mail["To"] for mail in again] == ["manager-1@council.example"]
    assert again[0]["Message-ID"] == message_from_bytes(inbox.mails[0])["Message-ID"]
    stand = {each.person_id: (each.state, each.failure) for each in await messages(engine)}
    assert stand == {"manager-1": ("sent", None), "worker-1": ("failed", "unsure")}


async def test_what_was_held_up_waits_for_the_morning_and_a_concern_does_not(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    night, morning = datetime(2026, 11, 23, 22, 0, tzinfo=LONDON), datetime(2026, 11, 24, 8, 0, tzinfo=LONDON)
    await send(engine, through(notify), night)
    assert notify.heard == []
    async with sessions(engine)() as session, session.begin():
        await note(session, "worker-1", Kind.CONCERN, uuid4(), night, path="/audit/concerns/1")
    await send(engine, through(notify), night)
    assert [heard["personalisation"]["subject"] for heard in notify.heard] == ["A concern about a child needs you now"]
    await send(engine, through(notify), morning)
    assert len(notify.heard) == 2


async def test_a_failure_is_tried_again_in_working_hours_only(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)
    notify.answers = [429, 429]
    evening = datetime(2026, 11, 23, 17, 58, tzinfo=LONDON)
    await send(engine, through(notify), evening)
    await send(engine, through(notify), evening + timedelta(minutes=30))
    assert len(notify.heard) == 1
    await send(engine, through(notify), evening + timedelta(hours=14, minutes=10))
    assert len(notify.heard) == 2


async def test_a_manager_is_not_told_of_an_escalation_that_was_settled_before_the_mail_left(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    ids = await raised(engine, 1)
    late = date(2026, 12, 1)
    began = datetime(2026, 12, 1, tzinfo=LONDON)
    async with sessions(engine)() as session, session.begin():
        assert await escalated(session, late, began)
        await moves.report(session, By(WORKER, began), ids[0], moves.Report("Done.", "She is safe."))
    await send(engine, through(notify), began + timedelta(hours=9))
    assert [heard["email_address"] for heard in notify.heard] == ["auditor-1@council.example"]


async def test_a_reminder_of_a_date_that_was_moved_is_not_sent(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    ids = await raised(engine, 1)
    await send(engine, through(notify))
    due = datetime(2026, 11, 30, tzinfo=LONDON)
    async with sessions(engine)() as session, session.begin():
        await watching.remind(session, due.date(), due)
        await moves.extend(session, By(SUPPORT, due), ids[0], date(2026, 12, 4), "Training week.")
    await send(engine, through(notify), due + timedelta(hours=9))
    assert len(notify.heard) == 1


async def test_a_concern_that_nobody_answers_is_told_again_each_time_it_climbs(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    concern = ConcernEscalated(
        occurred_at=MONDAY,
        version=3,
        audit_id=uuid4(),
        concern_id=uuid4(),
        child_id=uuid4(),
        raised_by="auditor-1",
        recipients=("manager-1",),
        acknowledge_by=MONDAY,
    )
    climbed = structs.replace(concern, version=4, recipients=("manager-1", "head-1"))
    await deliver(engine, concern)
    await deliver(engine, climbed)
    async with AsyncSession(engine) as session:
        told = (await session.execute(sa.select(col(Notice.person_id)))).scalars().all()
    assert sorted(told) == ["head-1", "manager-1", "manager-1"]


async def test_a_practitioner_hears_of_findings_to_check_and_both_sides_of_a_challenge(engine: AsyncEngine) -> None:
    await know(engine, *PEOPLE)
    audit_id, challenge_id, finding_id = uuid4(), uuid4(), uuid4()
    about = {"occurred_at": MONDAY, "audit_id": audit_id}
    challenge = {"challenge_id": challenge_id, "finding_id": finding_id}
    asked = msgspec.convert({**about, "worker_id": "worker-1", "comment_by": date(2026, 11, 25)}, AccuracyAsked)
    challenged = msgspec.convert({**about, **challenge, "challenged_by": "manager-1"}, FindingChallenged)
    answered = msgspec.convert(
        {**about, **challenge, "upheld": True, "answered_by": "qa-1", "challenged_by": "manager-1"}, ChallengeAnswered
    )
    await deliver(engine, asked, challenged, answered)
    async with AsyncSession(engine) as session:
        told = (await session.execute(sa.select(col(Notice.kind), col(Notice.person_id), col(Notice.path)))).all()
    path = f"/audit/audits/{audit_id}"
    assert sorted((kind, who) for kind, who, _ in told) == [
        ("accuracy", "worker-1"),
        ("answered", "manager-1"),
        ("challenged", "qa-1"),
    ]
    assert {where for _, _, where in told} == {path}


async def test_a_concern_does_not_wait_behind_digests(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await raised(engine, 1)
    async with sessions(engine)() as session, session.begin():
        await gather(session, AFTERNOON)
    await concern_of_manager(engine)
    monkeypatch.setattr(sending, "AT_ONCE", 1)
    await send(engine, through(notify), SOON)
    assert [heard["email_address"] for heard in notify.heard] == ["manager-1@council.example"]


async def test_what_somebody_else_took_over_is_not_settled_by_who_comes_late(
    engine: AsyncEngine, mailbox: None, notify: NotifyStub
) -> None:
    await raised(engine, 1)

    async def take_over() -> None:
        async with engine.begin() as connection:
            await connection.execute(sa.update(Message).values(attempts=2))

    loop = asyncio.get_running_loop()
    notify.answers = [400]
    notify.on_heard = lambda: asyncio.run_coroutine_threadsafe(take_over(), loop).result(10)
    await send(engine, through(notify))
    assert [(each.state, each.attempts) for each in await messages(engine)] == [("sending", 2)]


async def test_the_same_thing_is_noted_once_for_each_occasion(engine: AsyncEngine) -> None:
    council = await council_with(engine, finding())
    await deliver(engine, structs.replace(council.audit, minutes=5))
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
