"""Argon2id, and the threads that it runs on. The bounded queue is `chat.passwords`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
"""OWASP's profile of argon2id: 20 ms. One lane, so that a hash takes one core, not the loop's."""

WORKERS = 2
"""Hashes at a time, where there are as many cores: 38 MiB."""

NICENESS = 15
"""The loop goes first wherever both want a core: Linux then gives it 28 parts of 29, and never has
it wait for the end of a slice (at 5, that was 4 ms). Beside others that keep every core busy, a
hash takes half a second."""

DUMMY = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$bm9ib2R5J3Mgc2FsdCAxNg$q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k"
)
"""Nobody's: who has no account gets the work of who has."""


def workers() -> int:
    """Of one core, two would take turns: one that has come to its end holds the interpreter, and
    lies still behind the other for some milliseconds, and the loop waits for it."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(WORKERS, cores)


class Argon2Hasher:
    """See `chat.passwords.Hasher`."""

    def __init__(self) -> None:
        self._hasher: PasswordHasher | None = None

    @property
    def _argon2(self) -> PasswordHasher:
        """Imported with the first password; two threads that both do so do no harm."""
        if self._hasher is None:
            from argon2 import PasswordHasher

            self._hasher = PasswordHasher(PASSES, MEMORY_KIB, LANES)
        return self._hasher

    def hash(self, password: str) -> str:
        return self._argon2.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._argon2.verify(stored or DUMMY, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        return self._argon2.check_needs_rehash(stored)
