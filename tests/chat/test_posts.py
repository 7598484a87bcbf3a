"""Posts: what is refused, what is accepted, what is stored once."""

from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Error, HistoryBefore, Joined, Left, Message, Pong
from netchat.chat.requests import Bye, History, Join, Leave, Ping, Post, Request
from tests.chat.fakes import START_MS, ManualWorker
from tests.chat.support import Chat, Peer, post, seqs, texts


def refused(peer: Peer, request: Request) -> Error:
    peer.says(request)
    error: Error = peer.gets(Error)
    return error


def test_a_post_is_accepted_and_then_comes_as_a_message_like_everyones() -> None:
    chat = Chat()
    ana, bob = chat.enter("Ana", "Lobby"), chat.enter("bob", "lobby")
    chat.advance(5)
    ana.skip()
    bob.skip()
    ana.says(Post(room="lobby", text="hola\n\t!", id="a-1", ref="r"))
    accepted, message = ana.gets(Accepted, Message)
    assert (accepted.ref, accepted.id, accepted.room) == ("r", "a-1", "Lobby")
    assert (accepted.seq, accepted.time) == (1, START_MS + 5_000)
    assert not accepted.duplicate
    assert (message.room, message.seq, message.time) == ("Lobby", 1, START_MS + 5_000)
    assert (message.sender, message.text, message.id) == ("Ana", "hola\n\t!", "a-1")
    assert (message.to, message.ref) == (None, None)
    assert bob.gets(Message) == message


def test_a_text_is_sent_exactly_as_it_came() -> None:
    ana = Chat().enter("ana", "lobby")
    text = " e\u0301 \uff46ull \u200b \u202e\U0001f600 "
    ana.says(post(text))
    assert ana.gets(Accepted, Message)[1].text == text


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (Post(text="x", id="1"), "bad_request", "room"),
        (Post(text="x", id="1", room="lobby", to="bob"), "bad_request", "room"),
        (Post(text="", id="1", room="lobby"), "bad_request", "text"),
        (Post(text="\0", id="1", room="lobby"), "bad_request", "text"),
        (Post(text="x" * 4_001, id="1", room="lobby"), "text_too_long", None),
        (Post(text="x", id="1", room="nowhere"), "no_such_room", None),
        (Post(text="x", id="1", room="tea"), "not_in_room", None),
        (Post(text="x", id="1", room="a b"), "room_invalid", None),
        (Post(text="x", id="1", room="@x"), "no_such_room", None),
        (Post(text="x", id="1", to="nobody"), "no_such_user", None),
        (Post(text="x", id="1", to="a b"), "no_such_user", None),
        (Post(text="x", id="1", to="ANA"), "bad_request", "to"),
    ],
)
def test_a_bad_post_is_refused_under_its_id(request_: Post, code: str, field: str | None) -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.enter("bob", "tea")
    error = refused(ana, request_)
    assert (error.code, error.field, error.id, error.fatal) == (code, field, "1", False)


def test_a_refused_post_does_not_use_up_its_id() -> None:
    ana = Chat().enter("ana", "lobby")
    refused(ana, post("", id="a-1"))
    ana.says(post("hola", id="a-1"))
    assert not ana.gets(Accepted, Message)[0].duplicate


def test_a_resent_id_is_stored_once() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    ana.says(post("hola", id="a-1"))
    first = ana.gets(Accepted, Message)[0]
    chat.advance(5)
    ana.skip()
    ana.says(post("hola", id="a-1"))
    again = ana.gets(Accepted)
    assert (again.seq, again.time, again.duplicate) == (first.seq, first.time, True)


def test_a_resent_id_is_stored_once_over_reconnects_and_restarts() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    ana.says(post("hola", id="a-1"))
    ana.drops()
    chat.advance(2)
    chat = chat.restarted()
    back = chat.enter("ana", "lobby", token=ana.token_text)
    back.says(post("hola", id="a-1"))
    assert back.gets(Accepted).duplicate


def test_the_same_id_with_another_text_or_room_is_a_conflict() -> None:
    ana = Chat().enter("ana", "lobby", "tea")
    ana.says(post("hola", id="a-1"))
    ana.skip()
    error = refused(ana, post("adios", id="a-1"))
    assert (error.code, error.id) == ("id_conflict", "a-1")
    assert refused(ana, post("hola", room="tea", id="a-1")).code == "id_conflict"


def test_ids_belong_to_identities() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    ana.says(post("hola", id="1"))
    bob.skip()
    bob.says(post("hi", id="1"))
    assert bob.gets(Accepted, Message)[0].seq == 2


def test_an_id_resent_while_the_first_is_being_committed_is_stored_once() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(post("hola", id="a-1"))
    ana.drops()
    back = chat.enter("ana", "lobby", token=ana.token_text)
    back.says(post("hola", id="a-1"), post("other", id="a-1"))
    disk.run()
    chat.settle()
    back.gets(Message)
    disk.run()
    chat.settle()
    accepted, conflict = back.gets(Accepted, Error)
    assert (accepted.seq, accepted.duplicate) == (1, True)
    assert conflict.code == "id_conflict"
    assert ana.events == []


# -- order -------------------------------------------------------------------------------


