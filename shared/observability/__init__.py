"""What operations see of a service: structured logs, metrics, traces. Never a name, never free text, never an id."""

from shared.observability.installation import install
from shared.observability.logs import configure_logs
from shared.observability.metrics import REGISTRY

__all__ = ["REGISTRY", "configure_logs", "install"]
