"""The past: by scrolling up, without being moved, and without end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Open
from tests.browser.support import Page, WebServer, filled
from tests.e2e.client import RawClient

COUNT = 1_300
NODES = 900
"""The most rows that a page holds of a room."""


@pytest.fixture(scope="module")
def writer(server: WebServer) -> Iterator[RawClient]:
    with server.client("writer") as client:
        client.send({"type": "join", "room": "long", "backlog": 0})
        client.until("joined")
        filled(client, "long", [f"text {number}" for number in range(COUNT)])
        yield client


@pytest.fixture
def page(server: WebServer, writer: RawClient, opened: Open) -> Page:
    page = opened(server, None, "#long")
    page.enter(f"reader{len(page.browser.window_handles)}{id(page)}"[:32])
    page.sees(f"text {COUNT - 1}")
    page.until(lambda: page.run(AT_END))
    return page


AT_END = """
const log = document.querySelector('#log');
return log.scrollHeight - log.scrollTop - log.clientHeight < 2"""
UP = "document.querySelector('#log').scrollTop = arguments[0]"
PLACE = """
const log = document.querySelector('#log');
const top = log.getBoundingClientRect().top;
const seen = [...log.querySelectorAll('.message')]
  .find((row) => row.getBoundingClientRect().bottom > top);
return [seen.querySelector('.text').textContent, Math.round(seen.getBoundingClientRect().top)]"""


def test_the_whole_past_comes_by_scrolling_up_and_the_present_by_scrolling_down(
    page: Page,
) -> None:
    seen: set[str] = set(page.texts())

    def beginning() -> bool:
        page.run(UP, 0)
        rows = page.rows()
        assert len(rows) < NODES
        texts = [row["text"] for row in rows if row["kind"] == "message"]
        seen.update(texts)
        numbers = [int(text.split()[1]) for text in texts]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        return numbers[0] == 0

    page.until(beginning, 30)
    assert page.rows()[0]["text"] == "This is where #long begins."
    assert seen >= {f"text {number}" for number in range(COUNT - 600, COUNT)}

    def end() -> bool:
        page.run(UP, 10**7)
        return page.texts()[-1] == f"text {COUNT - 1}"

    page.until(end, 30)
    assert len(page.rows()) < NODES


def test_older_messages_do_not_move_what_is_being_read(page: Page) -> None:
    for place in (400, 250, 180):
        first = page.texts()[0]
        text, top = page.run(f"{UP}; {PLACE}", place)
        page.until(lambda first=first: page.texts()[0] != first)
        assert page.run(PLACE)[0] == text
        assert abs(page.run(PLACE)[1] - top) <= 1


def test_new_messages_do_not_move_what_is_being_read(page: Page, writer: RawClient) -> None:
    page.keys(Keys.PAGE_UP)
    page.keys(Keys.PAGE_UP)
    page.until(lambda: page.shown("newest"))
    before = page.run(PLACE)
    for number in range(3):
        filled(writer, "long", [f"fresh {before[0]} {number}"])
    page.until(lambda: page.text_of("#newest-text") == "3 new")
    page.sees(f"fresh {before[0]} 2")
    assert page.run(PLACE) == before
    page.at("#newest").click()
    page.until(lambda: page.run(AT_END) and not page.shown("newest"))
    assert page.texts()[-1] == f"fresh {before[0]} 2"


def test_a_flood_is_taken_in_and_the_page_stays_small(page: Page, writer: RawClient) -> None:
    filled(writer, "long", [f"flood {number}" for number in range(1_000)])
    page.sees("flood 999")
    assert len(page.rows()) < NODES
    assert page.run(AT_END)
    texts = page.texts()
    assert texts == [f"flood {number}" for number in range(1_000 - len(texts), 1_000)]
