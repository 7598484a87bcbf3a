"""Limits on how fast a peer may go, as pure arithmetic on the time it is given.

A rate limit first delays, by leaving the connection unread, so that order holds and a burst
costs its sender a little waiting and nothing else. Who keeps it up longer than `patience` is
refused, with the time after which it is worth trying again; who goes on through many refusals
is not going to stop, and has to go.

A bucket is kept as one number: the instant at which all that was taken will have been gained
again. (ATM networks call this the virtual scheduling algorithm: ITU-T I.371.)
"""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from ipaddress import IPv6Address, ip_address
from math import inf
from typing import Generic, TypeVar

ROUNDING = 1e-6
"""Seconds that floats may lose. Who waits for so little would wait no time, again and again."""

LEASE = 16
"""Tokens that one pace takes of another at once: so many requests cost one look at it, and a
class of 500 that comes in takes 8,000 for it."""

TABLE = 65_536
"""Entries of a table of strangers: as sshd; 20 MB at the most, and an attacker needs as many
addresses to be forgotten."""

Value = TypeVar("Value")


class TokenBucket:
    """Holds up to `burst` tokens and gains `rate` a second. It may be overdrawn."""

    __slots__ = ("_settled_at", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._settled_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next token may be taken; 0 where that is now."""
        missing = self._settled_at - now - (self.burst - 1) / self.rate
        return missing if missing > ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Take a token after `wait` said 0. Before that: the next one waits the longer."""
        self._settled_at = max(self._settled_at, now) + 1 / self.rate


class Terms:
    """What a kind of people may ask for: `rate` tokens a second after a `burst`. Who asks for more
    is delayed for `patience` seconds in a row, then refused up to `refusals` tokens' worth."""

    __slots__ = ("calm", "patience", "refusals", "slack", "step")

    def __init__(self, rate: float, burst: float, patience: float, refusals: int) -> None:
        self.patience = patience
        self.refusals = refusals
        self.step = 1 / rate
        self.slack = (burst - 1) / rate
        """Seconds that a pace may be ahead of time when another token is taken."""
        self.calm = burst / 2 / rate
        """Seconds ahead of time at which all strain is over."""

    def without_end(self) -> Terms:
        """The same for those who are delayed and never refused."""
        terms = copy(self)
        terms.patience = inf
        return terms


class Pace:
    """How fast somebody goes. One that lies `within` another takes its tokens of both; it is
    delayed with the other, and refused for itself alone.

    Shared by whoever pays together. Times are monotonic seconds.
    """

    __slots__ = ("_credit", "_refused", "_settled_at", "_strained_since", "terms", "within")

    def __init__(self, terms: Terms, within: Pace | None = None) -> None:
        self.terms = terms
        self.within = within
        self._settled_at = 0.0
        self._credit = 0
        """Tokens that have been taken of the other one ahead of use."""
        self._strained_since: float | None = None
        self._refused = 0

    def ask(self, cost: int, now: float) -> float:
        """Pay for a request where it may be served now: 0. Else the seconds that it must wait.

        What costs more than there is overdraws: it waits for one token, and the next for all.
        """
        ahead, terms = self._settled_at - now, self.terms
        if ahead > terms.slack + ROUNDING:
            if self._strained_since is None:
                self._strained_since = now
            return ahead - terms.slack
        if self._strained_since is not None and ahead <= terms.calm:
            self._strained_since = None
            self._refused = 0
        if self.within is not None:
            if self._credit < cost:
                lease = max(cost, LEASE)
                if (wait := self.within.ask(lease, now)) > 0:
                    return wait
                self._credit += lease
            self._credit -= cost
        self._settled_at = (now if ahead < 0 else self._settled_at) + cost * terms.step
        return 0.0

    def charge(self, cost: int, now: float) -> None:
        """Pay for what has been done already: the next request waits for it."""
        self._settled_at = max(self._settled_at, now) + cost * self.terms.step
        if self.within is not None:
            self._credit -= cost  # the requests that follow make up for it

    def is_out_of_patience(self, now: float) -> bool:
        """Whether a request is refused, though it has waited for its turn."""
        since = self._strained_since
        return since is not None and now - since >= self.terms.patience

    def refuse(self, cost: int, now: float) -> float:
        """Count a refusal, by what was asked for. Seconds after which all strain is over, if
        nothing comes meanwhile."""
        self._refused += cost
        return max(self._settled_at - now - self.terms.calm, self.terms.step)

    @property
    def is_hopeless(self) -> bool:
        """Whether it has been refused too much since the strain began."""
        return self._refused >= self.terms.refusals


class Census:
    """Connections by class of address, to bound what one of them may hold open."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.total = 0

    def __getitem__(self, address: str) -> int:
        return self._counts.get(address_class(address), 0)

    def enter(self, address: str) -> None:
        """One connection more."""
        self.total += 1
        key = address_class(address)
        self._counts[key] = self._counts.get(key, 0) + 1

    def leave(self, address: str) -> None:
        """One connection less; an address without any takes no memory."""
        self.total -= 1
        key = address_class(address)
        count = self._counts.get(key, 0) - 1
        if count > 0:
            self._counts[key] = count
        else:
            self._counts.pop(key, None)


class Recent(Generic[Value]):
    """The entries that were used last, `size` of them at the most."""

    def __init__(self, size: int = TABLE) -> None:
        self._size = size
        self._entries: OrderedDict[str, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Value | None:
        return self._entries.get(key)

    def put(self, key: str, value: Value) -> None:
        """Keep an entry, as the one that was used last."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


def address_class(address: str) -> str:
    """What one person can easily have only one of: an IPv4 address, an IPv6 /64."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return parsed.packed[:8].hex()
