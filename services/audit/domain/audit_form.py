"""The audit form: what an auditor writes, what makes it consistent, and what grade its sections suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from services.audit.domain.programme import Programme, Section, Step
from shared import events

LONGEST_TEXT = 8000
MOST_FINDINGS = 20
MOST_STRENGTHS = 10

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


def _whole_minutes(value: object) -> object:
    return value.strip() or None if isinstance(value, str) else value


def _id_or_nothing(value: str) -> str:
    """A page may send anything: what can be no finding's id names none."""
    try:
        return str(UUID(value))
    except ValueError:
        return ""


Id = Annotated[Code, AfterValidator(_id_or_nothing)]
Minutes = Annotated[Annotated[int, Field(ge=0, le=6000)] | None, BeforeValidator(_whole_minutes)]


class Part(BaseModel):
    """A part of the form: what is not filled in is empty, and what is not asked for is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnyPart = TypeVar("AnyPart", bound=Part)


class SectionDraft(Part):
    """One section of the tool as the auditor fills it in. `answers` by question: yes, partly, no, not_applicable."""

    grade: Code = ""
    evidence: Text = ""
    analysis: Text = ""
    answers: dict[str, Code] = Field(default_factory=dict)


class FindingDraft(Part):
    """A finding. Its id is minted once, in the draft, and never used again."""

    finding_id: UUID
    domain: Code = ""
    level: Code = ""
    severity: Code = ""
    needs_action: Code = ""
    finding: Text = ""
    action: Text = ""
    owner_id: Code = ""
    acts_with: Id = ""
    """The finding whose action answers this one too, of this audit or another: then it needs none of its own."""

    def alone(self) -> FindingDraft:
        """The finding without another's action: whether it needs one is asked again."""
        return self.model_copy(update={"acts_with": "", "needs_action": ""})


class StrengthDraft(Part):
    """Something done well, in a domain."""

    strength_id: UUID
    domain: Code = ""
    strength: Text = ""


class FamilyView(Part):
    """Only that contact was offered, was safe, was agreed, or why not. Contact details stay in the case system."""

    offered: Code = ""
    safe: Code = ""
    agreed: Code = ""
    why_not: Text = ""
    words: Text = ""


