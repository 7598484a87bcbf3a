"""History: pages of a room's log, backwards and forwards."""

from __future__ import annotations

import pytest

from netchat.chat.events import Error, HistoryBefore, HistoryPage, Message, Pong
from netchat.chat.requests import History, Ping
from netchat.errors import StoreFailed
from tests.chat.fakes import ManualWorker
from tests.chat.support import Chat, Peer, post, seqs


def filled(count: int, keep: int = 50_000) -> tuple[Chat, Peer]:
    chat = Chat(keep=keep)
    ana = chat.enter("ana", "lobby")
    for number in range(count):
        ana.says(post(str(number)))
    ana.skip()
    return chat, ana


@pytest.mark.parametrize(
    ("request_", "expected", "complete"),
    [
        (History(room="lobby"), range(51, 151), False),
        (History(room="lobby", limit=300), range(1, 151), True),
        (History(room="lobby", limit=150), range(1, 151), True),
        (History(room="lobby", before=51), range(1, 51), True),
        (History(room="lobby", before=51, limit=10), range(41, 51), False),
        (History(room="lobby", before=1), range(0), True),
        (History(room="lobby", before=0), range(0), True),
        (History(room="lobby", before=2**53 - 1, limit=1), range(150, 151), False),
        (History(room="lobby", after=0), range(1, 101), False),
        (History(room="lobby", after=100), range(101, 151), True),
        (History(room="lobby", after=50, limit=10), range(51, 61), False),
        (History(room="lobby", after=150), range(0), True),
        (History(room="lobby", after=2**53 - 1), range(0), True),
    ],
)
def test_a_page_is_ascending_and_says_whether_there_is_more(
    request_: History, expected: range, complete: bool
) -> None:
    _, ana = filled(150)
    ana.says(request_)
    page = ana.got(HistoryPage)[0]
    assert (page.room, seqs(page.messages), page.complete) == ("lobby", list(expected), complete)


def test_history_is_the_messages_as_they_were_told() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby")
    ana.says(post("hola"))
    message = ana.got(Message)[0]
    ana.says(History(room="LOBBY", ref="h"))
    page = ana.gets(HistoryBefore)
    assert (page.messages, page.ref) == ([message], "h")


def test_a_page_starts_at_the_oldest_message_that_is_kept() -> None:
    _, ana = filled(10, keep=4)
    ana.says(History(room="lobby"), History(room="lobby", after=2))
    for page in ana.skip():
        assert (seqs(page.messages), page.complete) == ([7, 8, 9, 10], True)


def test_an_empty_room_has_an_empty_page() -> None:
    ana = Chat().enter("ana", "lobby")
    ana.says(History(room="lobby"))
    page = ana.gets(HistoryBefore)
    assert (page.messages, page.complete) == ([], True)


def test_before_with_after_is_a_bad_request() -> None:
    ana = Chat().enter("ana", "lobby")
    ana.says(History(room="lobby", before=1, after=1))
    error = ana.gets(Error)
    assert (error.code, error.field) == ("bad_request", "before")


def test_history_needs_to_be_in_the_room() -> None:
    chat, _ = filled(1)
    bob = chat.enter("bob")
    bob.says(History(room="lobby"), History(room="nowhere"), History(room="@x"))
    codes = [error.code for error in bob.gets(Error, Error, Error)]
    assert codes == ["not_in_room", "no_such_room", "no_such_room"]


@pytest.mark.parametrize("request_", [History(room="lobby"), History(room="lobby", after=1)])
def test_what_is_committed_and_not_yet_published_is_not_in_a_page(request_: History) -> None:
    chat, ana = filled(3)
    chat.publishing = False
    ana.says(post("unpublished"))
    bob = chat.enter("bob", "lobby")
    bob.says(request_)
    page = bob.got(HistoryPage)[0]
    assert (seqs(page.messages)[-1], page.complete) == (3, True)


def test_a_page_whose_read_overtakes_the_publishing_is_cut_at_the_head() -> None:
    disk = ManualWorker()
    chat = Chat(reading=disk)
    ana, bob = chat.enter("ana", "lobby"), chat.enter("bob", "lobby")
    ana.says(post("1"))
    bob.skip()
    disk.stalled = True
    bob.says(History(room="lobby", after=0))
    chat.publishing = False
    ana.says(post("2"), post("3"))
    disk.run()
    chat.settle()
    page = bob.gets(HistoryPage)
    assert (seqs(page.messages), page.complete) == ([1], True)
    chat.publishing = True
    chat.settle()
    assert seqs(bob.skip()) == [2, 3]


def test_a_page_that_cannot_be_read_is_refused_and_the_rest_goes_on() -> None:
    disk = ManualWorker()
    chat = Chat(reading=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    for failure in (StoreFailed("The disk is gone."), OSError("surprise")):
        ana.says(History(room="lobby", ref="h"), Ping())
        disk.fail(failure)
        chat.settle()
        error, _ = ana.gets(Error, Pong)
        assert (error.code, error.ref) == ("store_failed", "h")
        assert error.retry_after > 0


def test_a_page_for_one_who_has_left_is_dropped() -> None:
    disk = ManualWorker()
    chat = Chat(reading=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    ana.says(History(room="lobby"))
    ana.drops()
    disk.run()
    chat.settle()
    ana.gets()


def test_a_damaged_room_has_no_history() -> None:
    chat, ana = filled(1)
    room = chat.hub.directory.find("lobby")
    assert room is not None
    room.damaged = "Its seqs do not add up."
    ana.says(History(room="lobby"), post("x", id="p"))
    first, second = ana.gets(Error, Error)
    assert first.code == second.code == "store_failed"
    assert (first.message, second.id) == ("Its seqs do not add up.", "p")
