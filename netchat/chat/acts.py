"""Acts: what moderators and operators have done. Each is an entry that says who, whom, why, until
when; all of them can be listed, and bans and mutes undone.

An act is a record. Those of a room, those of the server and those of one actor are bounded; the
oldest that is over goes for a new one. Bans and mutes are indexed by whom they are for; what has
come to its end leaves the index when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import msgspec
from msgspec import Struct

from netchat.chat.log import RecordRow, State
from netchat.errors import Forbidden

KIND = "act"

KICK, BAN, MUTE, ROLE, INVITE, SET = "kick", "ban", "mute", "role", "invite", "set"
LASTING = frozenset({BAN, MUTE})
"""What holds until it ends or is undone."""

SERVER = 0
"""Stands for a room's number where an act is for the whole server."""

THE_OPERATOR = "the operator"
"""Stands for a name where the operator's own command has acted: no name has a space in it."""

MAX_ACTS = {True: 10_000, False: 500}
"""Entries kept of the server, of a room: about 3 MB, 150 KB."""

MAX_ACTS_BY = 2_000
"""Entries kept of what one account does in rooms, however many it makes: 600 KB."""

USER, NAME, ADDRESS, ROOM = "user", "name", "address", "room"
Target = tuple[str, int | str]
"""Whom an act is for: an identity's number, a name's key, an address's class."""


class Act(Struct, gc=False):
    """One act. `named` is `target` as people call it; `actor` is the identity of `by`, None for
    the operator's own commands; `rank` is what it was. Times in ms since the epoch."""

    what: str
    room: int
    kind: str
    target: int | str
    named: str
    by: str
    actor: int | None
    rank: int
    at: int
    reason: str = ""
    detail: str = ""
    until: int | None = None
    undone_by: str | None = None
    number: int = 0

    def holds(self, wall: int) -> bool:
        """Whether it is a ban or a mute that is neither over nor undone."""
        if self.what not in LASTING or self.undone_by is not None:
            return False
        return self.until is None or wall < self.until


_decode = msgspec.json.Decoder(Act).decode
_encode = msgspec.json.Encoder().encode
Index = dict[Target, Act]


class Acts:
    """All entries. `save` writes a record behind."""

    def __init__(self, state: State, save: Callable[[RecordRow], None]) -> None:
        self._save = save
        self._all: dict[int, Act] = {}
        self._in: dict[int, dict[int, Act]] = {}
        self._by: dict[int, dict[int, Act]] = {}
        self.server_bans: Index = {}
        self.server_mutes: Index = {}
        self._indexes: dict[tuple[int, str], Index] = {
            (SERVER, BAN): self.server_bans,
            (SERVER, MUTE): self.server_mutes,
        }
        found = [_decode(row.value) for row in state.records if row.kind == KIND and row.value]
        for act in sorted(found, key=lambda act: act.number):
            self._enter(act)
        self._next = max(self._all, default=0) + 1

    @property
    def rooms(self) -> set[int]:
        """The rooms in which somebody is, or was, banned or muted."""
        return {room for room, _ in self._indexes if room != SERVER}

    def mutes_in(self, room: int) -> bool:
        """Whether anybody may be muted there."""
        return bool(self._indexes.get((room, MUTE)))

    def get(self, number: int) -> Act | None:
        return self._all.get(number)

    def add(self, act: Act) -> Act:
        """Put an act on record. A ban or a mute takes the place of an earlier one of the same.

        Raises Forbidden where there are too many that hold.
        """
        self._make_way(self._in.get(act.room, {}), MAX_ACTS[act.room == SERVER], act.at)
        if act.room != SERVER and act.actor is not None:
            self._make_way(self._by.get(act.actor, {}), MAX_ACTS_BY, act.at)
        if act.what in LASTING:
            index = self._indexes.get((act.room, act.what), {})
            if (earlier := index.get((act.kind, act.target))) is not None:
                self.undo(earlier, act.by)
        act.number = self._next
        self._next += 1
        self._enter(act)
        self._write(act)
        return act

    def undo(self, act: Act, by: str) -> None:
        """A ban or a mute holds no longer."""
        act.undone_by = by
        self._unindex(act)
        self._write(act)

    def find(self, room: int, what: str, targets: Iterable[Target], wall: int) -> Act | None:
        """The ban or the mute that holds for one of these, in a room or on the server."""
        index = self._indexes.get((room, what))
        if not index:
            return None
        for target in targets:
            if (act := index.get(target)) is not None:
                if act.holds(wall):
                    return act
                self._unindex(act)
        return None

    def page(self, room: int | None, after: int | None, limit: int) -> list[Act]:
        """Acts in a room, on the server, or (None) all of them, the newest first: those behind
        the number `after`."""
        acts = reversed((self._all if room is None else self._in.get(room, {})).values())
        behind = (act for act in acts if after is None or act.number < after)
        return list(islice(behind, limit))

    # -- the tables ------------------------------------------------------------------------

    def _enter(self, act: Act) -> None:
        self._all[act.number] = self._in.setdefault(act.room, {})[act.number] = act
        if act.room != SERVER and act.actor is not None:
            self._by.setdefault(act.actor, {})[act.number] = act
        if act.what in LASTING and act.undone_by is None:
            index = self._indexes.setdefault((act.room, act.what), {})
            index[act.kind, act.target] = act

    def _unindex(self, act: Act) -> None:
        index = self._indexes.get((act.room, act.what), {})
        if index.get((act.kind, act.target)) is act:
            del index[act.kind, act.target]

    def _make_way(self, acts: dict[int, Act], limit: int, wall: int) -> None:
        if len(acts) < limit:
            return
        over = next((act for act in acts.values() if not act.holds(wall)), None)
        if over is None:
            raise Forbidden(f"{limit:,} bans and mutes hold already; undo some.")
        self._unindex(over)
        del self._all[over.number], self._in[over.room][over.number]
        if over.room != SERVER and over.actor is not None:
            del self._by[over.actor][over.number]
        self._save(RecordRow(KIND, str(over.number), None))

    def _write(self, act: Act) -> None:
        self._save(RecordRow(KIND, str(act.number), _encode(act).decode()))


def sentence(what: str, act: Act, wall: int) -> str:
    """What somebody is told: for how long, and why."""
    lasts = f" for another {in_words(act.until - wall)}" if act.until is not None else ""
    return f"{what}{lasts}: {act.reason}" if act.reason else f"{what}{lasts}."


def in_words(ms: int) -> str:
    """A duration for people, rounded up."""
    seconds = -(-ms // 1_000)
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (size == 60 and seconds >= 60):
            count = -(-seconds // size)
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{seconds} second{'s' * (seconds != 1)}"
