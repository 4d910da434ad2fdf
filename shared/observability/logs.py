"""Structured logs: one JSON object a line on stderr, with the trace's id where there is one.

What a log may hold is an allow-list by kind of value: numbers, dates, booleans, short codes. A name, a free text or an
exception's message never gets there: of an exception its type and its place in our code are kept.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from opentelemetry import trace

LONGEST_VALUE = 200
FORBIDDEN = frozenset({"name", "email", "text", "narrative", "body", "cookie", "authorization", "password", "token"})
"""Fields that are dropped wherever they come from: they would hold what a log must not."""

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]
Line = MutableMapping[str, Any]


def configure_logs(service: str, level: str = "INFO", out: TextIO | None = None) -> None:
    """Send this process's logs, our own and the libraries', to `out` (stderr) as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        without_personal_data,
        _with_exception,
    ]
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True, default=str),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # The server made handlers of its own before it imported the application: they would print what ours leave out.
    for server in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(server).handlers.clear()
        logging.getLogger(server).propagate = True
    # Their lines name whole addresses, ids and all (our own line names the route instead), or each step of a start.
    for chatty in ("uvicorn.access", "httpx", "httpcore", "aiokafka"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def without_personal_data(_logger: object, _method: str, line: Line) -> Line:
    """Drop forbidden fields and cut long values, whoever logged them."""
    for field in FORBIDDEN.intersection(line):
        del line[field]
    for field, value in line.items():
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            line[field] = value[:LONGEST_VALUE] + "…"
    return line


def _with_trace(_logger: object, _method: str, line: Line) -> Line:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = trace.format_trace_id(context.trace_id)
        line["span_id"] = trace.format_span_id(context.span_id)
    return line


def _with_exception(_logger: object, _method: str, line: Line) -> Line:
    """Replace an exception by its type and its frames: a message may quote a row, and a row may name a child."""
    found = _exception(line.pop("exc_info", None))
    if found is not None:
        kind, _, where = found
        line["error"] = f"{kind.__module__}.{kind.__qualname__}"
        line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(where)[-8:]]
    return line


def _exception(info: object) -> ExceptionInfo | None:
    if isinstance(info, BaseException):
        return type(info), info, info.__traceback__
    if isinstance(info, tuple) and info[0] is not None:
        return info
    if info is True:
        current = sys.exc_info()
        return current if current[0] is not None else None
    return None
