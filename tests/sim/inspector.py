"""The inspector: looks into the server after every tick.

What it looks at is private by rights; a test may. Each check is a sentence of the design that
must hold between any two ticks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from netchat.chat.log import LogPost
from netchat.chat.rooms import Cursor
from netchat.net.fanout import FanOut
from netchat.net.transport import Transport
from netchat.server import Server
from netchat.sessions.door import DoorSession
from netchat.shutdown import Step

from .worker import SimWorker
from .world import Violation, World

SLACK = 9.0
"""Seconds: a closing transport's deadline and its lingering, and a late tick."""


class Inspector:
    """For one life of a server."""

    def __init__(self, world: World, server: Server, writing: SimWorker | None) -> None:
        self._world = world
        self._server = server
        self._writing = writing
        self._absent_since: dict[object, float] = {}
        self._in_fanouts: set[Transport] = set()
        self._strange_since: dict[DoorSession, float] = {}
        self._progress: dict[Cursor, int] = {}
        self._welcomed: dict[DoorSession, None] = {}
        self._frozen_at = 0.0

    def excuse(self) -> None:
        """The process did not run for a while: whatever was due is late."""
        self._frozen_at = self._world.monotonic()
        self._absent_since.clear()
        self._strange_since.clear()

    def check(self) -> None:
        """After a tick."""
        sessions = list(self._server.door.sessions)
        fanouts = cast("Iterable[FanOut]", self._server.reactor._flushes._fanouts)
        self._in_fanouts = {t for fanout in fanouts for t in fanout._waiting}
        for session in sessions:
            self._check_transport(session.transport)
            self._check_session(session)
        self._check_rooms()
        self._check_counters(sessions)
        self._check_deadlines(sessions)
        self._check_stop()
        self._look_for_the_rare(sessions)

    def _check_stop(self) -> None:
        drain = self._server._drain
        if drain is not None and drain._step > Step.COMMITTING and not drain._late:
            waiting = self._server.hub.posting.bytes
            _hold("a stop commits first", not waiting, f"{waiting} bytes wait")

    # -- bytes -----------------------------------------------------------------------------------

    def _awaits_its_turn(self, transport: Transport) -> bool:
        return transport.dirty or transport in self._in_fanouts

    def _check_transport(self, transport: Transport) -> None:
        queue = transport._queue or b""
        queued = sum(map(len, queue)) if isinstance(queue, list) else len(queue)
        _hold("bytes counted are bytes held", queued == transport.pending, f"{queued}")
        if transport._queue and not transport._marked and not self._awaits_its_turn(transport):
            waits = bool(transport._events & 2)
            _hold("unsent bytes wait for the socket", waits, f"{transport.peer}")

    def _check_session(self, session: DoorSession) -> None:
        waiting = sum(p.size for p in session.unanswered if p.event is None)
        _hold("bytes counted are bytes held", waiting == session.unanswered_bytes, session.id)
        transport = session.transport
        slow = transport.pending > transport.high and not (
            self._awaits_its_turn(transport) or session.closing
        )
        for cursor in session.cursors:
            room = cursor.room
            live = room.live.get(session.wire, {}).get(session.outlet)
            places = [place for place in (live, room.lagging.get(session)) if place is not None]
            retired = session.ended and not places
            _hold("a cursor has one place", retired or places == [cursor], session.id)
            _hold("a live cursor says so", cursor.live == (live is not None), session.id)
            _hold("a slow reader is off the live feed", not (slow and cursor.live), session.id)

    # -- rooms -----------------------------------------------------------------------------------

    def _check_rooms(self) -> None:
        sessions = self._server.door.sessions
        for room in self._server.hub.directory._rooms.values():
            cursors = [*room.lagging.values()]
            for live in room.live.values():
                cursors += live.values()
            for cursor in cursors:
                session = cast(DoorSession, cursor.session)
                known = (
                    session in sessions
                    and room.cursors.get(session) is cursor
                    and cursor in session.cursors
                )
                _hold("no event for a closed connection", known, room.name)
            fresh = [message.seq for message in room.fresh]
            expected = list(range(room.published + 1, room.committed + 1))
            _hold("what is committed is published in order", fresh == expected, f"{room.name}")
            _hold("a message has an author", len(room.authors) == len(fresh), f"{room.name}")
            for user, member in room.members.items():
                there = [s for s in user.sessions if s.has_joined(room)]
                _hold("who has joined is a member", member.present == len(there), room.name)
                _hold("a member's name is held", user.identity.user is user, user.name)
        for key, identity in self._server.hub.people.names.items():
            _hold("a name has one holder", identity.key == key and bool(identity.user), key)

    # -- counters and limits -----------------------------------------------------------------

    def _check_counters(self, sessions: list[DoorSession]) -> None:
        posting, tails = self._server.hub.posting, self._server.delivery.tails
        if not posting.has_posts:
            _hold("bytes counted are bytes held", posting.bytes == 0, f"{posting.bytes}")
        held = sum(part.size for parts in tails._tails.values() for part in parts)
        _hold("bytes counted are bytes held", held == tails.bytes, "tails")
        _hold("tails keep to their budget", held <= tails._budget, f"{held}")
        transports = (session.transport for session in sessions)
        unsent = sum(t.pending for t in transports if t._events & 2)
        _hold("bytes counted are bytes held", unsent <= self._server.reactor.unsent, "unsent")
        census = self._server.door.census
        _hold("connections are counted", sum(census._counts.values()) == len(sessions), "census")
        timers = self._server.reactor._timers
        held, lifted = len(timers._heap), timers._cancelled
        _hold("lifted timers go", held <= 2 * (held - lifted) + 1, f"{held}")
        _hold("no exception reaches the reactor", not self._server.reactor.errors, "errors")

    # -- deadlines -------------------------------------------------------------------------------

    def _check_deadlines(self, sessions: list[DoorSession]) -> None:
        now, limits = self._server.reactor.now, self._server.config.limits
        absent: dict[object, float] = {}
        for identity in self._server.hub.people.names.values():
            user = identity.user
            if user is not None and not user.sessions:
                since = absent[user] = self._absent_since.get(user, now)
                _hold("a held name is let go of", now - since < limits.hold + 3, identity.name)
        self._absent_since = absent
        strange: dict[DoorSession, float] = {}
        for session in sessions:
            if session.user is None:
                since = strange[session] = self._strange_since.get(session, now)
                patience = limits.login_timeout + SLACK
                _hold("a stranger's time is limited", now - since < patience, session.id)
            else:
                self._check_alive(session, now)
        self._strange_since = strange

    def _check_alive(self, session: DoorSession, now: float) -> None:
        limits = self._server.config.limits
        transport = session.transport
        alive = max(transport.heard_at, transport.sent_at, self._frozen_at)
        patience = 1.2 * limits.heartbeat + 2 * limits.pong_timeout + SLACK
        _hold("silence is asked about", now - alive < patience, f"{session.id} at {alive}")

    # -- rare paths ------------------------------------------------------------------------------

    def _look_for_the_rare(self, sessions: list[DoorSession]) -> None:
        sometimes = self._world.sometimes
        progress: dict[Cursor, int] = {}
        for session in sessions:
            if session.ended and session.unanswered:
                sometimes["half-close with posts under way"] += 1
            for cursor in session.cursors:
                step = self._progress.get(cursor, 0)
                if cursor.live:
                    if step == 3:
                        sometimes["live, lagging, page, live"] += 1
                    step = 1
                elif session in self._server.delivery._readers and step >= 2:
                    step = 3
                elif step == 1:
                    step = 2
                    sometimes["live, lagging"] += 1
                progress[cursor] = step
        self._progress = progress
        if self._writing is not None:
            self._look_at_posts(self._writing.posts_under_way(), sessions)

    def _look_at_posts(self, posts: list[LogPost], sessions: list[DoorSession]) -> None:
        posting, sometimes = self._server.hub.posting, self._world.sometimes
        flying = {(post.identity, post.id) for post in posts}
        busy = {post.identity for post in posts}
        welcomed = {session: None for session in sessions if session.user is not None}
        for session in welcomed.keys() - self._welcomed.keys():
            if session.identity.id in busy:
                sometimes["resume during a commit"] += 1
        self._welcomed = welcomed
        for pending in posting._waiting:
            if (pending.identity, pending.id) in flying:
                sometimes["duplicate while the first is in flight"] += 1
        for closing in self._server.hub.outgoing.closes:
            if closing.unanswered:
                sometimes["closed with posts under way"] += 1


def _hold(rule: str, holds: bool, detail: str) -> None:
    if not holds:
        raise Violation(rule, detail)
