"""What operations see, and what they must never see."""

import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import httpx
import pytest
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, Counter

from shared.observability import configure_logs, install
from shared.observability.tracing import install_tracing


@pytest.fixture
def log() -> Iterator[StringIO]:
    out = StringIO()
    configure_logs("audit", out=out)
    yield out
    quieten()


def quieten() -> None:
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


def lines(log: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    registry = CollectorRegistry()
    Counter("caseloop_of_this_application", "One of the application's own.", registry=registry).inc()
    install(app, "audit", registry=registry)

    router = APIRouter(prefix="/audits")

    @router.get("/{audit_id}")
    async def audit(audit_id: str) -> dict[str, str]:
        return {"audit_id": audit_id}

    app.include_router(router, prefix="/audit")
    return app


def browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1")


async def test_a_log_line_is_one_json_object_that_names_the_service(log: StringIO) -> None:
    structlog.get_logger("caseloop.test").info("sampled", cases=3)
    (line,) = lines(log)
    assert (line["event"], line["cases"], line["service"], line["level"]) == ("sampled", 3, "audit", "info")


async def test_names_and_free_text_never_reach_the_log(log: StringIO) -> None:
    structlog.get_logger("caseloop.test").warning("refused", name="Ada Cole", text="the parents", reason="x" * 900)
    assert "Ada" not in log.getvalue()
    assert "parents" not in log.getvalue()
    assert len(str(lines(log)[0]["reason"])) < 250


async def test_a_librarys_exception_is_logged_without_its_message(log: StringIO) -> None:
    try:
        raise ValueError("row: Ada Cole, 7 Elm Street")
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    (line,) = lines(log)
    assert line["error"] == "builtins.ValueError"
    assert "Elm Street" not in log.getvalue()


async def test_the_servers_own_handlers_print_no_traceback_beside_ours() -> None:
    """uvicorn prints an exception with its message when a stream breaks, unless its handlers go."""
    out, beside = StringIO(), StringIO()
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(beside))
    configure_logs("audit", out=out)
    try:
        raise ValueError("row: Ada Cole")
    except ValueError as broken:
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=broken)
    assert "Ada Cole" not in out.getvalue()
    assert beside.getvalue() == ""
    assert lines(out)[0]["error"] == "builtins.ValueError"
    quieten()


async def test_a_request_is_measured_and_logged_by_its_route_never_by_its_ids(app: FastAPI, log: StringIO) -> None:
    await browser(app).get("/audit/audits/secret-id?child=secret")
    metrics = (await browser(app).get("/metrics")).text
    labels = 'method="GET",route="/audit/audits/{audit_id}",service="audit",status="200"'
    assert f"caseloop_http_request_seconds_count{{{labels}}}" in metrics
    assert "caseloop_of_this_application_total 1.0" in metrics
    assert [(line["event"], line["route"]) for line in lines(log)] == [("answered", "/audit/audits/{audit_id}")]
    assert "secret" not in log.getvalue() + metrics


async def test_what_matches_no_route_shares_one_label(app: FastAPI) -> None:
    for path in ("/wp-admin", "/audit/audits"):
        await browser(app).get(path)
    metrics = (await browser(app).get("/metrics")).text
    assert "wp-admin" not in metrics
    assert 'route="none"' in metrics


async def test_tracing_is_off_until_an_endpoint_is_set(app: FastAPI, log: StringIO) -> None:
    install_tracing(app, "audit", None)
    await browser(app).get("/audit/audits/a-1")
    assert "trace_id" not in lines(log)[0]


async def test_with_tracing_on_a_log_line_carries_the_trace(log: StringIO) -> None:
    app = FastAPI(openapi_url=None)
    exporter = InMemorySpanExporter()
    provider = install_tracing(app, "audit", None, exporter)

    @app.get("/audit/inbox")
    async def inbox() -> None:
        structlog.get_logger("caseloop.test").info("shown")

    assert provider is not None
    await browser(app).get("/audit/inbox")
    provider.force_flush()
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert lines(log)[0]["trace_id"] == trace.format_trace_id(span.context.trace_id)
    provider.shutdown()


async def test_a_span_holds_neither_what_was_asked_in_the_address_nor_an_exceptions_message() -> None:
    app = FastAPI(openapi_url=None)
    exporter = InMemorySpanExporter()
    provider = install_tracing(app, "reporting", None, exporter)

    @app.get("/search")
    async def search() -> None:
        raise ValueError("the row of child 4410927")

    assert provider is not None
    with pytest.raises(ValueError, match="4410927"):
        await browser(app).get("/search", params={"q": "4410927"})
    provider.force_flush()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["GET /search"]
    assert "4410927" not in "".join(span.to_json() for span in spans)
    provider.shutdown()


@pytest.mark.parametrize("service", ["audit", "intake", "remedial", "reporting"])
def test_a_service_that_traces_nothing_loads_no_exporter(service: str) -> None:
    """It was 5 MB and 150 modules in each of four processes, and nobody had set an endpoint."""
    loads = f"import sys, services.{service}.app; print('opentelemetry.sdk' in sys.modules, 'psutil' in sys.modules)"
    told = {name: value for name, value in os.environ.items() if name != "CASELOOP_OTLP_ENDPOINT"}
    loaded = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True, env=told)
    assert loaded.stdout.split() == ["False", "False"]
