"""What stands around a hub in the tests: time, a disk, and a log, all under the test's control."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from netchat.chat.log import (
    Appended,
    Batch,
    IdentityRow,
    RecordRow,
    RoomRow,
    RoomState,
    State,
    TalkRow,
    TokenRow,
)
from netchat.storage.memory import KEEP, MemoryLog

START_MS = 1_795_323_600_000
EPOCH = "8f3c"


class FakeTimers:
    """Timers that fire when the test says so, in order of their instants."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._serial = count()

    def wall(self) -> int:
        return START_MS + int((self.now - 1_000.0) * 1_000)

    def later(self, delay: float, call: Callable[[float], None]) -> None:
        self._due.append((self.now + delay, next(self._serial), call))

    def next_within(self, until: float) -> bool:
        """Fire what is due next, not after `until`; False where there is nothing."""
        self._due.sort(key=lambda timer: timer[:2])
        if not self._due or self._due[0][0] > until:
            return False
        self.now, _, call = self._due.pop(0)
        call(self.now)
        return True


class ManualWorker:
    """A slow disk, or one that fails: once it is `stalled`, calls are made when the test says."""

    def __init__(self) -> None:
        self.calls: deque[tuple[Callable[[], Any], Callable[[Any], None]]] = deque()
        self.stalled = False

    def submit(self, call: Callable[[], Any], on_done: Callable[[Any], None]) -> None:
        self.calls.append((call, on_done))
        if not self.stalled:
            self.run()

    def run(self) -> None:
        """Make the call that is next, and tell its outcome."""
        call, on_done = self.calls.popleft()
        try:
            outcome = call()
        except Exception as exc:  # noqa: BLE001 - whatever went wrong is the outcome
            outcome = exc
        on_done(outcome)

    def fail(self, exc: Exception, *, after_its_effect: bool = False) -> None:
        """The call that is next fails, without an effect or in spite of it."""
        call, on_done = self.calls.popleft()
        if after_its_effect:
            call()
        on_done(exc)

    def close(self) -> None:
        """Nothing to stop."""


class KeptLog(MemoryLog):
    """A memory log whose rows can be loaded again, as after a restart."""

    def __init__(self, wall: Callable[[], int], keep: int = KEEP) -> None:
        super().__init__(wall, EPOCH, keep)
        self.batches: list[Batch] = []
        self.rooms: dict[int, RoomRow] = {}
        self.talks: dict[int, TalkRow] = {}
        self.identities: dict[int, IdentityRow] = {}
        self.tokens: dict[bytes, TokenRow] = {}
        self.records: dict[tuple[str, str], RecordRow] = {}
        self.damaged: dict[int, str] = {}

    def append(self, batch: Batch) -> Appended:
        appended = super().append(batch)
        self.batches.append(batch)
        self.rooms |= {row.room: row for row in batch.rooms}
        self.talks |= {row.room: row for row in batch.talks}
        self.identities |= {row.identity: row for row in batch.identities}
        self.tokens |= {row.hash: row for row in batch.tokens}
        self.records |= {(row.kind, row.key): row for row in batch.records}
        return appended

    def load(self) -> State:
        rooms = [
            RoomState(
                row,
                first=self._first(number),
                head=self._head(number),
                active=self.after(number, self._head(number) - 1, 1).entries[-1].time
                if self._head(number)
                else 0,
                damaged=self.damaged.get(number),
            )
            for number, row in self.rooms.items()
        ]
        identities, tokens = list(self.identities.values()), list(self.tokens.values())
        records = [row for row in self.records.values() if row.value is not None]
        return State(EPOCH, rooms, list(self.talks.values()), identities, tokens, records)


class FakeHasher:
    """A Hasher that costs nothing. What it keeps says how: "v1:" and the password backwards."""

    def __init__(self) -> None:
        self.version = "v1:"
        self.work: list[str] = []

    def hash(self, password: str) -> str:
        self.work.append("hash")
        return self.version + password[::-1]

    def verify(self, stored: str | None, password: str) -> bool:
        self.work.append("verify")
        return stored is not None and stored.partition(":")[2] == password[::-1]

    def is_outdated(self, stored: str) -> bool:
        return not stored.startswith(self.version)
