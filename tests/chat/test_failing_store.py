"""A store that refuses: who is told what, what is kept, and how it goes on."""

from __future__ import annotations

import pytest

from netchat.chat import posting
from netchat.chat.events import Accepted, Bye, Error, Message, Pong
from netchat.chat.log import Appended, Batch, Result
from netchat.chat.requests import Ping
from netchat.errors import StoreError, StoreFailed, StoreFull
from tests.chat.fakes import ManualWorker
from tests.chat.support import Chat, Peer, post, seqs


def stalled() -> tuple[Chat, ManualWorker, Peer]:
    """A chat whose disk waits for the test, and ana in the lobby."""
    disk = ManualWorker()
    chat = Chat(writing=disk)
    ana = chat.enter("ana", "lobby")
    disk.stalled = True
    return chat, disk, ana


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (StoreFull(), "store_full"),
        (StoreFailed(), "store_failed"),
        (OSError("surprise"), "store_failed"),
    ],
)
def test_a_failed_commit_refuses_all_its_posts(failure: Exception, code: str) -> None:
    chat, disk, ana = stalled()
    ana.says(post("1", id="a"), post("2", id="b"), Ping())
    disk.fail(failure)
    chat.settle()
    first, second, _ = ana.gets(Error, Error, Pong)
    assert (first.code, first.id, second.id) == (code, "a", "b")
    assert first.retry_after > 0
    assert not first.fatal


def test_what_a_store_should_not_raise_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chat, disk, ana = stalled()
    surprise = OSError("surprise")
    ana.says(post("1"), post("2"))
    disk.fail(surprise)
    chat.settle()
    [record] = caplog.records
    assert record.name == "netchat.chat"
    assert record.exc_info is not None
    assert record.exc_info[1] is surprise


def test_a_failed_commit_refuses_those_waiting_behind_it() -> None:
    chat, disk, ana = stalled()
    bob = chat.connect()
    ana.says(post("1", id="a"))
    ana.says(post("2", id="b"))
    disk.fail(StoreFull())
    chat.settle()
    assert [error.id for error in ana.gets(Error, Error)] == ["a", "b"]
    assert chat.hub.posting.bytes == 0
    assert bob.events == []


def test_after_a_failure_posts_are_refused_at_once() -> None:
    chat, disk, ana = stalled()
    ana.says(post("1"))
    disk.fail(StoreFull())
    chat.settle()
    ana.skip()
    ana.says(post("2", id="b"))
    error = ana.gets(Error)
    assert (error.code, error.id) == ("store_full", "b")
    assert error.retry_after > 0
    assert not disk.calls


def test_once_a_probe_succeeds_posts_are_taken_again() -> None:
    chat, disk, ana = stalled()
    ana.says(post("1", id="a"))
    disk.fail(StoreFull())
    chat.advance(1)
    disk.fail(StoreFailed())  # the probe
    ana.skip()
    ana.says(post("1", id="a"))
    assert ana.gets(Error).code == "store_failed"
    chat.advance(1)
    disk.run()
    disk.stalled = False
    ana.says(post("1", id="a"))
    accepted, message = ana.gets(Accepted, Message)
    assert (accepted.seq, accepted.duplicate, message.text) == (1, False, "1")


def test_a_commit_that_failed_after_its_effect_is_found_when_it_is_resent() -> None:
    """What the store does then (reading its heads again) is its own affair."""
    chat, disk, ana = stalled()
    ana.says(post("1", id="a"))
    disk.fail(StoreFailed(), after_its_effect=True)
    chat.advance(1)
    disk.run()
    disk.stalled = False
    ana.skip()
    ana.says(post("1", id="a"))
    assert ana.gets(Accepted).duplicate


def test_rows_of_a_failed_batch_go_with_the_next() -> None:
    chat, disk, ana = stalled()
    ana.says(post("1"))
    disk.fail(StoreFull())
    bob = chat.enter("bob")
    chat.advance(1)
    disk.run()
    disk.stalled = False
    chat.settle()
    assert [row.name for row in chat.log.rooms.values()] == ["lobby"]
    assert sorted(row.name for row in chat.log.identities.values()) == ["ana", "bob"]
    assert bob.token is not None
    assert bob.token in chat.log.tokens


def test_a_newer_row_replaces_one_of_a_failed_batch() -> None:
    chat, disk, ana = stalled()
    bob = chat.enter("bob")
    ana.skip()
    disk.fail(StoreFull())
    bob.says(post("x", to="ana"))
    assert bob.gets(Error).code == "store_full"
    bob.drops()
    chat.advance(61)
    while disk.calls:
        disk.run()
        chat.settle()
    assert [row.held for row in chat.log.identities.values() if row.name == "bob"] == [False]


def test_one_refused_post_does_not_fail_its_batch() -> None:
    chat = Chat()
    ana = chat.enter("ana", "lobby", "tea")
    ana.says(post("first", room="tea"), post("first"))
    ana.skip()
    append = chat.log.append

    def refusing(batch: Batch) -> Appended:
        appended = append(batch)
        refused: list[Result] = [StoreFailed("This room is damaged.")]
        return Appended(refused + appended.results[1:], appended.firsts)

    chat.hub.posting._store.append = refusing  # type: ignore[method-assign]
    ana.says(post("1", room="tea", id="a"), post("2", id="b"))
    error, accepted, message = ana.gets(Error, Accepted, Message)
    assert (error.code, error.id, accepted.id) == ("store_failed", "a", "b")
    assert message.seq == 2
    assert isinstance(StoreFailed(), StoreError)


def test_a_full_queue_makes_posters_wait_and_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "MAX_PENDING_BYTES", 1_000)
    chat, disk, ana = stalled()
    disk.stalled = False
    bob = chat.enter("bob", "lobby")
    disk.stalled = True
    ana.skip()
    ana.says(*(post("x" * 100) for _ in range(10)))
    bob.says(*(post("y" * 100) for _ in range(10)))
    assert (len(ana.unanswered), len(bob.unanswered)) == (4, 0)
    for _ in range(20):
        if disk.calls:
            disk.run()
            chat.settle()
    assert seqs(ana.got(Message)) == list(range(1, 21))
    assert len(bob.got(Accepted)) == 10


def test_an_identity_is_on_record_no_later_than_its_first_post() -> None:
    chat, disk, _ = stalled()
    eve = chat.enter("eve", "lobby")
    eve.says(post("1"))
    while disk.calls:
        disk.run()
        chat.settle()
    known: set[int] = set()
    for batch in chat.log.batches:
        known |= {row.identity for row in batch.identities}
        assert {item.identity for item in batch.posts} <= known


def test_nothing_follows_a_farewell_not_even_what_the_log_answers_now() -> None:
    chat, disk, ana = stalled()
    ana.asks(post("1", id="a"))
    chat.tick()
    chat.hub.say_bye(ana, "shutting_down")
    disk.run()
    chat.settle()
    ana.gets(Bye)
