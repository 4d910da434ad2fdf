"""Files as evidence: who may give and take them, what is refused and how, and that nothing of them stays behind."""

import asyncio
import re
import stat
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from services.remedial.app import build
from services.remedial.domain.amendment import action_id_of
from services.remedial.domain.file_kind import EMPTY, MOST_BYTES, NOT_TAKEN, TOO_LARGE, Kind
from services.remedial.pages.receiving import NOT_CLEAN, NOT_SCANNED
from services.remedial.settings import Settings
from shared.clock import FixedClock
from shared.events import AuditCompleted, Event, EvidenceAttached, EvidenceWithdrawn
from tests.service.remedial.council import MONDAY, PEOPLE, PROGRAMME_OPENED, completed, finding, person
from tests.service.remedial.delivering import deliver, know, said
from tests.service.remedial.test_erasing import withdrawn
from tests.support.backend import Database
from tests.support.clients import client, cookie_for
from tests.unit.remedial.files import JPEG, PDF, document, png

WORDS = {"done": "Set the dates.", "difference": "She knows who comes when."}
NAME = "Visit to Grandmother Ivy.pdf"
LARGE = PDF + bytes(3 * 256 * 1024 + 17) + b"\n%%EOF\n"
"""Longer than three of the pieces that it is stored in."""

Configured = Callable[..., FastAPI]


@pytest.fixture
async def configured(database: Database, tmp_path: Path) -> AsyncIterator[Configured]:
    """The service with settings of the test's own."""
    key = tmp_path / "session.key"
    key.write_bytes(b"k" * 64)
    made: list[FastAPI] = []

    def build_with(**more: object) -> FastAPI:
        settings = Settings.model_validate(
            {"database_url": database.url("remedial"), "session_key_file": key, "attachments": True} | more
        )
        made.append(build(settings, FixedClock(MONDAY + timedelta(days=1))))
        return made[-1]

    yield build_with
    for each in made:
        await each.state.service.engine.dispose()


@pytest.fixture
def app(configured: Configured) -> FastAPI:
    """Attachments are on, and nothing scans them."""
    return configured()


@pytest.fixture
async def audit(engine: AsyncEngine) -> AuditCompleted:
    """One audit of worker-1's case with two findings; and two who are more than one thing at once."""
    both = person("both-1", "team_manager", "qa_manager", team="team-1")
    await know(engine, *PEOPLE, both, person("both-2", "business_support", "practitioner", team="team-2"))
    await deliver(engine, PROGRAMME_OPENED)
    made = completed(finding(), finding("voice"))
    await deliver(engine, made)
    return made


def page_of(audit: AuditCompleted, number: int = 0) -> str:
    return f"/remedial/actions/{action_id_of(audit.findings[number].finding_id)}"


def as_person(app: FastAPI, person_id: str) -> httpx.AsyncClient:
    return client(app, cookie_for(app, person_id))


async def attach(
    browser: httpx.AsyncClient, page: str, content: bytes = PDF, name: str = NAME, **fields: str
) -> httpx.Response:
    """Choose a file on the page of files, and press its button."""
    file = {"file": (name, content, "application/x-whatever")}
    return await browser.post(f"{page}/attachments", data={"attach": "yes", **fields}, files=file)


async def given(app: FastAPI, audit: AuditCompleted, content: bytes = PDF, name: str = NAME) -> str:
    """The address of a file that worker-1 attached."""
    async with as_person(app, "worker-1") as worker:
        answer = await attach(worker, page_of(audit), content, name)
        assert answer.status_code == 303, answer.text
        return addresses((await worker.get(page_of(audit))).text)[-1]


def addresses(page: str) -> list[str]:
    """Where the files of a page can be had."""
    return re.findall(r'href="(/remedial/actions/[\w-]+/attachments/[\w-]+)"', page)


async def rows(engine: AsyncEngine, query: str) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(query))]


async def of_evidence(engine: AsyncEngine) -> list[Event]:
    """What was told of files."""
    return [event for event in await said(engine) if isinstance(event, EvidenceAttached | EvidenceWithdrawn)]


