"""The book of names: whose each one is, and who may take it.

A name is taken while somebody is here under it or its hold runs, and for good where it is an
account's. No two names that are taken look alike, and nobody takes one that is reserved but an
account that the operator has made.
"""

from __future__ import annotations

from collections.abc import Iterable

from netchat.chat.names import prepare_name
from netchat.chat.skeleton import skeleton
from netchat.chat.users import Identity
from netchat.errors import NameTaken

REGISTERED = "This name is registered; give its password, or choose another name."


class NameBook:
    """Names by their keys."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self.holders: dict[str, Identity] = {}
        """Who is here, or away for a moment, under a name: they have a `user`."""
        self.owners: dict[str, Identity] = {}
        """Whose account a name is."""
        self._looks: dict[int, str] = {}
        """By a skeleton's hash, which is half as large, the key of the name that looks so: of those
        above, never two. Names that are their own skeleton, as most are, take no place in it. (Two
        hashes are the same once in 2**64 cases, and somebody has to choose another name.)"""
        keys = [prepare_name(name)[0] for name in reserved]
        self._reserved = {skeleton(form) for key in keys for form in (key, key.upper())}

    def check(self, key: str, spelling: str, identity: Identity | None = None) -> None:
        """May this name be taken, by somebody new or by `identity`? Raises NameTaken."""
        owner = self.owners.get(key)
        if owner is not None:
            if owner is identity:
                return
            raise NameTaken(REGISTERED, field="password")
        look = skeleton(spelling)
        self._check_look(key, look, identity)
        if look in self._reserved or (key != spelling and skeleton(key) in self._reserved):
            raise NameTaken("This name is reserved; please choose another.")

    def check_free(self, key: str, spelling: str, identity: Identity | None = None) -> None:
        """As `check`, but a reserved name will do. Raises NameTaken."""
        self._check_look(key, skeleton(spelling), identity)

    def _check_look(self, key: str, look: str, identity: Identity | None) -> None:
        """Raises NameTaken where somebody else has the name, or one that looks so."""
        found = self.owners.get(key) or self.holders.get(key)
        if found is not None and found is not identity:
            raise NameTaken
        if self._looks.get(hash(look), key) != key or (look != key and self._is_a_name(look)):
            raise NameTaken("This name looks like one that is taken; please choose another.")

    def is_free_for(self, identity: Identity) -> bool:
        """Whether nobody else has the identity's own name."""
        key = identity.key
        return all(book.get(key) in (None, identity) for book in (self.holders, self.owners))

    def hold(self, identity: Identity) -> None:
        """Somebody is here under its name from now on."""
        self.holders[identity.key] = identity
        self._note_look(identity)

    def free(self, identity: Identity) -> None:
        """It no longer is."""
        del self.holders[identity.key]
        self._forget_look(identity)

    def register(self, identity: Identity) -> None:
        """Its name is its own from now on, here or not."""
        self.owners[identity.key] = identity
        self._note_look(identity)

    def release(self, identity: Identity) -> None:
        """Its name is its own no longer than it is here."""
        del self.owners[identity.key]
        self._forget_look(identity)

    def _is_a_name(self, look: str) -> bool:
        """Whether this is a name that is taken and its own skeleton."""
        other = self.holders.get(look) or self.owners.get(look)
        return other is not None and skeleton(other.name) == look

    def _note_look(self, identity: Identity) -> None:
        if (look := skeleton(identity.name)) != identity.key:
            self._looks[hash(look)] = identity.key

    def _forget_look(self, identity: Identity) -> None:
        key, look = identity.key, hash(skeleton(identity.name))
        if key not in self.holders and key not in self.owners and self._looks.get(look) == key:
            del self._looks[look]