class AuditForm(Part):
    """Everything that an audit says."""

    sections: dict[str, SectionDraft] = Field(default_factory=dict)
    lived_experience: Text = ""
    weaknesses_addressed: Text = ""
    difference: Text = ""
    family: FamilyView = FamilyView()
    findings: tuple[FindingDraft, ...] = Field(default=(), max_length=MOST_FINDINGS)
    strengths: tuple[StrengthDraft, ...] = Field(default=(), max_length=MOST_STRENGTHS)
    grade: Code = ""
    grade_reason: Text = ""
    minutes: Minutes = None

    def section(self, section: str) -> SectionDraft:
        """The section as filled in so far."""
        return self.sections.get(section, SectionDraft())

    def with_finding(self, finding_id: UUID) -> AuditForm:
        """The form with one more finding to fill in."""
        return self.model_copy(update={"findings": (*self.findings, FindingDraft(finding_id=finding_id))})

    def with_strength(self, strength_id: UUID) -> AuditForm:
        """The form with one more strength to fill in."""
        return self.model_copy(update={"strengths": (*self.strengths, StrengthDraft(strength_id=strength_id))})

    def owned_by(self, person_ids: Collection[str]) -> AuditForm:
        """The form in which only these own a finding; one that names somebody else falls to the practitioner."""
        findings = (
            each if each.owner_id in person_ids else each.model_copy(update={"owner_id": ""}) for each in self.findings
        )
        return self.model_copy(update={"findings": tuple(findings)})

    def merged(self, part_id: str, into: str) -> AuditForm:
        """The form in which one action, that of `into`, answers both findings; what was to be done is kept with it.

        Unchanged where the two are not two findings, the other has no action of its own, or the words get too long.
        """
        by_id = {str(finding.finding_id): finding for finding in self.findings}
        part, target = by_id.get(part_id), by_id.get(into)
        if part is None or target is None or part is target or target.acts_with:
            return self
        words = "\n\n".join(dict.fromkeys(each.action for each in (target, part) if each.action))
        if len(words) > LONGEST_TEXT:
            return self
        changed = {into: target.model_copy(update={"needs_action": "yes", "action": words})}
        for key, finding in by_id.items():
            if part_id in {key, finding.acts_with}:
                answered = {"acts_with": into, "needs_action": "no", "action": "", "owner_id": ""}
                changed[key] = finding.model_copy(update=answered)
        return self.model_copy(update={"findings": tuple({**by_id, **changed}.values())})

    def joined(self, part_id: str, into: str, owner_id: str) -> AuditForm:
        """The form in which an action that its owner has open already, of another audit, answers this finding too.

        What was to be done stays with the finding: its words are there when the action turns out to be finished.
        """
        answered = {"acts_with": into, "needs_action": "no", "owner_id": owner_id}
        findings = (
            each.model_copy(update=answered)
            if str(each.finding_id) == part_id
            else each.alone()
            if each.acts_with == part_id
            else each
            for each in self.findings
        )
        return self.model_copy(update={"findings": tuple(findings)})

    def parted(self, part_id: str) -> AuditForm:
        """The form in which this finding no longer goes with another's action."""
        findings = (each.alone() if str(each.finding_id) == part_id else each for each in self.findings)
        return self.model_copy(update={"findings": tuple(findings)})

    def without(self, part_id: str) -> AuditForm:
        """The form without the finding or strength of that id."""
        return self.model_copy(
            update={
                "findings": tuple(
                    finding.alone() if finding.acts_with == part_id else finding
                    for finding in self.findings
                    if str(finding.finding_id) != part_id
                ),
                "strengths": tuple(strength for strength in self.strengths if str(strength.strength_id) != part_id),
            }
        )

    def of(self, audit_id: UUID, before: AuditForm) -> AuditForm:
        """The form with what is new in it under ids that belong to this audit alone.

        While an audit is amended its page holds the new ids, and a page may send any: also those of another audit's
        finding, whose words and action would then be overwritten.
        """
        known = {finding.finding_id for finding in before.findings} | {each.strength_id for each in before.strengths}
        own = {str(each.finding_id): _own(each, "finding_id", audit_id, known) for each in self.findings}
        with_own = {key: str(finding.finding_id) for key, finding in own.items()}
        findings = (
            each.model_copy(update={"acts_with": with_own.get(each.acts_with, each.acts_with)}) for each in own.values()
        )
        strengths = (_own(each, "strength_id", audit_id, known) for each in self.strengths)
        return self.model_copy(update={"findings": tuple(findings), "strengths": tuple(strengths)})

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every free text with the name of its field."""
        for key, section in self.sections.items():
            yield f"sections.{key}.evidence", section.evidence
            yield f"sections.{key}.analysis", section.analysis
        for finding in self.findings:
            yield f"findings.{finding.finding_id}.finding", finding.finding
            yield f"findings.{finding.finding_id}.action", finding.action
        for strength in self.strengths:
            yield f"strengths.{strength.strength_id}.strength", strength.strength
        yield "lived_experience", self.lived_experience
        yield "weaknesses_addressed", self.weaknesses_addressed
        yield "difference", self.difference
        yield "family.why_not", self.family.why_not
        yield "family.words", self.family.words
        yield "grade_reason", self.grade_reason


def _own(part: AnyPart, name: str, audit_id: UUID, known: Collection[UUID]) -> AnyPart:
    part_id: UUID = getattr(part, name)
    return part if part_id in known else part.model_copy(update={name: uuid5(audit_id, str(part_id))})


ANSWERS = {"yes": "Yes", "partly": "Partly", "no": "No", "not_applicable": "Not applicable"}
LEVELS = {"practitioner": "Practitioner", "team": "Team", "service": "Service"}
SEVERITIES = {"low": "Low", "medium": "Medium", "high": "High"}
YES_NO = {"yes": "Yes", "no": "No"}

Fields = Mapping[str, str | list[str]]


def read_form(fields: Fields, programme: Programme, before: AuditForm) -> AuditForm:
    """The form as submitted. Findings and strengths are those that the draft already minted, in their order.

    Raises pydantic's ValidationError for what no draft can hold (a text that is too long, minutes that are no number).
    """
    sections = {section.section: _section(fields, section) for section in programme.tool.sections}
    findings = [
        {"finding_id": finding.finding_id, **_below(fields, f"findings.{finding.finding_id}.")}
        for finding in before.findings
    ]
    strengths = [
        {"strength_id": strength.strength_id, **_below(fields, f"strengths.{strength.strength_id}.")}
        for strength in before.strengths
    ]
    top = {name: _one(fields[name]) for name in TOP_FIELDS if name in fields}
    return AuditForm.model_validate(
        {**top, "sections": sections, "findings": findings, "strengths": strengths, "family": _below(fields, "family.")}
    )


TOP_FIELDS = ("lived_experience", "weaknesses_addressed", "difference", "grade", "grade_reason", "minutes")


def _section(fields: Fields, section: Section) -> dict[str, object]:
    prefix = f"sections.{section.section}."
    asked = {
        question.question: _one(fields.get(f"{prefix}q.{question.question}", "")) for question in section.questions
    }
    return {**_below(fields, prefix), "answers": {key: answer for key, answer in asked.items() if answer}}


def _below(fields: Fields, prefix: str) -> dict[str, object]:
    return {name.removeprefix(prefix): _one(value) for name, value in fields.items() if name.startswith(prefix)}


def _one(value: str | list[str]) -> str:
    return value if isinstance(value, str) else (value[-1] if value else "")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A grade that the sections suggest, and why."""

    step: Step
    because: str


