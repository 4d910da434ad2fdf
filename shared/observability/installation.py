"""Puts logs, metrics and traces on one application."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.responses import Response

from shared.observability.metrics import exposition
from shared.observability.requests import Requests
from shared.observability.tracing import install_tracing


def install(app: FastAPI, name: str, *, registry: CollectorRegistry, otlp_endpoint: str | None = None) -> None:
    """Serve /metrics (the process's and `registry`), measure each request, trace where an endpoint is set."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return exposition(registry)

    app.add_middleware(Requests, service=name)
    install_tracing(app, name, otlp_endpoint)
