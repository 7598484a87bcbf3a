"""The machine: everything that a client does, without a socket or a clock. Pure.

Rules of this file
    1. Bytes and time come in, bytes and events go out. Whoever drives it calls one method for
       each thing that happens, then takes what is to be sent, then looks at `state`.
    2. `state` (see `stages`) says what there should be: CONNECTING a connection under way,
       GREETING to LEAVING a live one, OFFLINE and CLOSED none. `deadline` says when to call
       `tick` at the latest.
    3. Nothing is asked of the server except through the outbox; only hello, bye and the
       heartbeat go past it. So all of it survives a reconnect, in order.
    4. A person at leisure is not a failure: while there is no name to log in under, the
       connection may go, and comes back without a word when there is one.
    5. A restart is a reconnect: with a journal to `keep`, a machine goes on where the one
       before it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat import events, requests
from netchat.chat.events import Event
from netchat.chat.requests import Request
from netchat.client.backoff import Backoff, Random
from netchat.client.journal import Journal
from netchat.client.login import BYE, HELLO, Login, online
from netchat.client.notices import CaughtUp, Closed, Delayed, Failed, News, Offline
from netchat.client.outbox import Outbox, key_of
from netchat.client.positions import Positions
from netchat.client.silence import Goodbye, Silence
from netchat.client.stages import ATTACHED, FINAL, State
from netchat.errors import FatalError, LocalProtocolError
from netchat.wire.native import NativeClient


class Machine:
    """One client. All times are monotonic seconds, given by the caller."""

    def __init__(self, random: Random, now: float) -> None:
        self.state = State.OFFLINE
        self.positions = Positions()
        self.outbox = Outbox(f"{random.getrandbits(64):016x}")
        self._backoff = Backoff(random)
        self._wire = NativeClient()
        self._data: list[bytes] = []
        self._events: list[News] = []
        self._login = Login()
        self._journal: Journal | None = None
        self._been_online = False
        self._retry_at = now
        self._silence = Silence(now)
        self._goodbye = Goodbye()
        self._caught_up = ""
        self._whole = True

    # What a person or a program wants

    def keep(self, journal: Journal) -> None:
        """Go on where an earlier life ended, and note what a later one needs. Comes before the
        first connection; the name to log in under is then that of the journal, if it has one."""
        self._journal = journal
        self._login.keep(journal)
        self.positions.restore(journal.kept.held.values())
        self.outbox.keep(journal)
        self._been_online = bool(journal.kept.posts or list(self.positions))

    def handled(self) -> None:
        """All events that were taken have been dealt with: a later life need not have them."""
        if self._journal is not None and not self._events:
            self._journal.write(*self.positions.note())

    def login(self, name: str, password: str | None = None) -> None:
        """Be called so: at once where a connection is waiting for it, else at the next.

        Does nothing on a connection that has a name already.
        """
        name.encode()  # a lone surrogate is refused here, as everywhere
        if self.name is None or self.state not in ATTACHED:
            self._login.name, self._login.password = name, password
            if self.state is State.GREETING:
                self._hello()

    def ask(self, request: Request) -> str:
        """Send a request, now or as soon as there is a connection; returns the id of a post,
        or the `ref` of its answer. Raises OutboxFull and UnicodeEncodeError."""
        key = self.outbox.add(request)
        self._pump()
        return key

    def typing(self, request: requests.Typing) -> None:
        """Tell the others at once, or never."""
        if self.state is State.ONLINE:
            self._send(request)

    def bye(self) -> None:
        """Leave in good order: behind everything that has been sent. A later life enters the
        rooms anew; what is not accepted stays, and so do the identity and its talks."""
        if self._journal is not None:
            self._journal.write(*self.positions.depart())
        if self.state is State.ONLINE:
            self.state = State.LEAVING
            self._send(requests.Bye(ref=BYE))
        elif self.state is not State.LEAVING:
            self._close("Not connected.", None)

    def close(self) -> None:
        """Want nothing any more."""
        self.state = State.CLOSED

    # What happens to the connection

    def connected(self, now: float) -> None:
        """The connection stands."""
        self.state = State.GREETING
        self._wire = NativeClient()
        self._silence = Silence(now)
        self._hello()

    def receive(self, data: bytes, now: float) -> None:
        """Some bytes came."""
        self.heard(now)
        self._wire.receive_data(data)
        try:
            while self.state in ATTACHED and (event := self._wire.next_event()) is not None:
                self._process(event, now)
        except FatalError as exc:
            self.lost(exc.message, now)
        self._pump()

    def heard(self, now: float) -> None:
        """The server lives, or its silence is our own doing."""
        self._silence.heard(now)

    def lost(self, why: str, now: float, code: str | None = None, floor: float = 0.0) -> None:
        """The connection is gone, or never came. Try again in `floor` seconds or later."""
        if self.state is State.LEAVING or code in FINAL:
            self._close(why, code if code in FINAL else None)
        if self.state is State.CLOSED:
            return
        self.state = State.OFFLINE
        self.outbox.lost()
        self._data.clear()
        floor = max(floor, self._login.gone(now))
        self._retry_at = now
        if self.name is not None:
            retry_in = self._backoff.next(floor)
            self._retry_at += retry_in
            self._events.append(Offline(reason=why, retry_in=retry_in, code=code))

    def tick(self, now: float) -> None:
        """Some time has passed."""
        if self.state is State.OFFLINE:
            if self.name is not None and now >= self._retry_at:
                self.state = State.CONNECTING
        elif self.state in ATTACHED:
            self._mind_silence(now)
            if self.state is State.LEAVING and self._goodbye.is_late(now):
                self._close("The goodbye was not answered in time.", None)
            if self._login.again_at is not None and now >= self._login.again_at:
                self._hello()
            self.outbox.release(now)
            self._pump()

    # What comes of it

    @property
    def name(self) -> str | None:
        """The name to log in under; once online, as the server spells it."""
        return self._login.name

    @property
    def returning(self) -> bool:
        """Whether there is an identity to be taken back."""
        return self._login.returning

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do; None: not before something else has happened."""
        if self.state is State.OFFLINE:
            return None if self.name is None else self._retry_at
        if self.state not in ATTACHED:
            return None
        if self.state is State.LEAVING:
            return min(self._silence.until, self._goodbye.until)
        times = [self._silence.until, self._login.again_at, self.outbox.held_until]
        return min(time for time in times if time is not None)

    @property
    def untaken(self) -> int:
        """How many events wait to be taken."""
        return len(self._events)

    def take_data(self) -> bytes:
        """What is to be sent now."""
        data, self._data = self._data, []
        return b"".join(data)

    def take_events(self) -> list[News]:
        """What has happened since the last call, in order."""
        taken, self._events = self._events, []
        return taken

    # Sending

    def _send(self, request: Request) -> None:
        self._data.append(self._wire.send(request))

    def _hello(self) -> None:
        if (hello := self._login.hello()) is None:
            return
        try:
            self._send(hello)
        except LocalProtocolError:  # a name of thousands of characters
            self._events.append(self._login.refuse("name_invalid", "The name is much too long."))

    def _pump(self) -> None:
        """Send what the outbox lets go."""
        while self.state is State.ONLINE and (request := self.outbox.next()) is not None:
            try:
                self._send(request)
            except LocalProtocolError:
                self._refused_here(request)

    def _refused_here(self, request: Request) -> None:
        code = "text_too_long" if isinstance(request, requests.Post) else "bad_request"
        why = "It is longer than a frame may be."
        self._refused(events.Error(ref=key_of(request), code=code, message=why), 0.0)

    def _mind_silence(self, now: float) -> None:
        if now < self._silence.until:
            return
        if self._silence.asked:
            self.lost("Nothing is heard from the server.", now)
        else:
            self._silence.ask(now)
            self._send(requests.Ping())

    def _close(self, message: str, code: str | None) -> None:
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self._events.append(Closed(message=message, code=code))

    # Receiving

    def _process(self, event: Event, now: float) -> None:
        """Every event comes through here."""
        handler = _HANDLERS.get(type(event))
        if handler is None:
            self.outbox.answered(event.ref)
            self._events.append(event)
        else:
            handler(self, event, now)

    def _on_welcome(self, event: events.Welcome, now: float) -> None:
        if self.state is not State.GREETING:
            return
        resumed, back = self._login.welcome(event), self._been_online
        doubtful = 0 if resumed else self.outbox.doubtful()
        self.state = State.ONLINE
        self._silence.heartbeat = event.heartbeat
        self._backoff.reset()
        self._been_online = self._whole = True
        joins = self.positions.welcome(event.epoch, event.talks, resumed=resumed)
        if back or joins:  # the pong says that all joins are answered, and every gap is told of
            self._caught_up = self.outbox.restart([*joins, requests.Ping()])[-1]
        self._events.append(online(event, resumed=resumed, doubtful=doubtful))

    def _on_joined(self, event: events.Joined, now: float) -> None:
        request = self.outbox.answered(event.ref)
        if isinstance(request, requests.Join):
            self.positions.joined(event, request)
        self._events.append(event)

    def _on_left(self, event: events.Left, now: float) -> None:
        self.outbox.answered(event.ref)
        self.positions.leave(event.room)
        self._events.append(event)

    def _on_accepted(self, event: events.Accepted, now: float) -> None:
        self.outbox.answered(event.id)
        self._events.append(event)

    def _on_message(self, event: events.Message, now: float) -> None:
        if self.positions.is_new(event):
            self._events.append(event)

    def _on_gap(self, event: events.Gap, now: float) -> None:
        if self.positions.gap(event):
            self._whole = False
            self._events.append(event)

    def _on_ping(self, event: events.Ping, now: float) -> None:
        self._send(requests.Pong())

    def _on_pong(self, event: events.Pong, now: float) -> None:
        if self.outbox.answered(event.ref) is not None and event.ref == self._caught_up:
            self._events.append(CaughtUp(whole=self._whole))

    def _on_bye(self, event: events.Bye, now: float) -> None:
        if self.state is State.LEAVING:
            self._close("Goodbye.", None)
        else:
            why = f"the server said goodbye ({event.reason})"
            self.lost(why, now, "bye", event.retry_after or 0.0)

    def _on_error(self, event: events.Error, now: float) -> None:
        if event.ref == BYE:
            self._close(event.message, None)
        elif event.ref != HELLO:
            self._refused(event, now)
        elif self.state is State.GREETING and event.code not in FINAL:
            notice = self._login.refused(event, now)
            if notice is not None:
                self._events.append(notice)
        if event.code in FINAL:
            self._close(event.message, event.code)
        elif event.fatal:
            self.lost(event.message, now, event.code, event.retry_after or 0.0)

    def _refused(self, event: events.Error, now: float) -> None:
        key = event.id or event.ref
        wait, held = event.retry_after, self.outbox.held_until is not None
        rooms = event.field == "room"  # a room's pace holds up nothing else
        if wait is not None and not rooms and self.outbox.put_back(key, now + wait):
            if not held:
                self._events.append(Delayed(code=event.code, message=event.message, retry_in=wait))
            return
        request = self.outbox.answered(key)
        if isinstance(request, requests.Post):
            self._events.append(Failed(post=request, code=event.code, message=event.message))
        elif not event.fatal:
            if isinstance(request, requests.Join):
                self.positions.refused(request, event.code)
            self._events.append(event)


_HANDLERS: dict[type[Event], Callable[[Machine, Any, float], None]] = {
    events.Welcome: Machine._on_welcome,
    events.Joined: Machine._on_joined,
    events.Left: Machine._on_left,
    events.Accepted: Machine._on_accepted,
    events.Message: Machine._on_message,
    events.Gap: Machine._on_gap,
    events.Ping: Machine._on_ping,
    events.Pong: Machine._on_pong,
    events.Bye: Machine._on_bye,
    events.Error: Machine._on_error,
}
