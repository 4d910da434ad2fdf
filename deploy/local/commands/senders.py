"""`caseloop sender add|list|renew|revoke`: the systems that may push to intake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.local import client
from deploy.local.answering import AsJson, answering
from deploy.local.refusal import Refused

if TYPE_CHECKING:
    import httpx

Name = Annotated[str, typer.Argument(help="What the sender is called.")]

group = typer.Typer(help="The systems that may push to intake.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="sender")


@group.callback()
def senders() -> None:
    """The systems that may push to intake."""


@group.command()
def add(name: Name, as_json: AsJson = False) -> None:
    """Give a sender a token; it is shown this once only."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        sender = client.taken(http.post("/intake/senders", json={"name": name}))
        answer.give(sender, f"{sender['name']} sends with this token, shown only now:\n{sender['token']}")


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every sender: when it was last heard, and whether its token is refused."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        senders = client.listed(http.get("/intake/senders.json"))
        answer.give({"senders": senders}, "\n".join(_in_words(each) for each in senders) or "no system may push yet")


@group.command()
def renew(name: Name, as_json: AsJson = False) -> None:
    """Give a sender a new token; the one before is refused at once. Also for one that was revoked."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        sender = client.taken(http.post(f"/intake/senders/{_called(http, name)}/token"))
        answer.give(sender, f"{name} sends with this token, shown only now; any other is refused:\n{sender['token']}")


@group.command()
def revoke(name: Name, as_json: AsJson = False) -> None:
    """Refuse a sender's token from now on, such as one that has leaked; what it sent stays."""
    with answering(as_json) as answer, client.signed_in("administrator") as http:
        revoked = client.taken(http.post(f"/intake/senders/{_called(http, name)}/revoke"))
        answer.give(revoked, f"{name} may send no more")


def _called(http: httpx.Client, name: str) -> str:
    """The id of the sender of that name; Refused where there is none."""
    for sender in client.listed(http.get("/intake/senders.json")):
        if sender["name"] == name:
            return str(sender["sender_id"])
    raise Refused(f"no sender is called {name}")


def _in_words(sender: dict[str, Any]) -> str:
    heard = f"last heard {sender['last_heard_at']}" if sender["last_heard_at"] else "never heard"
    return f"{sender['name']}: " + (f"revoked {sender['revoked_at']}" if sender["revoked_at"] else heard)
