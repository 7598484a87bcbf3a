"""The stages of a client's life. Pure.

OFFLINE --due--> CONNECTING --> GREETING --welcome--> ONLINE --bye()--> LEAVING --> CLOSED
   ^                 |              |                    |
   +---- lost -------+--------------+--------------------+  (replaced, kicked: CLOSED)
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    OFFLINE = auto()
    CONNECTING = auto()
    GREETING = auto()
    ONLINE = auto()
    LEAVING = auto()
    CLOSED = auto()


ATTACHED = frozenset({State.GREETING, State.ONLINE, State.LEAVING})
"""There is a connection."""

FINAL = frozenset({"replaced", "kicked", "version_unsupported", "certificate"})
"""Errors after which to come back would be a fight, or in vain."""
