"""One piece of work is one record, by whichever roads it comes and in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.intake.domain import cms, dfe
from services.intake.domain.cells import Cell
from services.intake.domain.cin_census import Census, CensusChild, CensusRow, Element
from services.intake.domain.ledger import Outcome
from services.intake.domain.statements import statement
from services.intake.domain.work import Purge, Road, Submission
from shared.events import CmsAssessmentAuthorised, CmsEnquiryEnded, CmsReferralDecided, Kind
from tests.unit.intake.memory import Memory

TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHILD = "C1"

Batch = list[Submission | Purge]


@dataclass(frozen=True)
class Piece:
    """What really happened: a piece of finished work that started on a day."""

    kind: Kind
    started_on: date
    took: int

    @property
    def finished_on(self) -> date:
        return self.started_on + timedelta(days=self.took)


def pieces() -> st.SearchStrategy[list[Piece]]:
    """A child's history in which no two pieces of a kind start on the same day or overlap."""
    return st.lists(
        st.builds(
            lambda kind, month, took: Piece(
                kind, date(2026, 10, 1) - timedelta(days=32 * month), 0 if kind is Kind.REFERRAL else took
            ),
            st.sampled_from([Kind.ASSESSMENT, Kind.REFERRAL, Kind.ENQUIRY]),
            st.integers(0, 20),
            st.integers(0, 30),
        ),
        max_size=6,
        unique_by=lambda piece: (piece.kind, piece.started_on),
    )


def by_cms(history: Sequence[Piece]) -> list[Batch]:
    """Each piece as an event of its own."""
    batches: list[Batch] = []
    for number, piece in enumerate(history):
        common = {"occurred_at": NOON, "council": "999", "id": f"K{number}", "child": CHILD}
        event: CmsAssessmentAuthorised | CmsReferralDecided | CmsEnquiryEnded
        if piece.kind is Kind.ASSESSMENT:
            event = msgspec.convert(
                common | {"started_on": piece.started_on, "authorised_on": piece.finished_on, "factors": ("16A",)},
                CmsAssessmentAuthorised,
            )
        elif piece.kind is Kind.REFERRAL:
            event = msgspec.convert(
                common | {"referred_on": piece.started_on, "decided_on": piece.finished_on, "no_further_action": False},
                CmsReferralDecided,
            )
        else:
            event = msgspec.convert(
                common | {"started_on": piece.started_on, "ended_on": piece.finished_on}, CmsEnquiryEnded
            )
        read = cms.read(event, "999")
        assert isinstance(read, Submission)
        batches.append([read])
    return batches


def by_dfe(history: Sequence[Piece]) -> list[Batch]:
    """The child's whole state, twice: once unfinished, once finished."""
    return [_pushed(history, finished=False), _pushed(history, finished=True)]


def _pushed(history: Sequence[Piece], *, finished: bool) -> Batch:
    episodes = []
    for number, piece in enumerate(history):
        day, end = str(piece.started_on), {"end": str(piece.finished_on)} if finished else {}
        episode: dict[str, object] = {"social_care_episode_id": f"E{number}"}
        if piece.kind is Kind.REFERRAL:
            episode |= {"referral_date": day, **({"referral_no_further_action_flag": False} if finished else {})}
        elif piece.kind is Kind.ASSESSMENT:
            one = {"child_and_family_assessment_id": f"A{number}", "start_date": day, "factors": ["16A"]}
            episode["child_and_family_assessments"] = [one | ({"authorisation_date": end["end"]} if end else {})]
        else:
            one = {"section_47_assessment_id": f"S{number}", "start_date": day}
            episode["section_47_assessments"] = [one | ({"end_date": end["end"]} if end else {})]
        episodes.append(episode)
    child = dfe.PUSH.validate_python([{"la_child_id": CHILD, "social_care_episodes": episodes}], strict=False)[0]
    heard = dfe.hear(child, NOON + timedelta(hours=finished))
    assert heard.refusal is None
    return list(heard.statements)


def by_annex_a(history: Sequence[Piece]) -> list[Batch]:
    """One file that holds everything."""
    rows: Batch = []
    for piece in history:
        fields: dict[str, date | str] = {"child": CHILD, "started_on": piece.started_on}
        if piece.kind is Kind.ASSESSMENT:
            fields["finished_on"] = piece.finished_on
        if piece.kind is Kind.REFERRAL:
            fields["no_further_action"] = "No"
        read = statement(piece.kind, Road.ANNEX_A, fields, TODAY, NOON)
        assert isinstance(read, Submission)
        rows.append(read)
    return [rows]


