"""Puts logs, metrics and traces on one application."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from shared.observability.metrics import exposition
from shared.observability.requests import Requests


def install(app: FastAPI, name: str, *, registry: CollectorRegistry, otlp_endpoint: str | None = None) -> None:
    """Serve /metrics (the process's and `registry`), measure each request, trace where an endpoint is set."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return exposition(registry)

    app.add_middleware(Requests, service=name)
    if otlp_endpoint is not None:
        # Only now: the exporter and what it needs are 5 MB and a hundred and fifty modules
        from shared.observability.tracing import install_tracing  # noqa: PLC0415

        install_tracing(app, name, otlp_endpoint)
