"""What an audit says: drafted, completed, amended.

Whoever changes an audit has locked its row and bumps its version, so that its events are in order. A draft is nobody's
business but its auditor's and makes no event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.audits import AuditConflictError, told
from services.audit.domain import audit_form
from services.audit.domain.audit_form import AuditForm
from services.audit.domain.programme import Programme
from services.audit.models import Amendment, Audit, AuditState, Flag
from shared.events import AuditAmended, AuditCompleted, Event, StrengthRecognised, TextWritten
from shared.working_days import local_date


@dataclass(frozen=True, slots=True)
class Save:
    """Which page saves, and the last save that it has seen."""

    tab: str
    saved: int

    def is_older_than(self, audit: Audit) -> bool:
        """Whether another page has saved since: what this one holds would overwrite it."""
        return self.saved != audit.saved and (not self.tab or self.tab != audit.saved_tab)


def save_draft(audit: Audit, form: AuditForm, save: Save, at: datetime) -> None:
    """Keep the draft. AuditConflictError when a newer one was saved meanwhile: it is never overwritten."""
    if audit.state not in {AuditState.ALLOCATED, AuditState.CHECKING}:
        raise AuditConflictError("This audit is no longer open, so nothing was saved.")
    if save.is_older_than(audit):
        raise AuditConflictError("A newer version of this audit was saved somewhere else, so this one was not saved.")
    _keep(audit, form, save, at)


def _keep(audit: Audit, form: AuditForm, save: Save, at: datetime) -> None:
    audit.form = form.model_dump_json(exclude_defaults=True)
    audit.saved += 1
    audit.saved_tab = save.tab
    audit.saved_at = at


async def complete(session: AsyncSession, plan: Programme, audit: Audit, form: AuditForm, at: datetime) -> list[Event]:
    """The audit is final: graded, with its findings, their words on the topic of texts, strengths told the same day.

    The caller has found no `problems` in the form.
    """
    if audit.state not in {AuditState.ALLOCATED, AuditState.CHECKING}:
        raise AuditConflictError("This audit is no longer open, so it was not completed.")
    _grade(audit, plan, form)
    audit.state = AuditState.COMPLETED
    audit.completed_at, audit.completed_on = at, local_date(at)
    audit.version += 1
    completed = msgspec.convert(_state(audit, plan, form, at), AuditCompleted)
    await told(session, audit)
    return [completed, *_texts(audit, form, at), *_recognised(audit, form, at)]


def _grade(audit: Audit, plan: Programme, form: AuditForm) -> None:
    step = plan.step(form.grade)
    if step is None:
        raise ValueError("an audit without a grade is not complete")
    audit.grade, audit.rag = step.code, step.rag


def _state(audit: Audit, plan: Programme, form: AuditForm, at: datetime) -> dict[str, object]:
    return {
        "occurred_at": at,
        **audit.model_dump(
            include={
                "version",
                "audit_id",
                "assessment_id",
                "child_id",
                "programme_id",
                "theme_id",
                "kind",
                "auditor_id",
                "team_id",
                "worker_id",
                "authorised_by",
                "authorised_on",
                "sampled_on",
                "grade",
                "rag",
                "by_hand",
                "re_audit_of",
            }
        ),
        "sections": audit_form.grades_of(form, plan),
        "findings": audit_form.findings_of(form),
        "strengths": len(form.strengths),
        "minutes": form.minutes,
    }


def _texts(audit: Audit, form: AuditForm, at: datetime) -> list[TextWritten]:
    asked = {str(finding.finding_id): finding.action for finding in form.findings}
    # A merged finding keeps what is to be done: it may get an action of its own after all.
    parts = {
        finding.finding_id: {
            "finding": finding.finding,
            "action": finding.action or asked.get(finding.acts_with, ""),
        }
        for finding in form.findings
    } | {strength.strength_id: {"strength": strength.strength} for strength in form.strengths}
    return [
        TextWritten(
            occurred_at=at,
            version=audit.version,
            text_id=text_id,
            about=audit.audit_id,
            parts={name: text for name, text in passages.items() if text},
        )
        for text_id, passages in parts.items()
    ]


def _recognised(audit: Audit, form: AuditForm, at: datetime) -> list[StrengthRecognised]:
    events = []
    for strength in form.strengths:
        audit.version += 1
        events.append(
            StrengthRecognised(
                occurred_at=at,
                version=audit.version,
                audit_id=audit.audit_id,
                strength_id=strength.strength_id,
                worker_id=audit.worker_id,
                team_id=audit.team_id,
                domain=strength.domain,
            )
        )
    return events


async def amend(
    session: AsyncSession,
    plan: Programme,
    audit: Audit,
    form: AuditForm,
    *,
    amendment_id: UUID,
    reason: str,
    by: str,
    save: Save,
    at: datetime,
) -> list[Event]:
    """The completed audit says something else from now on; what it said before is kept, with the reason."""
    if audit.state != AuditState.COMPLETED or audit.flag == Flag.WITHDRAWN:
        raise AuditConflictError("Only a completed audit whose case still stands can be amended.")
    before = AuditForm.model_validate_json(audit.form)
    form = form.of(audit.audit_id, before)
    if form == before and save.saved != audit.saved:
        # The same page sent twice: it is amended already.
        return []
    if save.is_older_than(audit):
        raise AuditConflictError("This audit was amended somewhere else meanwhile, so your amendment was not saved.")
    session.add(
        Amendment(
            amendment_id=amendment_id,
            audit_id=audit.audit_id,
            version=audit.version,
            form=audit.form,
            grade=str(audit.grade),
            reason=reason,
            amended_by=by,
            amended_at=at,
        )
    )
    _grade(audit, plan, form)
    _keep(audit, form, save, at)
    audit.version += 1
    amended = msgspec.convert({**_state(audit, plan, form, at), "amendment_id": amendment_id}, AuditAmended)
    why = TextWritten(
        occurred_at=at, version=audit.version, text_id=amendment_id, about=audit.audit_id, parts={"reason": reason}
    )
    known = {strength.strength_id for strength in before.strengths}
    fresh = form.model_copy(
        update={"strengths": tuple(each for each in form.strengths if each.strength_id not in known)}
    )
    await told(session, audit)
    return [amended, why, *_texts(audit, form, at), *_recognised(audit, fresh, at)]
