"""Passwords: what may be one, and the small queue in front of those who hash them.

Hashing is slow on purpose (some 20 ms and 19 MiB each), so it never runs on the loop, and no
more of it is waiting at a time than a person would wait for: whoever comes then is told to come
back (RFC 8265, section 4, for the preparation; reliability needs the bound, as anybody may ask).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from precis_i18n import get_profile

from netchat.chat.log import Worker
from netchat.errors import AuthBusy, BadRequest

MAX_PASSWORD_BYTES = 256
"""Longer ones only cost time; a sentence of forty words fits."""

QUEUE = 32
"""Passwords that wait or are being hashed: 0.3 s with two workers at 20 ms each, and 0.6 s on
one core. Also the most that somebody can guess at before the first failure counts."""

BUSY_RETRY = 1.0
"""Seconds: the queue has long been emptied by then."""

_OPAQUE = get_profile("OpaqueString")


class Hasher(Protocol):
    """Runs elsewhere than on the loop. `stored` is what `hash` gave, with its parameters."""

    def hash(self, password: str) -> str:
        """What is kept of a password."""

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. As much work where nothing is stored."""

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than those in force."""


class Pool(NamedTuple):
    """Who hashes, and behind which workers."""

    hasher: Hasher
    workers: Sequence[Worker]


class Verdict(NamedTuple):
    """`renewed`: what is to be kept of the password from now on, where that has changed."""

    right: bool
    renewed: str | None = None


OnDone = Callable[[object], None]


class Hashing:
    """The queue. The pool is opened when the first password comes: most servers never see one."""

    def __init__(self, open_pool: Callable[[], Pool]) -> None:
        self._open_pool = open_pool
        self._pool: Pool | None = None
        self._loads: list[int] = []
        self.refused = 0
        """Passwords that found the queue full."""

    @property
    def waiting(self) -> int:
        """Passwords that wait or are being hashed."""
        return sum(self._loads)  # of two workers

    def hash(self, password: str, on_done: OnDone) -> None:
        """`on_done` takes what is to be kept, or an exception. Raises AuthBusy."""
        self._submit(lambda hasher: hasher.hash(password), on_done)

    def verify(self, stored: str | None, password: str, on_done: OnDone) -> None:
        """`on_done` takes a Verdict, or an exception. Raises AuthBusy."""
        self._submit(lambda hasher: _verify(hasher, stored, password), on_done)

    def change(self, stored: str, old: str, new: str, on_done: OnDone) -> None:
        """As `verify` of `old`; `renewed` is what is to be kept of `new`. Raises AuthBusy."""

        def call(hasher: Hasher) -> Verdict:
            right = hasher.verify(stored, old)
            return Verdict(right, hasher.hash(new) if right else None)

        self._submit(call, on_done)

    def _submit(self, call: Callable[[Hasher], object], on_done: OnDone) -> None:
        if self._pool is None:
            self._pool = self._open_pool()
            self._loads = [0] * len(self._pool.workers)
        if self.waiting >= QUEUE:
            self.refused += 1
            raise AuthBusy(retry_after=BUSY_RETRY)
        hasher, loads = self._pool.hasher, self._loads
        number = loads.index(min(loads))
        loads[number] += 1

        def done(outcome: object) -> None:
            loads[number] -= 1
            on_done(outcome)

        self._pool.workers[number].submit(lambda: call(hasher), done)


def _verify(hasher: Hasher, stored: str | None, password: str) -> Verdict:
    if not hasher.verify(stored, password):
        return Verdict(False)
    outdated = stored is not None and hasher.is_outdated(stored)
    return Verdict(True, hasher.hash(password) if outdated else None)


def prepare_password(password: str, *, field: str = "password") -> str:
    """The password as it is hashed: the same for all ways to type it. Raises BadRequest."""
    try:
        prepared = _OPAQUE.enforce(password)
        fits = len(prepared.encode()) <= MAX_PASSWORD_BYTES
    except UnicodeEncodeError:
        raise BadRequest("A password cannot have this character in it.", field=field) from None
    if not fits:
        raise BadRequest(f"A password has at most {MAX_PASSWORD_BYTES} bytes.", field=field)
    return prepared


def check_strength(prepared: str, least: int, *, field: str = "password") -> None:
    """Raises BadRequest where a new password is too short."""
    if len(prepared) < least:
        raise BadRequest(f"A password has at least {least} characters.", field=field)
