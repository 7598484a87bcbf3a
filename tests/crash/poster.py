"""Posters: raw clients that post numbered texts, and note everything that they are told.

A poster keeps a window of posts unacknowledged. When its connection breaks it comes back by its
token, joins its rooms behind the last message that it holds, and sends again whatever was not
acknowledged, under the same ids; and also the last post that was, as if its acknowledgement had
been lost. What it is told must fit what it was told before; whether it
fits the log as well is for the audit.
"""

from __future__ import annotations

import time
from collections import deque

from tests.e2e.client import Address, Ended, Object, RawClient

ROOMS = ("plaza", "patio")
"""A poster writes to them in turns, so that one batch of the log has posts for both."""

RUN = 50
"""Posts sent in one piece at the most: less than would fill a socket that nobody reads."""


class Violation(AssertionError):
    """A promise was broken."""


def check(holds: bool, sentence: str) -> None:
    """Raise Violation where it does not hold."""
    if not holds:
        raise Violation(sentence)


def post_of(name: str, number: int) -> tuple[str, str, str]:
    """A poster's post: its room, id and text, all told by its number."""
    text = f"{name} {number} " + "x" * (number * 37 % 100)
    return ROOMS[number % len(ROOMS)], f"{name}-{number}", text


class Poster:
    """One user, through all connections."""

    def __init__(self, name: str, window: int) -> None:
        self.name = name
        self.window = window
        self.posting = True
        """False: no new posts, only those that are not acknowledged."""
        self.sent = 0
        """Posts 1 to `sent` have been sent, those from `len(seqs) + 1` on without an answer."""
        self.seqs: list[int] = []
        """The seq of each acknowledged post."""
        self.held = dict.fromkeys(ROOMS, 0)
        """The last seq received from each room."""
        self.heads = dict.fromkeys(ROOMS, 0)
        """The newest seq of each room that it was told of, by `joined` or `accepted`."""
        self.rooms_joined = 0
        """On this connection."""
        self.unaudited: dict[str, list[Object]] = {room: [] for room in ROOMS}
        """Messages since the last audit; the last one has the seq that is `held`."""
        self.resent = self.duplicates = 0
        self.client: RawClient | None = None
        self._token: str | None = None
        self._epoch: str | None = None
        self._replies: deque[tuple[int, float]] = deque()
        """The posts to be answered on this connection: numbers, and when they were sent."""
        self.undecided_since: float | None = None
        """When the oldest post was sent that the last connection left without an answer."""

    @property
    def in_flight(self) -> int:
        """Posts that were sent and are not acknowledged."""
        return self.sent - len(self.seqs)

    def connect(self, address: Address) -> None:
        """Come back, and say all that there is to say in one piece."""
        again = range(max(1, len(self.seqs)), self.sent + 1)  # the last acknowledged one too
        self.resent += len(again)
        self.rooms_joined = 0
        try:
            self.client = RawClient(address, noise=())
            self._send(self.client, again, self._hello(), *map(self._join, ROOMS))
        except OSError:
            self.lose()

    def serve(self) -> None:
        """Take what has come, and fill the window."""
        try:
            while self.client is not None and self.client.peek():
                self._take(self.client.recv())
            self._fill()
        except (OSError, Ended):
            self.lose()

    def lose(self) -> None:
        """The connection is gone."""
        doubtful = (at for number, at in self._replies if number > len(self.seqs))
        self.undecided_since = next(doubtful, None)
        if self.client is not None:
            self.client.close()
        self.client = None
        self._replies.clear()

    # -- saying ----------------------------------------------------------------------------

    def _hello(self) -> Object:
        hello: Object = {"type": "hello", "version": 1, "name": self.name}
        return hello if self._token is None else hello | {"token": self._token}

    def _join(self, room: str) -> Object:
        join: Object = {"type": "join", "room": room, "after": self.held[room]}
        return join if self._epoch is None else join | {"epoch": self._epoch}

    def _fill(self) -> None:
        count = min(self.window - self.in_flight, RUN)
        if self.client is not None and self.posting and count >= max(1, self.window // 2):
            numbers = range(self.sent + 1, self.sent + 1 + count)
            self.sent += count
            self._send(self.client, numbers)

    def _send(self, client: RawClient, numbers: range, *before: Object) -> None:
        posts = (post_of(self.name, number) for number in numbers)
        fields = ({"room": room, "id": id, "text": text} for room, id, text in posts)
        client.send(*before, *({"type": "post", **each} for each in fields))
        self._replies.extend((number, time.monotonic()) for number in numbers)

    # -- being told ------------------------------------------------------------------------

    def _take(self, event: Object) -> None:
        match event["type"]:
            case "message":
                self._on_message(event)
            case "accepted":
                self._on_accepted(event)
            case "welcome":
                self._token, self._epoch = event["token"], event["epoch"]
            case "joined":
                held = self.held[event["room"]]
                check(event["head"] >= held, f"{self.name} holds {held}, {event}")
                self.rooms_joined += 1
                self._has_heard_of(event["room"], event["head"])
            case "presence" | "ping":
                pass
            case _:
                raise Violation(f"{self.name} was told {event}")

    def _on_message(self, event: Object) -> None:
        room, seq = event["room"], event["seq"]
        held = self.held[room]
        check(seq == held + 1, f"{self.name} holds {held} of {room} and was told {seq}")
        self.held[room] = seq
        self.unaudited[room].append(event)

    def _has_heard_of(self, room: str, seq: int) -> None:
        self.heads[room] = max(self.heads[room], seq)

    def _on_accepted(self, event: Object) -> None:
        number, _ = self._replies.popleft()
        room, id, _ = post_of(self.name, number)
        right = (event["room"], event["id"]) == (room, id)
        check(right, f"{self.name} waits for the answer to {id} and was told {event}")
        self._has_heard_of(room, event["seq"])
        if number <= len(self.seqs):
            first, duplicate = self.seqs[number - 1], event.get("duplicate", False)
            right = (event["seq"], duplicate) == (first, True)
            check(right, f"{id} was seq {first} at first, and now {event}")
        else:
            self.seqs.append(event["seq"])
            self.duplicates += event.get("duplicate", False)
