"""The log's old messages go a page at a time, between the batches, and the chat learns of it."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat import trimming
from netchat.chat.events import Accepted, Gap, HistoryBefore, Joined, Message
from netchat.chat.log import Batch
from netchat.chat.requests import History, Join
from netchat.chat.rooms import Room
from netchat.chat.trimming import INTERVAL
from netchat.errors import StoreFull
from tests.chat.fakes import ManualWorker
from tests.chat.support import Chat, Peer, post

MINUTE = 60_000


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "PAGE", 4)


def filled(count: int, **options: Any) -> tuple[Chat, Peer]:
    """Messages that are too old by now, and ana, who has them."""
    chat = Chat(**options)
    chat.log._keep_ms = MINUTE
    ana = chat.enter("ana", "lobby")
    ana.says(*(post(f"{number}") for number in range(1, count + 1)))
    chat.advance(MINUTE / 1000 + 1)
    ana.skip()
    return chat, ana


def lobby(chat: Chat) -> Room:
    room = chat.hub.directory.find("lobby")
    assert room is not None
    return room


def test_pages_follow_each_other_until_nothing_is_left_to_do() -> None:
    chat, ana = filled(10)
    ana.says(post("young"))
    chat.hub.trimming.trim()
    assert lobby(chat).first == 5
    chat.advance(0.0)
    assert lobby(chat).first == 11
    assert lobby(chat).head == 11


def test_it_looks_again_and_again() -> None:
    chat, ana = filled(2)
    chat.hub.trimming.trim()
    assert lobby(chat).first == 3
    for head in (3, 4):
        ana.says(post("more"))
        assert lobby(chat).first == head
        chat.advance(2 * INTERVAL)
        assert lobby(chat).first == head + 1


def test_posts_do_not_wait_for_more_than_one_page() -> None:
    disk = ManualWorker()
    chat, ana = filled(10, writing=disk)
    disk.stalled = True
    chat.hub.trimming.trim()
    ana.says(post("urgent"))
    disk.run()
    chat.settle()
    call, _ = disk.calls[0]
    assert isinstance(call.args[0], Batch)  # type: ignore[attr-defined]
    disk.run()
    chat.settle()
    ana.gets(Accepted, Message)


@pytest.mark.parametrize(("failure", "traced"), [(StoreFull(), False), (OSError("odd"), True)])
def test_after_a_failure_it_tries_again_and_posting_goes_on(
    failure: Exception, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    disk = ManualWorker()
    chat, ana = filled(2, writing=disk)
    disk.stalled = True
    chat.hub.trimming.trim()
    disk.fail(failure)
    disk.stalled = False
    [record] = caplog.records
    assert "could not be deleted" in record.message
    assert bool(record.exc_info) is traced
    ana.says(post("on"))
    ana.gets(Accepted, Message)
    assert lobby(chat).first == 1
    chat.advance(INTERVAL)
    assert lobby(chat).first == 3


def test_a_room_of_which_nothing_is_left_is_told_as_it_is() -> None:
    chat, ana = filled(3)
    chat.hub.trimming.trim()
    bob = chat.enter("bob")
    bob.says(Join(room="lobby", after=1), History(room="lobby"))
    joined, gap, page = bob.gets(Joined, Gap, HistoryBefore)
    assert (joined.first, joined.head) == (4, 3)
    assert (gap.start, gap.to, gap.reason) == (2, 3, "retention")
    assert (page.messages, page.complete) == ([], True)
    ana.says(post("new"))
    assert bob.gets(Message).seq == 4


def test_a_position_at_the_head_knows_no_gap() -> None:
    chat, _ = filled(3)
    chat.hub.trimming.trim()
    bob = chat.enter("bob")
    bob.says(Join(room="lobby", after=3))
    bob.gets(Joined)


def test_what_went_before_it_was_published_is_gone_once_it_is() -> None:
    chat, _ = filled(3)
    room = lobby(chat)
    room.published = 1
    chat.hub.trimming.trim()
    assert room.first == 2
    room.published = 3
    assert room.first == 4
