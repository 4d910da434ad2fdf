"""What a deployment may set for audit, with the prefix AUDIT_; what all services share comes with CASELOOP_."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.service import ServiceSettings

SMALLEST_SECRET = 32


class Settings(ServiceSettings):
    """Audit's own settings beside the shared ones."""

    model_config = SettingsConfigDict(env_prefix="AUDIT_")

    programme_file: Path | None = None
    """A programme to open when none was ever opened here."""
    seed_file: Path | None = None
    """A secret of at least 32 bytes from which every programme's seed is derived; random seeds where it is not set."""

    def seed_secret(self) -> bytes | None:
        """The secret behind the seeds; ValueError when the file holds too little to be one."""
        if self.seed_file is None:
            return None
        secret = self.seed_file.read_bytes().strip()
        if len(secret) < SMALLEST_SECRET:
            raise ValueError(f"{self.seed_file.name} holds fewer than {SMALLEST_SECRET} bytes")
        return secret
