"""From the YAML of a programme to a programme: every error names the line that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import cast

import yaml
from pydantic import ValidationError

from services.audit.domain.programme import Place, Programme, inconsistencies

MAX_BYTES = 256 * 1024

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | date | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong on a line, and what to do about it."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class ProgrammeError(ValueError):
    """The file does not state a programme that can be opened."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read_programme(text: str, council: str, today: date, opened_on: date | None = None) -> Programme:
    """The programme that this YAML states, for this council unless it states another one (which is refused).

    Without `opens_on` it opens on the day on which it was opened first: `opened_on`, or today.

    Raises ProgrammeError with every problem found, each with its line.
    """
    lines, stated = _parse(text)
    stated.setdefault("council", council)
    stated.setdefault("opens_on", opened_on or today)
    try:
        programme = Programme.model_validate(stated)
    except ValidationError as invalid:
        raise ProgrammeError(_problems(invalid, lines)) from None
    found = [
        Problem(_line(place, lines), f"{_name(place)}: {message}")
        for place, message in inconsistencies(programme, today)
    ]
    if programme.council != council:
        found.append(Problem(_line(("council",), lines), f"council: this deployment serves council {council}"))
    if found:
        raise ProgrammeError(sorted(found, key=lambda problem: problem.line))
    return programme


def problem_at(text: str, place: Place, message: str) -> Problem:
    """A problem that only others than the file know of (the staff directory, the feeds), with the file's line."""
    lines, _ = _parse(text)
    return Problem(_line(place, lines), f"{_name(place)}: {message}")


def _parse(text: str) -> tuple[dict[Place, int], dict[str, Value]]:
    if len(text.encode()) > MAX_BYTES:
        raise ProgrammeError([Problem(1, f"the file is larger than {MAX_BYTES // 1024} KB")])
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        _find_lines(node, (), lines)
        stated = cast(Value, loader.construct_document(node) if node is not None else None)
    except yaml.MarkedYAMLError as broken:
        at = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise ProgrammeError([Problem(at, f"this is not YAML: {broken.problem}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ProgrammeError([Problem(1, "this is not YAML")]) from None
    if not isinstance(stated, dict):
        raise ProgrammeError([Problem(1, "a programme is a list of keys and values, and this is not")])
    return lines, stated


class _Loader(yaml.SafeLoader):
    """Plain YAML without aliases: they could make a small file huge, and a programme has no use for them."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.get_mark().line + 1
            raise ProgrammeError([Problem(line, "YAML aliases (*name) are not taken here: write the value out")])
        return super().compose_node(parent, index)


def _find_lines(node: yaml.Node | None, place: Place, lines: dict[Place, int]) -> None:
    if node is None:
        return
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if (*place, key.value) in lines:
                raise ProgrammeError([Problem(key.start_mark.line + 1, f"{key.value} is there twice")])
            lines[(*place, key.value)] = key.start_mark.line + 1
            _find_lines(value, (*place, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            _find_lines(value, (*place, at), lines)


def _line(place: Place, lines: dict[Place, int]) -> int:
    """The line of the place, or of what it lies in."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _name(place: Place) -> str:
    """A place for people: `theme 2, target`."""
    words: list[str] = []
    for part in place:
        if isinstance(part, int):
            words[-1] = f"{words[-1].removesuffix('s')} {part + 1}" if words else str(part + 1)
        else:
            words.append(part)
    return ", ".join(words)


def _problems(invalid: ValidationError, lines: dict[Place, int]) -> list[Problem]:
    errors = invalid.errors(include_url=False, include_input=False, include_context=False)
    found = [
        Problem(_line(error["loc"], lines), f"{_name(error['loc'])}: {_said(error['type'], error['msg'])}")
        for error in errors
    ]
    return sorted(found, key=lambda problem: problem.line)


def _said(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a key that a programme knows"
    return message.removeprefix("Value error, ")[:1].lower() + message.removeprefix("Value error, ")[1:]