def suggest(form: AuditForm, programme: Programme) -> Suggestion | None:
    """What the graded sections suggest for the whole; None until every section is graded.

    Red when a decisive section is red or two sections are; amber when one is red, or a third or more are amber; else
    green. Where the scale has several steps of that colour, the one that most sections have.
    """
    graded = [(section, programme.step(form.section(section.section).grade)) for section in programme.tool.sections]
    steps = [step for _, step in graded if step is not None]
    if len(steps) < len(graded):
        return None
    rag, because = _suggested_rag([(section, step) for section, step in graded if step is not None])
    return Suggestion(_step_of(programme.scale, rag, steps), because)


def _suggested_rag(graded: Sequence[tuple[Section, Step]]) -> tuple[str, str]:
    red = [section for section, step in graded if step.rag == "red"]
    amber = [section for section, step in graded if step.rag == "amber"]
    decisive = [section for section in red if section.decisive]
    if decisive:
        return "red", f"{decisive[0].name} is red"
    if len(red) > 1:
        return "red", f"{len(red)} sections are red"
    if red:
        return "amber", f"{red[0].name} is red"
    if len(amber) * 3 >= len(graded) and amber:
        return "amber", f"{len(amber)} of {len(graded)} sections are amber"
    return "green", f"{len(graded) - len(amber)} of {len(graded)} sections are green"


def _step_of(scale: Sequence[Step], rag: str, steps: Sequence[Step]) -> Step:
    of_colour = [step for step in scale if step.rag == rag] or [scale[-1]]
    counted = Counter(step.code for step in steps)
    return max(of_colour, key=lambda step: counted[step.code])


def problems(form: AuditForm, programme: Programme, elsewhere: Collection[str] = ()) -> dict[str, str]:
    """What keeps the audit from being complete: by field, in the order of the form, each saying what to do.

    `elsewhere` are the findings of other audits whose action may answer one of this audit too.
    """
    found: dict[str, str] = {}
    for section in programme.tool.sections:
        found |= _section_problems(form, section, programme)
    if not form.lived_experience:
        found["lived_experience"] = "Say what life is like for this child"
    if not form.difference:
        found["difference"] = "Say what difference the work made"
    acting = {str(finding.finding_id) for finding in form.findings if finding.needs_action == "yes"} | {*elsewhere}
    for finding in form.findings:
        found |= _finding_problems(finding, programme)
        if finding.acts_with and finding.acts_with not in acting:
            found[f"findings.{finding.finding_id}.acts_with"] = (
                "The action that answers this finding is not there any more: give the finding its own"
            )
    for strength in form.strengths:
        if not strength.strength:
            found[f"strengths.{strength.strength_id}.strength"] = "Say what was done well, or remove the strength"
    return found | _overall_problems(form, programme)


def _section_problems(form: AuditForm, section: Section, programme: Programme) -> dict[str, str]:
    draft, prefix = form.section(section.section), f"sections.{section.section}"
    step = programme.step(draft.grade)
    if step is None:
        return {f"{prefix}.grade": f"Choose a grade for {section.name.lower()}"}
    if step.rag != "green" and not draft.evidence:
        return {f"{prefix}.evidence": f"Give the evidence for grading {section.name.lower()} {step.name.lower()}"}
    return {}


