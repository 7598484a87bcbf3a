"""Paces: who pays for which request, and how much.

    a stranger      with the others at its address (IPv6: in its /64)
    a guest         for itself, and within its address: names cost nothing, addresses do
    an account      for itself alone, all its devices and tokens together. It takes a password
                    to have one, so a neighbour who floods is no harm to it
    a bot           an account that the operator has made for a program: likewise, with more
    an operator     as a bot, and never refused or kicked: who would stop a flood must get through

An address that goes too fast keeps all its guests waiting and turns its strangers away; no
guest is refused, or kicked, for what its neighbours do.
"""

from __future__ import annotations

from netchat.chat.bots import is_bot
from netchat.chat.limits import Pace, Recent, Terms, address_class
from netchat.chat.requests import (
    Acts,
    Ban,
    Hello,
    History,
    Invite,
    Join,
    Kick,
    Leave,
    Mute,
    Password,
    Rights,
    Rooms,
    Set,
    SetRole,
    Undo,
    Who,
)
from netchat.chat.users import Account, Identity

COSTS: dict[type, int] = {
    Join: 2,
    Leave: 2,
    Hello: 8,
    History: 16,
    Who: 16,
    Rooms: 16,
    Password: 16,
    Rights: 16,
    Acts: 16,
    **dict.fromkeys((Set, SetRole, Invite, Kick, Ban, Mute, Undo), 8),
}
"""Tokens of a request; any other takes one. A page is some 16 times a post's work. Coming and
going is told to others; a `hello` makes a name, a token and a row of the log, and what a moderator
does is a row and is told."""

BULK = 4_096
"""Bytes that cost a token when so many are read at once, beside those of the requests in them: to
parse them takes as long as a post. JSON of 64 KiB costs seventeen; posts of a usual length, read
by the hundred, a twentieth more; a text of 4,000 letters costs two."""


class Paces:
    """Everybody's pace. A guest's is kept with who is here, an account's with the account, that of
    an address in a table of those that were used last."""

    def __init__(self, *, person: Terms, bot: Terms, address: Terms) -> None:
        self._person = person
        self._bot = bot
        self._operator = bot.without_end()
        self._address = address
        self._addresses: Recent[Pace] = Recent()

    def of_address(self, address: str) -> Pace:
        """The pace of those at an address of whom nothing else is known."""
        key = address_class(address)
        pace = self._addresses.get(key) or Pace(self._address)
        self._addresses.put(key, pace)
        return pace

    def of(self, identity: Identity, address: str) -> Pace:
        """The pace of somebody who is welcome."""
        account, user = identity.account, identity.user
        if account is not None:
            if account.pace is None:
                account.pace = Pace(self._person)
            account.pace.terms = self._terms_of(account)
            return account.pace
        assert user is not None
        if user.pace is None:
            user.pace = Pace(self._person)
        user.pace.within = self.of_address(address)
        return user.pace

    def _terms_of(self, account: Account) -> Terms:
        if account.operator:
            return self._operator
        return self._bot if is_bot(account) else self._person
