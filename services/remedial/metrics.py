"""Remedial's business metrics: how the open actions stand. Never an id in a label."""

from prometheus_client import Counter, Gauge

from shared.observability.metrics import REGISTRY

ACTIONS = Gauge(
    "caseloop_remedial_actions",
    "Open actions by pile, as the leader last counted.",
    ["pile"],
    registry=REGISTRY,
)
OLDEST_OVERDUE = Gauge(
    "caseloop_remedial_oldest_overdue_seconds", "How long the oldest overdue action has been so.", registry=REGISTRY
)
MESSAGES = Counter(
    "caseloop_remedial_messages_total",
    "Messages sent, retried or failed.",
    ["channel", "outcome"],
    registry=REGISTRY,
)
ATTACHMENTS = Counter(
    "caseloop_remedial_attachments_total",
    "Files given as evidence: attached, refused for what they are, found unclean, or not scanned.",
    ["outcome"],
    registry=REGISTRY,
)