def _finding_problems(finding: FindingDraft, programme: Programme) -> dict[str, str]:
    prefix, found = f"findings.{finding.finding_id}", {}
    if not finding.finding:
        found[f"{prefix}.finding"] = "Say what was found, or remove the finding"
    if finding.domain not in programme.domains:
        found[f"{prefix}.domain"] = "Choose the domain of the finding"
    if finding.level not in LEVELS:
        found[f"{prefix}.level"] = "Choose whether the finding is about the practitioner, the team or the service"
    if finding.severity not in SEVERITIES:
        found[f"{prefix}.severity"] = "Choose how severe the finding is"
    if finding.needs_action not in YES_NO:
        found[f"{prefix}.needs_action"] = "Choose whether the finding needs an action"
    if finding.needs_action == "yes" and not finding.action:
        found[f"{prefix}.action"] = "Say what must be done"
    return found


def _overall_problems(form: AuditForm, programme: Programme) -> dict[str, str]:
    step, suggestion = programme.step(form.grade), suggest(form, programme)
    if step is None:
        return {"grade": "Choose the overall grade"}
    found: dict[str, str] = {}
    if suggestion is not None and suggestion.step.code != step.code and not form.grade_reason:
        found["grade_reason"] = f"Say why the grade is not {suggestion.step.name.lower()}, as the sections suggest"
    if step.rag == "red" and not any(finding.needs_action == "yes" or finding.acts_with for finding in form.findings):
        found["add-finding"] = "A red audit needs a finding with an action: add one"
    return found


def findings_of(form: AuditForm) -> tuple[events.Finding, ...]:
    """The findings as they travel: codes only, their words go by the topic of texts."""
    return tuple(
        events.Finding(
            finding_id=finding.finding_id,
            domain=finding.domain,
            level=finding.level,
            severity=finding.severity,
            needs_action=finding.needs_action == "yes",
            owner_id=finding.owner_id or None,
            acts_with=UUID(finding.acts_with) if finding.acts_with else None,
        )
        for finding in form.findings
    )


def grades_of(form: AuditForm, programme: Programme) -> tuple[events.SectionGrade, ...]:
    """How each section was graded, in the tool's order."""
    return tuple(
        events.SectionGrade(section=section.section, grade=form.section(section.section).grade)
        for section in programme.tool.sections
    )


def fields_of(form: AuditForm) -> dict[str, str | list[str]]:
    """The form as the fields of its page: what `read_form` reads back."""
    fields: dict[str, str | list[str]] = {name: str(getattr(form, name) or "") for name in TOP_FIELDS}
    fields |= {f"family.{name}": str(value) for name, value in form.family.model_dump().items()}
    for key, section in form.sections.items():
        for name in ("grade", "evidence", "analysis"):
            fields[f"sections.{key}.{name}"] = str(getattr(section, name))
        fields |= {f"sections.{key}.q.{question}": answer for question, answer in section.answers.items()}
    for finding in form.findings:
        said = finding.model_dump(exclude={"finding_id"})
        fields |= {f"findings.{finding.finding_id}.{name}": str(value) for name, value in said.items()}
    for strength in form.strengths:
        said = strength.model_dump(exclude={"strength_id"})
        fields |= {f"strengths.{strength.strength_id}.{name}": str(value) for name, value in said.items()}
    return fields


def refusals(refused: ValidationError, before: AuditForm) -> dict[str, str]:
    """What cannot even be a draft, by the name of its field on the page, in words that quote nobody."""
    return {
        _field_of(error["loc"], before): "Enter whole minutes, up to 6,000"
        if error["loc"][0] == "minutes"
        else f"This is longer than {LONGEST_TEXT:,} characters: shorten it"
        for error in refused.errors(include_url=False, include_input=False, include_context=False)
    }


def _field_of(place: tuple[int | str, ...], before: AuditForm) -> str:
    match place:
        case ("findings", int(at), *rest):
            return ".".join(["findings", str(before.findings[at].finding_id), *map(str, rest)])
        case ("strengths", int(at), *rest):
            return ".".join(["strengths", str(before.strengths[at].strength_id), *map(str, rest)])
        case _:
            return ".".join(map(str, place))
