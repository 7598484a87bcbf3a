"""The page in other places: behind a path, in another language, and as a plain file would be."""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver import Chrome

from tests.browser.conftest import Open
from tests.browser.support import Page, WebServer


def test_the_page_works_behind_a_path_and_in_spanish(tmp_path: Path, browser: Chrome) -> None:
    with WebServer(tmp_path, "--set", "web.prefix=/chat") as server:
        page = Page(browser, f"{server.url}chat/#cocina", wait=False)
        spanish = {"userAgent": "netchat's tests", "acceptLanguage": "es-ES"}
        browser.execute_cdp_cmd("Network.setUserAgentOverride", spanish)
        page.here().refresh()
        page.enter("ana")
        page.until(lambda: page.text_of("#title") == "#cocina")
        page.say("hola")
        page.sees("hola")
        assert page.at("#text").get_attribute("placeholder") == "Escribir en #cocina"
        assert page.run("return document.documentElement.lang") == "es"
        assert page.run("return Object.keys(localStorage).every((k) => k.includes(':/chat/:'))")
        page.run("localStorage.clear()")
        page.close()


def test_an_address_with_a_room_opens_it(own_server: WebServer, opened: Open) -> None:
    page = opened(own_server, None, "#kitchen%20sink,")
    page.enter("ana")
    page.until(lambda: "1 to 64 characters" in page.text_of("#rows"))
    page.run("location.hash = '#kitchen'")
    page.until(lambda: page.text_of("#title") == "#kitchen")
    page.say("here")
    page.sees("here")


def test_a_browser_that_keeps_nothing_can_talk(own_server: WebServer, opened: Open) -> None:
    page = opened(own_server)
    page.run("""
      const refuse = () => { throw new DOMException('no', 'QuotaExceededError'); };
      Storage.prototype.setItem = refuse;""")
    page.enter("ana")
    page.say("hello")
    page.sees("hello")
    assert "keeps nothing" in page.text_of("#toast")
