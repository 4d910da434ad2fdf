"""What suggests siblings, and what answers make of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec import structs

from services.audit.domain.siblings import families, may_be_siblings
from shared.events import AssessmentRecorded, Kind
from tests.unit.audit.council import OPENS_ON, case, identity

REFERRED = OPENS_ON - timedelta(days=30)


def assessed(name: str, **facts: object) -> AssessmentRecorded:
    """An assessment with everything that may suggest a sibling."""
    child = {"child_id": identity(f"child {name}")}
    said = {"referred_on": REFERRED, "team_id": "assessment-north", "worker_id": "worker-1", "authorised_by": "m-1"}
    return structs.replace(case(name), **(child | said | facts))


def test_the_same_referral_date_team_worker_and_authorisation_suggest_siblings() -> None:
    assert may_be_siblings(assessed("a"), assessed("b"))


@pytest.mark.parametrize(
    "differs",
    [
        {"referred_on": REFERRED - timedelta(days=1)},
        {"referred_on": None},
        {"team_id": "assessment-south"},
        {"team_id": None},
        {"worker_id": "worker-2"},
        {"worker_id": None},
        {"authorised_on": OPENS_ON - timedelta(days=9)},
        {"authorised_by": "m-2"},
        {"kind": "enquiry"},
        {"family_key": "f-1"},
        {"child_id": identity("child a")},
    ],
    ids=lambda differs: next(iter(differs)),
)
def test_one_sign_that_differs_or_a_family_that_the_sender_names_suggests_nothing(differs: dict[str, object]) -> None:
    assert not may_be_siblings(assessed("a"), assessed("b", **differs))
    assert not may_be_siblings(assessed("b", **differs), assessed("a"))


def test_a_referral_is_its_own_referral_date() -> None:
    decided = {"kind": Kind.REFERRAL, "referred_on": None, "started_on": REFERRED}
    assert may_be_siblings(assessed("a", **decided), assessed("b", **decided))


def test_siblings_of_siblings_are_siblings_and_who_has_none_is_of_no_family() -> None:
    a, b, c, d, alone = (identity(name) for name in "abcde")
    for pairs in permutations([(a, b), (b, c), (c, d)]):
        found = families([alone, d, c, b, a], pairs)
        assert {found[each] for each in (a, b, c, d)} == {f"confirmed:{min(a, b, c, d)}"}
        assert found[alone] is None


def test_without_the_pair_that_held_them_together_two_families_are_left() -> None:
    a, b, c, d = (identity(name) for name in "abcd")
    found = families([a, b, c, d], [(a, b), (c, d)])
    assert found[a] == found[b] != found[c] == found[d]
    assert families([a, b], []) == {a: None, b: None}
