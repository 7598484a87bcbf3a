"""The server, assembled: reactor, hub, doors and log joined into one, and taken apart in order.

The tick is the reactor's; the phases' owners are registered here, and only here:

    collect   Heartbeat.tick      once a second: who is silent is asked
              Turns.run           requests are served
    append    Posting.append      the tick's posts go to the log as one batch
    deliver   Delivery.deliver    replies and slices become bytes
              Door.close_finished
              Turns.is_waiting    whoever was woken since is served without a sleep
              Drain.advance       while stopping
"""

from __future__ import annotations

import logging
from functools import partial
from socket import socket
from sys import intern
from typing import Any

from netchat import __version__
from netchat.admin.door import AdminDoor
from netchat.admission import Admission, open_paces
from netchat.binding import bind, not_tls, open_gate, over_tls
from netchat.chat.events import Error
from netchat.chat.hub import Hub
from netchat.chat.limits import Census
from netchat.chat.passwords import Pool
from netchat.chat.people import keep_swept
from netchat.chat.settings import ChatSettings
from netchat.config import AUTO, OFF, Config, Retention
from netchat.environment import Environment
from netchat.errors import RefusedError, StartError
from netchat.metrics.door import MetricsDoor
from netchat.net.addresses import WEB_PORT
from netchat.net.listener import Listener
from netchat.net.reactor import Reactor
from netchat.net.transport import Transport
from netchat.net.watchdog import Watchdog
from netchat.sessions.common import Door
from netchat.sessions.delivery import Delivery
from netchat.sessions.entrance import Entrance
from netchat.sessions.heartbeat import SLOT, Heartbeat
from netchat.sessions.native import NativeSession
from netchat.sessions.porter import Porter
from netchat.sessions.relief import Relief
from netchat.sessions.tail import Tails
from netchat.sessions.turns import Turns
from netchat.sessions.web import Web, refuse_http
from netchat.shutdown import Drain
from netchat.wire.native import MAX_FRAME, NATIVE

WEB = f"127.0.0.1:{WEB_PORT}"

log = logging.getLogger("netchat.server")


