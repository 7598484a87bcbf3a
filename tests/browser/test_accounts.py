"""Names with a password."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Open
from tests.browser.support import WebServer

OPEN = "return document.querySelector('#secret').open"


def test_a_password_makes_an_account_and_opens_it_again(
    own_server: WebServer, opened: Open
) -> None:
    first = opened(own_server)
    first.at("#entry-name").send_keys("ana")
    first.at("#entry-more").click()
    first.at("#entry-password").send_keys("correct horse", Keys.ENTER)
    first.until(lambda: first.text_of("#me") == "ana" and first.online())
    second = opened(own_server)
    second.at("#entry-name").send_keys("ana")
    second.at("#entry-more").click()
    second.at("#entry-password").send_keys("wrong horse", Keys.ENTER)
    second.until(lambda: "do not belong together" in second.text_of("#entry-error"))
    second.at("#entry-password").clear()
    second.at("#entry-password").send_keys("correct horse", Keys.ENTER)
    second.until(lambda: second.text_of("#me") == "ana" and second.online())
    second.say("from my other window")
    first.sees("from my other window")
    assert second.run("return document.querySelector('#entry-password').value") == ""
    kept = second.run("return JSON.stringify(localStorage)")
    assert "horse" not in kept


def test_a_guest_sets_a_password_and_changes_it(own_server: WebServer, opened: Open) -> None:
    page = opened(own_server, "ana")
    page.say("/password")
    page.until(lambda: page.run(OPEN))
    assert not page.at("#secret-old").is_displayed()
    page.at("#secret-new").send_keys("correct horse")
    page.at("#secret-again").send_keys("another horse", Keys.ENTER)
    assert page.run(OPEN)  # the two differ
    page.at("#secret-again").clear()
    page.at("#secret-again").send_keys("correct horse", Keys.ENTER)
    page.until(lambda: "ana is yours for good" in page.text_of("#toast"))
    page.say("/password")
    page.until(lambda: page.run(OPEN))
    for field, text in (
        ("old", "correct horse"),
        ("new", "other staple"),
        ("again", "other staple"),
    ):
        page.at(f"#secret-{field}").send_keys(text)
    page.at("#secret-again").send_keys(Keys.ENTER)
    page.until(lambda: not page.run(OPEN))
    again = opened(own_server)
    again.at("#entry-name").send_keys("ana")
    again.at("#entry-more").click()
    again.at("#entry-password").send_keys("other staple", Keys.ENTER)
    again.until(lambda: again.text_of("#me") == "ana" and again.online())
    assert page.run("return document.querySelector('#secret-new').value") == ""


def test_where_the_network_can_read_it_the_page_says_so(
    own_server: WebServer, opened: Open
) -> None:
    page = opened(own_server)
    page.at("#entry-more").click()
    warning = "#entry .exposed"
    assert not page.at(warning).is_displayed()
    page.open(own_server.url.replace("127.0.0.1", "0.0.0.0"))  # the same, but not by its name
    page.at("#entry-more").click()
    assert page.at(warning).is_displayed()
    assert page.text_of(warning) == "Not encrypted: the network can read your password."
