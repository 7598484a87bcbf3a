"""Whatever posts, stalls, joins and drops do, what a reader is sent has neither hole nor repeat."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat.events import Gap, Joined, Message
from netchat.chat.requests import Hello, Join
from netchat.net.flushing import FLUSH_SLICE
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.sessions.support import Client, House

ROOMS = ["one", "two"]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from(ROOMS), st.integers(1, 40)),
        st.tuples(st.just("long"), st.sampled_from(ROOMS), st.integers(1, 40)),
        st.tuples(st.just("join"), st.sampled_from(ROOMS), st.integers(0, 60)),
        st.tuples(st.just("resume"), st.sampled_from(ROOMS), st.just(0)),
        st.tuples(st.just("stall"), st.just(""), st.integers(0, 2_000)),
        st.tuples(st.just("read"), st.just(""), st.integers(1, 90_000)),
        st.tuples(st.just("drop"), st.just(""), st.just(0)),
        st.tuples(st.just("disk"), st.just(""), st.integers(1, 3)),
        st.tuples(st.just("hold back"), st.just(""), st.integers(0, 1)),
    ),
    max_size=25,
)


class Reader:
    """One client over its connections: for each room, the last seq that it holds."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client: Client | None = None
        self.token: str | None = None
        self.holds: dict[str, int] = {}
        self.newest: dict[str, int] = {}
        """What it has ever come to: a join may have gone back behind that meanwhile."""
        self.asked: dict[str, list[int]] = {}
        """From where joins are to go on whose `joined` has not come."""
        self.starts: dict[str, list[int]] = {}
        """From where those are to go on whose `joined` has."""

    def connect(self) -> Client:
        if self.client is None:
            self.asked.clear()
            self.starts.clear()
            self.client = self.house.connect()
            self.client.asks(Hello(version=1, name="bob", token=self.token))
            self.house.tick()
            for event in self.client.heard():
                self.token = getattr(event, "token", self.token)
        return self.client

    def joins(self, room: str, backlog: int) -> None:
        """With a backlog only at first: from then on what it holds is what it resumes from. Nor
        behind a join that has not been answered: where that backlog begins, nobody can know."""
        if room in self.holds or self.asked.get(room) or self.starts.get(room):
            self.resumes(room)
        else:
            self.connect().asks(Join(room=room, backlog=backlog))
            self.asked.setdefault(room, []).append(0)

    def resumes(self, room: str) -> None:
        client, held = self.connect(), self.holds.get(room, 0)
        client.asks(Join(room=room, after=held))
        self.asked.setdefault(room, []).append(held)

    def drops(self) -> None:
        if self.client is not None:
            self.listen()
            self.client.transport.abort()
            self.client = None

    def listen(self) -> None:
        """Check what has come: a join goes back to what was held when it was asked for."""
        for event in self.client.heard() if self.client is not None else ():
            if isinstance(event, Joined):
                self.starts.setdefault(event.room, []).append(self.asked[event.room].pop(0))
            elif isinstance(event, Gap):
                raise AssertionError(event)
            elif isinstance(event, Message):
                self.take(event.room, event.seq)

    def take(self, room: str, seq: int) -> None:
        held = self.holds.get(room)
        if held is not None and seq != held + 1:
            starts = self.starts[room]
            assert seq - 1 in starts, f"{room}: {seq} after {held}"
            del starts[: starts.index(seq - 1) + 1]
        self.holds[room] = seq
        self.newest[room] = max(seq, self.newest.get(room, 0))


@settings(max_examples=60)
@pytest.mark.parametrize("budget", [0, 60_000, 2**30])
@given(steps=steps)
def test_no_reader_has_a_hole_or_a_repeat(budget: int, steps: list[tuple[str, str, int]]) -> None:
    disk = ManualWorker()
    house = House(budget=budget, reading=disk)
    ana = house.enter("ana", *ROOMS)
    reader = Reader(house)
    disk.stalled = True
    posted = dict.fromkeys(ROOMS, 0)
    for step, room, number in steps:
        match step:
            case "post" | "long":
                size = 4_000 if step == "long" else 10
                ana.asks(*(post("x" * size, room=room) for _ in range(number)))
                posted[room] += number
            case "join":
                reader.joins(room, number)
            case "resume":
                reader.resumes(room)
            case "stall" if reader.client is not None:
                reader.client.stalls(number)
            case "read" if reader.client is not None:
                reader.client.sock.window += number
            case "drop":
                reader.drops()
            case "disk":
                for _ in range(min(number, len(disk.calls))):
                    disk.run()
            case "hold back":
                house.waiting = FLUSH_SLICE * number
        house.tick()
        reader.listen()
    house.waiting = 0
    disk.stalled = False
    while disk.calls:
        disk.run()
    for room in ROOMS:
        reader.resumes(room)
    assert reader.client is not None
    reader.client.reads()
    while disk.calls:
        disk.run()
    house.settle()
    reader.listen()
    assert {room: reader.newest.get(room, 0) for room in ROOMS} == posted
