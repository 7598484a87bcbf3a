"""Logging in: under which name, as which identity, and when to try again. Pure."""

from __future__ import annotations

from netchat import __version__
from netchat.chat.events import Error, Welcome
from netchat.chat.requests import Hello
from netchat.client.journal import Journal, Known
from netchat.client.notices import Delayed, NameRefused, Online

HELLO, BYE = "hello", "bye"
"""The refs of the two answered requests that are not kept in the outbox. No key there looks
like them."""


class Login:
    """`name` is None while somebody has to think of another one. `again_at`: say hello again
    at this instant (monotonic seconds); None: when there is a reason to."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.again_at: float | None = None
        self.password: str | None = None
        self._account: str | None = None
        """The name under which we were an account; who has its password is the same again."""
        self._token: str | None = None
        self._token_shown = False
        self._journal: Journal | None = None

    @property
    def returning(self) -> bool:
        """Whether there is an identity to be taken back."""
        return self._token is not None

    def keep(self, journal: Journal) -> None:
        """Be who one was in an earlier life, and note who one is."""
        self._journal = journal
        if (known := journal.kept.known) is not None:
            self.name, self._token = known.name, known.token

    def hello(self) -> Hello | None:
        """What to say on a new connection, and whenever `again_at` has come."""
        self.again_at = None
        self._token_shown = self._token is not None
        if self.name is None:
            return None
        return Hello(
            ref=HELLO,
            version=1,
            name=self.name,
            token=self._token,
            password=self.password if self._token is None or self._account is None else None,
            client=f"netchat/{__version__}",
        )

    def welcome(self, event: Welcome) -> bool:
        """The server has let us in; whether that is as the identity we had before."""
        resumed = self._token_shown or (event.account and event.name == self._account)
        self.name = event.name
        self._token = event.token
        self._account = event.name if event.account else None
        known = Known(event.name, event.token)
        if self._journal is not None and self._journal.kept.known != known:
            self._journal.write(known)
        return resumed

    def gone(self, now: float) -> float:
        """The connection has; how many seconds are left until the next hello is of any use."""
        again_at, self.again_at = self.again_at, None
        return 0.0 if again_at is None else max(0.0, again_at - now)

    def refused(self, event: Error, now: float) -> NameRefused | Delayed | None:
        """The server has not. The notice is for whoever chooses names; None: try again."""
        if event.retry_after is not None:
            self.again_at = now + event.retry_after
            return Delayed(code=event.code, message=event.message, retry_in=event.retry_after)
        if event.code == "bad_token" and self._token is not None:
            # The old identity is out of reach, and its posts' ids with it: what was under way
            # is sent again as somebody new's, and may then stand in the log twice.
            self._token = None
            self.again_at = now
            return None
        return self.refuse(event.code, event.message, password=event.field == "password")

    def refuse(self, code: str, message: str, *, password: bool = False) -> NameRefused:
        """This name will not do, or not with this password."""
        name, self.name, self.password = self.name or "", None, None
        return NameRefused(name=name, code=code, message=message, password=password)


def online(event: Welcome, *, resumed: bool, doubtful: int) -> Online:
    """What a welcome comes to."""
    return Online(
        name=event.name,
        resumed=resumed,
        doubtful=doubtful,
        account=event.account,
        registered=event.registered,
    )
