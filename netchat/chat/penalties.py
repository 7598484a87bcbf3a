"""What slows down those who guess passwords, and those who register one name after another.

Failures count by account and by address: five in a quarter of an hour are free, then each one
closes the door for 15 s, 30 s, ... up to ten minutes. Who logs in by token is never asked, so
nobody can be kept from his own account on a device that it knows. Tables are bounded: beyond
that the entry that was used longest ago is forgotten, which costs an attacker 65,536 addresses.
"""

from __future__ import annotations

from netchat.chat.limits import TABLE, Recent, TokenBucket, address_class
from netchat.chat.settings import ChatSettings
from netchat.errors import RateLimited

FREE = 5
"""Failures before the first penalty: enough for a person's slips."""

WINDOW = 900.0
"""Seconds without a failure after which all are forgotten."""

FIRST, LONGEST = 15.0, 600.0
"""Seconds of the first penalty and of the longest one; each is twice the one before."""

HOUR, TEN_MINUTES = 3_600.0, 600.0


class Penalties:
    """Failures of one kind: by account, or by address. Times are monotonic seconds."""

    def __init__(self, size: int = TABLE) -> None:
        self._failures: Recent[tuple[int, float]] = Recent(size)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next try is let through; 0 where that is now."""
        count, last = self._recall(key, now)
        if count < FREE:
            return 0.0
        penalty = min(LONGEST, FIRST * (1 << min(count - FREE, 10)))
        return max(0.0, last + penalty - now)

    def failed(self, key: str, now: float) -> None:
        """A try was wrong."""
        self._failures.put(key, (self._recall(key, now)[0] + 1, now))

    def _recall(self, key: str, now: float) -> tuple[int, float]:
        count, last = self._failures.get(key) or (0, now)
        return (count, last) if now - last <= WINDOW else (0, now)


class Guard:
    """All that is counted of strangers who say passwords."""

    def __init__(self, settings: ChatSettings) -> None:
        self._accounts = Penalties()
        self._addresses = Penalties()
        self._per_address = settings.registrations_per_address
        self._registrations: Recent[TokenBucket] = Recent()
        self._guests_per_address = settings.guests_per_address
        self._guests: Recent[TokenBucket] = Recent()
        in_all = settings.registrations
        self._in_all = TokenBucket(in_all / TEN_MINUTES, in_all)

    def check_login(self, key: str, address: str, now: float, *, known: bool) -> None:
        """May this password be tried? `known`: the account has been used from this address, so
        what others got wrong elsewhere does not count. Raises RateLimited."""
        wait = self._addresses.wait(address_class(address), now)
        if not known:
            wait = max(wait, self._accounts.wait(key, now))
        if wait:
            raise RateLimited("Too many wrong passwords; try again later.", retry_after=wait)

    def login_failed(self, key: str, address: str, now: float) -> None:
        """The password was wrong, or there is no such account."""
        self._accounts.failed(key, now)
        self._addresses.failed(address_class(address), now)

    def check_registration(self, address: str, now: float) -> None:
        """May somebody register? Raises RateLimited where there have been too many."""
        wait = max(self._bucket(address).wait(now), self._in_all.wait(now))
        if wait:
            raise RateLimited("Too many names are being registered.", retry_after=wait)

    def registering(self, address: str, now: float) -> None:
        """Somebody does."""
        bucket = self._bucket(address)
        bucket.take(now)
        self._in_all.take(now)
        self._registrations.put(address_class(address), bucket)

    def new_guest(self, address: str, now: float) -> None:
        """Somebody without an account comes for the first time: remembering each takes memory.
        Raises RateLimited."""
        key, hourly = address_class(address), self._guests_per_address
        bucket = self._guests.get(key) or TokenBucket(hourly / HOUR, hourly)
        if wait := bucket.wait(now):
            raise RateLimited("Too many new guests come from your address.", retry_after=wait)
        bucket.take(now)
        self._guests.put(key, bucket)

    def _bucket(self, address: str) -> TokenBucket:
        found = self._registrations.get(address_class(address))
        return found or TokenBucket(self._per_address / HOUR, self._per_address)
