"""Names with a password."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Open
from tests.browser.support import WebServer


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
