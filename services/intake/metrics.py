"""Intake's business metrics: what came in by each road, and what was refused and why. Never an id in a label."""

from prometheus_client import Counter, Gauge

from shared.observability.metrics import REGISTRY

STATEMENTS = Counter(
    "caseloop_statements_total", "What became of what came in, by road.", ["road", "outcome"], registry=REGISTRY
)
QUARANTINED = Counter(
    "caseloop_quarantined_total", "What was refused, by road and reason.", ["road", "reason"], registry=REGISTRY
)
SILENT = Gauge("caseloop_feeds_silent", "Feeds that have missed their usual hour.", registry=REGISTRY)
UNMATCHED = Gauge(
    "caseloop_unmatched", "Workers and teams that cases name and the directory lacks.", ["kind"], registry=REGISTRY
)
