"""Forgetting: who cannot come back any more leaves the memory.

A guest is known by its one token, for 30 days after its last use. Once that has expired nobody
can be this guest again, and it goes with it; unless a private talk still names it, as the other
party may read that. The log keeps its row, so that nobody else is ever given its number, and
what it has written stays its own.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

from netchat.chat.users import Identity


def forget(identities: MutableMapping[int, Identity], those: Iterable[Identity]) -> None:
    """Drop those of whom nothing is left; none of them has a token any more."""
    for identity in those:
        if identity.account is None and identity.user is None and not any(identity.talks()):
            identities.pop(identity.id, None)
