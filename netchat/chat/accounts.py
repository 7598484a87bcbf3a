"""Accounts: identities that have a password, and the devices on which they are logged in.

An account is a record beside its identity, and each of its tokens has a record that says for
which device it was given. All are few and small: they are held in memory and written behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from msgspec import Struct

from netchat.chat.log import RecordRow, State
from netchat.chat.names import prepare_name
from netchat.chat.now import Now
from netchat.chat.penalties import Guard
from netchat.chat.people import Login, People, Save
from netchat.chat.session import Session
from netchat.chat.settings import ChatSettings
from netchat.chat.users import Account, Device, Identity
from netchat.errors import FatalError, Forbidden, NameInvalid, NoSuchUser, Replaced

log = logging.getLogger("netchat.chat")

KIND = "account"


class AccountRecord(Struct, frozen=True):
    """What is kept of an account; its key is the identity's number."""

    password: str
    since: int
    disabled: bool = False
    operator: bool = False


_decode_account = msgspec.json.Decoder(AccountRecord).decode


Kick = Callable[[Session, FatalError, Now], None]


class Accounts:
    """All accounts. `kick` sends a session away."""

    def __init__(
        self, state: State, people: People, save: Save, settings: ChatSettings, kick: Kick
    ) -> None:
        self._people = people
        self._save = save
        self._kick = kick
        self._settings = settings
        self.guard = Guard(settings) if settings.limited else None
        self.failures = 0
        """Wrong passwords, and such for accounts that do not exist."""
        for row in state.records:
            identity = people.identities.get(int(row.key)) if row.kind == KIND else None
            if identity is not None and row.value is not None:
                record = _decode_account(row.value)
                identity.account = Account(
                    record.password, record.since, record.disabled, record.operator
                )
                people.book.register(identity)
        people.load_devices(state)

    def find(self, name: str) -> Identity:
        """The account of this name, however it is spelled. Raises NoSuchUser."""
        try:
            identity = self._people.book.owners.get(prepare_name(name)[0])
        except NameInvalid:
            identity = None
        if identity is None:
            raise NoSuchUser("There is no account of this name.")
        return identity

    def add(self, name: str, password: str, now: Now) -> None:
        """Make an account for somebody who is not here yet, under any free name: the operator
        may give a reserved one. `password` is hashed. Raises NameInvalid, NameTaken."""
        key, spelling = prepare_name(name)
        self._people.book.check_free(key, spelling)
        identity = self._people.new_identity(key, spelling)
        self._people.put_on_record(identity)
        self.create(identity, password, now)

    def create(self, identity: Identity, password: str, now: Now) -> Account:
        """Make an identity an account; its name has been checked."""
        account = identity.account = Account(password, now.wall)
        log.info("account made: name %s", identity.key)
        self._people.book.register(identity)
        self._write(identity, account)
        return account

    def set_password(self, identity: Identity, password: str) -> None:
        account = account_of(identity)
        account.password = password
        self._write(identity, account)

    def set_disabled(self, identity: Identity, disabled: bool) -> None:
        account = account_of(identity)
        account.disabled = disabled
        self._write(identity, account)

    def set_operator(self, identity: Identity, operator: bool) -> None:
        account = account_of(identity)
        account.operator = operator
        self._write(identity, account)

    def remove(self, identity: Identity, exc: FatalError, now: Now) -> None:
        """The account is gone; what it has written stays."""
        self.log_out(identity, exc, now)
        self._people.book.release(identity)
        identity.account = None
        self._save(RecordRow(KIND, str(identity.id), None))

    def check_registration(self, address: str, now: Now) -> None:
        """May somebody make an account? Raises Forbidden, RateLimited."""
        if self._settings.policy == "closed":
            raise Forbidden("On this server only the operator makes accounts.")
        if self.guard is not None:
            self.guard.check_registration(address, now.monotonic)

    def failed(self, key: str, address: str, now: Now) -> None:
        """A password was wrong. The line in the log is for whoever bans addresses by it."""
        self.failures += 1
        log.info("login failed: name %s, address %s", key, address)
        if self.guard is not None:
            self.guard.login_failed(key, address, now.monotonic)

    def registering(self, address: str, now: Now) -> None:
        """Somebody is about to make one; this counts, whatever comes of it."""
        if self.guard is not None:
            self.guard.registering(address, now.monotonic)

    # -- devices ---------------------------------------------------------------------------

    def log_in(self, identity: Identity, device: Device, now: Now) -> Login:
        """A new token for one more device; where there are too many, the idlest one goes."""
        for digest in self._surplus(identity):
            self.revoke(identity, digest, Replaced("You have logged in on many others."), now)
        self._people.take_name(identity)
        return self._people.new_token(identity, now, device)

    def log_out(
        self, identity: Identity, exc: FatalError, now: Now, *, spared: bytes | None = None
    ) -> None:
        """Revoke an account's tokens, but the `spared` one, and send its devices away."""
        for digest in list(account_of(identity).devices):
            if digest != spared:
                self.revoke(identity, digest, exc, now)

    def revoke(self, identity: Identity, digest: bytes, exc: FatalError, now: Now) -> None:
        """A token is good for nothing any more, and its connection ends."""
        for session in identity.user.sessions if identity.user else ():
            if session.token == digest:
                self._kick(session, exc, now)
        self._people.revoke(digest)

    def _surplus(self, identity: Identity) -> list[bytes]:
        """The tokens for which one more device leaves no place: those unused for longest, and of
        them first those that nobody is connected with."""
        devices = account_of(identity).devices
        here = {session.token for session in identity.user.sessions} if identity.user else set()
        by_use = sorted(devices, key=lambda digest: (digest in here, devices[digest].used))
        return by_use[: max(0, len(devices) + 1 - self._settings.devices)]

    def _write(self, identity: Identity, account: Account) -> None:
        record = AccountRecord(account.password, account.since, account.disabled, account.operator)
        self._save(RecordRow(KIND, str(identity.id), msgspec.json.encode(record).decode()))


def account_of(identity: Identity) -> Account:
    """The account of an identity that has one."""
    assert identity.account is not None
    return identity.account
