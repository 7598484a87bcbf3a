"""Readers of a log whose past is being deleted: what is gone is told, the rest is theirs."""

from __future__ import annotations

from netchat.chat.events import Gap, Joined, Message
from netchat.chat.requests import Join
from netchat.storage.memory import MemoryLog
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House

AGE = 5


def people(house: House, *names: str) -> list[Client]:
    log = house.server.parts.store
    assert isinstance(log, MemoryLog)
    log._keep_ms = AGE * 1000
    clients = [house.enter(name, "lobby") for name in names]
    for client in clients:
        client.heard()
    return clients


def fill(client: Client, count: int) -> None:
    for _ in range(count):
        client.says(post("x" * 4_000))


def trim(house: House) -> None:
    house.advance(AGE + 1)
    house.hub.trimming.trim()
    house.settle()


def test_a_tail_does_not_give_out_what_is_gone() -> None:
    house = House()
    (ana,) = people(house, "ana")
    fill(ana, 10)
    house.advance(AGE + 1)
    fill(ana, 5)
    house.hub.trimming.trim()
    bob = house.enter("bob")
    bob.says(Join(room="lobby", after=3))
    joined, gap, *messages = bob.gets(Joined, Gap, *[Message] * 5)
    assert (joined.first, gap.start, gap.to) == (11, 4, 10)
    assert [message.seq for message in messages] == list(range(11, 16))


def test_a_stuck_reader_whose_messages_are_all_gone_is_told_and_live_at_once() -> None:
    house = House()
    ana, bob = people(house, "ana", "bob")
    bob.stalls()
    fill(ana, 60)
    head = 60
    assert not house.hub.directory.open("lobby").cursors[bob.session].live
    house.clock.seconds += AGE + 1
    house.hub.trimming.trim()
    bob.reads()
    events = bob.heard()
    seqs = [event.seq for event in events if isinstance(event, Message)]
    [gap] = [event for event in events if isinstance(event, Gap)]
    assert seqs == list(range(1, gap.start))
    assert (gap.to, gap.reason, gap.epoch) == (head, "retention", house.hub.epoch)
    ana.says(post("new"))
    assert bob.seqs() == [head + 1]


def test_a_page_from_which_everything_went_while_it_was_read_ends_in_a_gap() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = people(house, "ana")
    fill(ana, 10)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=4))
    trim(house)
    disk.stalled = False
    disk.run()
    house.advance(2)
    joined, gap = bob.gets(Joined, Gap)
    assert (joined.first, gap.start, gap.to) == (1, 5, 10)
    ana.says(post("new"))
    assert bob.seqs() == [11]


def test_a_reader_that_has_ended_its_input_is_told_of_nothing_beyond_what_it_is_owed() -> None:
    disk = ManualWorker()
    house = House(budget=0, reading=disk)
    (ana,) = people(house, "ana")
    fill(ana, 10)
    bob = house.enter("bob")
    disk.stalled = True
    bob.says(Join(room="lobby", after=4))
    bob.ends()
    fill(ana, 5)
    trim(house)
    disk.stalled = False
    disk.run()
    house.advance(2)
    _, gap = bob.gets(Joined, Gap)
    assert (gap.start, gap.to) == (5, 10)
