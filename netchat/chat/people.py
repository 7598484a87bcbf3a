"""People: identities, the names they hold, and the tokens that bring them back.

A name belongs to the identity that is here under it, or whose connection has dropped less
than `hold` seconds ago. `bye` frees it at once. A token outlives both, for 30 days, but if
somebody else has taken the name meanwhile, it only gives the right to another one. An account's
name is its own for good, and each of its devices has a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import msgspec
from msgspec import Struct

from netchat.chat.forgetting import forget
from netchat.chat.log import TOKEN_LIFE_MS, IdentityRow, RecordRow, State, TokenRow
from netchat.chat.namebook import NameBook
from netchat.chat.names import prepare_name
from netchat.chat.now import Later, Now
from netchat.chat.requests import Hello
from netchat.chat.users import Device, Identity, Token, User, token_hash
from netchat.errors import BadToken

DEVICE = "device"
"""The kind of the records that say for which device a token was given, by its hash."""

SWEEP_EVERY = 3_600.0
SWEPT_AT_ONCE = 1_000
"""Seconds between two looks for tokens that have expired, and how many go in one: 1 ms."""

REVOKED = 0
"""Stands for a token's last use once it is good for nothing; the store forgets it at a start."""

Save = Callable[[IdentityRow | TokenRow | RecordRow], None]

_decode_device = msgspec.json.Decoder(Device).decode


class Login(Struct, frozen=True, gc=False):
    """A successful `hello`: the identity, the token that stands for it, and its hash."""

    identity: Identity
    token: str
    digest: bytes


