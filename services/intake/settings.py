"""What a deployment may set for intake, with the prefix INTAKE_; what all services share comes with CASELOOP_."""

from functools import lru_cache
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.service import ServiceSettings

LARGEST_FORM = 64 * 1024 * 1024
"""Bytes of a request that brings a file: Caddy's limit too."""


LARGEST_CENSUS = 1024 * 1024 * 1024
"""A census is streamed: its size costs disk, not memory."""


class Settings(ServiceSettings):
    """Intake's own settings beside the shared ones."""

    model_config = SettingsConfigDict(env_prefix="INTAKE_")

    pushes_per_second: float = 50
    """How often one sender may push to one replica, in the long run."""
    pushes_at_once: int = 200
    """And how many times in a row before that."""


@lru_cache
def pseudonym_key(path: Path) -> bytes:
    """The council's secret that children's pseudonyms are made with; ValueError below 32 bytes."""
    key = path.read_bytes().strip()
    if len(key) < 32:
        raise ValueError(f"{path.name} holds fewer than 32 bytes")
    return key


def keys(settings: ServiceSettings) -> tuple[str, bytes]:
    """The council and its secret: what every id of a piece of work is made with."""
    return settings.council, pseudonym_key(settings.pseudonym_key_file)
