"""The client: the machine on a reactor, with a connector and a transport.

The client has at most one link. What a link that was let go still reports is ignored, so that
an old connection's end is never taken for the new one's.
"""

from __future__ import annotations

import selectors
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from netchat.chat import requests
from netchat.client.backoff import Random
from netchat.client.link import Link, Place
from netchat.client.machine import Machine
from netchat.client.notices import News
from netchat.client.positions import BACKLOG
from netchat.client.stages import State
from netchat.client.trust import SYSTEM, Trust
from netchat.net.addresses import parse_server
from netchat.net.clock import SystemClock
from netchat.net.reactor import Reactor
from netchat.net.timers import Timer

if TYPE_CHECKING:
    from netchat.client.keeper import Keeper

MAX_UNTAKEN = 1_000
"""Events that wait to be taken before nothing more is read: the server keeps the rest."""


class Client:
    """One user on one server, through all reconnects. Nothing here blocks or calls back.

    `address` is "host:port", or "netchats://host:port" for TLS with a server whom `trust` takes
    for the right one; with another there is no second try (Closed, `certificate`). Nothing is
    connected until there is a `name`, here or by `login`.
    Without a `reactor` it makes its own. Run the reactor, then `take_events`.

    `outbox` is a file in which what is posted is kept until it has been answered, with the
    token that makes us who we are: what a killed program had posted is sent when it is started
    again with the same file, and stored once. It belongs to one name on one server.
    """

    def __init__(
        self,
        address: str,
        *,
        name: str | None = None,
        password: str | None = None,
        reactor: Reactor | None = None,
        random: Random | None = None,
        outbox: Path | None = None,
        trust: Trust = SYSTEM,
    ) -> None:
        host, port, tls = parse_server(address)
        if not tls and trust != SYSTEM:
            raise ValueError("There is a certificate to be checked at netchats:// addresses only.")
        self._place = Place(host, port, trust.context() if tls else None)
        self._owns_reactor = reactor is None
        self.reactor = reactor or Reactor(selectors.DefaultSelector(), SystemClock())
        self._machine = Machine(random or SystemRandom(), self.reactor.now)
        self._link: Link | None = None
        self._timer: Timer | None = None
        self._keeper: Keeper | None = None
        if name is not None:
            self._begin(name, outbox, password)
        elif outbox is not None:
            raise ValueError("An outbox belongs to a name; give both, here or to `login`.")

    def _begin(self, name: str, outbox: Path | None, password: str | None) -> None:
        try:
            self.login(name, outbox, password=password)
        except BaseException:
            self.close()
            raise

    # State

    @property
    def name(self) -> str | None:
        """The user's name, as the server spells it once it is online."""
        return self._machine.name

    @property
    def place(self) -> str:
        """Where the server is, in full: what an outbox belongs to, beside the name."""
        return str(self._place)

    @property
    def overheard(self) -> bool:
        """Whether a network on the way can read along: there is one, and no TLS."""
        return self._place.is_overheard

    @property
    def online(self) -> bool:
        """Whether the server has let us in."""
        return self._machine.state is State.ONLINE

    @property
    def closed(self) -> bool:
        """Whether it is over: by our `bye`, by the server for good, or by `close`."""
        return self._machine.state is State.CLOSED

    @property
    def rooms(self) -> list[str]:
        """The joined rooms, in order of joining."""
        return list(self._machine.positions)

    @property
    def unanswered(self) -> int:
        """Requests without an answer, posts among them."""
        return len(self._machine.outbox)

    @property
    def unsent(self) -> list[requests.Post]:
        """The posts that have not been accepted, in order."""
        return self._machine.outbox.unsent()

    @property
    def returning(self) -> bool:
        """Whether we have an identity that the server has not forgotten, as far as we know."""
        return self._machine.returning

    @property
    def kept_on_disk(self) -> bool:
        """Whether all that is not accepted is in the file of an outbox."""
        return self._keeper is not None and self._keeper.works

    def take_events(self) -> list[News]:
        """What has happened since the last call, in order: events and notices."""
        taken = self._machine.take_events()
        if self._keeper is not None:
            taken = self._keeper.take_news() + taken
        if self._link is not None:
            self._link.resume()
        return taken

    # Asking. Each returns at once; it is sent now, or as soon as there is a connection.
    # All raise OutboxFull, and UnicodeEncodeError for what is not Unicode.

    def login(self, name: str, outbox: Path | None = None, *, password: str | None = None) -> None:
        """Log in under this name, now or at the next connection. With a `password` as its account,
        which is made where the name is free and the server lets anybody do that.

        `outbox`: a file, see Client; one that has somebody in it decides on the name. It is left
        alone where there is another in use already. Raises OutboxError: try without it.
        """
        if outbox is not None and (self._keeper is None or self._keeper.is_empty):
            name = self._keep(outbox, name)
        self._machine.login(name, password)
        self._settle()

    def join(
        self,
        room: str,
        *,
        after: int | None = None,
        epoch: str | None = None,
        backlog: int = BACKLOG,
    ) -> str:
        """Enter a room; its last `backlog` messages come, or all after a seq. Its `ref`.

        What has been handed out does not come again. `after` says that you hold everything up
        to there: in a room that you are in already, what is still to come up to there does not.
        """
        if after is not None:
            return self._ask(requests.Join(room=room, after=after, epoch=epoch))
        return self._ask(requests.Join(room=room, backlog=backlog))

    def leave(self, room: str) -> str:
        """Leave a room. The `ref` of the answer."""
        return self._ask(requests.Leave(room=room))

    def post(self, text: str, *, room: str | None = None, to: str | None = None) -> str:
        """Write to a room, or privately to a user. The `id` of the Accepted, or the Failed."""
        return self._ask(requests.Post(text=text, id="-", room=room, to=to))

    def who(self, room: str, *, after: str | None = None) -> str:
        """Ask for a page of members. The `ref` of the answer."""
        return self._ask(requests.Who(room=room, after=after))

    def list_rooms(self, *, after: str | None = None, talks: bool = False) -> str:
        """Ask for a page of the public rooms, or of one's talks. The `ref` of the answer."""
        return self._ask(requests.Rooms(after=after, talks=talks))

    def history(
        self,
        room: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> str:
        """Ask for a page of the room's log. The `ref` of the answer."""
        return self._ask(requests.History(room=room, before=before, after=after, limit=limit))

    def set_password(self, password: str, *, old: str | None = None) -> str:
        """Make our name an account's, or give an account another password: it needs the `old` one.
        The `ref` of the answer."""
        return self._ask(requests.Password(password=password, old=old))

    def ask(self, request: requests.Request) -> str:
        """Anything else of `chat.requests`: Kick, Ban, Mute, Undo, Acts, Invite, SetRole, Set,
        Rights. The `ref` of the answer."""
        return self._ask(request)

    def typing(self, *, room: str | None = None, to: str | None = None) -> None:
        """Say that one is writing, if there is a connection."""
        self._machine.typing(requests.Typing(room=room, to=to))
        self._settle()

    def handled(self) -> None:
        """All events that were taken have been dealt with. With an outbox, a client that is
        started after us is in the same rooms, and is handed what comes after them."""
        self._machine.handled()
        self._settle()

    def abandon(self) -> None:
        """What was posted here and is not accepted by now is somebody else's business: an outbox
        forgets it. What an earlier life had left stays."""
        if self._keeper is not None:
            self._keeper.abandon()

    def bye(self) -> None:
        """Leave in good order; a Closed follows once the server has answered, or has not for
        ten seconds."""
        self._machine.bye()
        self._settle()

    def close(self) -> None:
        """Let go of everything at once, without a word to the server if `bye` was not said.
        Again: does nothing."""
        self._machine.close()
        self._let_go_of_outbox()
        self._settle()
        if self._owns_reactor:
            self._owns_reactor = False
            self.reactor.run_once(0.0)  # closes the socket
            self.reactor.close()

    def _keep(self, outbox: Path, name: str) -> str:
        """Begin with what is in the file; the name to log in under."""
        from netchat.client.keeper import Keeper

        self._let_go_of_outbox()
        self._keeper = Keeper(self.reactor, outbox, self.place, name)
        self._machine.keep(self._keeper.journal)
        known = self._keeper.journal.kept.known
        return known.name if known is not None else name

    def _let_go_of_outbox(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()

    def _ask(self, request: requests.Request) -> str:
        key = self._machine.ask(request)
        self._settle()
        return key

    # What the link reports

    def connected(self, link: Link, now: float) -> None:
        """See Owner."""
        if link is self._link:
            self._machine.connected(now)
            self._settle()

    def received(self, link: Link, data: bytes, now: float) -> None:
        """See Owner."""
        if link is self._link:
            self._machine.receive(data, now)
            if self._machine.untaken > MAX_UNTAKEN:
                link.pause()
            self._settle()

    def lost(self, link: Link, why: str, now: float, code: str | None = None) -> None:
        """See Owner."""
        if link is self._link:
            self._machine.lost(why, now, code)
            self._settle()

    # Doing what the machine's state asks for

    def _settle(self) -> None:
        """After everything that happened: send, connect, let go, and set the timer."""
        machine = self._machine
        data = machine.take_data()
        if data and self._link is not None:
            self._link.write(data)
        if machine.state in (State.OFFLINE, State.CLOSED):
            self._drop_link()
        elif machine.state is State.CONNECTING and self._link is None:
            self._link = Link(self, self.reactor, self._place)
        self._set_timer(machine.deadline)
        if self._keeper is not None:
            self._keeper.mind()

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.drop()

    def _set_timer(self, when: float | None) -> None:
        """A timer that comes too early does no harm; so most bytes leave it as it is."""
        timer = self._timer
        if timer is not None and (when is None or timer.when > when):
            timer.cancel()
            timer = None
        if timer is None and when is not None:
            timer = self.reactor.call_at(when, self._on_timer)
        self._timer = timer

    def _on_timer(self, now: float) -> None:
        self._timer = None
        if self._link is not None and self._link.paused:
            self._machine.heard(now)
        self._machine.tick(now)
        self._settle()