def by_census(history: Sequence[Piece]) -> list[Batch]:
    """One census: assessments and enquiries lie under a referral long before them."""
    early = Element("CINdetails", 1, {})
    parts: list[Element] = []
    referrals: list[tuple[Element, Sequence[Element]]] = []
    for piece in history:
        day, end = str(piece.started_on), str(piece.finished_on)
        if piece.kind is Kind.REFERRAL:
            referrals.append((Element("CINdetails", 1, {"CINreferralDate": [day], "ReferralNFA": ["0"]}), []))
        elif piece.kind is Kind.ASSESSMENT:
            texts = {"AssessmentActualStartDate": [day], "AssessmentAuthorisationDate": [end]}
            parts.append(Element("Assessments", 1, texts | {"AssessmentFactors": ["16A"]}))
        else:
            parts.append(Element("Section47", 1, {"S47ActualStartDate": [day]}))
    rows: list[CensusRow] = list(Census(TODAY, NOON).rows(CensusChild(CHILD, None, [*referrals, (early, parts)])))
    read = [row.read for row in rows if row.element is not early]
    return [[each for each in read if isinstance(each, Submission)]]


@settings(deadline=None)
@given(pieces(), st.randoms(use_true_random=False))
def test_the_same_history_by_all_four_roads_in_any_order_is_one_set_of_records(
    history: list[Piece], chance: Random
) -> None:
    roads = [by_cms(history), by_dfe(history), by_annex_a(history), by_census(history)]
    batches = [batch for road in roads for batch in road]
    first, second = Memory(), Memory()
    for batch in batches:
        first.take(batch)
    chance.shuffle(batches)
    for batch in batches:
        second.take(batch)
    assert len(first.standing) == len(history)
    assert first.standing.keys() == second.standing.keys()
    assert first.facts() == second.facts()


@settings(deadline=None)
@given(pieces())
def test_sending_everything_again_changes_nothing(history: list[Piece]) -> None:
    memory = Memory()
    batches = [*by_cms(history), *by_annex_a(history)]
    for batch in batches:
        memory.take(batch)
    told = len(memory.told)
    for batch in batches:
        memory.take(batch)
    assert len(memory.told) == told


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_history_counts_the_same_whatever_arrives_first(order: list[int]) -> None:
    """Six enquiries, one each quarter: each has those of the twelve months before it behind it."""
    history = [Piece(Kind.ENQUIRY, date(2025, 1, 10) + timedelta(days=91 * each), 5) for each in range(6)]
    batches = by_cms(history)
    memory = Memory()
    for each in order:
        memory.take(batches[each])
    counts = {event.started_on: event.earlier_enquiries for event in memory.standing.values()}
    assert [counts[piece.started_on] for piece in history] == [0, 1, 2, 3, 4, 4]


def test_two_ids_of_one_source_never_merge() -> None:
    day = Piece(Kind.ASSESSMENT, date(2026, 10, 1), 30)
    memory = Memory()
    for batch in by_cms([day, day]):
        memory.take(batch)
    assert len(memory.standing) == 2


def moved(history: Sequence[Piece], to: date) -> Batch:
    """The case management system corrects the start of its first piece, in a second version."""
    (submission,) = by_cms([replace(history[0], started_on=to)])[0]
    assert isinstance(submission, Submission)
    assert submission.said is not None
    return [structs.replace(submission, version=2, said=structs.replace(submission.said, version=2))]


@pytest.mark.parametrize("kind", [Kind.ASSESSMENT, Kind.REFERRAL, Kind.ENQUIRY])
@pytest.mark.parametrize("road", [by_annex_a, by_census])
def test_a_file_given_again_after_a_start_was_corrected_opens_no_second_record(
    kind: Kind, road: Callable[[Sequence[Piece]], list[Batch]]
) -> None:
    """The file still says the old day: its row was taken for new work, drawn twice and counted as earlier history."""
    history = [Piece(kind, date(2026, 10, 1), 0 if kind is Kind.REFERRAL else 20)]
    memory = Memory()
    memory.take(by_cms(history)[0])
    memory.take(road(history)[0])
    memory.take(moved(history, date(2026, 10, 2)))
    memory.take(road(history)[0])
    (event,) = memory.standing.values()
    assert event.started_on == date(2026, 10, 2)
    assert (event.earlier_enquiries, event.earlier_referrals) == (0, 0)


