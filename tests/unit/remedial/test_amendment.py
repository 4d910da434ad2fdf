"""What an audit's state asks of its actions, whatever was there before."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.remedial.domain.amendment import Ask, Asked, Held, action_id_of, asked_of
from services.remedial.domain.life import OPEN, State
from shared.events import Finding


def finding(
    finding_id: UUID | None = None, *, domain: str = "planning", owner: str | None = None, needs: bool = True
) -> Finding:
    return Finding(
        finding_id=finding_id or uuid4(),
        domain=domain,
        level="practitioner",
        severity="high",
        needs_action=needs,
        owner_id=owner,
    )


def held(state: State = State.RAISED, *, domain: str = "planning", owner: str | None = None) -> Held:
    return Held(state, domain, "high", owner)


def asks(asked: list[Asked]) -> list[Ask]:
    return [each.ask for each in asked]


def test_each_finding_that_needs_one_raises_an_action() -> None:
    found = [finding(), finding(needs=False), finding()]
    assert [(each.ask, each.finding) for each in asked_of(found, {})] == [(Ask.RAISE, found[0]), (Ask.RAISE, found[2])]


def test_an_action_has_the_same_id_for_ever() -> None:
    assert action_id_of(UUID(int=1)) == action_id_of(UUID(int=1)) != action_id_of(UUID(int=2))


def test_nothing_is_asked_where_nothing_changed() -> None:
    found = finding()
    for state in State:
        if state is not State.WITHDRAWN:
            assert asked_of([found], {found.finding_id: held(state)}) == []


def test_a_finding_that_went_takes_its_open_action_with_it() -> None:
    for state in State:
        expected = [Ask.WITHDRAW] if state in OPEN else []
        assert asks(asked_of([], {uuid4(): held(state)})) == expected


def test_a_finding_that_no_longer_needs_an_action_takes_it_too() -> None:
    found = finding(needs=False)
    assert asks(asked_of([found], {found.finding_id: held()})) == [Ask.WITHDRAW]


def test_a_finding_that_comes_back_reopens_its_action() -> None:
    found = finding()
    assert asks(asked_of([found], {found.finding_id: held(State.WITHDRAWN)})) == [Ask.REOPEN]


def test_a_changed_finding_changes_its_action_but_not_finished_work() -> None:
    found = finding(domain="voice")
    assert asks(asked_of([found], {found.finding_id: held()})) == [Ask.CHANGE]
    assert asks(asked_of([found], {found.finding_id: held(State.VERIFIED)})) == []


def test_another_owner_named_in_the_finding_hands_the_action_over_unless_it_is_reported() -> None:
    found = finding(owner="worker-2")
    assert asks(asked_of([found], {found.finding_id: held()})) == [Ask.HAND_OVER]
    assert asks(asked_of([found], {found.finding_id: held(State.REPORTED)})) == []


FINDINGS = st.lists(
    st.builds(
        finding,
        finding_id=st.integers(0, 5).map(lambda number: UUID(int=number)),
        domain=st.sampled_from(["planning", "voice"]),
        owner=st.sampled_from([None, "worker-2"]),
        needs=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.finding_id,
)
HELD = st.dictionaries(
    st.integers(0, 5).map(lambda number: UUID(int=number)),
    st.builds(held, st.sampled_from(State), domain=st.sampled_from(["planning", "voice"])),
)


@given(FINDINGS, HELD)
def test_after_an_amendment_exactly_the_findings_that_need_one_have_an_action_asked_for(
    found: list[Finding], before: dict[UUID, Held]
) -> None:
    asked = asked_of(found, before)
    gone = {each.finding_id for each in asked if each.ask is Ask.WITHDRAW}
    come = {each.finding_id for each in asked if each.ask in {Ask.RAISE, Ask.REOPEN}}
    live = {key for key, action in before.items() if action.state is not State.WITHDRAWN}
    finished = {key for key, action in before.items() if action.state is State.VERIFIED}
    wanted = {each.finding_id for each in found if each.needs_action}
    assert (live | come) - gone == wanted | finished
