"""Somebody at the pages, without JavaScript: opens them, follows links, fills forms in and presses buttons.

The demo's colleagues and the system tests work through the same pages as everybody else, so they need nothing that a
person has not got.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urljoin

import httpx
from lxml import html


class NotOnThePageError(LookupError):
    """A link, a form or a button that somebody looked for is not there."""


class NotToldError(LookupError):
    """A program asked for facts and was given none."""


@dataclass(frozen=True)
class Page:
    """A page as it was answered."""

    url: str
    status: int
    document: html.HtmlElement

    @property
    def title(self) -> str:
        """The page's first heading."""
        return _words(next(self.document.iter("h1"), self.document))

    @property
    def text(self) -> str:
        """What the page says, without its markup."""
        return _words(self.document)

    def links(self, prefix: str = "") -> list[str]:
        """Where its links lead, in their order, each once: those whose path starts with `prefix`."""
        found = (urljoin(self.url, href) for href in self.document.xpath("//main//a/@href"))
        return list(dict.fromkeys(link for link in found if httpx.URL(link).path.startswith(prefix)))

    def form(self, button: str, value: str | None = None) -> Form:
        """The form that has a button with these words, and this value where several have the same."""
        for element in self.document.forms:
            for control in _buttons(element):
                if button.casefold() in _words(control).casefold() and value in {None, control.get("value")}:
                    return Form(self.url, element, control)
        raise NotOnThePageError(f"no button {button!r} on {self.url}: {self.title}")

    def summary(self, key: str) -> str:
        """What a summary list of the page says beside a key; empty where it has none."""
        rows = self.document.xpath("//dt[normalize-space()=$key]/following-sibling::dd[1]", key=key)
        return _words(rows[0]) if rows else ""

    def has_button(self, button: str, value: str | None = None) -> bool:
        """Whether there is such a button."""
        try:
            return bool(self.form(button, value))
        except NotOnThePageError:
            return False


@dataclass(frozen=True)
class Form:
    """A form, with the button that would send it."""

    url: str
    element: html.FormElement
    button: html.HtmlElement

    @property
    def target(self) -> str:
        """Where it goes."""
        return str(urljoin(self.url, self.button.get("formaction") or self.element.get("action") or self.url))

    @property
    def method(self) -> str:
        return str(self.button.get("formmethod") or self.element.method).upper()

    def names(self) -> list[str]:
        """The names of its fields, in the order of the page."""
        return list(dict.fromkeys(str(name) for name in self.element.xpath(".//@name")))

    def options(self, name: str) -> list[str]:
        """What may be chosen for a field."""
        chosen = self.element.xpath(".//input[@name=$name]/@value | .//select[@name=$name]/option/@value", name=name)
        return [str(value) for value in chosen if value]

    def filled(self, values: Mapping[str, str]) -> dict[str, list[str]]:
        """What would be sent: what the page already holds, changed by `values`; unknown names are an error."""
        if unknown := set(values) - set(self.names()):
            raise NotOnThePageError(f"{self.url} has no field {', '.join(sorted(unknown))}")
        fields: dict[str, list[str]] = {}
        for name, value in self.element.form_values():
            fields.setdefault(str(name), []).append(str(value))
        if name := self.button.get("name"):
            fields[str(name)] = [str(self.button.get("value") or "")]
        return fields | {name: [value] for name, value in values.items()}


class Visitor:
    """One person's browser: it keeps its cookies."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def at(cls, url: str) -> Self:
        """A fresh browser at an address; close it with `async with`."""
        return cls(httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def sign_in(self, person_id: str) -> Page:
        """Choose who to be, as the demonstration's sign-in lets everybody; the page that they see first."""
        return await self.press(await self.open("/sign-in"), "", value=person_id)

    async def open(self, path: str) -> Page:
        """Go to a page."""
        return _page(await self._client.get(path))

    async def facts(self, path: str) -> Any:
        """What a program would be told there, as JSON; NotToldError unless it is told."""
        response = await self._client.get(path)
        if response.status_code != httpx.codes.OK:
            raise NotToldError(f"{path} answered {response.status_code}")
        return response.json()

    async def press(
        self, page: Page, button: str, fill: Mapping[str, str] | None = None, *, value: str | None = None
    ) -> Page:
        """Press a button of the page, after filling its form in."""
        form = page.form(button, value)
        fields = form.filled(fill or {})
        if form.method == "GET":
            return _page(await self._client.get(form.target, params=fields))
        return _page(await self._client.post(form.target, data=fields))


def _page(response: httpx.Response) -> Page:
    return Page(str(response.url), response.status_code, html.document_fromstring(response.text or "<html></html>"))


def _buttons(form: html.FormElement) -> Iterator[html.HtmlElement]:
    yield from form.xpath(".//button[not(@type) or @type='submit'] | .//input[@type='submit']")


def _words(element: html.HtmlElement) -> str:
    return " ".join(str(element.text_content()).split())
