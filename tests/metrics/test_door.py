from __future__ import annotations

import pytest

from netchat.chat.events import Accepted, Error
from netchat.config import Limits
from netchat.errors import StoreFailed
from netchat.metrics.door import MAX_WATCHERS
from tests.chat.fakes import ManualWorker
from tests.chat.support import post
from tests.metrics.support import Scrape, watched, watcher


def test_who_turns_is_well() -> None:
    assert watcher(watched()).gets(b"/healthz")[::2] == (200, b"The loop turns.\n")


def test_a_server_is_ready_while_its_log_takes_posts() -> None:
    disk = ManualWorker()
    house = watched(writing=disk)
    ana, probe = house.enter("ana", "lobby"), watcher(house)
    assert probe.gets(b"/readyz")[::2] == (200, b"Posts are accepted.\n")
    disk.stalled = True
    ana.says(post("hola"))
    disk.fail(StoreFailed())
    house.settle()
    ana.gets(Error)
    assert probe.gets(b"/readyz")[::2] == (503, b"The log refuses posts.\n")
    assert Scrape(house)("netchat_log_working") == 0
    disk.stalled = False
    house.advance(1.1)
    assert probe.gets(b"/readyz")[0] == 200
    ana.says(post("hola"))
    assert Accepted in {type(event) for event in ana.heard()}


def test_a_server_that_stops_is_not_ready_and_says_so_to_whoever_comes() -> None:
    disk = ManualWorker()
    house = watched(writing=disk)
    ana = house.enter("ana", "lobby")
    disk.stalled = True
    ana.says(post("hola"))  # what is not committed yet holds the stop up
    house.server.stop()
    house.settle()
    status, headers, body = watcher(house).gets(b"/readyz")
    assert (status, body) == (503, b"The server is stopping.\n")
    assert headers["connection"] == "close"
    assert watcher(house).gets(b"/healthz")[0] == 200
    assert Scrape(house)("netchat_stopping") == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:7340",
        "127.0.0.1",
        "localhost:1",
        "LOCALHOST",
        "[::1]:7340",
        "10.1.2.3",
        "Mon.A:1",
    ],
)
def test_who_names_an_address_or_a_listed_host_is_served(host: str) -> None:
    probe = watcher(watched("mon.a"))
    probe.sends(f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert probe.answers()[0][0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7340", "127.0.0.1.evil.example", "mon.a.b", "[mon.a]", ""],
)
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nothing"])
def test_a_page_that_has_its_own_name_point_here_reads_nothing(host: str, path: str) -> None:
    probe = watcher(watched("mon.a"))
    probe.sends(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    [(status, _, body)] = probe.answers()
    assert (status, body.split()[:2]) == (403, [b"This", b"server"])


def test_what_names_no_host_is_no_browser() -> None:
    probe = watcher(watched())
    probe.sends(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert probe.answers()[0][0] == 200


def test_only_these_pages_can_be_got_and_only_got() -> None:
    probe = watcher(watched())
    host = b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for request in (b"GET /", b"GET /api/rooms", b"GET /metrics/", b"GET /../metrics"):
        probe.sends(request + host)
    assert [status for status, _, _ in probe.answers()] == [404] * 4
    probe.sends(b"POST /metrics" + host)
    [(status, headers, _)] = probe.answers()
    assert (status, headers["allow"]) == (405, "get, head")
    probe.sends(b"HEAD /metrics" + host)
    assert probe.sock.outbox.startswith(b"HTTP/1.1 200 ")
    assert probe.sock.outbox.endswith(b"\r\n\r\n")


def test_nonsense_is_answered_like_at_any_other_door() -> None:
    probe = watcher(watched())
    probe.sends(b"NONSENSE\r\n\r\n")
    assert probe.answers()[0][0] == 400


def test_it_stays_open_when_the_chat_is_full() -> None:
    house = watched(limits=Limits(connections_per_address=2))
    for _ in range(2):
        house.connect()
    scrape = Scrape(house)
    assert scrape("netchat_connections", door="native", state="stranger") == 2
    assert scrape("netchat_connections_refused_total", why="address") == 0
    assert house.door.census.total == 2


def test_so_many_watchers_at_a_time() -> None:
    house = watched()
    probes = [watcher(house) for _ in range(MAX_WATCHERS)]
    assert all(probe.gets(b"/healthz")[0] == 200 for probe in probes)
    late = watcher(house)
    house.settle()
    assert late.answers()[0][0] in (400, 503)
    probes[0].sock.eof = True
    house.settle()
    assert watcher(house).gets(b"/healthz")[0] == 200
