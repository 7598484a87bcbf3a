"""Logging in: under which name, as which identity, and when to try again. Pure."""

from __future__ import annotations

from netchat import __version__
from netchat.chat.events import Error, Welcome
from netchat.chat.requests import Hello
from netchat.client.journal import Journal, Known
from netchat.client.notices import NameRefused

HELLO, BYE = "hello", "bye"
"""The refs of the two answered requests that are not kept in the outbox. No key there looks
like them."""


class Login:
    """`name` is None while somebody has to think of another one. `again_at`: say hello again
    at this instant (monotonic seconds); None: when there is a reason to."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.again_at: float | None = None
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
            client=f"netchat/{__version__}",
        )

    def welcome(self, event: Welcome) -> bool:
        """The server has let us in; whether that is as the identity we had before."""
        self.name = event.name
        self._token = event.token
        known = Known(event.name, event.token)
        if self._journal is not None and self._journal.kept.known != known:
            self._journal.write(known)
        return self._token_shown

    def refused(self, event: Error, now: float) -> NameRefused | None:
        """The server has not. The notice is for whoever chooses names; None: try again."""
        if event.retry_after is not None:
            self.again_at = now + event.retry_after
            return None
        if event.code == "bad_token" and self._token is not None:
            # The old identity is out of reach, and its posts' ids with it: what was under way
            # is sent again as somebody new's, and may then stand in the log twice.
            self._token = None
            self.again_at = now
            return None
        return self.refuse(event.code, event.message)

    def refuse(self, code: str, message: str) -> NameRefused:
        """This name will not do."""
        name, self.name = self.name or "", None
        return NameRefused(name=name, code=code, message=message)
