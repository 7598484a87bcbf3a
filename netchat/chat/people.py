"""People: identities, the names they hold, and the tokens that bring them back.

A name belongs to the identity that is here under it, or whose connection has dropped less
than `hold` seconds ago. `bye` frees it at once. A token outlives both, for 30 days, but if
somebody else has taken the name meanwhile, it only gives the right to another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netchat.chat.log import TOKEN_LIFE_MS, IdentityRow, State, TokenRow
from netchat.chat.names import prepare_name
from netchat.chat.now import Now
from netchat.chat.requests import Hello
from netchat.chat.users import Identity, Token, User, token_hash
from netchat.errors import BadToken, NameTaken

Save = Callable[[IdentityRow | TokenRow], None]


class Login(NamedTuple):
    """A successful `hello`: the identity, the token that stands for it, and its hash."""

    identity: Identity
    token: str
    digest: bytes


class People:
    """Everybody that the server knows. `save` writes a row behind."""

    def __init__(self, state: State, save: Save, new_secret: Callable[[], str]) -> None:
        self._save = save
        self._new_secret = new_secret
        self.identities = {row.identity: _identity(row) for row in state.identities}
        self._next_id = max(self.identities, default=0) + 1
        self._tokens = {
            row.hash: Token(self.identities[row.identity], row.used)
            for row in state.tokens
            if row.identity in self.identities
        }
        self.names: dict[str, Identity] = {}
        """Names that are taken, by key: their holders have a `user`."""
        for row in state.identities:
            if row.held:
                self._take_name(self.identities[row.identity])

    def login(self, hello: Hello, now: Now) -> Login:
        """Whom a `hello` makes. It holds its name from now on.

        Raises NameInvalid, NameTaken, BadToken.
        """
        key, spelling = prepare_name(hello.name)
        if hello.token is None:
            if key in self.names:
                raise NameTaken
            identity, token = self._new_identity(key, spelling), self._new_secret()
        else:
            identity, token = self._by_token(hello.token, now), hello.token
            self._claim(identity, key, spelling)
        digest = token_hash(token)
        self._tokens.setdefault(digest, Token(identity, now.wall))
        self.touch(digest, now)
        self._take_name(identity)
        return Login(identity, token, digest)

    def _new_identity(self, key: str, spelling: str) -> Identity:
        identity = Identity(self._next_id, key, spelling)
        self._next_id += 1
        self.identities[identity.id] = identity
        return identity

    def _by_token(self, secret: str, now: Now) -> Identity:
        token = self._tokens.get(token_hash(secret))
        if token is None:
            raise BadToken
        if token.identity.user is None and now.wall - token.used > TOKEN_LIFE_MS:
            raise BadToken  # who is here, or held, has been using it all the time
        return token.identity

    def _claim(self, identity: Identity, key: str, spelling: str) -> None:
        """Check that `identity` may have this name; rename it where its own has gone."""
        holder = self.names.get(key)
        if key == identity.key:
            if holder not in (None, identity):
                raise NameTaken("Somebody else has this name now; please choose another.")
            return
        if self.names.get(identity.key) in (None, identity):
            raise BadToken("This token is another name's.")
        if holder is not None:
            raise NameTaken
        identity.key, identity.name = key, spelling

    def _take_name(self, identity: Identity) -> None:
        self.names[identity.key] = identity
        if identity.user is None:
            identity.user = User(identity)
            self._save(IdentityRow(identity=identity.id, name=identity.name, held=True))

    def free_name(self, identity: Identity) -> None:
        """The identity is no longer here; anybody may have its name."""
        identity.user = None
        del self.names[identity.key]
        self._save(IdentityRow(identity=identity.id, name=identity.name, held=False))

    def touch(self, token: bytes, now: Now) -> None:
        """A token was in use until now: its 30 days run from here."""
        record = self._tokens[token]
        record.used = now.wall
        self._save(TokenRow(hash=token, identity=record.identity.id, used=now.wall))


def _identity(row: IdentityRow) -> Identity:
    return Identity(row.identity, prepare_name(row.name)[0], row.name)
