"""What operations see of the messaging: is everything flowing, and how old is the oldest thing that waits?"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter(
    "caseloop_events_total",
    "Events a consumer met: handled, duplicate, skipped (a type it does not know), unreadable, parked, failed.",
    ["consumer", "outcome"],
)
EVENT_AGE = Histogram(
    "caseloop_event_age_seconds",
    "From when an event happened to when its effects were committed.",
    ["consumer"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600, 86400),
)
RETRIES = Counter(
    "caseloop_consumer_retries_total", "Batches tried again because the world was down.", ["consumer", "reason"]
)
DEAD_LETTERS = Counter("caseloop_dead_letters_total", "Events set aside.", ["topic", "reason"])
CONSUMER_STOPPED = Gauge(
    "caseloop_consumer_stopped", "1 when a consumer stopped because its stream is mostly bad.", ["consumer"]
)
CONSUMER_LAG = Gauge("caseloop_consumer_lag", "Records behind the end of the partition.", ["topic", "partition"])
OUTBOX_ROWS = Gauge("caseloop_outbox_rows", "Events waiting to be published.", ["service"])
OUTBOX_OLDEST_AGE = Gauge(
    "caseloop_outbox_oldest_age_seconds", "How long the oldest unpublished event has waited.", ["service"]
)
OUTBOX_STUCK = Gauge("caseloop_outbox_stuck", "Events that Kafka refuses; each holds back its key.", ["service"])
PUBLISHED = Counter("caseloop_published_total", "Events published.", ["service"])
TICKS_FAILED = Counter(
    "caseloop_ticks_failed_total",
    "What the clock brings about and failed; it is tried again.",
    ["service", "tick"],
)
