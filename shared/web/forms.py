"""Forms: what the person typed, and what is wrong with it, kept together so that a page can show both again.

A pydantic model says what is wanted; its `Field(title=…)` names a field in messages, and `json_schema_extra` may hold
the sentence to show (`{"error": "Enter what was done"}`). Nothing is read before its size is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from starlette.datastructures import FormData, UploadFile

MOST_BYTES = 256 * 1024
MOST_FIELDS = 500

MESSAGES = {
    "missing": "Enter {lower}",
    "string_too_long": "{title} must be {max_length} characters or fewer",
    "string_too_short": "{title} must be {min_length} characters or more",
    "enum": "Select {lower}",
    "literal_error": "Select {lower}",
    "int_parsing": "{title} must be a number",
    "float_parsing": "{title} must be a number",
    "date_parsing": "{title} must be a real date",
    "date_from_datetime_parsing": "{title} must be a real date",
    "greater_than_equal": "{title} must be {ge} or more",
    "less_than_equal": "{title} must be {le} or less",
}
"""What a page says for each kind of pydantic's errors."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Form(Generic[Model]):
    """One submission: `values` as typed, `errors` by field, and the parsed `data` where there are none."""

    values: Mapping[str, str | list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    data: Model | None = None

    @property
    def is_valid(self) -> bool:
        """Whether `data` may be used."""
        return self.data is not None and not self.errors

    def value(self, name: str) -> str:
        """What stood in a field; empty where nothing did."""
        held = self.values.get(name, "")
        return held if isinstance(held, str) else ", ".join(held)

    def chosen(self, name: str) -> list[str]:
        """What was ticked."""
        held = self.values.get(name, [])
        return [held] if isinstance(held, str) else list(held)

    def error(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.errors.get(name)

    def refuse(self, name: str, why: str) -> None:
        """Add what only the service could find wrong."""
        self.errors.setdefault(name, why)

    @property
    def summary(self) -> list[dict[str, str]]:
        """The error summary's list, each linking to its field."""
        return [{"text": text, "href": f"#{name}"} for name, text in self.errors.items()]


def parse(model: type[Model], submitted: Mapping[str, str | list[str]]) -> Form[Model]:
    """Hold a submission against a model. Blank fields count as absent, so that "required" means what people expect."""
    lists = {name for name, info in model.model_fields.items() if _is_many(info)}
    given: dict[str, object] = {}
    for name, value in submitted.items():
        if name in lists:
            given[name] = [value] if isinstance(value, str) else value
        elif isinstance(value, str) and value.strip():
            given[name] = value.strip()
    try:
        return Form(values=submitted, data=model.model_validate(given))
    except ValidationError as refused:
        return Form(values=submitted, errors=_messages(model, refused))


async def submitted(request: Request) -> Mapping[str, str | list[str]]:
    """The fields of a form, within bounds: 413 above 256 KiB, 400 for a file or too many fields."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise HTTPException(413)
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        return _fields(form)


Submitted = Annotated[Mapping[str, str | list[str]], Depends(submitted)]


def _fields(form: FormData) -> dict[str, str | list[str]]:
    held: dict[str, str | list[str]] = {}
    for name in form:
        values = [without_nul(value) for value in form.getlist(name) if not isinstance(value, UploadFile)]
        held[name] = values[0] if len(values) == 1 else values
    return held


def without_nul(text: str) -> str:
    """What was typed, without what no keyboard types and no database holds: it would fail wherever the words go."""
    return text.replace("\x00", "")


def _is_many(info: FieldInfo) -> bool:
    return getattr(info.annotation, "__origin__", None) in (list, tuple, set, frozenset, Sequence)


def _messages(model: type[BaseModel], refused: ValidationError) -> dict[str, str]:
    messages: dict[str, str] = {}
    for error in refused.errors(include_input=False, include_url=False):
        name = str(error["loc"][0]) if error["loc"] else "form"
        messages.setdefault(name, _message(model, name, str(error["type"]), error.get("ctx", {}), str(error["msg"])))
    return messages


def _message(model: type[BaseModel], name: str, kind: str, context: Mapping[str, object], said: str) -> str:
    info = model.model_fields.get(name)
    extra = info.json_schema_extra if info is not None else None
    if isinstance(extra, dict) and kind in {"missing", "enum", "literal_error", "too_short"} and "error" in extra:
        return str(extra["error"])
    title = (info.title if info is not None else None) or name.replace("_", " ").capitalize()
    if kind == "value_error":
        return said.removeprefix("Value error, ")
    sentence = MESSAGES.get(kind, "{title} is not valid")
    return sentence.format(title=title, lower=title[:1].lower() + title[1:], **context)
