"""What a deployment may set for remedial, with the prefix REMEDIAL_; what all services share comes with CASELOOP_."""

from functools import lru_cache
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.remedial.domain.watching import LADDER
from shared.service import ServiceSettings, is_loopback


class Settings(ServiceSettings):
    """Remedial's own settings beside the shared ones."""

    model_config = SettingsConfigDict(env_prefix="REMEDIAL_")

    escalate_after: tuple[int, ...] = LADDER
    """Working days overdue at which an action climbs: to the team manager, then to the head of service."""

    notify_url: str = "https://api.notifications.service.gov.uk"
    notify_key_file: Path | None = None
    """The file with a GOV.UK Notify API key; mail goes that way where it is set."""
    notify_template: str = ""
    """The id of a Notify email template with `((subject))` and `((body))`."""

    smtp_host: str = ""
    """A mail server; mail goes that way where Notify is not set."""
    smtp_port: int = 587
    smtp_start_tls: bool = True
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    mail_from: str = "caseloop@localhost"

    attachments: bool = False
    """Whether files may be attached to an action as evidence; a link into the case system always may."""
    attachment_scan: str = ""
    """The command that scans a file; its path is added as the last argument. It ends with 0 for a clean file, with 1
    for one that is not, and with anything else where it could not tell, as `clamdscan --fdpass --no-summary` does."""
    attachment_scan_seconds: float = 30
    """How long the scan may take; after that the file counts as not scanned."""
    attachments_unscanned: bool = False
    """Take files although nothing scans them, at an address that other machines can reach too."""


class AttachmentsRefusedError(ValueError):
    """Files that nobody has scanned would be handed on to others."""


def check_attachments(settings: Settings) -> None:
    """Refuse to start where files are taken from other machines and nothing scans them, unless told so."""
    is_covered = bool(settings.attachment_scan) or settings.attachments_unscanned or is_loopback(settings.origin)
    if settings.attachments and not is_covered:
        raise AttachmentsRefusedError(
            "REMEDIAL_ATTACHMENTS takes files and REMEDIAL_ATTACHMENT_SCAN names nothing that scans them; "
            "set REMEDIAL_ATTACHMENTS_UNSCANNED if that is meant"
        )


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once: for what has no request to take them from."""
    return Settings()
