"""Without a pointer: everything can be reached and done by keys."""

from __future__ import annotations

from collections.abc import Callable

from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Open
from tests.browser.support import WebServer

FOCUS = "return document.activeElement.id || document.activeElement.className"


def test_a_whole_visit_by_keys_alone(
    server: WebServer, opened: Open, unique: Callable[[str], str]
) -> None:
    page = opened(server)
    name, kitchen = unique("ana"), unique("kitchen")
    page.keys(name)  # the focus is on the field already
    page.keys(Keys.ENTER)
    page.until(lambda: page.run(FOCUS) == "text")
    page.keys("first line", Keys.SHIFT, Keys.ENTER, Keys.NULL, "second line")
    page.keys(Keys.ENTER)
    page.sees("first line\nsecond line")
    page.keys(Keys.CONTROL, "k")
    page.until(lambda: page.run(FOCUS) == "switcher-text")
    page.keys(kitchen)
    page.until(lambda: page.texts_of("#switcher-list .choice .name") != [])
    assert page.texts_of("#switcher-list [aria-selected=true]") == [f"#Join or create #{kitchen}"]
    page.keys(Keys.ENTER)
    page.until(lambda: page.text_of("#title") == f"#{kitchen}")
    page.until(lambda: page.run(FOCUS) == "text")
    page.keys(Keys.ALT, Keys.ARROW_DOWN)
    page.until(lambda: page.text_of("#title") == "#lobby")
    page.keys(Keys.ALT, Keys.ARROW_UP)
    page.until(lambda: page.text_of("#title") == f"#{kitchen}")
    page.keys(Keys.CONTROL, "/")
    page.until(lambda: page.run("return document.querySelector('#help').open"))
    assert "Ctrl + K" in page.texts_of("#help kbd")
    page.keys(Keys.ESCAPE)
    page.until(lambda: not page.run("return document.querySelector('#help').open"))


def test_the_focus_goes_round_all_controls_and_is_seen(
    server: WebServer, opened: Open, unique: Callable[[str], str]
) -> None:
    page = opened(server, unique("ana"))
    page.run("document.activeElement.blur(); document.body.focus()")
    seen: list[str] = []
    for _ in range(24):
        page.keys(Keys.TAB)
        seen.append(page.run(FOCUS))
        outline = "return getComputedStyle(document.activeElement).outlineStyle"
        wanted = ("auto", "solid") if seen[-1] not in ("text", "") else ("none", "auto", "solid")
        assert page.run(outline) in wanted, seen[-1]
    controls = {"skip", "go", "place", "theme", "keys", "out", "leave", "people-toggle", "log"}
    assert controls - set(seen) == set()


def test_a_screen_reader_has_names_and_roles_for_everything(
    server: WebServer, opened: Open, unique: Callable[[str], str]
) -> None:
    page = opened(server, unique("ana"))
    page.say("hello")
    page.sees("hello")
    nameless = page.run("""
      const named = (node) => node.getAttribute('aria-label') || node.textContent.trim()
        || node.labels?.length;
      return [...document.querySelectorAll('button, input, textarea, nav, aside, [role]')]
        .filter((node) => node.checkVisibility() && !named(node))
        .filter((node) => !['status', 'alert'].includes(node.getAttribute('role')))
        .map((node) => node.outerHTML)""")
    assert nameless == []
    log = page.at("#log")
    assert log.get_attribute("role") == "log"
    page.until(lambda: page.run("return document.querySelector('#log').ariaLive") == "polite")
    assert log.get_attribute("aria-label") == "Messages in #lobby"


def test_only_new_messages_are_read_out(
    server: WebServer, opened: Open, unique: Callable[[str], str]
) -> None:
    page = opened(server, unique("ana"))
    page.say("/join " + unique("quiet"))
    page.until(lambda: page.text_of("#title") != "#lobby")
    page.run("""
      window.spoken = [];
      const log = document.querySelector('#log');
      new MutationObserver((changes) => {
        if (log.ariaLive !== 'off')
          for (const change of changes)
            for (const node of change.addedNodes)
              if (node.matches?.('.message')) spoken.push(node.querySelector('.text').textContent);
      }).observe(log, {childList: true, subtree: true});""")
    with server.client(unique("bea")) as bea:
        room = page.text_of("#title")[1:]
        bea.send({"type": "join", "room": room, "backlog": 0})
        bea.send({"type": "post", "room": room, "text": "heard", "id": "1"})
        page.sees("heard")
        page.say("mine")
        page.sees("mine")
    page.go("lobby")
    page.go(room)
    page.sees("mine")
    assert page.run("return spoken") == ["heard", "mine"]
