"""What the demo's auditors and practitioners write: invented, about no one, with no name in it.

Each case is one reading: how the sections went, what was found, what must be done, and what the practitioner later says
of it. They echo the weaknesses and strengths that inspectors name again and again.
"""

from dataclasses import dataclass
from typing import Literal

Rag = Literal["red", "amber", "green"]


@dataclass(frozen=True)
class Finding:
    """Something that an auditor found, and how it is put right."""

    domain: str
    """A word of the domain's name, which the programme states in full."""
    severity: Literal["low", "medium", "high"]
    finding: str
    action: str
    done: str
    difference: str


@dataclass(frozen=True)
class Reading:
    """One auditor's reading of a case."""

    rag: Rag
    evidence: str
    lived_experience: str
    difference: str
    finding: Finding | None = None
    strength: str | None = None


READINGS = (
    Reading(
        rag="amber",
        evidence="The assessment is timely and its analysis is sound. The child was seen twice, never alone.",
        lived_experience="The child gets to school and is fed, and worries about the arguments at night. We know this "
        "from the school, not from the child.",
        difference="Support reached the family quickly. What the child makes of it is not recorded.",
        finding=Finding(
            domain="voice",
            severity="medium",
            finding="The child was not seen alone, and their own words are missing from the assessment.",
            action="See the child alone, record what they say in their own words, and bring it into the plan.",
            done="Seen alone at school with the learning mentor. Their words are on the record and in the plan.",
            difference="The child asked for the night-time arguments to be talked about with both parents. The "
            "plan now says how.",
        ),
    ),
    Reading(
        rag="red",
        evidence="Two earlier enquiries are listed and not weighed. The risk is described incident by incident.",
        lived_experience="Life is unpredictable: calm for weeks, then a crisis. The pattern is in the chronology, and "
        "nobody has said so.",
        difference="Each visit dealt with the last incident. Nothing that was done changed the pattern.",
        finding=Finding(
            domain="risk",
            severity="high",
            finding="The history of earlier enquiries is not used: risk is judged on the latest incident alone.",
            action="Complete the chronology, hold a reflective supervision on the pattern, and review the decision.",
            done="Chronology completed for three years. Supervision held on Tuesday; a strategy discussion follows.",
            difference="The pattern is now named in the plan, with what each adult does when it starts again.",
        ),
    ),
    Reading(
        rag="green",
        evidence="Seen alone twice, with the words of the child throughout. The manager's oversight is clear.",
        lived_experience="The child feels safe at home and proud of a new room. They say who they would tell.",
        difference="Home conditions improved and stayed so for two months, seen on announced and other visits.",
        strength="Direct work with the child that shaped the plan: their own drawing is its first page.",
    ),
    Reading(
        rag="amber",
        evidence="Visits are regular. The plan lists services to attend; it does not say what should be different.",
        lived_experience="The child is tired in school and often hungry on Mondays. The home is better than in spring.",
        difference="Some: meals at home are more regular. Nobody has agreed how it would be known that it is enough.",
        finding=Finding(
            domain="planning",
            severity="medium",
            finding="The plan measures attendance at services and not what changes for the child.",
            action="Rewrite the plan with the family: what will be different for the child, by when, seen how.",
            done="Plan rewritten with both parents and the school on Thursday, with three outcomes and dates.",
            difference="School already reports breakfast on Mondays. It is one of the three outcomes.",
        ),
    ),
    Reading(
        rag="red",
        evidence="Authorised on the 45th working day. Supervision is recorded once, as a list of tasks.",
        lived_experience="The child has moved between two homes since summer. What that is like for them is not known.",
        difference="None can be seen. Referral, assessment and closure repeat what was done a year before.",
        finding=Finding(
            domain="oversight",
            severity="high",
            finding="Management oversight is absent for six weeks and did not test the decision to close.",
            action="Review the decision to close with the manager, and record the reasons and what would reopen it.",
            done="Reviewed with the manager. The case stays open with a child in need plan; the reasons are recorded.",
            difference="The child has a named adult in school again and a visit each week.",
        ),
    ),
    Reading(
        rag="green",
        evidence="Started the day after referral and authorised in 19 working days. History is used well.",
        lived_experience="The child likes it when their father comes on time. The assessment says what helps him to.",
        difference="Contact is regular now, and the child sleeps better afterwards.",
        strength="The assessment tells the child's history as a story that the family recognised.",
    ),
    Reading(
        rag="amber",
        evidence="Threshold is right and explained. The chronology stops in May.",
        lived_experience="The child is well cared for by a grandparent who is tired. Both say so.",
        difference="Short breaks began. Nobody has asked what happens when the grandparent is ill.",
        finding=Finding(
            domain="chronology",
            severity="low",
            finding="The chronology is not kept up: the last six months are missing.",
            action="Bring the chronology up to date and share it in the next core group.",
            done="Chronology brought up to date and shared with school and health.",
            difference="It showed three missed appointments that nobody had put together. A nurse will visit.",
        ),
    ),
)
