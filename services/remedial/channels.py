"""The ways out: GOV.UK Notify over HTTPS, or a mail server over SMTP. Each sends one message, or says why not."""

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES
from pathlib import Path
from typing import Protocol
from uuid import UUID

import aiosmtplib
import httpx

from services.remedial.settings import Settings

SECONDS = 10.0
SECRET_LENGTH = 36
"""A Notify key ends in two UUIDs: the service's id and the secret."""


class NotDelivered(Exception):  # noqa: N818 - the field's word
    """It did not go out, or nobody can say.

    `reason` is a code without anything personal; `final` where trying again cannot help; `unsure` where it may
    have gone out all the same: the answer was lost, not the message.
    """

    def __init__(self, reason: str, *, final: bool = False, unsure: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.unsure = unsure


@dataclass(frozen=True)
class Mail:
    """One message on its way out. `reference` is the same at every attempt, so that a receiver can drop a second."""

    reference: UUID
    to: str
    subject: str
    body: str


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """What metrics and the page of messages call it."""
        ...

    async def send(self, mail: Mail, now: datetime) -> None:
        """Send it, or raise NotDelivered."""
        ...

    async def has(self, reference: UUID, now: datetime) -> bool | None:
        """Whether the other side has a message of this reference; None where it cannot be asked.

        Raises:
            NotDelivered: it did not answer.
        """
        ...


NEVER_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Notify:
    """GOV.UK Notify's HTTP API, version 2. One template takes the subject and the body."""

    url: str
    key: str
    template: str
    name: str = "notify"

    async def send(self, mail: Mail, now: datetime) -> None:
        asked = {
            "email_address": mail.to,
            "template_id": self.template,
            "personalisation": {"subject": mail.subject, "body": mail.body},
            "reference": str(mail.reference),
        }
        try:
            async with self._client(now) as client:
                answer = await client.post("/v2/notifications/email", json=asked)
        except httpx.HTTPError as error:
            raise NotDelivered(type(error).__name__, unsure=not isinstance(error, NEVER_REACHED)) from None
        if answer.status_code >= 300:
            # A request that Notify refuses is refused again; its limits and its own faults pass.
            code = answer.status_code
            raise NotDelivered(f"http_{code}", final=code in {400, 403}, unsure=code >= 500)

    async def has(self, reference: UUID, now: datetime) -> bool | None:
        """Whether Notify has it. It keeps what it was handed for seven days, longer than anything is tried here."""
        try:
            async with self._client(now) as client:
                answer = await client.get("/v2/notifications", params={"reference": str(reference)})
            answer.raise_for_status()
            return bool(answer.json()["notifications"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise NotDelivered(type(error).__name__, unsure=True) from None

    def _client(self, now: datetime) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self._token(now)}"}
        return httpx.AsyncClient(base_url=self.url, timeout=SECONDS, headers=headers)

    def _token(self, now: datetime) -> str:
        """The JSON web token that Notify asks for: signed with the key's secret, good for half a minute."""
        service, secret = self.key[-(2 * SECRET_LENGTH + 1) : -(SECRET_LENGTH + 1)], self.key[-SECRET_LENGTH:]
        claims = {"iss": service, "iat": int(now.timestamp())}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
        return f"{signed}.{_encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Smtp:
    """A mail server."""

    host: str
    port: int
    sender: str
    start_tls: bool = True
    user: str = ""
    password: str = ""
    name: str = "smtp"

    async def send(self, mail: Mail, now: datetime) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, mail.to, mail.subject
        message["Date"] = now
        message["Message-ID"] = f"<{mail.reference}@caseloop>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        await self._hand_over(mail.to, message.as_bytes(policy=SMTP_LINES))

    async def has(self, reference: UUID, now: datetime) -> bool | None:
        """A mail server cannot be asked what it took."""
        return None

    async def _hand_over(self, to: str, message: bytes) -> None:
        server = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            start_tls=self.start_tls,
            username=self.user or None,
            password=self.password or None,
            timeout=SECONDS,
        )
        is_handed_over = False
        try:
            await server.connect()
            await server.mail(self.sender)
            await server.rcpt(to)
            is_handed_over = True
            await server.data(message)
        except (aiosmtplib.SMTPException, OSError) as error:
            answered = isinstance(error, aiosmtplib.SMTPResponseException)
            unsure = is_handed_over and not answered
            raise NotDelivered(_smtp_reason(error), final=_is_final(error), unsure=unsure) from None
        finally:
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit()
            server.close()


def _smtp_reason(error: Exception) -> str:
    code = getattr(error, "code", None)
    return f"smtp_{code}" if code else type(error).__name__


def _is_final(error: Exception) -> bool:
    """A permanent answer of the server (5xx) about this message."""
    return isinstance(error, aiosmtplib.SMTPResponseException) and 500 <= error.code < 600


def channel_of(settings: Settings) -> Channel | None:
    """The way out that this deployment has set up, or None: then messages wait, and a page says so."""
    if settings.notify_key_file is not None:
        return Notify(settings.notify_url, _secret(settings.notify_key_file), settings.notify_template)
    if settings.smtp_host:
        password = _secret(settings.smtp_password_file) if settings.smtp_password_file else ""
        start_tls, user = settings.smtp_start_tls, settings.smtp_user
        return Smtp(settings.smtp_host, settings.smtp_port, settings.mail_from, start_tls, user, password)
    return None


def _secret(path: Path) -> str:
    return path.read_text().strip()
