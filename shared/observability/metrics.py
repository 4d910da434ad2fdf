"""Metrics for Prometheus: prefix `caseloop_`, base units, and never an id in a label.

`REGISTRY` is the process's: metrics made at import time live there. What is made per application (FastStream's, so that
four services fit one test process) goes to the application's own registry; /metrics shows both.
"""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client import REGISTRY as PROCESS
from starlette.responses import Response

REGISTRY: CollectorRegistry = PROCESS

HTTP_SECONDS = Histogram(
    "caseloop_http_request_seconds",
    "From the request's first byte to the response's first byte.",
    ["service", "method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)


def exposition(*registries: CollectorRegistry) -> Response:
    """The metrics of the process and of these registries, in Prometheus's text format."""
    parts = [generate_latest(registry) for registry in (REGISTRY, *registries)]
    return Response(b"".join(parts), media_type=CONTENT_TYPE_LATEST)
