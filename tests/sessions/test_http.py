"""The web door's HTTP: sizes, deadlines, pipelining, keep-alive, the page's table."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.config import Web as Settings
from netchat.sessions.page import Asset, load_page
from netchat.sessions.web import Web
from tests.sessions.browser import GET, Browser
from tests.sessions.support import House

PAGE = {
    "": Asset("text/html; charset=utf-8", '"1"', b"<!doctype html>"),
    "a.js": Asset("text/javascript; charset=utf-8", '"2"', b"let a;" * 5_000),
}


@pytest.fixture
def house() -> House:
    house = House()
    house.server.web._page = PAGE
    return house


def web(house: House, **settings: Any) -> Browser:
    old = house.server.web
    house.server.web = Web(
        door=house.door,
        later=old.later,
        new_key=old.api._new_key,
        watchers=house.delivery.watchers,
        settings=Settings(**settings),
    )
    house.server.web._page = PAGE
    return Browser(house)


def test_a_file_comes_with_its_type_and_once_only(house: House) -> None:
    browser = Browser(house)
    status, headers, body = browser.gets(b"/a.js?v=1")
    assert (status, headers["content-type"], body) == (200, PAGE["a.js"].type, PAGE["a.js"].body)
    assert headers["x-content-type-options"] == "nosniff"
    status, headers, body = browser.gets(b"/a.js", b'If-None-Match: W/"x", "2"')
    assert (status, body, headers["etag"]) == (304, b"", '"2"')
    assert "content-length" not in headers


def test_a_target_may_name_the_host(house: House) -> None:
    assert Browser(house).gets(b"http://chat.example/a.js?v=1")[2] == PAGE["a.js"].body
    assert Browser(house).gets(b"http://chat.example")[2] == PAGE[""].body


def test_head_is_answered_without_a_body(house: House) -> None:
    browser = Browser(house)
    browser.sends(b"HEAD /a.js HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"Content-Length: 30000\r\n" in bytes(browser.sock.outbox)
    assert browser.sock.outbox.endswith(b"\r\n\r\n")


def test_what_is_wrong_behind_a_head_request_is_told_so(house: House) -> None:
    browser = Browser(house)
    browser.sends(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nNONSENSE\r\n\r\n")
    head, _, rest = bytes(browser.sock.outbox).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and rest.startswith(b"HTTP/1.1 400 ")
    assert rest.endswith(b"This is not HTTP/1.1 as it should be.\n")


@pytest.mark.parametrize("cut", [1, 2, 7, 1_000])
def test_pipelined_requests_are_answered_in_order_however_they_are_cut(
    house: House, cut: int
) -> None:
    browser = Browser(house)
    data = b"".join(GET % (path, b"") for path in (b"/", b"/no", b"/a.js", b"/", b"/no"))
    for at in range(0, len(data), cut):
        browser.sends(data[at : at + cut])
    assert [status for status, _, _ in browser.answers()] == [200, 404, 200, 200, 404]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nNONSENSE\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("cut", [1, 1_000])
def test_what_follows_the_last_request_is_not_looked_at(
    house: House, data: bytes, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(house)
    for at in range(0, len(data), cut):
        browser.sends(data[at : at + cut])
    assert len(browser.answers()) == 1
    assert caplog.records == []


def test_a_thousand_pipelined_requests_wait_for_their_reader(house: House) -> None:
    browser = Browser(house)
    browser.sock.window = 0
    browser.sends(GET % (b"/a.js", b"") * 1_000)
    [peer] = house.server.web.peers
    assert peer.transport.pending < 3 * 65_536
    browser.sock.window = 2**40
    house.settle()
    assert len(browser.answers()) == 1_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 70 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"b" * 9_000, 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 2 + b"1\r\nx\r\n",
            413,
        ),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused_and_cut(house: House, sent: bytes, status: int) -> None:
    browser = Browser(house)
    browser.sends(sent)
    [(got, headers, _)] = browser.answers()
    assert (got, headers["connection"]) == (status, "close")
    house.advance(3.0)
    assert browser.sock.closed
    assert house.door.census.total == 0


def test_a_body_that_is_expected_is_asked_for(house: House) -> None:
    browser = Browser(house)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    browser.sends(head)
    assert bytes(browser.sock.outbox).startswith(b"HTTP/1.1 100 ")
    browser.sock.outbox.clear()
    browser.sends(b"abc")
    [(status, headers, _)] = browser.answers()
    assert (status, headers["allow"]) == (405, "get, head")


def test_who_never_asks_is_let_go(house: House) -> None:
    browser = Browser(house)
    house.advance(4.0)
    assert not browser.sock.closed
    house.advance(3.5)
    assert browser.sock.closed and not browser.sock.outbox


def test_a_head_has_five_seconds_whatever_trickles(house: House) -> None:
    browser = Browser(house)
    for byte in b"GET / HTTP/1.1\r\n":
        browser.sends(bytes([byte]))
        house.advance(0.5)
    assert [status for status, _, _ in browser.answers()] == [408]


def test_a_second_head_has_five_seconds_too(house: House) -> None:
    browser = Browser(house)
    assert browser.gets()[0] == 200
    house.advance(20.0)
    browser.sends(b"G")
    house.advance(6.0)
    assert [status for status, _, _ in browser.answers()] == [408]


def test_a_body_has_ten_seconds_whatever_trickles(house: House) -> None:
    browser = Browser(house)
    browser.sends(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
    for _ in range(12):
        browser.sends(b"x")
        house.advance(1.0)
    assert [status for status, _, _ in browser.answers()] == [408]


def test_an_idle_connection_is_kept_for_half_a_minute(house: House) -> None:
    browser = Browser(house)
    assert browser.gets()[0] == 200
    house.advance(29.0)
    assert browser.gets()[0] == 200
    house.advance(33.0)
    assert browser.sock.closed
    assert house.door.census.total == 0


def test_a_half_close_is_answered_first(house: House) -> None:
    browser = Browser(house)
    browser.sock.eof = True
    browser.sends(GET % (b"/", b""))
    assert [status for status, _, _ in browser.answers()] == [200]
    assert browser.sock.closed


def test_below_a_prefix_the_page_is_found_with_it_and_without(house: House) -> None:
    browser = web(house, prefix="/chat/")
    assert browser.gets(b"/chat/a.js")[0] == 200
    assert browser.gets(b"/a.js")[0] == 200
    status, headers, _ = browser.gets(b"/chat")
    assert (status, headers["location"]) == (308, "/chat/")
    assert browser.gets(b"/chat/ws")[0] == 426


UPGRADE = (
    b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://chat.example", 101), ("https://chat.example", 101), ("HTTPS://Chat.Example", 101),
        ("http://chat.example:80", 101), ("https://chat.example:443", 101),
        ("http://chat.example:8080", 403), ("https://chat.example:80", 403),
        ("null", 403), ("", 403),
        ("http://sub.chat.example", 403), ("http://chat.example.evil", 403),
        ("http://evilchat.example", 403), ("http://chat.example@evil", 403),
        ("http://evil/chat.example", 403), ("file://chat.example", 403),
        ("https://listed.example", 101), ("http://listed.example", 403),
    ],
)  # fmt: skip
def test_pages_of_our_host_and_of_listed_ones_may_connect(
    house: House, origin: str, status: int
) -> None:
    browser = web(house, origins=["https://Listed.example"])
    assert browser.gets(b"/ws", f"Origin: {origin}".encode(), *UPGRADE)[0] == status


@pytest.mark.parametrize("left_out", range(4))
def test_a_broken_upgrade_is_refused(house: House, left_out: int) -> None:
    browser = Browser(house)
    headers = [header for place, header in enumerate(UPGRADE) if place != left_out]
    assert browser.gets(b"/ws", *headers)[0] in (400, 426)
    assert browser.gets()[0] == 200  # the connection goes on as HTTP


def test_one_too_many_is_told_in_http(house: House) -> None:
    house.server.porter._places = 0
    browser = Browser(house)
    house.settle()
    [(status, headers, body)] = browser.answers()
    assert (status, headers["retry-after"] in "2345") == (503, True)
    assert body == b"There are too many connections at the moment.\n"


def test_a_stop_lets_idle_connections_go(house: House) -> None:
    browser = Browser(house)
    browser.gets()
    house.server.stop()
    house.advance(3.0)
    assert browser.sock.closed


def test_the_page_of_the_package_has_files_that_browsers_know() -> None:
    page = load_page()
    assert all(asset.body and asset.etag.startswith('"') for asset in page.values())
