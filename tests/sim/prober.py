"""Clients that are not ours: one that tries everything, one that is hostile, one that is calm.

The prober speaks the wire by itself, in a way that no sensible client would: bursts of requests
without waiting, ids used again with the same text and with another, numbers at the edges of
their ranges, its input ended in the middle of it all. What comes of it is for the witness.
"""

from __future__ import annotations

from random import Random
from typing import Any

from netchat.chat import events, requests
from netchat.chat.requests import Request
from netchat.errors import FatalError, LocalProtocolError
from netchat.wire.framing import frame
from netchat.wire.native import NativeClient

from .connection import Link
from .net import Net
from .plan import Plan
from .world import Violation, World


class Wild:
    """What all of them share: one connection after the other, and the decoding."""

    def __init__(self, world: World, net: Net, plan: Plan, name: str) -> None:
        self.name = name
        self.quiet = False
        self.link: Link | None = None
        self._world = world
        self._net = net
        self._plan = plan
        self._random: Random = world.random(f"wild/{name}")
        self._wire = NativeClient()
        self._refs = 0
        world.after(self._random.randint(0, 2_000), self._connect)

    def _connect(self) -> None:
        if self.quiet:
            return
        self._wire = NativeClient()
        self.link = self._net.connect(self._plan.line(self._random), self, "the wild")

    def _again(self, delay: int) -> None:
        """Come back some time after a connection has ended."""
        if self.link is not None:
            self.link.close()
        self.link = None
        self._world.after(1 + self._random.randint(0, delay), self._connect)

    def heal(self) -> None:
        """Be gone."""
        self.quiet = True
        if self.link is not None:
            self.link.close()

    def connected(self) -> None:
        raise NotImplementedError

    def received(self, data: bytes) -> None:
        self._wire.receive_data(data)
        while (event := self._wire.next_event()) is not None:
            self.heard(event)

    def ended(self) -> None:
        self._again(1_000)

    def broken(self, why: str) -> None:
        self._again(1_000)

    def heard(self, event: Any) -> None:
        """An event has come."""

    def _send(self, *asked: Request) -> None:
        if self.link is not None:
            try:
                self.link.write(b"".join(self._wire.send(request) for request in asked))
            except (LocalProtocolError, FatalError):
                return

    def _ref(self) -> str:
        self._refs += 1
        return f"{self.name}-{self._refs}"


class Prober(Wild):
    """Tries everything."""

    def __init__(self, world: World, net: Net, plan: Plan, name: str) -> None:
        super().__init__(world, net, plan, name)
        self._token: str | None = None
        self._epoch: str | None = None
        self._held: dict[str, int] = {}
        self._posts: list[requests.Post] = []

    def connected(self) -> None:
        hello = requests.Hello(version=1, name=self.name, token=self._token, ref=self._ref())
        early = self._random.choice([0, 0, 3, 12])
        self._send(hello, *(self._anything() for _ in range(early)))
        self._world.after(self._random.randint(50, 2_000), self._burst)

    def heard(self, event: Any) -> None:
        match event:
            case events.Welcome():
                self._token, self._epoch = event.token, event.epoch
            case events.Message():
                self._held[event.room] = event.seq
            case events.Error(code="bad_token"):
                self._token = None
                self._send(requests.Hello(version=1, name=self.name, ref=self._ref()))
            case events.Error(code="name_taken"):
                self.name += "x"

    def _burst(self) -> None:
        if self.quiet or self.link is None or not self.link.alive:
            return
        draw = self._random
        self._send(*(self._anything() for _ in range(draw.choice([1, 3, 10, 40]))))
        end = draw.random()
        if end < 0.15:
            self._half_close(self.link)
        elif end < 0.2:
            self._send(requests.Bye(ref=self._ref()))
        elif end < 0.25:
            self._again(500)
        self._world.after(draw.randint(50, 3_000), self._burst)

    def _half_close(self, link: Link) -> None:
        self._world.sometimes["half-close"] += 1
        link.finish()

    def _anything(self) -> Request:
        draw, ref = self._random, self._ref()
        room = f"room{draw.randrange(self._plan.rooms)}"
        match draw.randrange(12):
            case 0 | 1 | 2:
                return self._post(room)
            case 3:
                return self._repeat() or self._post(room)
            case 4 | 5:
                return self._join(room)
            case 6:
                return requests.Leave(room=room, ref=ref)
            case 7:
                before = draw.choice([None, 0, 1, 3, 2**53 - 1])
                limit = draw.choice([1, 300])
                return requests.History(room=room, before=before, limit=limit, ref=ref)
            case 8:
                return requests.History(room=room, after=draw.choice([0, 1, 9, 2**53 - 1]), ref=ref)
            case 9:
                return requests.Who(room=room, ref=ref, after=draw.choice([None, "", "m"]))
            case 10:
                return requests.Typing(room=room)
            case _:
                return draw.choice([
                    requests.Ping(ref=ref),
                    requests.Pong(),
                    requests.Rooms(ref=ref),
                    requests.Post(text="\x00", id=ref, room=room),
                    requests.Join(room="a b", ref=ref),
                    requests.Join(room="@nothing", ref=ref),
                    requests.Hello(version=1, name=self.name, ref=ref),
                ])  # fmt: skip

    def _post(self, room: str) -> requests.Post:
        ref = self._ref()
        post = requests.Post(text=f"{ref} says", id=ref, room=room, ref=ref)
        self._posts = [*self._posts[-9:], post]
        return post

    def _repeat(self) -> requests.Post | None:
        """A post that was sent before, or something else under its id."""
        if not self._posts:
            return None
        post = self._random.choice(self._posts)
        text = post.text if self._random.random() < 0.8 else "something else"
        return requests.Post(text=text, id=post.id, room=post.room, ref=self._ref())

    def _join(self, room: str) -> requests.Join:
        draw, ref = self._random, self._ref()
        held = self._held.get(room)
        if held is not None and draw.random() < 0.6:
            return requests.Join(room=room, after=held, epoch=self._epoch, ref=ref)
        if draw.random() < 0.5:
            return requests.Join(room=room, backlog=draw.choice([0, 1, 300]), ref=ref)
        epoch = draw.choice([None, "another"])
        return requests.Join(room=room, after=draw.choice([0, 2, 10_000]), epoch=epoch, ref=ref)