async def test_a_file_comes_with_the_report_and_its_verifier_saves_the_same_bytes(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    page = page_of(audit)
    async with as_person(app, "worker-1") as worker:
        form = (await worker.get(f"{page}/report")).text
        assert 'enctype="multipart/form-data"' in form
        done = await worker.post(f"{page}/report", data=WORDS, files={"file": (NAME, LARGE, "text/html")})
        assert (done.status_code, done.headers["location"]) == (303, "/remedial/mine")
    async with as_person(app, "auditor-1") as auditor:
        assert "1 file" in (await auditor.get("/remedial/verify")).text
        shown = (await auditor.get(page)).text
        assert NAME in shown
        assert "Not scanned for harmful software" in shown
        (address,) = addresses(shown)
        saved = await auditor.get(address)
    assert saved.content == LARGE
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-length"] == str(len(LARGE))
    assert saved.headers["content-disposition"].startswith(f'attachment; filename="{NAME}"')
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in saved.headers["content-security-policy"]
    assert saved.headers["cache-control"] == "no-store"
    trail = await rows(engine, "SELECT person_id, what FROM trail WHERE what LIKE 'attachment%' ORDER BY id")
    assert trail == [("worker-1", "attachment added"), ("auditor-1", "attachment")]


async def test_events_say_which_how_large_and_what_kind_and_nothing_that_could_name_somebody(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted, capfd: pytest.CaptureFixture[str]
) -> None:
    address = await given(app, audit, name="Ivy.exe.pdf")
    (attached,) = await of_evidence(engine)
    assert isinstance(attached, EvidenceAttached)
    assert (attached.kind, attached.size, attached.by) == ("pdf", len(PDF), "worker-1")
    assert address.endswith(str(attached.attachment_id))
    printed = capfd.readouterr()
    assert "Ivy" not in attached.json().decode() + printed.out + printed.err


async def test_attaching_keeps_what_was_typed_and_removing_does_too(app: FastAPI, audit: AuditCompleted) -> None:
    report = f"{page_of(audit)}/report"
    async with as_person(app, "worker-1") as worker:
        typed = {"done": "Set the dates.", "attach": "yes"}
        shown = await worker.post(report, data=typed, files={"file": ("a.png", png(), "image/png")})
        assert shown.status_code == 200
        assert "Set the dates." in shown.text
        assert "1 file attached" in shown.text
        (address,) = addresses(shown.text)
        typed = {"done": "Set the dates.", "remove": address.rpartition("/")[2]}
        shown = await worker.post(report, data=typed)
        assert shown.status_code == 200
        assert "Set the dates." in shown.text
        assert addresses(shown.text) == []


async def test_a_file_stays_attached_where_the_words_are_not_complete(app: FastAPI, audit: AuditCompleted) -> None:
    async with as_person(app, "worker-1") as worker:
        answer = await worker.post(
            f"{page_of(audit)}/report", data={"done": "Set the dates."}, files={"file": (NAME, PDF, "application/pdf")}
        )
    assert answer.status_code == 422
    assert "Enter what difference it made for the child" in answer.text
    assert NAME in answer.text


LIES = (
    ("plan.pdf", b"<!doctype html><script>alert(1)</script>", NOT_TAKEN),
    ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", NOT_TAKEN),
    ("plan.pdf.exe", PDF, NOT_TAKEN),
    ("plan.docx", document(Kind.WORD, {"word/vbaProject.bin": b"x"}), NOT_TAKEN),
    ("photo.png", JPEG, NOT_TAKEN),
    ("plan.pdf", b"", EMPTY),
    ("plan.pdf", PDF + bytes(MOST_BYTES), TOO_LARGE),
)


async def test_a_file_that_is_not_what_it_says_is_refused_with_one_sentence_and_not_kept(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    async with as_person(app, "worker-1") as worker:
        for name, content, why in LIES:
            alone = await attach(worker, page_of(audit), content, name)
            file = {"file": (name, content, "application/pdf")}
            with_words = await worker.post(f"{page_of(audit)}/report", data=WORDS, files=file)
            for answer in (alone, with_words):
                assert answer.status_code == 422, name
                assert why in answer.text
            assert "Set the dates." in with_words.text
    assert await rows(engine, "SELECT 1 FROM attachment") == []
    assert await of_evidence(engine) == []


async def test_attachments_are_off_until_a_deployment_says_so(
    configured: Configured, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    page = page_of(audit)
    async with as_person(configured(attachments=False), "worker-1") as worker:
        assert "Attach" not in (await worker.get(page)).text
        assert 'type="file"' not in (await worker.get(f"{page}/report")).text
        assert (await worker.get(f"{page}/attachments")).status_code == 404
        assert (await attach(worker, page)).status_code in {400, 404}
        large = {"file": (NAME, PDF + bytes(300_000), "application/pdf")}
        assert (await worker.post(f"{page}/report", data=WORDS, files=large)).status_code == 413
        assert (await worker.post(f"{page}/report", data=WORDS)).status_code == 303
    assert await rows(engine, "SELECT 1 FROM attachment") == []


async def test_what_was_attached_before_it_was_switched_off_can_still_be_read_and_removed(
    app: FastAPI, configured: Configured, audit: AuditCompleted
) -> None:
    address = await given(app, audit)
    async with as_person(configured(attachments=False), "worker-1") as worker:
        assert (await worker.get(address)).content == PDF
        shown = (await worker.get(f"{page_of(audit)}/attachments")).text
        assert 'type="file"' not in shown
        gone = {"remove": address.rpartition("/")[2]}
        assert (await worker.post(f"{page_of(audit)}/attachments", data=gone)).status_code == 303
        assert (await worker.get(address)).status_code == 404


async def test_what_is_far_too_large_is_refused_before_it_is_read(app: FastAPI, audit: AuditCompleted) -> None:
    read: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"x"

    async with as_person(app, "worker-1") as worker:
        for path, length in product(("attachments", "report"), (str(10 * MOST_BYTES), str(3 * MOST_BYTES), "")):
            headers = {"content-type": "multipart/form-data; boundary=x"} | (
                {"content-length": length} if length else {}
            )
            answer = await worker.post(f"{page_of(audit)}/{path}", content=body(), headers=headers)
            assert answer.status_code == 413
    assert "choose a smaller file" in answer.text
    assert read == []


async def test_a_stranger_is_refused_before_their_file_is_read(app: FastAPI, audit: AuditCompleted) -> None:
    read: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"x"

    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "1000"}
    for stranger in ("worker-2", "manager-2", "auditor-1", "qa-1", "support-1"):
        async with as_person(app, stranger) as browser:
            answer = await browser.post(f"{page_of(audit)}/attachments", content=body(), headers=headers)
            assert answer.status_code == 404, stranger
    assert read == []


async def test_a_button_pressed_twice_attaches_once(app: FastAPI, engine: AsyncEngine, audit: AuditCompleted) -> None:
    async with as_person(app, "worker-1") as worker:
        answers = await asyncio.gather(*(attach(worker, page_of(audit)) for _ in range(4)))
        again = await attach(worker, page_of(audit), name="the same under another name.pdf")
    assert {answer.status_code for answer in [*answers, again]} == {303}
    assert len(await rows(engine, "SELECT 1 FROM attachment")) == 1
    assert [event.type() for event in await of_evidence(engine)] == ["EvidenceAttached"]


async def test_an_action_takes_five_files_and_room_for_another_once_one_is_removed(
    app: FastAPI, audit: AuditCompleted
) -> None:
    page = page_of(audit)
    async with as_person(app, "worker-1") as worker:
        for number in range(5):
            assert (await attach(worker, page, png(b"%d" % number), f"{number}.png")).status_code == 303
        shown = await attach(worker, page, png(b"sixth"), "sixth.png")
        assert shown.status_code == 422
        assert "5 files at most" in shown.text
        first = addresses(shown.text)[0].rpartition("/")[2]
        both = await attach(worker, page, png(b"sixth"), "sixth.png", remove=first)
        assert both.status_code == 303
        assert len(addresses((await worker.get(page)).text)) == 5


READS = {
    "worker-1": 200,
    "manager-1": 200,
    "head-1": 200,
    "auditor-1": 200,
    "qa-1": 200,
    "worker-2": 404,
    "manager-2": 404,
    "auditor-2": 404,
    "support-1": 404,
    "both-2": 404,
    "admin-1": 404,
}


async def test_who_reads_the_words_takes_the_file_and_nobody_else(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    address = await given(app, audit)
    answers = {}
    for who in READS:
        async with as_person(app, who) as browser:
            answers[who] = (await browser.get(address)).status_code
            other = address.replace(page_of(audit), page_of(audit, 1))
            assert (await browser.get(other)).status_code == 404, who
    assert answers == READS
    async with as_person(app, "support-1") as support:
        assert NAME not in (await support.get(page_of(audit))).text
    read = await rows(engine, "SELECT person_id FROM trail WHERE what = 'attachment' ORDER BY id")
    assert [who for (who,) in read] == [who for who, status in READS.items() if status == 200]


async def test_the_director_says_why_before_they_take_a_file(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    address = await given(app, audit)
    async with as_person(app, "dcs-1") as director:
        first = await director.get(address)
        assert (first.status_code, first.headers["location"]) == (303, page_of(audit))
        await director.post(f"{page_of(audit)}/open", data={"why": "A complaint."})
        assert (await director.get(address)).content == PDF
    assert await rows(engine, "SELECT why FROM trail WHERE what = 'attachment'") == [("A complaint.",)]


async def test_a_removed_file_leaves_nothing_but_that_there_was_one(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    address = await given(app, audit, LARGE)
    gone = {"remove": address.rpartition("/")[2]}
    async with as_person(app, "manager-1") as manager:
        for _ in range(2):
            assert (await manager.post(f"{page_of(audit)}/attachments", data=gone)).status_code in {303, 404}
        assert (await manager.get(address)).status_code == 404
        shown = (await manager.get(page_of(audit))).text
    assert "File removed" in shown
    assert NAME not in shown
    assert await rows(engine, "SELECT 1 FROM attachment_piece") == []
    assert await rows(engine, "SELECT name, digest, gone_by FROM attachment") == [("", None, "manager-1")]
    assert [event.type() for event in await of_evidence(engine)] == ["EvidenceAttached", "EvidenceWithdrawn"]


async def test_what_is_no_file_of_the_action_cannot_be_removed(app: FastAPI, audit: AuditCompleted) -> None:
    address = await given(app, audit)
    async with as_person(app, "worker-1") as worker:
        for wanted in ("nonsense", str(UUID(int=0))):
            answer = await worker.post(f"{page_of(audit)}/attachments", data={"remove": wanted})
            assert answer.status_code == 404
        gone = {"remove": address.rpartition("/")[2]}
        assert (await worker.post(f"{page_of(audit, 1)}/report", data=gone)).status_code == 404
        assert (await worker.get(address)).content == PDF


async def test_a_verified_action_keeps_its_files_as_they_are(app: FastAPI, audit: AuditCompleted) -> None:
    address, page = await given(app, audit), page_of(audit)
    async with as_person(app, "worker-1") as worker, as_person(app, "auditor-1") as auditor:
        assert (await worker.post(f"{page}/report", data=WORDS)).status_code == 303
        assert (await attach(worker, page, png(), "late.png")).status_code == 303
        assert (await auditor.post(f"{page}/verify")).status_code == 303
        for answer in (
            await attach(worker, page, png(b"later"), "later.png"),
            await worker.post(f"{page}/attachments", data={"remove": address.rpartition("/")[2]}),
        ):
            assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert len(addresses((await worker.get(page)).text)) == 2
        assert (await auditor.get(address)).content == PDF


async def test_nobody_verifies_an_action_for_which_they_gave_the_evidence(app: FastAPI, audit: AuditCompleted) -> None:
    page = page_of(audit)
    async with as_person(app, "worker-1") as worker, as_person(app, "both-1") as both:
        assert (await attach(both, page)).status_code == 303
        await worker.post(f"{page}/report", data=WORDS)
        assert "cannot verify your own work" in (await both.get(page)).text
        assert (await both.post(f"{page}/verify")).status_code == 409
        assert page not in (await both.get("/remedial/verify")).text
        await worker.post(f"{page}/attachments", data={"remove": addresses((await worker.get(page)).text)[0][-36:]})
        assert page in (await both.get("/remedial/verify")).text


async def test_a_purge_deletes_every_file_about_the_case_and_lets_none_come_after(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    address, page = await given(app, audit, LARGE), page_of(audit)
    attachment_id = UUID(address.rpartition("/")[2])
    told = await deliver(engine, withdrawn(audit))
    (erased,) = [event for event in told if isinstance(event, EvidenceWithdrawn)]
    assert (erased.attachment_id, erased.by) == (attachment_id, "caseloop")
    assert await rows(engine, "SELECT 1 FROM attachment_piece") == []
    assert await rows(engine, "SELECT name, digest FROM attachment") == [("", None)]
    async with as_person(app, "worker-1") as worker:
        assert (await worker.get(address)).status_code == 404
        assert "is erased" in (await worker.get(f"{page}/report")).text
        refused = await attach(worker, page, png(), "a.png")
        assert refused.status_code == 422
        assert "no file about it is kept" in refused.text
        done = await worker.post(f"{page}/report", data=WORDS)
        assert done.status_code == 303
        assert "The words were erased" in (await worker.get(page)).text
    assert await rows(engine, "SELECT 1 FROM attachment_piece") == []


Scanner = Callable[..., str]


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    """A command that scans as the script given says; `$1` is the file."""

    def write(script: str, name: str = "scan files") -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return f"'{path}'"

    return write


async def scanned(app: FastAPI, audit: AuditCompleted) -> httpx.Response:
    async with as_person(app, "worker-1") as worker:
        return await attach(worker, page_of(audit), follow="1")


async def test_a_file_that_the_scanner_finds_clean_is_attached(
    configured: Configured, scanner: Scanner, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    """The scanner is given the very bytes, and none of the service's secrets."""
    command = scanner('grep -q "%PDF-1.7" "$1" || exit 1\n[ -z "$REMEDIAL_DATABASE_URL" ] || exit 1')
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REMEDIAL_DATABASE_URL", "postgresql://somebody:secret@db/caseloop")
        app = configured(attachment_scan=command)
        assert (await scanned(app, audit)).status_code == 303
    assert await rows(engine, "SELECT scanned FROM attachment") == [(True,)]
    async with as_person(app, "worker-1") as worker:
        assert "Not scanned" not in (await worker.get(page_of(audit))).text


async def test_a_file_that_is_not_clean_or_could_not_be_scanned_is_not_attached_and_says_so(
    configured: Configured, scanner: Scanner, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    scripts = {"exit 1": NOT_CLEAN, "exit 2": NOT_SCANNED, "kill -9 $$": NOT_SCANNED, "sleep 30": NOT_SCANNED}
    commands = {"/nowhere/clamdscan": NOT_SCANNED, "'unclosed": NOT_SCANNED}
    for number, (script, why) in enumerate(scripts.items()):
        commands[scanner(script, f"scan {number}")] = why
    for command, why in commands.items():
        answer = await scanned(configured(attachment_scan=command, attachment_scan_seconds=0.5), audit)
        assert answer.status_code == 422, command
        assert why in answer.text
    assert await rows(engine, "SELECT 1 FROM attachment") == []


async def test_nothing_of_a_file_stays_on_the_disk(
    configured: Configured, audit: AuditCompleted, scanner: Scanner, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr("tempfile.tempdir", str(tmp_path / "spool"))
        (tmp_path / "spool").mkdir()
        app = configured(attachment_scan=scanner('echo "$1" >> "$(dirname "$0")/paths"'))
        assert (await scanned(app, audit)).status_code == 303
    (path,) = (tmp_path / "paths").read_text().split()
    assert Path(path).is_relative_to(tmp_path / "spool")
    assert "Ivy" not in path
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_session_that_is_revoked_while_its_file_comes_attaches_nothing(
    app: FastAPI, engine: AsyncEngine, audit: AuditCompleted
) -> None:
    asked = httpx.Request("POST", "http://x", data={"attach": "yes"}, files={"file": (NAME, PDF, "application/pdf")})
    body = asked.read()
    revoked = structs.replace(person("worker-1", "practitioner", team="team-1", version=2), epoch=2)

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:100]
        await know(engine, revoked)
        yield body[100:]

    headers = {name: asked.headers[name] for name in ("content-type", "content-length")}
    async with as_person(app, "worker-1") as worker:
        answer = await worker.post(f"{page_of(audit)}/attachments", content=slowly(), headers=headers)
    assert (answer.status_code, "/sign-in" in answer.headers.get("location", "")) == (303, True)
    assert await rows(engine, "SELECT name FROM attachment") == []
