from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from netchat.chat.events import Accepted, Message
from netchat.chat.refusals import CODES
from netchat.chat.requests import Bye, Hello, Join
from netchat.logs import Handler
from netchat.metrics.figures import figures
from tests.chat.support import post
from tests.metrics.support import Scrape, families, watched

VALUES = {
    "door": {"native", "websocket", "events", "http"},
    "state": {"stranger", "user"},
    "feed": {"live", "log"},
    "what": {"posts", "tails", "unsent"},
    "result": {"done", "failed"},
    "why": {"places", "memory", "address", "arrivals", "crowd", "full", "often"},
    "code": {*CODES},
    "generation": {"0", "1", "2"},
    "durability": {"fsync"},
}
"""What each label can be, those apart whose values are numbers, or the version."""


def test_names_say_their_types_and_units_and_everything_is_explained() -> None:
    for family in families(Scrape(watched()).text):
        assert family.documentation, family
        assert family.name.startswith(("netchat_", "process_", "python_gc_")), family
        assert family.type in {"counter", "gauge", "histogram"}, family
        total = {sample.name.endswith("_total") for sample in family.samples}
        assert total == {family.type == "counter"}, family


def test_no_label_is_chosen_by_a_peer_and_no_series_comes_with_anybody() -> None:
    house = watched()
    empty = Scrape(house)
    for name in ("ana", "native", "Žofie"):
        client = house.enter(name, "lobby", f"room-of-{name}")
        client.says(post("hola"), Join(room="no room"))
    crowded = Scrape(house)
    assert crowded.samples.keys() == empty.samples.keys()
    for name, labels in crowded.samples:
        for label, value in labels:
            assert label in {"le", "version"} or value in VALUES[label], (name, label, value)


def test_the_counters_add_up_to_what_clients_saw() -> None:
    house = watched()
    ana, bob, eve = (house.enter(name, "lobby") for name in ("ana", "bob", "eve"))
    people = ana, bob, eve
    for client in people:
        client.heard()
    eve.stalls()
    accepted = seen = 0
    for _ in range(20):
        ana.says(*(post("x" * 4_000) for _ in range(3)))
        bob.says(post("y"))
        for client in (ana, bob):
            events = client.heard()
            accepted += sum(isinstance(event, Accepted) for event in events)
            seen += sum(isinstance(event, Message) for event in events)
    stalled = Scrape(house)
    assert stalled("netchat_slow_readers", door="native") == 1
    eve.reads()
    seen += len(eve.got(Message))
    after = Scrape(house)
    assert after("netchat_slow_readers", door="native") == 0
    assert after("netchat_posts_accepted_total") == accepted == 80
    live = after("netchat_messages_delivered_total", feed="live")
    from_log = after("netchat_messages_delivered_total", feed="log")
    assert live + from_log == seen == 240
    assert from_log > 0
    assert after("netchat_tick_deliveries_sum") == live
    assert after("netchat_tick_deliveries_count") <= live
    assert after("netchat_tick_deliveries_bucket", le="+Inf") == after(
        "netchat_tick_deliveries_count"
    )
    line = figures(house.server)
    assert (line["accepted"], line["delivered"]) == (accepted, live)


def test_messages_that_come_with_a_join_count_as_fed() -> None:
    house = watched()
    ana = house.enter("ana", "lobby")
    ana.says(*(post(str(number)) for number in range(30)))
    bob = house.enter("bob")
    bob.says(Join(room="lobby", after=10))
    assert bob.seqs() == list(range(11, 31))
    assert Scrape(house)("netchat_messages_delivered_total", feed="log") == 20


def test_connections_are_counted_by_door_and_state_until_they_are_gone() -> None:
    house = watched()

    def count() -> tuple[float, float, float]:
        scrape, native = Scrape(house), {"door": "native"}
        return (
            scrape("netchat_connections", **native, state="stranger"),
            scrape("netchat_connections", **native, state="user"),
            scrape("netchat_connections_opened_total", **native),
        )

    stranger = house.connect()
    ana, bob = house.enter("ana"), house.enter("bob")
    assert count() == (1, 2, 3)
    stranger.says(Hello(version=1, name="eve"))
    assert count() == (0, 3, 3)
    ana.drops()
    bob.stalls()
    bob.session.pause_writing()
    bob.session.pause_writing()
    assert Scrape(house)("netchat_slow_readers", door="native") == 1
    bob.drops()
    assert count() == (0, 1, 3)
    assert Scrape(house)("netchat_slow_readers", door="native") == 0
    stranger.says(Bye())
    stranger.ends()
    house.advance(5)
    assert count() == (0, 0, 3)


def test_people_rooms_and_held_bytes_are_those_of_now() -> None:
    house = watched()
    ana = house.enter("ana", "lobby", "kitchen")
    ana.says(post("hola"))
    scrape = Scrape(house)
    assert (scrape("netchat_users"), scrape("netchat_rooms")) == (1, 2)
    assert scrape("netchat_held_bytes", what="tails") == house.delivery.tails.bytes > 0
    assert scrape("netchat_held_bytes", what="posts") == 0
    ana.says(Bye())
    house.advance(5)
    assert Scrape(house)("netchat_users") == 0


def test_a_guest_is_known_for_as_long_as_it_can_come_back() -> None:
    house = watched()
    ana = house.enter("ana")
    ana.says(Bye())
    house.advance(house.hub.settings.hold + 1.0)
    scrape = Scrape(house)
    assert (scrape("netchat_users"), scrape("netchat_identities")) == (0, 1)


def test_log_lines_that_nobody_will_see_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    house, handler = watched(), Handler(-1)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    handler.lost.update(full=3, often=7)
    scrape = Scrape(house)
    assert scrape("netchat_log_lines_lost_total", why="full") == 3
    assert scrape("netchat_log_lines_lost_total", why="often") == 7
    handler.close()


def test_buckets_are_cumulative_and_end_with_everything() -> None:
    house = watched()
    house.enter("ana", "lobby").says(post("hola"))
    for family in families(Scrape(house).text):
        if family.type != "histogram":
            continue
        buckets = [s.value for s in family.samples if s.name.endswith("_bucket")]
        bounds = [s.labels["le"] for s in family.samples if s.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        assert [float(bound) for bound in bounds] == sorted(map(float, bounds))
        assert bounds[-1] == "+Inf"


def test_nothing_of_it_is_loaded_by_who_does_not_need_it() -> None:
    code = (
        "import sys, netchat.cli, netchat.server, netchat.client.oneshot; "
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