GARBAGE = [
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\n\r\n",
    frame(b"\xff\xfe"),
    frame(b'{"type":1}'),
    frame(b'{"type":"nothing"}'),
    frame(b"[" * 2_000),
    frame(b'{"type":"post","id":"","room":"room0"}'),
    frame(b'{"type":"ping","ref":9007199254740993}'),
    frame(b'{"type":"hello","version":1,"name":"eve"}')[:20],
]


class Hostile(Wild):
    """Sends garbage, floods, and does not read."""

    def connected(self) -> None:
        draw = self._random
        assert self.link is not None
        if draw.random() < 0.5:
            self.link.pace = (0, 0)
        if draw.random() < 0.7:
            self._send(requests.Hello(version=1, name=f"{self.name}x{self._refs}"))
            self._ref()
            self._send(requests.Join(room="room0"))
        kind = draw.randrange(4)
        if kind == 0:
            self.link.write(draw.choice(GARBAGE))
        elif kind == 1:
            self._send(*(requests.Ping(ref=self._ref()) for _ in range(300)))
        elif kind == 2:
            self._send(*(requests.History(room="room0") for _ in range(60)))
        self._world.after(draw.randint(500, 20_000), self._leave)

    def received(self, data: bytes) -> None:
        """Whatever."""

    def _leave(self) -> None:
        if self.link is not None and not self.quiet:
            self._again(2_000)


class Calm(Wild):
    """One well-behaved client on a good line, by which the others' harm is measured."""

    PATIENCE = 5_000
    """Milliseconds that a pong may take, however much others do."""

    def __init__(self, world: World, net: Net, plan: Plan, name: str) -> None:
        super().__init__(world, net, plan, name)
        self._asked_at: int | None = None
        self._visit = 0

    def _connect(self) -> None:
        if not self.quiet:
            self._wire = NativeClient()
            self._asked_at = None
            self._visit += 1
            self.link = self._net.connect(self._plan.calm_line(), self, "calm")

    def connected(self) -> None:
        self._send(requests.Hello(version=1, name=f"{self.name}{self._visit}"))

    def heard(self, event: Any) -> None:
        if isinstance(event, events.Welcome):
            self._ask(self._visit)
        elif isinstance(event, events.Pong):
            self._asked_at = None

    def _ask(self, visit: int) -> None:
        if self.link is None or visit != self._visit or self.quiet or not self.link.alive:
            return
        if self._asked_at is None:
            self._asked_at = self._world.now
            self._send(requests.Ping())
        self._world.after(1_000, lambda: self._ask(visit))

    def excuse(self) -> None:
        """The server did not run for a while."""
        self._asked_at = None

    def check(self) -> None:
        """Called at every tick of the server."""
        if self.quiet or self._asked_at is None:
            return
        if self._world.now - self._asked_at > self.PATIENCE:
            raise Violation("nobody can keep others waiting", f"{self.name} waits for its pong")
