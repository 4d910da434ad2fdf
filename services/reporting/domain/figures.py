"""The registry of figures: each one's definition stands beside the code that computes it, and nowhere else.

The definitions page, the board, the exports and the board report all read this registry, so what a figure is said to
be and what it is cannot drift apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.reporting.domain.facts import ActionFact, ActionStatus, AuditFact, AuditStatus, Facts, Rag, ReAuditFact
from shared.statistics import Interval, design_effect, spread, wilson

NEAR_LIVE_DAYS = 7
"""Near-live: drawn within seven calendar days of the event that finished the work."""

RATE_FROM = 10
"""Below ten there is no rate, no trend and no chart: the cases themselves say more."""


class Unit(StrEnum):
    """How a figure reads."""

    COUNT = "count"
    SHARE = "share"
    DAYS = "days"
    WORKING_DAYS = "working days"


class Group(StrEnum):
    """What a figure is about, in the order of the board."""

    AUDITS = "Audits"
    TIMELINESS = "How near to live"
    ACTIONS = "Remedial actions"
    LOOPS = "Closing the loop"

    @property
    def anchor(self) -> str:
        """Where its figures are defined on the page of definitions."""
        return f"about-{self.name.lower()}"


@dataclass(frozen=True)
class Figure:
    """One figure's value. Counts have `value` only; shares and medians say what they stand on in `of`.

    `value` is None where there is nothing to say it of, or fewer than ten to make a rate of. `low` and `high` are the
    95% interval of a share, the quartiles of a median.
    """

    code: str
    unit: Unit
    value: float | None
    part: int | None = None
    of: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Definition:
    """What a figure is, in words that a board member can read and a statistician can check."""

    code: str
    name: str
    unit: Unit
    group: Group
    says: str
    events: tuple[str, ...]
    compute: Callable[[Facts], Figure]
    opens: str | None = None
    """The list that the figure drills down to, as a query string of /reporting/audits or /reporting/actions."""


FIGURES: dict[str, Definition] = {}

Cases = tuple[Sequence[AuditFact], Sequence[AuditFact]]
"""Those that count, and all of which they are a part."""


def _count(
    code: str, name: str, group: Group, says: str, events: tuple[str, ...], *, opens: str | None = None
) -> Callable[[Callable[[Facts], int]], Callable[[Facts], int]]:
    """Register a figure that is a count."""

    def register(compute: Callable[[Facts], int]) -> Callable[[Facts], int]:
        FIGURES[code] = Definition(
            code, name, Unit.COUNT, group, says, events, lambda facts: Figure(code, Unit.COUNT, compute(facts)), opens
        )
        return compute

    return register


def _share(
    code: str, name: str, group: Group, says: str, events: tuple[str, ...], *, opens: str | None = None
) -> Callable[[Callable[[Facts], tuple[int, int]]], Callable[[Facts], tuple[int, int]]]:
    """Register a figure that is a part of a whole, shown as a rate from ten upwards."""

    def register(compute: Callable[[Facts], tuple[int, int]]) -> Callable[[Facts], tuple[int, int]]:
        FIGURES[code] = Definition(
            code, name, Unit.SHARE, group, says, events, lambda facts: share(code, *compute(facts)), opens
        )
        return compute

    return register


def _share_of_cases(
    code: str, name: str, group: Group, says: str, events: tuple[str, ...], *, opens: str | None = None
) -> Callable[[Callable[[Facts], Cases]], Callable[[Facts], Cases]]:
    """Register a figure that is a part of some cases: its interval allows for families."""

    def register(compute: Callable[[Facts], Cases]) -> Callable[[Facts], Cases]:
        def figure(facts: Facts) -> Figure:
            part, whole = compute(facts)
            return share(code, len(part), len(whole), effect=design_effect(_families(whole)))

        FIGURES[code] = Definition(code, name, Unit.SHARE, group, says, events, figure, opens)
        return compute

    return register


def _families(cases: Sequence[AuditFact]) -> Iterable[int]:
    """How many of these cases each family has; a case without a key is a family of its own."""
    return Counter(case.family_key or case.audit_id for case in cases).values()


def _median(
    code: str, name: str, group: Group, says: str, events: tuple[str, ...], *, unit: Unit = Unit.DAYS
) -> Callable[[Callable[[Facts], list[int]]], Callable[[Facts], list[int]]]:
    """Register a figure that is a median with its quartiles."""

    def register(compute: Callable[[Facts], list[int]]) -> Callable[[Facts], list[int]]:
        FIGURES[code] = Definition(
            code, name, unit, group, says, events, lambda facts: _median_of(code, unit, compute(facts))
        )
        return compute

    return register


def share(code: str, part: int, whole: int, population: int | None = None, *, effect: float = 1.0) -> Figure:
    """A share with Wilson's 95% interval; from ten upwards, since a rate of fewer says nothing.

    `effect` is by how much the cases hang together: siblings are drawn as one, so two of them say less than two.
    """
    if whole < RATE_FROM:
        return Figure(code, Unit.SHARE, None, part, whole)
    interval = wilson(part, whole, population, effect=effect)
    return Figure(code, Unit.SHARE, part / whole, part, whole, interval.low, interval.high)


def _median_of(code: str, unit: Unit, values: Sequence[int]) -> Figure:
    known = spread(values)
    if known is None:
        return Figure(code, unit, None, of=0)
    return Figure(code, unit, known.median, of=known.count, low=known.lower, high=known.upper)


def compute(facts: Facts) -> dict[str, Figure]:
    """Every figure of the registry, in its order."""
    return {code: definition.compute(facts) for code, definition in FIGURES.items()}


# --- audits -----------------------------------------------------------------------------------------------------------


def _in_programme(facts: Facts) -> list[AuditFact]:
    return [audit for audit in facts.audits if audit.status != AuditStatus.WITHDRAWN]


def _rated(facts: Facts, rag: Rag) -> int:
    return sum(audit.completed and audit.rag == rag for audit in facts.audits)


@_count(
    "cases_sampled",
    "Cases sampled",
    Group.AUDITS,
    "Cases chosen for audit, drawn or by hand, less those withdrawn because the council withdrew the record. A case "
    "that is audited again is still one.",
    ("CaseSampled", "AuditWithdrawn"),
    opens="/reporting/audits?status=all",
)
def cases_sampled(facts: Facts) -> int:
    return len(_in_programme(facts))


@_count(
    "audits_waiting",
    "Waiting to be audited",
    Group.AUDITS,
    "Cases sampled whose audit is not completed.",
    ("CaseSampled", "CaseAllocated", "CaseReturned"),
    opens="/reporting/audits?status=waiting",
)
def audits_waiting(facts: Facts) -> int:
    return sum(audit.status in {AuditStatus.SAMPLED, AuditStatus.ALLOCATED} for audit in facts.audits)


@_count(
    "audits_completed",
    "Audits completed",
    Group.AUDITS,
    "Audits that the auditor has finished. An amended audit counts once, with its grade as amended; a re-audit of the "
    "same case is counted apart.",
    ("AuditCompleted", "AuditAmended"),
    opens="/reporting/audits?status=completed",
)
def audits_completed(facts: Facts) -> int:
    return sum(audit.completed for audit in facts.audits)


@_count(
    "audits_red",
    "Rated red",
    Group.AUDITS,
    "Completed audits whose grade stands at red on the programme's own mapping of grades.",
    ("AuditCompleted", "AuditAmended"),
    opens="/reporting/audits?status=completed&rag=red",
)
def audits_red(facts: Facts) -> int:
    return _rated(facts, Rag.RED)


@_count(
    "audits_amber",
    "Rated amber",
    Group.AUDITS,
    "Completed audits whose grade stands at amber on the programme's own mapping of grades.",
    ("AuditCompleted", "AuditAmended"),
    opens="/reporting/audits?status=completed&rag=amber",
)
def audits_amber(facts: Facts) -> int:
    return _rated(facts, Rag.AMBER)


@_count(
    "audits_green",
    "Rated green",
    Group.AUDITS,
    "Completed audits whose grade stands at green on the programme's own mapping of grades.",
    ("AuditCompleted", "AuditAmended"),
    opens="/reporting/audits?status=completed&rag=green",
)
def audits_green(facts: Facts) -> int:
    return _rated(facts, Rag.GREEN)


@_share(
    "challenges_upheld",
    "Challenges upheld",
    Group.AUDITS,
    "Of the challenges to findings that have been answered, the share in which whoever challenged was right.",
    ("FindingChallenged", "ChallengeAnswered"),
)
def challenges_upheld(facts: Facts) -> tuple[int, int]:
    every: list[AuditFact | ReAuditFact] = [*facts.audits, *facts.re_audits]
    return sum(audit.upheld for audit in every), sum(audit.answered for audit in every)


# --- how near to live -------------------------------------------------------------------------------------------------


def _drawn(facts: Facts) -> list[AuditFact]:
    """Finished work that chance chose: one referred by hand is as old as its referrer likes, an open one has no age."""
    return [audit for audit in _in_programme(facts) if audit.was_finished and not audit.by_hand]


_LEFT_OUT = "Cases chosen by hand are left out, and those drawn from what was open: nobody had finished them."


@_share_of_cases(
    "near_live",
    "Near-live",
    Group.TIMELINESS,
    "Of the cases drawn, the share drawn within seven calendar days of the event that finished the work: authorisation "
    f"of an assessment, decision of a referral or contact, outcome of a section 47 enquiry. {_LEFT_OUT} Siblings are "
    "drawn together, so for how sure the share is they count as one.",
    ("CaseSampled", "SiblingsConfirmed", "SiblingsParted"),
    opens="/reporting/audits?status=all",
)
def near_live(facts: Facts) -> Cases:
    drawn = _drawn(facts)
    return [audit for audit in drawn if audit.sampled_after_days <= NEAR_LIVE_DAYS], drawn


@_median(
    "age_sampled",
    "From authorisation to sampling",
    Group.TIMELINESS,
    "Calendar days from the date of the event that finished the work to the date of the draw: the median, and the "
    "quartiles between which the middle half lies. " + _LEFT_OUT,
    ("CaseSampled",),
)
def age_sampled(facts: Facts) -> list[int]:
    return [audit.sampled_after_days for audit in _drawn(facts)]


@_median(
    "age_audited",
    "From authorisation to audit",
    Group.TIMELINESS,
    "Calendar days from the date of the event that finished the work to the date on which the audit was first "
    "completed: the median, and the quartiles between which the middle half lies. " + _LEFT_OUT,
    ("AuditCompleted",),
)
def age_audited(facts: Facts) -> list[int]:
    return [days for audit in _drawn(facts) if audit.completed and (days := audit.audited_after_days) is not None]


# --- remedial actions -------------------------------------------------------------------------------------------------


def _asked_for(facts: Facts) -> list[ActionFact]:
    return [action for action in facts.actions if action.status != ActionStatus.WITHDRAWN]


def _with_status(facts: Facts, status: ActionStatus) -> int:
    return sum(action.status == status for action in facts.actions)


@_count(
    "actions_raised",
    "Actions raised",
    Group.ACTIONS,
    "Remedial actions asked for, less those withdrawn because their audit was amended or withdrawn.",
    ("ActionRaised", "ActionWithdrawn"),
    opens="/reporting/actions?status=all",
)
def actions_raised(facts: Facts) -> int:
    return len(_asked_for(facts))


@_count(
    "actions_open",
    "Actions open",
    Group.ACTIONS,
    "Actions that nobody has reported done, those returned by the verifier among them.",
    ("ActionRaised", "ActionReported", "ActionReturned"),
    opens="/reporting/actions?status=open",
)
def actions_open(facts: Facts) -> int:
    return _with_status(facts, ActionStatus.OPEN)


@_count(
    "actions_overdue",
    "Actions overdue",
    Group.ACTIONS,
    "Open actions whose due date, as extended, has passed at the time of this figure.",
    ("ActionRaised", "ActionExtended", "ActionReported", "ActionReturned"),
    opens="/reporting/actions?status=overdue",
)
def actions_overdue(facts: Facts) -> int:
    return sum(action.is_overdue(facts.at) for action in facts.actions)


@_count(
    "actions_reported",
    "Waiting for verification",
    Group.ACTIONS,
    "Actions that the owner has reported done and nobody else has confirmed yet.",
    ("ActionReported",),
    opens="/reporting/actions?status=reported",
)
def actions_reported(facts: Facts) -> int:
    return _with_status(facts, ActionStatus.REPORTED)


@_count(
    "actions_verified",
    "Actions verified",
    Group.ACTIONS,
    "Actions that somebody other than whoever did them has confirmed as done.",
    ("ActionVerified",),
    opens="/reporting/actions?status=verified",
)
def actions_verified(facts: Facts) -> int:
    return _with_status(facts, ActionStatus.VERIFIED)


@_share(
    "actions_in_time",
    "Done by the first due date, and verified",
    Group.ACTIONS,
    "Of the actions of which it is known, the share that their owners reported done by the first due date, and that "
    "somebody has verified since. It measures the owner's work, not how soon somebody looked. An extension or a "
    "reassignment does not move the first due date; an action that was sent back counts with its last report. Late are "
    "those not reported by that date, whether they are still open, waiting or verified. What was reported in time and "
    "waits for verification is left out until somebody has looked.",
    ("ActionVerified", "ActionRaised"),
)
def actions_in_time(facts: Facts) -> tuple[int, int]:
    verified = [action for action in facts.actions if action.status == ActionStatus.VERIFIED]
    late = sum(action.is_late_already(facts.at) for action in facts.actions)
    return sum(action.in_time is True for action in verified), len(verified) + late


@_count(
    "actions_extended",
    "Given a later date",
    Group.ACTIONS,
    "Actions whose due date was moved at least once. It stands beside timeliness so that moving dates shows.",
    ("ActionExtended",),
    opens="/reporting/actions?status=extended",
)
def actions_extended(facts: Facts) -> int:
    return sum(action.extensions > 0 for action in _asked_for(facts))


@_count(
    "actions_reassigned",
    "Given to somebody else",
    Group.ACTIONS,
    "Actions whose owner was changed at least once. It stands beside timeliness so that passing on shows.",
    ("ActionReassigned",),
    opens="/reporting/actions?status=reassigned",
)
def actions_reassigned(facts: Facts) -> int:
    return sum(action.reassignments > 0 for action in _asked_for(facts))


@_share(
    "verifications_upheld",
    "Verifications that held on a second look",
    Group.ACTIONS,
    "Of the verifications that somebody else looked at again, the share that was right. A tenth is drawn for this.",
    ("VerificationChecked",),
)
def verifications_upheld(facts: Facts) -> tuple[int, int]:
    looked = [action.check_upheld for action in facts.actions if action.check_upheld is not None]
    return sum(looked), len(looked)


# --- closing the loop -------------------------------------------------------------------------------------------------


@_count(
    "loops_closed",
    "Loops closed",
    Group.LOOPS,
    "Audits all of whose actions are verified, and of which none has been asked for again since.",
    ("LoopClosed", "LoopReopened"),
)
def loops_closed(facts: Facts) -> int:
    return len(facts.loops)


@_median(
    "loop_days",
    "From audit to closed loop",
    Group.LOOPS,
    "Working days (England, without bank holidays) from the completed audit to the verification of its last action: "
    "the median, and the quartiles between which the middle half lies.",
    ("LoopClosed",),
    unit=Unit.WORKING_DAYS,
)
def loop_days(facts: Facts) -> list[int]:
    return [loop.working_days for loop in facts.loops]


@_count(
    "loops_not_held",
    "Did not hold",
    Group.LOOPS,
    "Closed loops after which a new enquiry, re-referral or plan for the same child says that the change did not hold.",
    ("LoopReopened",),
)
def loops_not_held(facts: Facts) -> int:
    return sum(loop.did_not_hold for loop in facts.loops)


@_count(
    "concerns_open",
    "Concerns about a child's safety not closed",
    Group.LOOPS,
    "Concerns raised by an auditor that a child may be unsafe now, and for which the record does not yet say what made "
    "the child safe. An acknowledgement does not close one.",
    ("ConcernEscalated", "ConcernClosed"),
)
def concerns_open(facts: Facts) -> int:
    return sum(concern.closed_at is None for concern in facts.concerns)


@_count(
    "re_audits",
    "Re-audits completed",
    Group.LOOPS,
    "Audits by somebody else of cases whose loop had closed. Each stands beside the first audit of its case and counts "
    "in no other figure about audits.",
    ("AuditCompleted", "AuditAmended"),
    opens="/reporting/audits?status=re-audits",
)
def re_audits(facts: Facts) -> int:
    return len(facts.re_audits)


@_share(
    "re_audits_better",
    "Better at re-audit",
    Group.LOOPS,
    "Of the re-audits completed, the share rated better (red, amber, green) than the first audit of the case. A case "
    "that was green already cannot be rated better.",
    ("AuditCompleted", "AuditAmended"),
)
def re_audits_better(facts: Facts) -> tuple[int, int]:
    return sum(each.is_better for each in facts.re_audits), len(facts.re_audits)


# --- by theme ---------------------------------------------------------------------------------------------------------

BY_THEME = (
    "Completed audits of each theme against the number that the programme set out to audit, by rating. Each case "
    "counts towards exactly one theme, so a row describes the cases assigned to that theme. The share of red carries "
    "a 95% interval (Wilson, with finite-population correction where the weeks' arrivals are known) and is left out "
    "below ten audits. Nobody sets a target for ratings: the only target is how many audits are made."
)


@dataclass(frozen=True)
class ThemeRow:
    """One theme's audits by rating, against its target."""

    theme_id: str
    name: str
    target: int
    sampled: int
    completed: int
    red: int
    amber: int
    green: int
    red_share: Figure

    @property
    def left(self) -> int:
        """How many audits the theme still wants."""
        return max(0, self.target - self.completed)

    @property
    def interval(self) -> Interval | None:
        share_of_red = self.red_share
        if share_of_red.low is None or share_of_red.high is None:
            return None
        return Interval(share_of_red.low, share_of_red.high)


def by_theme(facts: Facts) -> list[ThemeRow]:
    """A row for each theme, in the programme's order; a theme without audits has a row of noughts."""
    rows = []
    for theme in facts.themes:
        audits = [
            audit
            for audit in _in_programme(facts)
            if (audit.programme_id, audit.theme_id) == (theme.programme_id, theme.theme_id)
        ]
        ratings = [audit.rag for audit in audits if audit.completed]
        red = ratings.count(Rag.RED)
        population = theme.arrivals if theme.arrivals >= len(ratings) > 0 else None
        rows.append(
            ThemeRow(
                theme_id=theme.theme_id,
                name=theme.name,
                target=theme.target,
                sampled=len(audits),
                completed=len(ratings),
                red=red,
                amber=ratings.count(Rag.AMBER),
                green=ratings.count(Rag.GREEN),
                red_share=share("theme_red", red, len(ratings), population),
            )
        )
    return rows