class Server:
    """One chat server. `start`, then `reactor.run()` until `stop` has brought it to an end."""

    def __init__(self, config: Config, environment: Environment, *, strict: bool = False) -> None:
        self.config = config
        self._env = environment
        self.reactor = Reactor(
            environment.selector, environment.clock, strict=strict, ring=environment.open_ring()
        )
        self.watchdog = Watchdog(self.reactor, environment.clock, config.log.stall)
        self.listeners: list[Listener] = []
        self.addresses: list[str] = []
        """Where it can be reached, as the ready line says it, with the real ports."""
        self._drain: Drain | None = None
        self._admin: AdminDoor | None = None
        self._metrics: MetricsDoor | None = None
        self._watched: list[Listener] = []
        self._hashing: Pool | None = None
        self._beat_in = 0

    # -- starting ----------------------------------------------------------------------------

    def start(self) -> None:
        """Bind, open the log, accept: a wrong address is told before a long check of the log.

        Raises StartError with one sentence.
        """
        reactor, env = self.reactor, self._env
        bound = self._bind()
        self.parts = env.open_log(reactor.call_soon_threadsafe)
        reactor.give_way = self.parts.give_way
        try:
            state = self.parts.store.load()
            self._new_secret = env.new_secrets()
            self.hub = Hub(
                settings=self._chat_settings(),
                state=state,
                store=self.parts.store,
                writing=self.parts.writing,
                reader=self.parts.reader,
                reading=self.parts.reading,
                later=reactor.call_later,
                new_secret=self._new_secret,
                open_hashing=self._open_hashing,
            )
            self._assemble()
            for entrance, sock in bound:
                self._open(entrance, sock)
            if (place := env.open_admin()) is not None:
                self._admin = AdminDoor(reactor, place, self.hub, self._wall)
        except BaseException:
            for _, sock in bound:
                sock.close()
            self.close()
            raise

    def _open_hashing(self) -> Pool:
        self._hashing = self._env.open_hashing(self.reactor.call_soon_threadsafe)
        return self._hashing

    def _chat_settings(self) -> ChatSettings:
        config, accounts, limits = self.config, self.config.accounts, self.config.limits
        return ChatSettings(
            server=f"{config.server.name}/{__version__}",
            heartbeat=int(beat) if (beat := limits.heartbeat) == int(beat) else beat,
            hold=limits.hold,
            rooms=limits.rooms,
            rooms_in_all=limits.rooms_in_all,
            frame=MAX_FRAME,
            topics=dict(config.topics),
            limited=limits.enabled,
            policy=accounts.policy,
            reserved=tuple(accounts.reserved),
            password_length=accounts.password_length,
            devices=accounts.devices,
            registrations_per_address=accounts.registrations_per_address,
            registrations=accounts.registrations,
            guests_per_address=accounts.guests_per_address,
        )

    def _assemble(self) -> None:
        reactor, limits = self.reactor, self.config.limits
        self.turns = Turns(self._wall, self._env.clock.monotonic, self.hub.posting.is_committing)
        self.delivery = Delivery(self.hub, lambda: reactor.backlog, reactor.call_later, Tails())
        self.heartbeat = Heartbeat(
            limits.heartbeat, limits.pong_timeout, self._env.new_jitter(), reactor.now
        )
        self.door = Door(
            hub=self.hub,
            turns=self.turns,
            heartbeat=self.heartbeat,
            later=reactor.call_later,
            wall=self._wall,
            hurry=reactor.hurry,
            census=Census(),
            paces=open_paces(limits),
            login_timeout=limits.login_timeout,
        )
        self.relief = Relief(reactor, self.door, limits.unsent * 2**20)
        self.porter = Porter(
            census=self.door.census,
            strangers=self.door.strangers,
            is_short_of_memory=self.relief.is_needed,
            random=self._env.new_jitter(),
            places=self._env.max_connections,
            limited=limits.enabled,
            per_address=limits.connections_per_address,
            arrivals=limits.arrivals_per_address,
            crowd=limits.strangers,
        )
        self.admission = Admission(reactor, self.porter, self.hub.refusals)
        self.web = Web(
            door=self.door,
            later=reactor.call_later,
            new_key=self._new_secret,
            watchers=self.delivery.watchers,
            settings=self.config.web,
        )
        if self.config.metrics.listen:
            self._metrics = MetricsDoor(self, self.config.metrics.hosts)
        reactor.collect += [self._beat, self.turns.run]
        reactor.append.append(self._append)
        reactor.deliver += [
            self.delivery.deliver,
            self.door.close_finished,
            self.turns.is_waiting,
        ]
        reactor.call_later(SLOT, self._beat_is_due)
        keep_swept(self.hub.people, reactor.call_later, self._wall)
        if self.config.retention != Retention():
            self.hub.trimming.trim()

    # -- entrances ---------------------------------------------------------------------------

    def _bind(self) -> list[tuple[Entrance, socket]]:
        try:
            context = self._env.tls_context()
            self.gate = open_gate(
                self.reactor, self.config.server.proxies, context,
                lambda: self.hub.posting.is_committing(),  # there is no hub yet
            )  # fmt: skip
            bound = bind(self._entrances(), self._env.listen, certified=context is not None)
            self._env.settle()
            return bound
        except StartError:
            self.reactor.close()
            raise

    def _entrances(self) -> list[Entrance]:
        config = self.config
        native = Entrance(
            setting="server.listen",
            addresses=config.server.listen,
            ready="native={}",
            admit=self._admit_native,
            refusal=_refuse_native,
        )
        wanted = [text for text in config.web.listen if text not in ("", OFF)]
        web = Entrance(
            setting="web.listen",
            addresses=[WEB if text == AUTO else text for text in wanted],
            optional=wanted == [AUTO],
            ready="web=http://{}/",
            admit=self._admit_web,
            refusal=refuse_http,
        )
        metrics = Entrance(
            setting="metrics.listen",
            addresses=config.metrics.listen,
            private=True,
            ready="metrics=http://{}/metrics",
            admit=self._admit_metrics,
            refusal=refuse_http,
        )
        return [
            native,
            over_tls(native, "tls.listen", config.tls.listen, "tls={}"),
            web,
            over_tls(web, "tls.web", config.tls.web, "web=https://{}/"),
            metrics,
        ]

    def _admit_native(self, transport: Transport, now: float) -> None:
        NativeSession.of(self.door, transport).start(now)

    def _admit_web(self, transport: Transport, now: float) -> None:
        self.web.admit(transport, now)

    def _admit_metrics(self, transport: Transport, now: float) -> None:
        assert self._metrics is not None
        self._metrics.admit(transport, now)

    def _open(self, entrance: Entrance, sock: socket) -> None:
        accepted = partial(self.accepted, entrance)
        if entrance.private:
            listener = Listener(self.reactor, sock, accepted)
            self._watched.append(listener)
        else:
            turned_away = partial(self.admission.turned_away, entrance)
            listener = self.gate.listen(sock, accepted, not_tls(entrance), turned_away)
            self.listeners.append(listener)
        self.addresses.append(entrance.ready.format(listener.address))

    def reload(self) -> None:
        """Read the certificate anew, for connections that come from now on."""
        if (handshakes := self.gate.handshakes) is None:
            return
        try:
            handshakes.context = self._env.tls_context() or handshakes.context
        except StartError as exc:
            log.error("The certificate in use stays: %s", exc)
        else:
            log.info("The certificate has been read anew.")

    # -- parts of the tick -------------------------------------------------------------------

    def _wall(self) -> int:
        return self.reactor.wall

    def _append(self, _now: float) -> bool:
        return self.hub.posting.append()

    def _beat_is_due(self, _now: float) -> None:
        self._beat_in = 2
        if self._drain is None:
            self.reactor.call_later(SLOT, self._beat_is_due)

    def _beat(self, now: float) -> bool:
        """Look for silent peers, in the tick after the timer's and behind its reading.

        A server that was stopped (SIGSTOP) finds its timers due first, and a select that was
        interrupted returns nothing: the answers of its peers still lie in the kernel then.
        """
        if self._beat_in:
            self._beat_in -= 1
            if self._beat_in == 0:
                self.heartbeat.tick(now)
                self.door.unfinished.look(now)
                self.relief.look()
        return self._beat_in > 0

    @property
    def max_connections(self) -> int:
        """How many there are files for."""
        return self._env.max_connections

    # -- connections -------------------------------------------------------------------------

    def accepted(self, entrance: Entrance, sock: socket, peer: Any) -> None:
        """Somebody has come in."""
        address = intern(str(peer[0]))  # one string for all who come from there
        try:
            if not entrance.private:
                self.hub.moderation.check_address(address, self._wall())
        except RefusedError as exc:
            self.admission.refuse(entrance, sock, address, exc)
        else:
            entrance.admit(Transport(self.reactor, sock, address), self.reactor.now)

    # -- stopping ----------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop in good order (see `shutdown`); called again: at once."""
        if self._drain is None:
            self._drain = Drain(self, self._env.random.random)
            self.reactor.deliver.append(self._drain.advance)
        else:
            self._drain.hurry()

    @property
    def stopped_in_order(self) -> bool:
        """After the run: whether everything was committed and everybody was told."""
        return self._drain is not None and self._drain.in_order

    def close(self) -> None:
        """Let go of everything; the last call, after the run or instead of it."""
        for listener in (*self.listeners, *self._watched):
            listener.close()
        self.gate.close()
        if self._admin is not None:
            self._admin.close()
        for worker in self._hashing.workers if self._hashing else ():
            worker.close()
        self.parts.reading.close()
        self.parts.reader.close()
        self.parts.writing.close()
        self.parts.store.close()
        self.reactor.close()


def _refuse_native(exc: RefusedError) -> bytes:
    return NATIVE.encode(Error.of(exc))
