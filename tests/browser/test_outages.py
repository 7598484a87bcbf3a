"""Lost connections, reloads and crashes: nothing is missing and nothing stands there twice."""

from __future__ import annotations

import signal
import threading

from selenium.webdriver import Chrome

from tests.browser.conftest import Open
from tests.browser.support import Page, WebServer
from tests.crash.proxy import Proxy
from tests.e2e.support import split


def log_of(server: WebServer, room: str = "lobby") -> list[str]:
    """The texts of a room's log, as the server has it."""
    with server.client("auditor") as client:
        client.send({"type": "join", "room": room, "backlog": 0})
        client.until("joined")
        client.send({"type": "history", "room": room, "limit": 300})
        return [message["text"] for message in client.until("history")["messages"]]


def test_a_reload_before_the_answer_sends_what_was_written_once(
    own_server: WebServer, opened: Open
) -> None:
    page = opened(own_server, "ana")
    page.say("before")
    page.sees("before")
    own_server.send_signal(signal.SIGSTOP)
    for number in range(3):
        page.say(f"unanswered {number}")
    page.until(lambda: page.states() == ["sent", *["sending"] * 3])
    page.at("#text").send_keys("a draft")
    later = threading.Timer(0.5, own_server.send_signal, (signal.SIGCONT,))
    later.start()
    page.here().refresh()  # begins while the server does not answer, and waits until it does
    later.join()
    wanted = ["before", *(f"unanswered {number}" for number in range(3))]
    page.until(lambda: page.texts() == wanted and page.online())
    page.until(lambda: set(page.states()) == {"sent"})
    assert page.run("return document.querySelector('#text').value") == "a draft"
    assert log_of(own_server) == wanted


def test_a_page_that_was_closed_while_the_server_was_down_sends_it_when_it_is_back(
    own_server: WebServer, opened: Open, browser: Chrome
) -> None:
    page = opened(own_server, "ana")
    page.say("/join kitchen")
    page.until(lambda: page.text_of("#title") == "#kitchen")
    own_server.kill()
    page.until(lambda: not page.online())
    page.say("typed in vain?")
    page.until(lambda: page.states() == ["waiting"])
    assert "No connection" in page.text_of("#status-text")
    page.close()
    own_server.start()
    again = Page(browser, own_server.url)
    again.sees("typed in vain?")
    assert (again.text_of("#me"), again.text_of("#title")) == ("ana", "#kitchen")
    assert log_of(own_server, "kitchen") == ["typed in vain?"]
    again.close()


def test_a_server_that_stops_says_so_and_the_page_comes_back(
    own_server: WebServer, opened: Open
) -> None:
    ana, bea = opened(own_server, "ana"), opened(own_server, "bea")
    assert own_server.stop() == 0
    ana.until(lambda: "stopping" in ana.text_of("#status-text"))
    own_server.start()
    ana.run("document.querySelector('#status-act').click()")
    ana.until(ana.online)
    ana.say("again")
    bea.sees("again")
    ana.until(lambda: "Nothing was missed" in ana.text_of("#toast"))


def test_a_network_that_swallows_everything_is_noticed_and_outlived(
    own_server: WebServer, opened: Open
) -> None:
    bea = opened(own_server, "bea")
    with Proxy(split(own_server.url.removeprefix("http://").strip("/"))) as proxy:
        behind = WebServer(own_server.folder)
        behind.url = f"http://{proxy.place}/"
        ana = opened(behind, "ana")
        proxy.faults.swallow = True
        ana.network(offline=True)  # the browser knows, but cuts nothing
        ana.say("into the void")
        bea.say("meanwhile")
        ana.until(lambda: "You are offline" in ana.text_of("#status-text"), 15)
        ana.until(lambda: ana.states() == ["waiting"])
        bea.sees("meanwhile")
        proxy.faults.swallow = False
        ana.network(offline=False)
        ana.until(ana.online, 15)
        for page in (ana, bea):
            page.sees("meanwhile")
            page.sees("into the void")
            assert page.texts() == ["meanwhile", "into the void"]
        ana.run("localStorage.clear()")
        ana.close()


def test_a_log_that_begins_anew_is_told_of(own_server: WebServer, opened: Open) -> None:
    own_server.args = (*own_server.args, "--durability", "memory")
    own_server.restart()
    ana = opened(own_server, "ana")
    ana.say("gone soon")
    ana.sees("gone soon")
    own_server.kill()
    own_server.start()
    ana.until(ana.online, 30)
    ana.until(lambda: "begun anew" in (ana.texts_of("#rows .gap") or [""])[0])
    ana.say("a new life")
    ana.sees("a new life")
    assert ana.texts() == ["a new life"]
