"""The keeper: a client's outbox file on its reactor. When the disk is asked, and what is told."""

from __future__ import annotations

from pathlib import Path

from netchat.client.journal import Settled
from netchat.client.notices import News, OutboxTrouble
from netchat.client.outbox_file import OutboxFile
from netchat.net.reactor import Reactor
from netchat.net.timers import Timer

SYNC_AFTER = 0.05
"""Seconds after which the disk is asked to have what was posted: all that a power cut can cost.
One fsync then serves a burst, and a steady stream makes no more than 20 a second."""

RETRY_AFTER = 1.0
"""Seconds until a disk that failed is tried again."""


class Keeper:
    """Has the file until `close`. Raises OutboxError where it cannot be used."""

    def __init__(self, reactor: Reactor, path: Path, server: str, name: str) -> None:
        self.journal = OutboxFile(path, server=server, name=name)
        self._reactor = reactor
        self._timer: Timer | None = None
        self._inherited = set(self.journal.kept.posts)
        self._trouble = ""
        self._news: list[News] = []
        if self.journal.damage:
            self._news.append(OutboxTrouble(message=self.journal.damage, kept=True))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the file that anybody would miss."""
        return self.journal.kept.is_empty

    @property
    def works(self) -> bool:
        """Whether what is noted is on disk."""
        return not self.journal.trouble

    def take_news(self) -> list[News]:
        """What is to be told since the last call."""
        taken, self._news = self._news, []
        return taken

    def mind(self) -> None:
        """After everything that happened: see to it that the disk is asked, and the client told."""
        journal = self.journal
        if journal.trouble != self._trouble:
            self._trouble = journal.trouble
            message = journal.trouble or "The outbox is on disk again."
            self._news.append(OutboxTrouble(message=message, kept=self.works))
        if journal.dirty and self._timer is None:
            wait = SYNC_AFTER if self.works else RETRY_AFTER
            self._timer = self._reactor.call_later(wait, self._sync)

    def abandon(self) -> None:
        """What we were given, and is not settled by now, is not ours any more."""
        ours = [id for id in self.journal.kept.posts if id not in self._inherited]
        self.journal.write(*map(Settled, ours))

    def close(self) -> None:
        """Let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
        self.journal.close()

    def _sync(self, now: float) -> None:
        self._timer = None
        self.journal.sync()
        self.mind()
