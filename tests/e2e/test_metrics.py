"""The metrics door of a real server: what the disk, the network and the system have to say."""

from __future__ import annotations

import re
import signal
from http.client import HTTPConnection
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.certificates import write_files
from tests.e2e.client import WITHIN, until_true
from tests.e2e.support import ServerProcess, crowd, run_netchat, split


def place(server: ServerProcess) -> str:
    return re.findall(r"metrics=http://(\S+)/metrics", server.ready)[0]


def get(server: ServerProcess, path: str) -> tuple[int, str]:
    http = HTTPConnection(*split(place(server)), timeout=WITHIN)
    try:
        http.request("GET", path)
        response = http.getresponse()
        return response.status, response.read().decode()
    finally:
        http.close()


def scrape(server: ServerProcess) -> dict[str, float]:
    """Each series' value, under its name and the values of its labels."""
    status, text = get(server, "/metrics")
    assert status == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_told_is_what_has_happened(tmp_path: Path) -> None:
    tls = write_files(tmp_path)
    with ServerProcess(tmp_path, "--metrics", "127.0.0.1:0", tls=tls) as server:
        assert get(server, "/readyz") == (200, "Posts are accepted.\n")
        with crowd(server, ["ana", "bea", "cai"], "lobby") as clients:
            for number in range(10):
                clients[0].send(
                    {"type": "post", "room": "lobby", "text": "hola", "id": str(number)}
                )
                for client in clients:
                    client.until("message")
            told = scrape(server)
            assert told["netchat_connections native user"] == 3
            assert told["netchat_connections_opened_total native"] == 3
            assert told["netchat_tls_handshakes_total done"] == 3
            assert told["netchat_posts_accepted_total"] == 10
            assert told["netchat_messages_delivered_total live"] == 30
            assert told["netchat_commit_seconds_count"] >= 10
            assert 0 < told["netchat_commit_seconds_sum"] < 60
            assert told["netchat_tick_seconds_count"] > 0
            assert told["process_cpu_seconds_total"] > 0
            assert 3 < told.get("process_open_fds", 10) < told["process_max_fds"]
            assert abs(told["process_resident_memory_bytes"] - server.memory()) < 2**23
            line = server.figures()
            assert (line["accepted"], line["delivered"]) == (10, 30)
            assert scrape(server)["netchat_tick_seconds_count"] > told["netchat_tick_seconds_count"]
        until_true(lambda: scrape(server)["netchat_connections native user"] == 0)


def test_no_proxy_stands_before_it(tmp_path: Path) -> None:
    behind = ("--set", "server.proxies=127.0.0.1", "--durability", "memory")
    with ServerProcess(tmp_path, "--metrics", "127.0.0.1:0", *behind) as server:
        assert get(server, "/healthz")[0] == 200


def test_while_it_stops_it_is_well_and_not_ready(tmp_path: Path) -> None:
    quick = ("--durability", "memory", "--set", "limits.shutdown=3")
    with ServerProcess(tmp_path, "--metrics", "127.0.0.1:0", *quick) as server:
        with crowd(server, ["ana"], "lobby") as [reader]:
            reader.send({"type": "ping"})
            reader.until("pong")
            server.send_signal(signal.SIGTERM)  # ana has read `bye`, and does not close
            until_true(lambda: get(server, "/readyz") == (503, "The server is stopping.\n"))
            assert get(server, "/healthz")[0] == 200
        server.wait()


def test_a_wrong_address_is_named(tmp_path: Path) -> None:
    for flags in (("--metrics", "nowhere"), ("--set", "metrics.hosts=a/b")):
        done = run_netchat(tmp_path, "serve", *flags)
        assert done.returncode == 78
        assert f"metrics.{'listen' if flags[0] == '--metrics' else 'hosts'} must be" in done.stderr
