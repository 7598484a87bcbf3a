from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.support import (
    CHROMIUM,
    DRIVER,
    MISSING,
    Page,
    WebServer,
    closed_quietly,
    start_browser,
)

_numbers = count(1)

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests; each has windows of its own."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip(MISSING)
    browser = start_browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Chrome) -> Iterator[WebServer]:
    """A server that the module's tests share."""
    with WebServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path, browser: Chrome) -> Iterator[WebServer]:
    """A server for this test alone, which may stop and start it."""
    with WebServer(tmp_path) as server:
        yield server


@pytest.fixture
def opened(browser: Chrome) -> Iterator[Open]:
    """Open pages, which are closed in the end, and what they keep is forgotten."""
    pages: list[Page] = []

    def open_page(server: WebServer, name: str | None = None, path: str = "") -> Page:
        page = Page(browser, server.url + path)
        pages.append(page)
        if name is not None:
            page.enter(name)
        return page

    yield open_page
    for page in pages:
        if page.handle in browser.window_handles:
            page.run("localStorage.clear(); sessionStorage.clear()")
            closed_quietly(browser, page.handle)
    browser.switch_to.window(browser.window_handles[0])


@pytest.fixture
def unique() -> Callable[[str], str]:
    """A name that no other test uses."""
    return lambda word: f"{word}{next(_numbers)}"
