"""How many sessions there are of each kind: running counts, for the operator."""

from __future__ import annotations

KINDS = ("native", "websocket", "events")
"""What a session speaks: the native protocol, the same over WebSocket, Server-Sent Events."""


class Tally:
    """The sessions of one kind. `opened` never goes back; the others are those of now.

    `users` have been welcomed. `slow` ones have to read before they get any more.
    """

    __slots__ = ("opened", "present", "slow", "users")

    def __init__(self) -> None:
        self.opened = self.present = self.users = self.slow = 0
