"""Takes one push of the DfE's API: every child's state in one transaction, and what was refused with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import episodes, feeds, quarantine, recording
from services.intake.domain.dfe import PUSH, Child, Heard, hear_all
from services.intake.domain.ledger import Outcome
from services.intake.domain.refusal import Refusal
from services.intake.domain.work import Purge, Road, Submission
from services.intake.quarantine import Arrival
from shared.events import Event
from shared.working_days import local_date


class MalformedError(ValueError):
    """The body breaks the document's schema. Its text names the place and the kind of fault, never a value."""


def read(body: bytes) -> list[Child]:
    """The children of a body; MalformedError where it breaks the schema, or names one thing twice in one place."""
    try:
        children = PUSH.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in _NAMES) or "body"
        raise MalformedError(f"{place}: {_in_words(first['type'], first['msg'])}") from None
    json.loads(body, object_pairs_hook=_once)
    return children


def _in_words(kind: str, message: str) -> str:
    """What was wrong. A message of pydantic's may quote what was sent; one of ours says what it should be."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind.startswith("date_"):
        return "not a date that exists"
    return "not of the type that the document asks" if kind.endswith("_type") else _WORDS.get(kind, _ODD)


_ODD = "not as the document has it"
_WORDS = {
    "json_invalid": "it is not JSON",
    "extra_forbidden": "a field that the document does not have",
    "missing": "it is missing",
    "string_pattern_mismatch": "it is not written as the document asks",
    "string_too_long": "it is too long",
    "string_too_short": "it is too short",
    "too_long": "it has too many",
}


def _once(pairs: list[tuple[str, object]]) -> None:
    """An object that says one name twice: readers differ in which of them they take, so none is taken."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise MalformedError("body: a name is there twice in one object")


async def take(
    session: AsyncSession, keys: recording.Keys, sender: str, children: Sequence[Child], at: datetime
) -> tuple[Counter[str], list[Event]]:
    """Record what became different. A child of which one record cannot be is quarantined, and the rest is taken.

    `deleted` counts those duplicates that are about what another road had deleted.
    """
    heard = hear_all(children, at)
    statements = [(child, each) for child, what in zip(children, heard, strict=True) for each in what.statements]
    await recording.lock_all(session, keys, (child.la_child_id for child in children))
    recorded = await recording.record(session, [each for _, each in statements], keys)
    refused = [_arrival(child, what.refused, what.refusal, sender, at) for child, what in _refused(children, heard)]
    for (child, statement), outcome in zip(statements, recorded.outcomes, strict=True):
        if isinstance(outcome, Refusal):
            refused.append(_arrival(child, statement, outcome, sender, at))
    contexts = [context for what in heard for context in what.contexts]
    kept = await episodes.keep(session, keys, contexts, local_date(at), at)
    purges = [each for _, each in statements if isinstance(each, Purge)]
    purged = await episodes.purge(session, keys, purges)
    events = [*recorded.events, *purged, *kept.events]
    fresh = await quarantine.keep(session, keys[1], refused)
    taken = Counter(
        outcome.counted for outcome in (*recorded.outcomes, *kept.outcomes) if not isinstance(outcome, Refusal)
    )
    taken += Counter({"quarantined": sum(fresh), "duplicate": len(fresh) - sum(fresh)})
    await feeds.note(session, sender, Road.DFE, taken, at)
    return taken + Counter(deleted=recorded.outcomes.count(Outcome.DELETED)), events


def _refused(children: Sequence[Child], heard: Sequence[Heard]) -> list[tuple[Child, Heard]]:
    return [(child, what) for child, what in zip(children, heard, strict=True) if what.refusal is not None]


def _arrival(
    child: Child, about: Submission | Purge | None, refusal: Refusal | None, sender: str, at: datetime
) -> Arrival:
    assert refusal is not None  # noqa: S101 - the caller has looked
    record = about if isinstance(about, Submission) else None
    return Arrival(
        road=Road.DFE,
        sender=sender,
        refusal=refusal,
        content=child.model_dump_json().encode(),
        came_at=at,
        kind=record.kind if record else None,
        place={"record": record.sender_id or ""} if record else {},
        fields=_kept(record) if record else {"child": child.la_child_id},
        as_of=local_date(at),
    )


def _kept(record: Submission) -> dict[str, str]:
    """The allow-listed fields of the record that was wrong: ids, dates and codes."""
    fields: dict[str, object] = {"id": record.sender_id, "child": record.child}
    if record.said is not None:
        named = ("started_on", "finished_on", "referred_on", "conference_on", "worker", "no_further_action", "outcome")
        fields |= {name: getattr(record.said, name) for name in named}
        fields["factors"] = ", ".join(record.said.factors)
    return {name: str(value) for name, value in fields.items() if value not in (None, "")}


def _field_names(schema: object) -> set[str]:
    """Every property that the document names: only these may be said back, for anything else is the sender's text."""
    if isinstance(schema, dict):
        own = set(schema.get("properties", {}))
        return own.union(*(_field_names(each) for each in schema.values()))
    return set()


_NAMES = _field_names(PUSH.json_schema())
