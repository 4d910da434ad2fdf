"""What a deployment may set for remedial, with the prefix REMEDIAL_; what all services share comes with CASELOOP_."""

from pydantic_settings import SettingsConfigDict
from shared.service import ServiceSettings


class Settings(ServiceSettings):
    """Remedial's own settings beside the shared ones."""

    model_config = SettingsConfigDict(env_prefix="REMEDIAL_")
