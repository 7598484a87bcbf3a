"""What nobody can come back to leaves the memory."""

from __future__ import annotations

from netchat.chat.acts import MUTE, SERVER, USER, Act
from netchat.chat.events import Error
from netchat.chat.requests import Bye, Hello, Post
from netchat.errors import StoreFull

from .support import Chat, Peer
from .test_failing_store import stalled

DAY = 24 * 3_600.0


def guest(chat: Chat, name: str) -> Peer:
    """Somebody who was here, and has gone."""
    peer = chat.enter(name)
    peer.says(Bye())
    chat.settle()
    return peer


def known(chat: Chat) -> set[str]:
    return {identity.name for identity in chat.hub.people.identities.values()}


def sweep(chat: Chat) -> None:
    while chat.hub.people.sweep(chat.now):
        pass
    chat.tick()


def test_a_guest_is_known_for_as_long_as_its_token_is_good() -> None:
    chat = Chat()
    gone = guest(chat, "ana")
    chat.advance(29 * DAY)
    sweep(chat)
    assert known(chat) == {"ana"}
    back = chat.enter("ana", token=gone.token_text)  # its 30 days begin anew
    back.says(Bye())
    chat.advance(29 * DAY)
    sweep(chat)
    assert known(chat) == {"ana"}
    chat.advance(2 * DAY)
    sweep(chat)
    assert not known(chat) and not chat.hub.people._tokens


def test_who_is_here_has_an_account_or_a_talk_stays_known() -> None:
    chat = Chat()
    chat.enter("here")
    account = chat.connect()
    account.says(Hello(version=1, name="owner", password="correct horse"))
    account.says(Bye())
    writer, reader = chat.enter("writer"), chat.enter("reader")
    writer.says(Post(id="1", to="reader", text="hm"))
    chat.settle()
    for peer in (writer, reader, guest(chat, "cem")):
        peer.says(Bye())
    chat.advance(31 * DAY)
    sweep(chat)
    assert known(chat) == {"here", "owner", "writer", "reader"}


def test_a_number_is_never_given_to_another_though_a_restart_has_forgotten_it() -> None:
    chat = Chat()
    numbers = []
    for name in ("ana", "ben"):
        guest(chat, name)
        numbers += [max(chat.hub.people.identities)]
        chat.advance(31 * DAY)
        sweep(chat)
        assert not known(chat)
        chat = chat.restarted()
        chat.hub.people.forget_tokenless()
        assert not known(chat)
    chat.enter("cem")
    assert max(chat.hub.people.identities) > numbers[1] > numbers[0]


def test_a_restart_forgets_nobody_who_may_come_back() -> None:
    chat = Chat()
    gone = guest(chat, "ana")
    chat.enter("here")
    chat = chat.restarted()
    chat.hub.people.forget_tokenless()
    assert known(chat) == {"ana", "here"}
    chat.enter("ana", token=gone.token_text)


def test_a_talk_that_a_mute_forbids_is_not_begun() -> None:
    chat = Chat()
    ana, ben = chat.enter("ana"), chat.enter("ben")
    rooms, identity = len(chat.hub.directory), chat.hub.holder("ana")
    act = Act(MUTE, SERVER, USER, identity.id, "ana", by="x", actor=None, rank=4, at=0)
    chat.hub.moderation.acts.add(act)
    ana.says(Post(id="1", to="ben", text="hm"))
    assert ana.gets(Error).code == "forbidden"
    assert len(chat.hub.directory) == rooms
    assert not [*identity.talks(), *chat.hub.holder("ben").talks()]
    chat.hub.moderation.acts.undo(act, "x")
    ana.says(Post(id="2", to="ben", text="hm"))
    chat.settle()
    assert len(chat.hub.directory) == rooms + 1 and ben.events
    chat.hub.moderation.acts.add(act)
    ana.says(Post(id="3", to="ben", text="hm"))  # one that has begun stays
    assert len(chat.hub.directory) == rooms + 1


def test_a_talk_that_the_store_refuses_is_not_begun() -> None:
    chat, disk, ana = stalled()
    chat.enter("ben")
    rooms = len(chat.hub.directory)
    ana.says(Post(id="1", room="lobby", text="hm"))
    disk.fail(StoreFull())
    chat.settle()
    ana.skip()
    ana.says(Post(id="2", to="ben", text="hm"))
    assert ana.gets(Error).code == "store_full"
    assert len(chat.hub.directory) == rooms
