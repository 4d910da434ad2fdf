"""Reporting's business metrics: the figures of the newest open programme. Never an id in a label."""

from prometheus_client import Gauge

from shared.observability.metrics import REGISTRY

FIGURE = Gauge(
    "caseloop_reporting_figure",
    "A figure of the newest open programme, as the leader last computed it; days, counts, or shares of 1.",
    ["code"],
    registry=REGISTRY,
)
