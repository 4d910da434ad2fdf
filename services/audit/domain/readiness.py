"""The mobilisation checklist: what a programme needs before its first case, and what is handed over at its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to have done, by whom it is usually done, and why it matters."""

    item: str
    title: str
    why: str


MOBILISATION = (
    Item("feeds", "Feeds are alive", "Work must arrive within a day of being finished, or nothing is near-live."),
    Item("directory", "Staff directory is matched", "A case whose team is unknown is visible to no team."),
    Item("tool", "Audit tool and scale are agreed", "Auditors who read a question differently grade differently."),
    Item("graders", "Graders are calibrated", "A few cases graded by everybody, compared and talked through."),
    Item("dpia", "Data protection impact assessment is recorded", "Special-category data about children and staff."),
    Item("chain", "Escalation chain is tested", "A concern must reach somebody at night and at the weekend."),
)
HANDOVER = (
    Item("open-actions", "Open actions have owners", "What is not verified goes on after the programme."),
    Item("good", "What Good looks like is written down", "Knowledge stays when the auditors leave."),
    Item("assurance", "Findings are in the assurance plan", "What the board was told has somebody who does it."),
    Item("access", "External auditors' access has ended", "Nobody keeps what they no longer need."),
)


def is_known(item: str) -> bool:
    """Whether the checklist has this item."""
    return any(each.item == item for each in (*MOBILISATION, *HANDOVER))
