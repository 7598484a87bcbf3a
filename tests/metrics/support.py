"""A server with a metrics door, and what it tells."""

from __future__ import annotations

import ssl
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from netchat.config import Metrics
from netchat.net.handshake import Handshakes
from netchat.net.histogram import MICROSECONDS, Histogram
from tests.sessions.browser import Browser
from tests.sessions.support import House

OURS = "chat.example"
"""The host that the support module's browsers ask for."""

LABELS = tuple[tuple[str, str], ...]


def watched(*hosts: str, **options: Any) -> House:
    """A server that can be watched."""
    return House(metrics=Metrics(listen=["127.0.0.1:0"], hosts=[OURS, *hosts]), **options)


def watcher(house: House) -> Browser:
    """A connection to its metrics door."""
    return Browser(house, "metrics.listen")


def families(text: str) -> list[Metric]:
    """The text, read by Prometheus' own parser."""
    return list(text_string_to_metric_families(text))


def samples(text: str) -> dict[tuple[str, LABELS], float]:
    """Each series with its value; none stands there twice."""
    found: dict[tuple[str, LABELS], float] = {}
    for family in families(text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


class Scrape:
    """What a server told at one moment: `scrape("netchat_connections", door="native")`."""

    def __init__(self, house: House) -> None:
        status, _, body = watcher(house).gets(b"/metrics")
        assert status == 200
        self.text = body.decode()
        self.samples = samples(self.text)

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples[name, tuple(sorted(labels.items()))]


def told_by_all() -> str:
    """Everything that a server can tell, whatever its settings are."""
    house = watched()
    server = house.server
    server.parts = server.parts._replace(commits=Histogram(MICROSECONDS))
    server.gate.handshakes = Handshakes(house.reactor, ssl.create_default_context())
    return Scrape(house).text
