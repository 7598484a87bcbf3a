"""Who is known to be in which room, so that a person is told of a change once.

A presence notice goes to everybody in a room, also to those whose `joined` has told them
already; applying it is idempotent (the protocol), but reading it twice is a nuisance.
"""

from __future__ import annotations

from msgspec.structs import replace

from netchat.chat.events import Joined, Left, Presence
from netchat.client.notices import News


class Roster:
    """Give it all news in order; it takes out of presence notices what is known."""

    def __init__(self) -> None:
        self._here: dict[str, set[str]] = {}
        self._away: dict[str, set[str]] = {}

    def take(self, news: News) -> News:
        """The news, with nothing in it but what has changed."""
        match news:
            case Joined():
                self._here[news.room] = set(news.members or ())
                self._away[news.room] = set()
            case Left():
                self._here.pop(news.room, None)
                self._away.pop(news.room, None)
            case Presence():
                return self._changes(news)
        return news

    def _changes(self, presence: Presence) -> Presence:
        here = self._here.setdefault(presence.room, set())
        away = self._away.setdefault(presence.room, set())
        changed = replace(
            presence,
            joined=[name for name in presence.joined if name not in here],
            left=[name for name in presence.left if name in here or name in away],
            away=[name for name in presence.away if name not in away],
        )
        if presence.members is not None:
            here.clear()
            here.update(presence.members)
        here.update(presence.joined)
        here.difference_update(presence.left, presence.away)
        away.difference_update(presence.left, presence.joined)
        away.update(presence.away)
        return changed
