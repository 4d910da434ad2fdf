"""This service's business metrics: what is drawn and what comes of it. Never an id in a label."""

from prometheus_client import Counter, Histogram

SAMPLED = Counter("caseloop_cases_sampled_total", "Cases put before an auditor, by how they came there.", ["outcome"])
COMPLETED = Counter("caseloop_audits_completed_total", "Audits completed, by rating.", ["rag"])
AGE_AT_SAMPLING = Histogram(
    "caseloop_age_at_sampling_days",
    "Calendar days from the end of the work to its draw.",
    buckets=(0, 1, 2, 3, 5, 7, 10, 14, 21, 28),
)
