"""The ways out: GOV.UK Notify over HTTPS, or a mail server over SMTP. Each sends one message, or says why not."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
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
    """It did not go out. `reason` is a code without anything personal; `final` where trying again cannot help."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


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
        headers = {"Authorization": f"Bearer {self._token(now)}"}
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(f"{self.url}/v2/notifications/email", json=asked, headers=headers)
        except httpx.HTTPError as error:
            raise NotDelivered(type(error).__name__) from None
        if answer.status_code >= 300:
            # A request that Notify refuses is refused again; its limits and its own faults pass.
            raise NotDelivered(f"http_{answer.status_code}", final=answer.status_code in {400, 403})

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
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                start_tls=self.start_tls,
                username=self.user or None,
                password=self.password or None,
                timeout=SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotDelivered(_smtp_reason(error), final=_is_final(error)) from None


def _smtp_reason(error: Exception) -> str:
    code = getattr(error, "code", None)
    return f"smtp_{code}" if code else type(error).__name__


def _is_final(error: Exception) -> bool:
    """A permanent answer of the server (5xx) about this message."""
    codes = [error.code] if isinstance(error, aiosmtplib.SMTPResponseException) else []
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [each.code for each in error.recipients]
    return any(500 <= code < 600 for code in codes)


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
