"""People in browsers and terminals talk; servers die meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Open
from tests.browser.support import Page, WebServer, terminal
from tests.e2e.client import until_true

Unique = Callable[[str], str]


def test_two_pages_and_a_terminal_talk_while_the_server_is_killed(
    own_server: WebServer, opened: Open
) -> None:
    ana, bea = opened(own_server, "ana"), opened(own_server, "bea")
    said: list[str] = []

    def say(person: Page | Popen[str], text: str) -> None:
        said.append(text)
        if isinstance(person, Page):
            person.say(text)
        else:
            assert person.stdin is not None
            person.stdin.write(f"{text}\n")

    with terminal(own_server, "carla") as carla:
        until_true(lambda: "carla" in ana.texts_of("#people-list .name"))
        for round_ in range(3):
            for person in (ana, bea, carla):
                say(person, f"round {round_}, {len(said)}")
                ana.sees(said[-1])
                bea.sees(said[-1])
            own_server.kill()
            ana.until(lambda: not ana.online())
            say(ana, f"while it is down, {len(said)}")
            say(bea, f"while it is down, {len(said)}")
            own_server.start()
        for page in (ana, bea):
            page.until(page.online, 40)
            for text in said:
                page.sees(text)
        say(carla, "the end")
        ana.sees("the end")
        bea.sees("the end")
    assert sorted(ana.texts()) == sorted(said)
    assert ana.texts() == bea.texts()
    assert ana.states().count("failed") == 0
    shown = (own_server.folder / "carla.txt").read_text()
    assert [text for text in said if shown.count(text) != 1] == []


def test_a_private_message_is_between_two(server: WebServer, opened: Open, unique: Unique) -> None:
    ana, bea = opened(server, unique("ana")), opened(server, unique("bea"))
    eve = opened(server, unique("eve"))
    bea_name, ana_name = bea.text_of("#me"), ana.text_of("#me")
    ana.say(f"/msg {bea_name} just you")
    ana.sees("just you")
    assert ana.text_of("#title") == bea_name
    bea.until(lambda: bea.places().get(ana_name) == "1")
    assert bea.run("return document.title").startswith("(1) ")
    bea.go(ana_name)
    bea.sees("just you")
    bea.say("just me")
    for page in (ana, bea):
        page.sees("just me")
    assert ana.texts() == bea.texts() == ["just you", "just me"]
    bea.until(lambda: bea.places()[ana_name] == "")
    assert ana_name not in eve.places() and bea_name not in eve.places()


def test_a_name_that_is_taken_or_wrong_is_asked_for_again(
    server: WebServer, opened: Open, unique: Unique
) -> None:
    name = unique("ana")
    opened(server, name)
    page = opened(server)
    page.at("#entry-name").send_keys(name.upper(), Keys.ENTER)
    page.until(lambda: "taken" in page.text_of("#entry-error"))
    page.at("#entry-name").clear()
    page.at("#entry-name").send_keys("no spaces", Keys.ENTER)
    page.until(lambda: "1 to 32" in page.text_of("#entry-error"))
    page.at("#entry-name").clear()
    page.enter(unique("other"))
    assert page.shown("app") and not page.shown("entry")


def test_rooms_are_entered_and_left_and_count_what_is_unread(
    server: WebServer, opened: Open, unique: Unique
) -> None:
    ana, bea = opened(server, unique("ana")), opened(server, unique("bea"))
    kitchen = unique("kitchen")
    for page in (ana, bea):
        page.say(f"/join {kitchen}")
        page.until(lambda page=page: page.text_of("#title") == f"#{kitchen}")
    ana.go("lobby")
    bea.say("soup")
    bea.say(f"{ana.text_of('#me')}, soup!")
    ana.until(lambda: ana.places()[kitchen] == "2")
    assert ana.run("return document.querySelectorAll('#places .called').length") == 1
    ana.go(kitchen)
    ana.sees("soup")
    assert [row["kind"] for row in ana.rows()][-3:] == ["new", "message", "message"]
    ana.until(lambda: ana.places()[kitchen] == "")
    ana.at("#leave").click()
    ana.at("#ask-yes").click()
    ana.until(lambda: list(ana.places()) == ["lobby"])
    bea.until(lambda: bea.texts_of("#people-list .person .name") == [bea.text_of("#me")])


def test_who_writes_is_shown_for_a_while(server: WebServer, opened: Open, unique: Unique) -> None:
    ana, bea = opened(server, unique("ana")), opened(server, unique("bea"))
    bea.at("#text").send_keys("hm")
    ana.until(lambda: ana.text_of("#typing") == f"{bea.text_of('#me')} is writing…")
    bea.say("m")
    ana.sees("hmm")
    ana.until(lambda: ana.text_of("#typing") == "")


def test_what_the_server_does_not_take_stays_with_a_way_to_try_again(
    server: WebServer, opened: Open, unique: Unique
) -> None:
    page = opened(server, unique("ana"))
    page.say("/msg nobody-is-called-so hello?")
    page.until(lambda: page.states() == ["failed"])
    assert "Nobody here has this name." in page.text_of(".trouble")
    with server.client("nobody-is-called-so"):
        page.at(".trouble button").click()
        page.sees("hello?")
    assert page.texts() == ["hello?"]


def test_a_text_is_limited_in_code_points(server: WebServer, opened: Open, unique: Unique) -> None:
    page = opened(server, unique("ana"))
    page.say(f"/join {unique('empty')}")
    page.until(lambda: page.text_of("#title") != "#lobby")
    script = """
    const text = document.querySelector('#text');
    text.value = arguments[0];
    text.dispatchEvent(new Event('input'));"""
    page.run(script, "😀" * 3_900)
    assert page.text_of("#limit") == "100 left"
    page.run(script, "😀" * 4_001)
    assert page.text_of("#limit") == "1 too many"
    page.keys(Keys.ENTER)
    assert page.texts() == [] and page.run("return document.querySelector('#send').disabled")
    page.run(script, "😀" * 4_000)
    page.keys(Keys.ENTER)
    page.sees("😀" * 4_000)