def test_another_road_that_still_says_the_first_start_joins_the_corrected_record() -> None:
    """A push corrected on Tuesday and a list made on Monday are one, as they are when the list comes first."""
    history = [Piece(Kind.ASSESSMENT, date(2026, 10, 1), 20)]
    late, early = Memory(), Memory()
    for batch in (by_cms(history)[0], moved(history, date(2026, 10, 2)), by_annex_a(history)[0]):
        late.take(batch)
    for batch in (by_cms(history)[0], by_annex_a(history)[0], moved(history, date(2026, 10, 2))):
        early.take(batch)
    assert late.facts() == early.facts()
    assert len(late.standing) == 1


def test_work_that_really_began_on_the_day_a_correction_left_is_taken_for_itself() -> None:
    """The day on which a record stands comes before the day on which it stood."""
    history = [Piece(Kind.ASSESSMENT, date(2026, 10, 1), 20)]
    memory = Memory()
    memory.take(by_cms(history)[0])
    memory.take(moved(history, date(2026, 10, 2)))
    memory.take(by_cms([history[0], history[0]])[1])
    memory.take(by_annex_a([history[0], replace(history[0], started_on=date(2026, 10, 2), took=19)])[0])
    assert sorted(event.started_on.day for event in memory.standing.values()) == [1, 2]


def test_a_list_speaks_of_the_record_that_stands_and_not_of_its_purged_twin() -> None:
    """A case system that keys an assessment anew purges the first: the list's word on the second was lost with it."""
    history = [Piece(Kind.ASSESSMENT, date(2026, 10, 1), 20)]
    memory = Memory()
    (first,), (second,) = by_cms([history[0], history[0]])
    assert isinstance(first, Submission)
    memory.take([first])
    memory.take([structs.replace(first, said=None, version=2, at=NOON + timedelta(hours=1))])
    memory.take([second])
    (row,) = by_annex_a(history)[0]
    assert isinstance(row, Submission)
    assert row.said is not None
    assert memory.take([structs.replace(row, said=structs.replace(row.said, worker="W1"))]) == [Outcome.ACCEPTED]
    (event,) = memory.standing.values()
    assert event.worker_id == "W1"


def corrected(submission: Submission | Purge, **facts: object) -> Submission:
    """The same piece in a second version of its sender's."""
    assert isinstance(submission, Submission)
    assert submission.said is not None
    return structs.replace(submission, version=2, said=structs.replace(submission.said, version=2, **facts))


AUTHORISED = [Piece(Kind.ASSESSMENT, date(2026, 10, 1), 20)]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_corrected_after_authorisation_is_said_also_where_both_came_in_one_batch(at_once: bool) -> None:
    """A backlog is read a thousand at a time: what stood at the authorisation was forgotten with the first version."""
    (first,) = by_cms(AUTHORISED)[0]
    second = corrected(first, factors=("3A",))
    memory = Memory()
    changes = []
    batches: list[Batch] = [[first, second]] if at_once else [[first], [second]]
    for batch in batches:
        memory.take(batch)
        changes += memory.ledger.changes
    (event,) = memory.standing.values()
    assert event.changed == ("factors",)
    assert [change.fields for change in changes] == [{"factors": ("16A", "3A")}]


@pytest.mark.parametrize("road", [by_annex_a, by_census, by_dfe])
def test_what_another_road_adds_to_authorised_work_is_no_change_in_the_case(
    road: Callable[[Sequence[Piece]], list[Batch]],
) -> None:
    """Every assessment that came by two roads said that its counts and worker were changed after it was finished."""
    (said,) = road(AUTHORISED)[-1]
    for word, outcome in ((said, Outcome.DUPLICATE), (corrected(said, worker_name="Ann Li"), Outcome.ACCEPTED)):
        memory = Memory()
        memory.take(by_cms(AUTHORISED)[0])
        assert memory.take([word]) == [outcome]
        (event,) = memory.standing.values()
        assert event.changed == ()
    assert event.worker_id is not None


def test_two_rows_of_one_day_that_differ_are_two_and_come_back_as_the_same_two() -> None:
    def rows(*outcomes: str) -> Batch:
        fields: list[dict[str, Cell]] = [
            {"child": CHILD, "started_on": date(2026, 10, 1), "outcome": outcome} for outcome in outcomes
        ]
        read = [statement(Kind.CONTACT, Road.ANNEX_A, each, TODAY, NOON) for each in fields]
        return [each for each in read if isinstance(each, Submission)]

    memory = Memory()
    memory.take(rows("Police", "School"))
    assert len(memory.standing) == 2
    told = len(memory.told)
    memory.take(rows("School", "Police"))
    assert len(memory.told) == told
