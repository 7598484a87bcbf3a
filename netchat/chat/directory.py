"""Directory: the rooms that there are, by name and by number, and the private talks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping

from netchat.chat.log import RecordRow, RoomRow, State, TalkRow
from netchat.chat.names import room_key
from netchat.chat.rights import rights_row
from netchat.chat.rooms import Room
from netchat.chat.users import Identity
from netchat.errors import TooManyRooms

LOBBY = "lobby"
"""Where clients go by themselves: it belongs to no one who happened to be first."""


class Directory:
    """All rooms. A private talk's key is its opaque name, which starts with `@`."""

    def __init__(
        self,
        state: State,
        identities: Mapping[int, Identity],
        topics: Mapping[str, str],
        new_secret: Callable[[], str],
        limit: int,
    ) -> None:
        self._new_secret = new_secret
        self._limit = limit
        self._topics = {room_key(name): topic for name, topic in topics.items()}
        self._rooms: dict[str, Room] = {}
        self._by_id: dict[int, Room] = {}
        self._public: list[str] = []
        self._next_id = 1
        for stored in sorted(state.rooms, key=lambda stored: stored.active):
            room = self._add(stored.row.room, stored.row.key, stored.row.name)
            room.oldest = stored.first
            room.committed = room.published = stored.head
            room.active = stored.active
            room.damaged = stored.damaged
            room.stored = True
        talks = {row.room: row for row in state.talks}
        for room in list(self._rooms.values()):
            if (row := talks.get(room.id)) is not None:
                _make_talk(room, identities[row.first], identities[row.second])

    def __len__(self) -> int:
        return len(self._rooms)

    def _add(self, id: int, key: str, name: str) -> Room:
        room = Room(id, key, name, self._topics.get(key, ""))
        self._rooms[key] = self._by_id[id] = room
        self._next_id = max(self._next_id, id + 1)
        if not key.startswith("@"):
            insort(self._public, key)
        return room

    def is_house(self, room: Room) -> bool:
        """Whether a room is nobody's: the lobby, or one of the configuration."""
        return room.key == LOBBY or room.key in self._topics

    def topic_of(self, room: Room) -> str:
        """The topic of the configuration."""
        return self._topics.get(room.key, "")

    def list_publicly(self, room: Room, listed: bool) -> None:
        """Show a room to everybody, or to nobody who lists the rooms."""
        place = bisect_left(self._public, room.key)
        if (self._public[place : place + 1] == [room.key]) is listed:
            return
        if listed:
            self._public.insert(place, room.key)
        else:
            del self._public[place]

    def by_id(self, id: int) -> Room | None:
        """The room of a row number."""
        return self._by_id.get(id)

    def find(self, name: str) -> Room | None:
        """The room of this name, however it is spelled. Raises RoomInvalid."""
        room = self._rooms.get(name)  # most names are spelled like their keys
        if room is None and not name.startswith("@"):
            room = self._rooms.get(room_key(name))
        return room

    def open(self, name: str) -> Room:
        """The room of this name, made where there is none. Raises RoomInvalid, TooManyRooms."""
        return self.find(name) or self._make(room_key(name), name)

    def _make(self, key: str, name: str) -> Room:
        if len(self._rooms) >= self._limit:
            raise TooManyRooms("This server has as many rooms as it takes.")
        return self._add(self._next_id, key, name)

    def forget(self, room: Room) -> None:
        """Drop a room in which nobody is and nothing was ever written."""
        if self._rooms.get(room.key) is room:
            del self._rooms[room.key], self._by_id[room.id]
            if room.talk is None:
                self.list_publicly(room, False)
                return
            one, other = room.talk
            one.end_talk(other)
            other.end_talk(one)

    def talk(self, one: Identity, other: Identity) -> Room:
        """The private talk between two, made where there is none. Raises TooManyRooms."""
        room = one.talk_with(other)
        if room is None:
            name = "@" + self._new_secret()
            room = self._make(name, name)
            _make_talk(room, one, other)
        return room

    def public(self, after: str, limit: int) -> list[Room]:
        """Public rooms in order of their keys, those behind `after`."""
        start = bisect_right(self._public, after)
        return [self._rooms[key] for key in self._public[start : start + limit]]


def _make_talk(room: Room, one: Identity, other: Identity) -> None:
    room.talk = (one, other)
    one.talked(other, room)
    other.talked(one, room)


def put_on_record(room: Room, save: Callable[[RoomRow | TalkRow | RecordRow], None]) -> None:
    """The log has a room from now on."""
    room.stored = True
    save(room_row(room))
    if room.talk:
        save(talk_row(room))
    if room.rights is not None:
        save(rights_row(room.id, room.rights))


def room_row(room: Room) -> RoomRow:
    """The row that puts a room on record."""
    return RoomRow(room=room.id, key=room.key, name=room.name)


def talk_row(room: Room) -> TalkRow:
    """The row that says between whom a talk is."""
    assert room.talk is not None
    first, second = sorted(identity.id for identity in room.talk)
    return TalkRow(room=room.id, first=first, second=second)
