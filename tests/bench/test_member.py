from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.crowd import Tally
from bench.text import MARK
from netchat.chat.events import Error, Ping, Presence
from netchat.wire.native import NATIVE
from tests.bench.support import ROOM, Stage, accepted, message

PRESENCE = NATIVE.encode(Presence(room=ROOM, count=3))


def faults(tally: Tally) -> dict[str, int]:
    names = ("lost", "doubled", "reordered", "altered", "unanswered")
    return {name: getattr(tally, name) for name in names if getattr(tally, name)}


def test_a_server_that_keeps_its_word_has_no_faults() -> None:
    stage = Stage(3)
    stage.give_all(b"".join(stage.post(20)))
    tally = stage.settle()
    assert tally.faults == 0
    assert (tally.posted, tally.accepted, tally.delivered) == (20, 20, 60)


@given(st.lists(st.integers(1, 400), max_size=40), st.integers(0, 2), st.booleans())
def test_it_does_not_matter_how_the_stream_is_cut_nor_who_is_first(
    cuts: list[int], first: int, noisy: bool
) -> None:
    stage = Stage(3)
    stream = (PRESENCE if noisy else b"").join(stage.post(10))
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    pieces.append(stream[at:])
    for piece in filter(None, pieces):
        for turn in range(3):
            stage.give((first + turn) % 3, piece)
    tally = stage.settle()
    assert faults(tally) == {}
    assert tally.delivered == tally.owed == 30


@given(st.data())
def test_one_missing_message_at_one_member_is_one_lost(data: st.DataObject) -> None:
    stage = Stage(3)
    frames = stage.post(10)
    victim, gone = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 9))
    for number in data.draw(st.permutations(range(3))):
        kept = frames[:gone] + frames[gone + 1 :] if number == victim else frames
        stage.give(number, b"".join(kept))
    assert faults(stage.settle()) == {"lost": 1}


@given(st.data())
def test_one_message_sent_twice_is_one_doubled(data: st.DataObject) -> None:
    stage = Stage(3)
    frames = stage.post(10)
    victim, twice = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 9))
    for number in data.draw(st.permutations(range(3))):
        more = [*frames[: twice + 1], *frames[twice:]] if number == victim else frames
        stage.give(number, b"".join(more))
    assert faults(stage.settle()) == {"doubled": 1}


@given(st.data())
def test_two_messages_swapped_are_one_out_of_order(data: st.DataObject) -> None:
    stage = Stage(3)
    frames = stage.post(10)
    victim, place = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 8))
    swapped = [*frames[:place], frames[place + 1], frames[place], *frames[place + 2 :]]
    for number in data.draw(st.permutations(range(3))):
        stage.give(number, b"".join(swapped if number == victim else frames))
    assert faults(stage.settle()) == {"reordered": 1}


def test_a_message_that_says_something_else_is_altered_and_lost() -> None:
    stage = Stage(3)
    frames = stage.post(10)
    stage.give(0, b"".join(frames))
    stage.give(1, b"".join(frames))
    frames[4] = frames[4].replace(b"....", b"...!", 1)
    stage.give(2, b"".join(frames))
    assert faults(stage.settle()) == {"altered": 1, "lost": 1}


def test_the_same_message_in_other_words_is_no_fault() -> None:
    stage = Stage(2)
    [frame] = stage.post()
    stage.give(0, frame)
    spaced = frame[4:].replace(b'","', b'", "')
    stage.give(1, len(spaced).to_bytes(4, "big") + spaced)
    assert faults(stage.settle()) == {}


def test_a_message_that_nobody_gets_is_lost_to_all() -> None:
    stage = Stage(3)
    frames = stage.post(3)
    stage.give_all(frames[0] + frames[2])
    assert faults(stage.settle()) == {"lost": 3}


def test_a_message_that_nobody_posted_is_doubled() -> None:
    stage = Stage(2)
    stage.give_all(b"".join(stage.post(2)) + NATIVE.encode(message(3, "stranger")))
    assert faults(stage.settle()) == {"doubled": 2}


def test_a_post_without_an_answer_is_unanswered() -> None:
    stage = Stage(2)
    stage.members[0].post(due=1)
    assert faults(stage.settle()) == {"lost": 2, "unanswered": 1}


def test_a_post_accepted_twice_is_doubled() -> None:
    stage = Stage(1)
    stage.members[0].post(due=1)
    [post] = stage.transports[0].requests()
    stage.give(0, NATIVE.encode(accepted(post.id, 1)) * 2)
    stage.give(0, NATIVE.encode(message(1, post.id, post.text)))
    assert faults(stage.settle()) == {"doubled": 1}


def test_a_refused_post_is_owed_to_nobody() -> None:
    stage = Stage(2)
    stage.members[0].post(due=1)
    [post] = stage.transports[0].requests()
    stage.give(0, NATIVE.encode(Error(code="rate_limited", message="", id=post.id)))
    tally = stage.settle()
    assert tally.faults == 0
    assert (tally.refused, tally.owed, tally.errors) == (1, 0, {"rate_limited": 1})


def test_what_comes_after_its_round_does_not_disturb_the_next() -> None:
    stage = Stage(2)
    late, whole = stage.post(2)
    stage.give(0, late + whole)
    stage.give(1, late[:30])
    assert faults(stage.settle()) == {"lost": 2}
    stage.crowd.new_round()
    stage.give(1, late[30:] + whole)
    stage.give_all(b"".join(stage.post(5)))
    assert stage.settle().lost == 0


def test_rounds_follow_each_other_without_a_fault() -> None:
    stage = Stage(2)
    for _ in range(3):
        stage.give_all(b"".join(stage.post(4)))
        assert stage.settle().faults == 0
        stage.crowd.new_round()


def test_a_ping_is_answered() -> None:
    stage = Stage(1)
    stage.give(0, NATIVE.encode(Ping()))
    [pong] = stage.transports[0].requests()
    assert type(pong).__name__ == "Pong"


def test_every_delivery_is_sampled_with_a_stride_of_one() -> None:
    stage = Stage(3)
    stage.give_all(b"".join(stage.post(7)))
    crowd = stage.crowd
    assert len(crowd.latency) == len(crowd.service) == 21
    assert all(late > own for late, own in zip(crowd.latency, crowd.service, strict=True))


def test_a_nonsensical_seq_costs_no_memory() -> None:
    stage = Stage(1)
    stage.give(0, NATIVE.encode(message(2**52, "x")))
    assert stage.settle().altered == 1


def test_a_length_that_looks_like_the_mark_does_not_end_a_round() -> None:
    stage = Stage(2)
    [message] = stage.post(1)
    notice = next(
        blob
        for size in range(124)
        if MARK in (blob := NATIVE.encode(Presence(room=ROOM, joined=["x" * size], count=2)))
    )
    stage.give(0, message + notice)
    assert stage.crowd.delivered == stage.crowd.owed == 2
    assert not stage.crowd.is_settled
    stage.give(1, message)
    assert stage.crowd.is_settled
