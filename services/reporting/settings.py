"""What a deployment may set for reporting, with the prefix REPORTING_; what all services share comes with CASELOOP_."""

from pydantic_settings import SettingsConfigDict

from shared.service import ServiceSettings


class Settings(ServiceSettings):
    """Reporting's own settings beside the shared ones: none yet."""

    model_config = SettingsConfigDict(env_prefix="REPORTING_")
