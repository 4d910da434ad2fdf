"""Traces over OTLP, off until an endpoint is set: then no exporter runs and spans cost next to nothing.

A span holds the route and the path, never what was asked in the address (a case's id is looked for there) and never an
exception's message (it may quote a row).
"""

from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter


def install_tracing(
    app: FastAPI, service: str, endpoint: str | None, exporter: SpanExporter | None = None
) -> TracerProvider | None:
    """Trace the application's requests to `endpoint` (or through `exporter`); nothing, and None, where neither is."""
    if endpoint is None and exporter is None:
        return None
    # Nothing but an exception would be noted as an event
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"caseloop-{service}"}), span_limits=SpanLimits(max_events=0)
    )
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=endpoint)))
    if endpoint is not None:
        trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        excluded_urls="health/live,health/ready,metrics",
        exclude_spans=["receive", "send"],
        server_request_hook=_without_query,
    )
    return provider


def _without_query(span: trace.Span, scope: MutableMapping[str, Any]) -> None:
    """Replace what the library has noted of the address, under its older and its newer names."""
    path = str(scope.get("path", ""))
    span.set_attributes({"http.url": path, "http.target": path, "url.full": path, "url.query": ""})
