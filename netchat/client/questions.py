"""Questions to the person at the terminal: a name, a password. One at a time.

What is typed behind a hidden question is shown to nobody, and kept nowhere on the screen.
"""

from __future__ import annotations

from collections.abc import Callable

from netchat.client.screen import Screen

Answer = Callable[[str], None]
Hide = Callable[[bool], None]
"""Have the terminal show what is typed from now on, or not."""


class Questions:
    """`asked` while an answer is due."""

    def __init__(self, screen: Screen, hide: Hide) -> None:
        self._screen = screen
        self._hide = hide
        self._then: Answer | None = None
        self._hidden = False

    @property
    def asked(self) -> bool:
        return self._then is not None

    def ask(self, prompt: str, then: Answer, *, hidden: bool = False) -> None:
        """The next line that is typed is the answer."""
        self._then = then
        self._hidden = hidden
        self._hide(hidden)
        self._screen.ask(prompt)

    def answer(self, line: str) -> None:
        """The person has answered."""
        then, self._then = self._then, None
        self._screen.keep("" if self._hidden else line)
        if self._hidden:
            self._hide(False)
        if then is not None:
            then(line)

    def ask_new_password(self, then: Answer) -> None:
        """Ask for a new password, until it is typed twice alike. Whoever types
        nothing has changed his mind."""

        def again(first: str) -> None:
            self.ask("again: ", lambda second: compare(first, second), hidden=True)

        def compare(first: str, second: str) -> None:
            if first != second:
                self._screen.tell("the two are not the same; once more")
                self.ask_new_password(then)
            else:
                then(first)

        self.ask("new password: ", lambda first: again(first) if first else then(""), hidden=True)
