"""The server's counters as families of Prometheus metrics, read when they are asked for.

Rules of this file
    1. A label's values are known beforehand: doors, states, error codes. Nothing that a peer
       chose (a name, a room, an address) is ever one, or strangers could fill the memory of
       whoever stores the series.
    2. Nothing here grows with the number of connections, rooms or messages: a scrape is a
       part of a tick.
    3. Names say their unit (`_seconds`, `_bytes`); counters end in `_total`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from netchat import __version__
from netchat.chat.refusals import CODES
from netchat.logs import lost_lines
from netchat.metrics.process import Process
from netchat.net.histogram import Histogram
from netchat.sessions.porter import QUESTIONS

if TYPE_CHECKING:
    from netchat.server import Server

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The text format that every collector of the field reads."""

TIMES = (7, 24)
"""Buckets of times that are told: 128 µs to 17 s."""

SIZES = (0, 20)
"""Buckets of deliveries that are told: 1 to a million."""


def new_exposition(server: Server) -> Callable[[], bytes]:
    """What makes the text of all families, the process's own among them."""
    registry = CollectorRegistry()
    registry.register(Families(server))
    registry.register(Process(server.reactor.wall))
    GCCollector(registry=registry)
    return lambda: generate_latest(registry)


class Families(Collector):
    """All families of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield from self._process()
        yield from self._connections()
        yield from self._handshakes()
        yield from self._chat()
        yield from self._logins()
        yield from self._loop()
        yield from self._log()

    def _process(self) -> Iterator[Metric]:
        server = self._server
        about = {"version": __version__, "durability": server.config.server.durability}
        yield InfoMetricFamily("netchat_build", "What runs here.", about)
        yield _gauge("netchat_stopping", "1 while the server stops.", server.door.draining)
        text = "Log lines that nobody will see, by why."
        yield _counters("netchat_log_lines_lost", text, "why", lost_lines())
        yield _counter("netchat_errors", "Bugs that the loop has caught.", server.reactor.errors)

    def _connections(self) -> Iterator[Metric]:
        server = self._server
        tallies, http = server.door.tallies, server.web
        present = GaugeMetricFamily(
            "netchat_connections",
            "Connections; a stranger is one that stands for nobody (yet).",
            labels=["door", "state"],
        )
        present.add_metric(["http", "stranger"], len(http.peers))
        for door, tally in tallies.items():
            present.add_metric([door, "stranger"], tally.present - tally.users)
            present.add_metric([door, "user"], tally.users)
        yield present
        opened = {door: tally.opened for door, tally in tallies.items()} | {"http": http.opened}
        yield _counters("netchat_connections_opened", "Connections let in.", "door", opened)
        slow = {door: tally.slow for door, tally in tallies.items()}
        text = "Connections off the live feed, as they have not read what was sent to them."
        yield _gauges("netchat_slow_readers", text, "door", slow)
        text = "Connections for which there are files."
        yield _gauge("netchat_connections_limit", text, server.max_connections)
        text = "Connections turned away, by the question that decided it."
        turned_away = {why: server.porter.turned_away[why] for why in QUESTIONS}
        yield _counters("netchat_connections_refused", text, "why", turned_away)

    def _handshakes(self) -> Iterator[Metric]:
        if (handshakes := self._server.gate.handshakes) is None:
            return
        ends = {"done": handshakes.done, "failed": handshakes.failed}
        yield _counters("netchat_tls_handshakes", "TLS handshakes that are over.", "result", ends)
        text = "TLS handshakes under way."
        yield _gauge("netchat_tls_handshakes_pending", text, handshakes.pending)

    def _chat(self) -> Iterator[Metric]:
        hub, delivery = self._server.hub, self._server.delivery
        yield _gauge("netchat_users", "Names that are here, or held.", len(hub.people.names))
        text = "Whom the server knows: accounts, and guests who may come back."
        yield _gauge("netchat_identities", text, len(hub.people.identities))
        yield _gauge("netchat_accounts", "Accounts.", len(hub.people.book.owners))
        yield _gauge("netchat_rooms", "Rooms and private talks.", len(hub.directory))
        text = "Posts committed to the log; repeats are not counted."
        yield _counter("netchat_posts_accepted", text, hub.accepted)
        refusals = {code: hub.refusals.counts[code] for code in CODES}
        yield _counters("netchat_refusals", "Errors that were told.", "code", refusals)
        feeds = {"live": delivery.delivered, "log": delivery.fed}
        text = "Messages handed to readers: as they were published, or later from the log."
        yield _counters("netchat_messages_delivered", text, "feed", feeds)
        text = "Slices of a room's log that were encoded, once for each wire."
        yield _counter("netchat_slices_encoded", text, delivery.encoded)
        text = "Messages that a tick handed out live, of the ticks that did."
        yield _histogram("netchat_tick_deliveries", text, delivery.sizes, SIZES)

    def _logins(self) -> Iterator[Metric]:
        hub = self._server.hub
        text = "Passwords that wait or are being hashed."
        yield _gauge("netchat_passwords_waiting", text, hub.hashing.waiting)
        text = "Passwords that found the queue full."
        yield _counter("netchat_passwords_refused", text, hub.hashing.refused)
        yield _counter("netchat_logins_failed", "Wrong passwords.", hub.accounts.failures)

    def _loop(self) -> Iterator[Metric]:
        reactor = self._server.reactor
        text = "How long a tick kept the loop busy: what everybody else waits for."
        yield _histogram("netchat_tick_seconds", text, reactor.lag, TIMES)
        text = "Ticks that took too long (log.stall), of which the log has the stack."
        yield _counter("netchat_stalls", text, self._server.watchdog.stalls)
        text = "Connections that the last tick left for the next to send to."
        yield _gauge("netchat_flush_backlog", text, reactor.backlog)

    def _log(self) -> Iterator[Metric]:
        posting = self._server.hub.posting
        yield _gauge("netchat_log_working", "0 while posts are refused.", posting.is_working)
        held = {
            "posts": posting.bytes,
            "tails": self._server.delivery.tails.bytes,
            "unsent": self._server.reactor.unsent,
        }
        text = "Bytes held: posts not yet committed, newest messages, what sockets have refused."
        yield _gauges("netchat_held_bytes", text, "what", held)
        if (commits := self._server.parts.commits) is not None:
            text = "How long the log took for a transaction: a batch of posts, a page trimmed."
            yield _histogram("netchat_commit_seconds", text, commits, TIMES)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _counters(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _histogram(name: str, text: str, amounts: Histogram, told: tuple[int, int]) -> Metric:
    buckets = [(repr(bound), count) for bound, count in amounts.cumulative(*told)]
    return HistogramMetricFamily(name, text, [*buckets, ("+Inf", amounts.count)], amounts.sum)
