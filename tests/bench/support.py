"""A crowd without a network: what a server would send goes in, what members send is kept."""

from __future__ import annotations

from typing import Any, cast

from bench.crowd import Crowd, Tally
from bench.doors import DOORS
from bench.ledger import Ledger
from bench.member import NetchatMember
from bench.text import compose
from netchat.chat.events import Accepted, Joined, Message
from netchat.net.transport import Transport
from netchat.wire.framing import LengthPrefixed
from netchat.wire.messages import decode_request
from netchat.wire.native import MAX_FRAME, NATIVE

ROOM = "room"
NATIVE_DOOR = DOORS["native"]
SIZE = 64


class FakeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def start(self, protocol: Any) -> None: ...

    def write(self, data: bytes, urgent: bool = False) -> None:
        self.written += data

    def requests(self) -> list[Any]:
        """What was asked, decoded."""
        framing = LengthPrefixed(MAX_FRAME)
        framing.receive_data(self.written)
        self.written = b""
        payloads = iter(framing.next_payload, None)
        return [decode_request(payload) for payload in payloads if payload is not None]


class Stage:
    """A room whose members have all joined, in front of a log that the test plays."""

    def __init__(self, members: int) -> None:
        self.crowd = Crowd()
        self.ledger = Ledger(ROOM)
        self.ledger.members = members
        self.crowd.ledgers = [self.ledger]
        self.transports = [FakeTransport() for _ in range(members)]
        self.members = [
            NetchatMember(self.crowd, self.ledger, f"m{i}", SIZE, "join", NATIVE_DOOR)
            for i in range(members)
        ]
        self.crowd.members = list(self.members)
        self.seq = 0
        for number, member in enumerate(self.members):
            member.start(cast(Transport, self.transports[number]))
            self.transports[number].requests()
            self.give(number, NATIVE.encode(joined(members)))
        self.crowd.new_round()

    def give(self, number: int, data: bytes) -> None:
        """A piece of its stream reaches a member."""
        self.members[number].data_received(data, 0.0)

    def give_all(self, data: bytes) -> None:
        """... reaches every member."""
        for number in range(len(self.members)):
            self.give(number, data)

    def post(self, count: int = 1) -> list[bytes]:
        """The first member posts; what it costs a server in frames of messages."""
        frames = []
        for _ in range(count):
            self.members[0].post(due=1)
            [post] = self.transports[0].requests()
            self.seq += 1
            self.give(0, NATIVE.encode(accepted(post.id, self.seq)))
            frames.append(NATIVE.encode(message(self.seq, post.id, post.text)))
        return frames

    def settle(self) -> Tally:
        """The round is over."""
        return self.crowd.settle()


def joined(count: int) -> Joined:
    return Joined(room=ROOM, epoch="e", head=0, first=1, count=count, members=None, topic="")


def accepted(id: str, seq: int) -> Accepted:
    return Accepted(id=id, room=ROOM, seq=seq, time=0)


def message(seq: int, id: str, text: str = compose(1, 2, SIZE)) -> Message:
    return Message(room=ROOM, seq=seq, time=0, sender="m0", text=text, id=id)