def test_posts_in_a_row_are_committed_together_in_their_order() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby", "tea")
    ana.says(*(post(str(n), room="lobby" if n % 2 else "tea") for n in range(10)))
    assert len(chat.log.batches[-1].posts) == 10
    assert [event.seq for event in ana.got(Accepted)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_at_most_one_batch_is_in_flight_and_the_next_takes_all_that_came() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    disk.stalled = True
    ana.says(post("1"))
    bob.says(post("2"))
    ana.says(post("3"))
    assert len(disk.calls) == 1
    assert chat.hub.posting.is_committing()
    disk.run()
    chat.settle()
    disk.run()
    chat.settle()
    assert not chat.hub.posting.is_committing()
    assert [len(batch.posts) for batch in chat.log.batches[-2:]] == [1, 2]
    assert texts(ana.got(Message)) == ["1", "2", "3"]
    assert not disk.calls


def test_the_next_batch_leaves_a_tick_after_one_has_come_back() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    disk.stalled = True
    ana.says(post("1"))
    bob.says(post("2"))
    disk.run()
    assert chat.hub.posting.append()  # more to do at once
    bob.asks(post("3"))
    chat.tick()
    assert not chat.hub.posting.append()
    disk.run()
    assert [len(batch.posts) for batch in chat.log.batches[-2:]] == [1, 2]


def test_nothing_is_told_before_the_commit() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    disk.stalled = True
    ana.says(post("1"))
    bob.says(History(room="lobby"))
    ana.gets()
    assert bob.gets(HistoryBefore).messages == []
    disk.run()
    chat.settle()
    ana.gets(Accepted, Message)
    bob.gets(Message)


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (Ping(), Pong),
        (History(room="lobby"), HistoryBefore),
        (Leave(room="lobby"), Left),
        (Join(room="tea"), Joined),
        (Join(room="a b"), Error),
    ],
)
def test_any_other_request_waits_for_the_posts_before_it(
    request_: Request, reply: type[Pong]
) -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(post("1"), post("2"), request_, post("3"))
    ana.gets()
    disk.run()
    chat.settle()
    expected = [Accepted, Accepted, Message, Message, reply]
    assert [type(event) for event in ana.skip()][:5] == expected


def test_history_behind_a_post_shows_it() -> None:
    ana = Chat().enter("ana", "lobby")
    ana.says(post("1"), History(room="lobby"))
    assert texts(ana.got(HistoryBefore)[0].messages) == ["1"]


def test_a_pong_says_that_ones_messages_have_been_handed_out() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    chat.publishing = False
    ana.says(post("1"), Ping())
    ana.gets(Accepted)
    chat.publishing = True
    chat.settle()
    ana.gets(Message, Pong)


def test_a_refusal_among_posts_keeps_its_place() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(post("1", id="a"), post("", id="b"), post("2", id="c"), post("3", room="x", id="d"))
    ana.gets()
    disk.run()
    chat.settle()
    replies = [event.id for event in ana.skip() if not isinstance(event, Message)]
    assert replies == ["a", "b", "c", "d"]


def test_a_post_behind_a_history_waits_for_it() -> None:
    disk = ManualWorker()
    chat = Chat(reading=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(History(room="lobby"), post("1"), Ping())
    ana.gets()
    disk.run()
    chat.settle()
    ana.gets(HistoryBefore, Accepted, Message, Pong)


def test_256_posts_of_one_connection_are_on_their_way_at_most() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(*(post("x") for _ in range(300)), Ping())
    assert (len(ana.unanswered), len(ana.requests)) == (256, 45)
    while disk.calls:
        disk.run()
        chat.settle()
    assert seqs(ana.got(Message)) == list(range(1, 301))


def test_256_kib_of_one_connection_are_on_their_way_at_most() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(*(post("😀" * 4_000) for _ in range(40)))
    assert 256 * 1_024 <= ana.unanswered_bytes < 280 * 1_024
    while disk.calls:
        disk.run()
        chat.settle()
    assert len(ana.got(Message)) == 40
    assert (ana.unanswered_bytes, chat.hub.posting.bytes) == (0, 0)


# -- vanished ----------------------------------------------------------------------------


def test_a_vanished_posters_message_is_stored_and_told() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    disk.stalled = True
    ana.says(post("1"))
    ana.drops()
    bob.skip()
    disk.run()
    chat.settle()
    assert bob.gets(Message).sender == "ana"
    ana.gets()


def test_a_room_whose_only_member_vanished_with_a_post_in_flight_is_kept() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(post("1"))
    ana.drops()
    chat.advance(70)
    while disk.calls:
        disk.run()
        chat.settle()
    bob = chat.enter("bob")
    bob.says(Join(room="lobby"))
    assert bob.gets(Joined, Message)[1].text == "1"


def test_after_the_end_of_input_posts_are_served_and_accepted() -> None:
    chat = Chat()
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    ana.asks(post("1"), History(room="lobby"), post("2"), Leave(room="lobby"), Bye())
    chat.hub.end_input(ana)
    chat.settle()
    kinds = [type(event).__name__ for event in ana.skip()]
    assert kinds == ["Accepted", "HistoryBefore", "Accepted", "Left", "Bye"]
    assert texts(bob.got(Message)) == ["1", "2"]


def test_after_the_end_of_input_a_bye_behind_a_post_waits_for_no_message() -> None:
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    ana.says(post("1"), post("2"))
    ana.skip()
    disk.stalled, chat.feeding = True, False
    ana.says(Join(room="lobby"), post("x"), Bye())
    chat.hub.end_input(ana)
    disk.run()
    chat.feeding = True
    chat.settle()
    kinds = [type(event).__name__ for event in ana.skip()]
    assert kinds == ["Joined", "Accepted", "Message", "Message", "Bye"]
