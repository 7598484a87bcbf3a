"""The outbox: order and completeness, whatever happens to the connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.requests import Join, Ping, Post
from netchat.client.failures import OutboxFull
from netchat.client.outbox import MAX_WAITING, WINDOW, Outbox


def post(text: str = "x") -> Post:
    return Post(text=text, id="-", room="lobby")


def drain(box: Outbox) -> list[str]:
    found = []
    while (request := box.next()) is not None:
        found.append(request.id if isinstance(request, Post) else request.ref or "")
    return found


def test_no_more_than_the_window_is_in_flight() -> None:
    box = Outbox("p")
    keys = [box.add(post()) for _ in range(WINDOW + 2)]
    assert drain(box) == keys[:WINDOW]
    box.answered(keys[5])
    assert drain(box) == [keys[WINDOW]]


def test_what_a_reconnect_needs_goes_first_and_is_forgotten_with_it() -> None:
    box = Outbox("p")
    key = box.add(post())
    first = box.restart([Join(room="a"), Ping()])
    assert drain(box) == [*first, key]
    box.lost()
    assert drain(box) == [key]


def test_a_held_outbox_lets_nothing_go_until_it_is_time() -> None:
    box = Outbox("p")
    keys = [box.add(post()) for _ in range(3)]
    drain(box)
    assert box.put_back(keys[1], 10.0)
    assert drain(box) == []
    box.release(9.9)
    assert drain(box) == []
    box.release(10.0)
    assert drain(box) == [keys[1]]


def test_what_is_not_in_flight_cannot_be_put_back() -> None:
    box = Outbox("p")
    key = box.add(post())
    assert not box.put_back(key, 1.0)
    assert not box.put_back("unknown", 1.0)
    assert not box.put_back(None, 1.0)
    assert box.held_until is None


def test_only_posts_that_were_sent_and_not_refused_are_doubtful() -> None:
    box = Outbox("p")
    keys = [box.add(post()) for _ in range(2)]
    box.add(Join(room="a"))
    drain(box)
    box.put_back(keys[0], 1.0)
    box.add(post())
    box.lost()
    assert box.doubtful() == 1


def test_a_program_that_posts_into_the_void_is_stopped() -> None:
    box = Outbox("p")
    for _ in range(MAX_WAITING):
        box.add(post())
    with pytest.raises(OutboxFull):
        box.add(post())


actions = st.lists(
    st.one_of(
        st.just(("add", 0)),
        st.tuples(st.sampled_from(["answer", "refuse"]), st.integers(0, 100)),
        st.just(("send", 0)),
        st.just(("lose", 0)),
        st.just(("release", 0)),
    ),
    max_size=60,
)


@given(actions)
def test_everything_is_answered_once_and_sent_in_order_after_any_accident(
    steps: list[tuple[str, int]],
) -> None:
    box = Outbox("p")
    waiting: list[str] = []
    flying: list[str] = []
    for action, choice in steps:
        match action:
            case "add":
                waiting.append(box.add(post()))
            case "send":
                flying += drain(box)
                assert len(flying) <= WINDOW
            case "lose":
                box.lost()
                flying = []
            case "release":
                box.release(1.0)
            case "answer" if flying:
                key = flying.pop(choice % len(flying))
                assert box.answered(key) is not None
                assert box.answered(key) is None
                waiting.remove(key)
            case "refuse" if flying:
                assert box.put_back(flying.pop(choice % len(flying)), 1.0)
    assert [p.id for p in box.unsent()] == waiting
    assert (len(box), box.posts) == (len(waiting), len(waiting))
    box.lost()
    assert drain(box) == waiting[:WINDOW]
