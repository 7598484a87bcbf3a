"""The page's pure modules, in the language that they are written in: see modules/."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.e2e.support import ROOT

FOLDER = Path(__file__).parent / "modules"

RUN = """
const { tests } = await import(arguments[0]);
const failed = {};
for (const [name, test] of Object.entries(tests)) {
  try { test(); } catch (error) { failed[name] = String(error.stack); }
}
return [Object.keys(tests).length, failed];"""


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def url(browser: Chrome) -> Iterator[str]:
    handler = partial(Files, directory=str(ROOT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{FOLDER.relative_to(ROOT)}"
        server.shutdown()


@pytest.mark.parametrize("name", ["texts", "logs", "wire"])
def test_modules(browser: Chrome, url: str, name: str) -> None:
    browser.get(f"{url}/pure.html")
    count, failed = browser.execute_script(RUN, f"{url}/{name}.js")
    assert failed == {}
    assert count >= 4
