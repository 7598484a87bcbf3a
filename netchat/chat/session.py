"""Session: one attached peer as the chat sees it. Each door adds its transport and wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from netchat.chat.few import Few, add, pack, unpack

if TYPE_CHECKING:
    from netchat.chat.posting import Pending, Refused
    from netchat.chat.rooms import Cursor, Room
    from netchat.chat.users import Identity, User


class Session(Struct, eq=False, gc=False):
    """State that the hub keeps for one peer. A struct: there may be tens of thousands, and they
    come in crowds. Not the collector's: whoever ends one takes it out of all that knows it.

    `unanswered` holds the posts (and refusals behind them) whose replies are still due, in
    order; `unpublished` counts own posts that are committed and not yet handed out; `busy` is
    true while another request waits for its answer. See `Hub.may_serve`.
    """

    wire: ClassVar[object]
    """The encoder that this session shares with its kind; opaque here."""

    number: int
    user: User | None = None
    token: bytes | None = None
    _cursors: Few[Cursor] = None
    unanswered: list[Pending | Refused] | tuple[()] = ()
    unanswered_bytes: int = 0
    unpublished: int = 0
    busy: bool = False
    refusals: int = 0
    ended: bool = False
    """The peer's input has ended: no new live messages, only what is still owed."""
    slow: bool = False
    """The peer has to read first: until then none of its cursors is live."""
    closing: bool = False
    """The last reply has been given: no further request is served."""

    @property
    def cursors(self) -> tuple[Cursor, ...]:
        """Its places in rooms; each room knows them by session."""
        return unpack(self._cursors)

    @cursors.setter
    def cursors(self, cursors: tuple[Cursor, ...]) -> None:
        self._cursors = pack(cursors)

    def place(self, cursor: Cursor) -> None:
        """It has a place in one room more."""
        self._cursors = add(self._cursors, cursor)

    @property
    def address(self) -> str:
        """Where the peer is, as far as its door knows."""
        return ""

    @property
    def id(self) -> str:
        """What people call it by."""
        return f"s{self.number}"

    @property
    def identity(self) -> Identity:
        """Whose session this is; it has been welcomed."""
        assert self.user is not None
        return self.user.identity

    def has_joined(self, room: Room) -> bool:
        """Whether `join` was asked for and not taken back; a talk is open without."""
        cursor = room.cursors.get(self)
        return cursor is not None and cursor.joined

    @property
    def outlet(self) -> object:
        """What takes this session's bytes; opaque here. Live members are known by it."""
        raise NotImplementedError

    def welcomed(self) -> None:
        """The peer has been let in."""

    def put_out(self) -> None:
        """It has been put out of a room, and told so."""

    def wake(self) -> None:
        """Requests that had to wait may be tried again."""
        raise NotImplementedError
