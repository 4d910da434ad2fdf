"""What a deployment may set for remedial, with the prefix REMEDIAL_; what all services share comes with CASELOOP_."""

from functools import lru_cache
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.remedial.domain.watching import LADDER
from shared.service import ServiceSettings


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


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once: for what has no request to take them from."""
    return Settings()