class People:
    """Everybody that the server knows. `save` writes a row behind."""

    def __init__(
        self, state: State, save: Save, new_secret: Callable[[], str], reserved: Iterable[str] = ()
    ) -> None:
        self._save = save
        self._new_secret = new_secret
        self.book = NameBook(reserved)
        self.identities = {row.identity: _identity(row) for row in state.identities}
        self._next_id = max(self.identities, default=0) + 1
        self._tokens = {
            row.hash: Token(self.identities[row.identity], row.used)
            for row in sorted(state.tokens, key=lambda row: row.used)
            if row.identity in self.identities and row.used != REVOKED
        }
        """By hash; those that were used longest ago come first."""
        for row in state.identities:
            if row.held:
                self.take_name(self.identities[row.identity])

    def load_devices(self, state: State) -> None:
        """Find each account's devices; the accounts are known by now."""
        for row in state.records:
            token = self._tokens.get(bytes.fromhex(row.key)) if row.kind == DEVICE else None
            if token is not None and token.identity.account and row.value is not None:
                token.device = _decode_device(row.value)
        for digest, token in self._tokens.items():
            if token.identity.account is not None:
                token.identity.account.devices[digest] = token

    @property
    def names(self) -> dict[str, Identity]:
        """Names that are taken by who is here or held, by key."""
        return self.book.holders

    # -- logging in ------------------------------------------------------------------------

    def enter(self, key: str, spelling: str, now: Now) -> Login:
        """Somebody new, under a free name that it holds from now on. Raises NameTaken."""
        self.book.check(key, spelling)
        identity = self.new_identity(key, spelling)
        self.take_name(identity)
        return self.new_token(identity, now)

    def resume(self, hello: Hello, now: Now) -> Login:
        """Whose the token of a `hello` is. It holds its name from now on.

        Raises NameInvalid, NameTaken, BadToken.
        """
        key, spelling = prepare_name(hello.name)
        secret = hello.token or ""
        identity = self.by_token(secret, now)
        self._claim(identity, key, spelling)
        digest = token_hash(secret)
        self.touch(digest, now)
        self.take_name(identity)
        return Login(identity, secret, digest)

    def new_identity(self, key: str, spelling: str) -> Identity:
        """Somebody who was not there before; the name has been checked."""
        identity = Identity(self._next_id, key, spelling)
        self._next_id += 1
        self.identities[identity.id] = identity
        return identity

    def new_token(self, identity: Identity, now: Now, device: Device | None = None) -> Login:
        """One more token for an identity; an account's is a device's."""
        secret = self._new_secret()
        digest = token_hash(secret)
        token = self._tokens[digest] = Token(identity, now.wall)
        self._save(TokenRow(hash=digest, identity=identity.id, used=now.wall))
        if device is not None:
            self.name_device(digest, token, device)
        return Login(identity, secret, digest)

    def by_token(self, secret: str, now: Now) -> Identity:
        """Whose a token is. Raises BadToken."""
        token = self._tokens.get(token_hash(secret))
        if token is None or self._has_expired(token, now.wall):
            raise BadToken
        return token.identity

    def _claim(self, identity: Identity, key: str, spelling: str) -> None:
        """Check that `identity` may have this name; rename it where its own has gone."""
        if key == identity.key:
            self.book.check(key, identity.name, identity)
            return
        if self.book.is_free_for(identity):
            raise BadToken("This token is another name's.")
        self.book.check(key, spelling, identity)
        identity.key, identity.name = key, spelling

    def take_name(self, identity: Identity) -> None:
        """The identity is here, or held; its name is taken."""
        if identity.user is None:
            identity.user = User(identity)
            self.book.hold(identity)
            self._save(IdentityRow(identity=identity.id, name=identity.name, held=True))

    def free_name(self, identity: Identity) -> None:
        """The identity is no longer here; unless it is an account, anybody may have its name."""
        identity.user = None
        self.book.free(identity)
        self._save(IdentityRow(identity=identity.id, name=identity.name, held=False))

    def put_on_record(self, identity: Identity) -> None:
        """Somebody who has not been here yet."""
        self._save(IdentityRow(identity=identity.id, name=identity.name, held=False))

    # -- tokens ----------------------------------------------------------------------------

    def name_device(self, digest: bytes, token: Token, device: Device) -> None:
        """A token is an account's: note for which device."""
        assert token.identity.account is not None
        token.device = device
        token.identity.account.devices[digest] = token
        self._save(RecordRow(DEVICE, digest.hex(), msgspec.json.encode(device).decode()))

    def token(self, digest: bytes) -> Token:
        """The token on record under this hash."""
        return self._tokens[digest]

    def touch(self, digest: bytes, now: Now) -> None:
        """A token was in use until now: its 30 days run from here."""
        token = self._tokens.pop(digest, None)
        if token is not None:
            self._tokens[digest] = token
            token.used = now.wall
            self._save(TokenRow(hash=digest, identity=token.identity.id, used=now.wall))

    def revoke(self, digest: bytes) -> None:
        """A token is good for nothing any more."""
        token = self._tokens.pop(digest)
        self._save(TokenRow(hash=digest, identity=token.identity.id, used=REVOKED))
        account = token.identity.account
        if account is not None and account.devices.pop(digest, None) is not None:
            self._save(RecordRow(DEVICE, digest.hex(), None))

    def sweep(self, now: Now) -> bool:
        """Forget tokens that have expired, and guests with theirs; whether there may be more."""
        for digest, token in list(islice(self._tokens.items(), SWEPT_AT_ONCE)):
            if now.wall - token.used <= TOKEN_LIFE_MS:
                return False
            if _is_in_use(digest, token):
                self.touch(digest, now)
            else:
                self.revoke(digest)
                forget(self.identities, [token.identity])
        return bool(self._tokens)

    def forget_tokenless(self) -> None:
        """Drop those whose tokens had expired before the start: all else is known by now."""
        known = {token.identity.id for token in self._tokens.values()}
        those = [identity for number, identity in self.identities.items() if number not in known]
        forget(self.identities, those)

    def _has_expired(self, token: Token, wall: int) -> bool:
        """A guest who is here, or held, has been using its token all the time."""
        if wall - token.used <= TOKEN_LIFE_MS:
            return False
        return token.identity.account is not None or token.identity.user is None


def keep_swept(people: People, later: Later, wall: Callable[[], int]) -> None:
    """Look for expired tokens from time to time."""
    people.forget_tokenless()

    def sweep(now: float) -> None:
        more = people.sweep(Now(now, wall()))
        later(1.0 if more else SWEEP_EVERY, sweep)

    later(SWEEP_EVERY, sweep)


def _is_in_use(digest: bytes, token: Token) -> bool:
    user = token.identity.user
    if user is None:
        return False
    return token.identity.account is None or any(s.token == digest for s in user.sessions)


def _identity(row: IdentityRow) -> Identity:
    return Identity(row.identity, prepare_name(row.name)[0], row.name)
