"""Several pages in one browser: each has an identity of its own, and none is lost."""

from __future__ import annotations

from tests.browser.conftest import Open
from tests.browser.support import WebServer


def test_a_second_page_is_somebody_else(own_server: WebServer, opened: Open) -> None:
    ana = opened(own_server, "ana")
    second = opened(own_server)
    assert second.shown("entry")
    second.enter("bea")
    for page in (ana, second):
        page.say(f"from {page.text_of('#me')}")
        page.here().refresh()
    for page in (ana, second):
        page.sees("from ana")
        page.sees("from bea")
    assert (ana.text_of("#me"), second.text_of("#me")) == ("ana", "bea")
    assert sorted(ana.texts()) == ["from ana", "from bea"]


def test_a_page_that_is_opened_later_goes_on_as_the_last_one(
    own_server: WebServer, opened: Open
) -> None:
    ana = opened(own_server, "ana")
    ana.say("/join kitchen")
    ana.until(lambda: ana.text_of("#title") == "#kitchen")
    ana.run("return new Promise((go) => setTimeout(go, 500))")  # places are kept within 400 ms
    ana.run("document.querySelector('#text').value = 'x'")
    ana.close()
    later = opened(own_server)
    later.until(lambda: later.text_of("#me") == "ana" and later.text_of("#title") == "#kitchen")
    assert list(later.places()) == ["kitchen", "lobby"]


def test_a_copied_page_does_not_take_the_identity_of_the_original(
    own_server: WebServer, opened: Open
) -> None:
    ana = opened(own_server, "ana")
    remembered = ana.run("return sessionStorage.getItem('netchat:slot')")
    copy = opened(own_server)
    copy.run("sessionStorage.setItem('netchat:slot', arguments[0])", remembered)
    copy.here().refresh()
    copy.until(lambda: copy.shown("entry"))
    assert ana.online() and ana.text_of("#status-text") == ""


def test_two_pages_with_one_token_do_not_fight(own_server: WebServer, opened: Open) -> None:
    ana = opened(own_server, "ana")
    other = opened(own_server)
    keep = "return Object.entries(localStorage)"
    slot = ana.run("return sessionStorage.getItem('netchat:slot')")
    assert ana.run(keep)
    # As if the first page were asleep and had not answered.
    ana.run("BroadcastChannel.prototype.postMessage = () => {}")
    other.run("sessionStorage.setItem('netchat:slot', arguments[0])", slot)
    other.here().refresh()
    other.until(lambda: other.text_of("#me") == "ana" and other.online())
    ana.until(lambda: "continued elsewhere" in ana.text_of("#status-text"))
    other.say("from the other")
    other.sees("from the other")
    ana.at("#status-act").click()
    ana.sees("from the other")
    other.until(lambda: "continued elsewhere" in other.text_of("#status-text"))


def test_leaving_frees_the_name_and_forgets(own_server: WebServer, opened: Open) -> None:
    ana = opened(own_server, "ana")
    ana.at("#out").click()
    ana.at("#ask-yes").click()
    ana.until(lambda: ana.shown("entry"))
    assert ana.run("return Object.keys(localStorage).filter((k) => k.includes('slot'))") == []
    ana.enter("ana")
