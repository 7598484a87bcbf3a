"""The introduction: under which name, by which password, as whom of an earlier life."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netchat.client.client import Client
from netchat.client.commands import UsageError
from netchat.client.failures import OutboxError
from netchat.client.harmless import harmless
from netchat.client.notices import NameRefused
from netchat.client.questions import Questions
from netchat.client.screen import Screen
from netchat.client.trust import OVERHEARD

PROMPT = "name: "


class Introduction:
    """What a person is asked before it can chat, and about its password later.

    `password` is one that is known already. `outbox`: in which file the client's outbox is, by
    the name; None: keep nothing on disk. `came_back` is called once somebody of an earlier life
    has been found there.
    """

    def __init__(
        self,
        client: Client,
        screen: Screen,
        questions: Questions,
        outbox: Callable[[str], Path] | None,
        came_back: Callable[[], None],
    ) -> None:
        self._client = client
        self._screen = screen
        self._questions = questions
        self._outbox = outbox
        self._came_back = came_back
        self._password: str | None = None
        self._ask_password = False
        self.returning = False
        """Whether we are who somebody was in an earlier life."""
        self.account = False
        """Whether our name is an account's."""

    def begin(self, name: str | None, password: str | None, *, ask_password: bool) -> None:
        """Log in, once everything is known that is needed."""
        self._password = password
        self._ask_password = ask_password and password is None
        if password is not None:
            self._warn()
        if name:
            self._name_is(name)
        else:
            self.ask_name()

    def ask_name(self) -> None:
        """Have the person think of a name."""
        self._questions.ask(PROMPT, lambda line: self._name_is(line.strip()))

    def refused(self, news: NameRefused) -> None:
        """The server wants another name, or its password."""
        if news.password:
            self._ask_password_of(news.name)
        else:
            self.ask_name()

    def change_password(self) -> None:
        """Make the name an account's, or give it another password. Raises UsageError."""
        if not self._client.online:
            raise UsageError("You are not connected.")
        self._warn()
        if self.account:
            self._questions.ask("old password: ", self._ask_new_password, hidden=True)
        else:
            self._ask_new_password(None)

    def _name_is(self, name: str) -> None:
        if not name:
            self.ask_name()
        elif self._ask_password:
            self._ask_password_of(name)
        else:
            self._login(name, self._password)

    def _ask_password_of(self, name: str) -> None:
        """Whoever gives none would rather have another name."""
        self._warn()

        def then(password: str) -> None:
            if password:
                self._login(name, password)
            else:
                self._ask_password = False
                self.ask_name()

        self._questions.ask(f"password of {harmless(name)}: ", then, hidden=True)

    def _warn(self) -> None:
        """Say it before a password is typed or sent, not after."""
        if self._client.overheard:
            self._screen.tell(OVERHEARD)

    def _ask_new_password(self, old: str | None) -> None:
        def then(new: str) -> None:
            if new:
                self._client.set_password(new, old=old)

        self._questions.ask_new_password(then)

    def _login(self, name: str, password: str | None) -> None:
        client = self._client
        if self._outbox is None or self.returning:
            client.login(name, password=password)
            return
        try:
            client.login(name, self._outbox(name), password=password)
        except OutboxError as exc:
            self._screen.tell(f"nothing is kept on disk: {harmless(str(exc))}")
            client.login(name, password=password)
        if client.returning:
            self.returning = True
            if (client.name or "").casefold() != name.casefold():
                self._screen.tell(f"you were last called {harmless(client.name or '')} here")
            self._came_back()
