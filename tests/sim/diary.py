"""The diary: what one client's program has been handed, and what it knows of each room.

The witness holds the server to the protocol; this holds server, network and client core
together to what a person sees: each message once, in order, without a silent hole.
"""

from __future__ import annotations

from netchat.chat import events
from netchat.chat.events import Event

from .world import Violation


class Diary:
    """Rooms by the server's spelling."""

    def __init__(self, name: str) -> None:
        self._who = name
        self.next: dict[str, int] = {}
        """The seq that has to be handed out next; rooms of which nothing is known are missing."""
        self.members: dict[str, set[str] | None] = {}
        self.counts: dict[str, int] = {}

    def write(self, event: Event) -> None:
        """Take note of what was handed out."""
        match event:
            case events.Message():
                expected = self.next.get(event.room, event.seq)
                if event.seq != expected:
                    raise Violation(
                        "a person misses nothing", f"{self._who} saw {event}, due was {expected}"
                    )
                self.next[event.room] = event.seq + 1
            case events.Gap(reason="epoch_changed"):
                self.next.pop(event.room, None)
            case events.Gap():
                due = self.next.get(event.room, event.start)
                if event.start > due:
                    raise Violation(
                        "a person misses nothing", f"{self._who} saw {event}, due was {due}"
                    )
                if event.room in self.next:
                    self.next[event.room] = max(due, event.to + 1)
            case events.Joined():
                self.members[event.room] = None if event.members is None else set(event.members)
                self.counts[event.room] = event.count
            case events.Left():
                self.forget(event.room)
            case events.Presence():
                self._on_presence(event)

    def forget(self, room: str) -> None:
        """The room has been left."""
        self.next.pop(room, None)
        self.members.pop(room, None)
        self.counts.pop(room, None)

    def keep(self, rooms: list[str]) -> None:
        """Forget every public room but these."""
        known = self.next.keys() | self.members.keys()
        for room in sorted(known):
            if not room.startswith("@") and room not in rooms:
                self.forget(room)

    def forget_talks(self) -> None:
        """Somebody else's from now on."""
        self.next = {room: seq for room, seq in self.next.items() if not room.startswith("@")}

    def _on_presence(self, event: events.Presence) -> None:
        if event.room not in self.counts:
            return
        self.counts[event.room] = event.count
        members = self.members.get(event.room)
        if event.members is not None:
            members = set(event.members)
        elif not (event.joined or event.away or event.left):
            members = None
        elif members is not None:
            members = (members | {*event.joined, *event.away}) - set(event.left)
        self.members[event.room] = members
