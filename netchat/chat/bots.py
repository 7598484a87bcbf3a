"""Bots: accounts without a password, and the tokens with which programs speak for an account.

A token is made by the operator and is good until it is revoked. It is kept as a record, by its
hash. One that has a `room` is a hook's: it posts there and can do nothing else, so that it may
stand in an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from netchat.chat.accounts import Accounts, Kick
from netchat.chat.log import RecordRow, State
from netchat.chat.names import prepare_name, room_key
from netchat.chat.now import Now
from netchat.chat.people import People, Save
from netchat.chat.session import Session
from netchat.chat.users import Account, Identity, token_hash
from netchat.errors import BadToken, FatalError, Forbidden, Kicked, NoSuchUser

KIND = "token"

NO_PASSWORD = ""
"""What is kept of a bot's password: no password is that of an empty hash."""

SHOWN = 12
"""Hexadecimal digits of a token's hash by which it is called."""


class TokenRecord(Struct, frozen=True):
    """What is kept of a token; its key is the hash."""

    identity: int
    since: int
    room: str = ""


class BotToken:
    """A token, and what is going on under it."""

    __slots__ = ("digest", "identity", "room", "sessions", "since")

    def __init__(self, digest: bytes, identity: Identity, since: int, room: str) -> None:
        self.digest = digest
        self.identity = identity
        self.since = since
        self.room = room
        """The room of a hook; empty for any other token."""
        self.sessions: dict[Session, None] = {}
        """Those that live on, as streams do."""

    @property
    def name(self) -> str:
        """What it is called by where its secret is not to be seen."""
        return self.digest.hex()[:SHOWN]


_decode = msgspec.json.Decoder(TokenRecord).decode


class Bots:
    """All tokens. A secret is told once, when it is made."""

    def __init__(
        self,
        state: State,
        people: People,
        accounts: Accounts,
        save: Save,
        new_secret: Callable[[], str],
        kick: Kick,
    ) -> None:
        self._people = people
        self._accounts = accounts
        self._save = save
        self._new_secret = new_secret
        self._kick = kick
        self._tokens: dict[bytes, BotToken] = {}
        for row in state.records:
            if row.kind == KIND and row.value is not None:
                record, digest = _decode(row.value), bytes.fromhex(row.key)
                if (identity := people.identities.get(record.identity)) is not None:
                    self._tokens[digest] = BotToken(digest, identity, record.since, record.room)

    def __iter__(self) -> Iterator[BotToken]:
        return iter(self._tokens.values())

    def add(self, name: str, room: str, now: Now) -> tuple[str, BotToken]:
        """A new token for an account, which is made as a bot's where there is none; its secret.

        Raises NameInvalid, NameTaken, RoomInvalid.
        """
        if room:
            room_key(room)
        key, spelling = prepare_name(name)
        if key not in self._people.book.owners:
            self._accounts.add(spelling, NO_PASSWORD, now)
        identity = self._people.book.owners[key]
        secret = self._new_secret()
        digest = token_hash(secret)
        token = self._tokens[digest] = BotToken(digest, identity, now.wall, room)
        record = TokenRecord(identity.id, now.wall, room)
        self._save(RecordRow(KIND, digest.hex(), msgspec.json.encode(record).decode()))
        return secret, token

    def find(self, secret: str, *, hook: bool = False) -> BotToken:
        """Whose token this is; a `hook` has a room, others have none.

        Raises BadToken, Forbidden.
        """
        token = self._tokens.get(token_hash(secret))
        account = token.identity.account if token is not None else None
        if token is None or account is None or bool(token.room) is not hook:
            raise BadToken("This token is unknown, or has been revoked.")
        if account.disabled:
            raise Forbidden("This account has been disabled.")
        return token

    def revoke(self, name: str, now: Now) -> None:
        """The token of this name is good for nothing any more. Raises NoSuchUser."""
        found = [token for token in self if token.digest.hex().startswith(name)]
        if len(found) != 1 or not name:
            raise NoSuchUser("There is no such token; 'netchat token list' has them all.")
        self._drop(found[0], Kicked("The operator has revoked your token."), now)

    def send_away(self, identity: Identity, exc: FatalError, now: Now) -> None:
        """End what an identity's tokens have going on."""
        for token in self:
            if token.identity is identity:
                self._end(token, exc, now)

    def forget(self, identity: Identity, exc: FatalError, now: Now) -> None:
        """An identity has no tokens any more."""
        for token in list(self):
            if token.identity is identity:
                self._drop(token, exc, now)

    def _drop(self, token: BotToken, exc: FatalError, now: Now) -> None:
        del self._tokens[token.digest]
        self._save(RecordRow(KIND, token.digest.hex(), None))
        self._end(token, exc, now)

    def _end(self, token: BotToken, exc: FatalError, now: Now) -> None:
        for session in list(token.sessions):
            self._kick(session, exc, now)


def is_bot(account: Account) -> bool:
    """Whether an account is a program's: nobody logs in to it by password."""
    return account.password == NO_PASSWORD
