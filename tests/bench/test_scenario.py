from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.scenario import Scenario

scenarios = st.builds(
    lambda rooms, more, publishers: Scenario(
        clients=rooms + more, rooms=rooms, publishers=publishers
    ),
    st.integers(1, 50),
    st.integers(0, 500),
    st.integers(0, 600),
)


@given(scenarios)
def test_everybody_is_in_one_room_and_rooms_are_equal(scenario: Scenario) -> None:
    sizes = [scenario.members(room) for room in range(scenario.rooms)]
    assert sum(sizes) == scenario.clients
    assert max(sizes) - min(sizes) <= 1


@given(scenarios)
def test_every_room_has_a_publisher_and_none_more_than_members(scenario: Scenario) -> None:
    posting = [scenario.publishers_of(room) for room in range(scenario.rooms)]
    assert all(1 <= count <= scenario.members(room) for room, count in enumerate(posting))
    assert sum(posting) == scenario.posting


@given(scenarios, st.integers(1, 8))
def test_every_room_lives_in_one_generator(scenario: Scenario, generators: int) -> None:
    shares = [scenario.share(index, generators) for index in range(generators)]
    assert sorted(room for share in shares for room in share) == list(range(scenario.rooms))


def test_a_message_goes_to_its_whole_room() -> None:
    assert Scenario(clients=500, rooms=5).fan_out(200) == 20_000
