"""A real browser on a real server: pages as a person uses them, and what they show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.client import RawClient, until_true
from tests.e2e.support import ROOT, UNLIMITED, ServerProcess, environment

PAGE = ROOT / "netchat" / "page"

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en-US", "--window-size=1280,800",
)  # fmt: skip
"""No sandbox: in a container, as root, there is none to be had. The pages are our own."""

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "These tests need a browser: apt-get install chromium chromium-driver"

ROWS = """
return Array.from(document.querySelectorAll('#rows > li'), (row) => ({
  kind: row.className.split(' ').find((name) => name !== 'line'),
  author: row.querySelector('.author')?.textContent,
  text: (row.querySelector('.text') ?? row).textContent,
  state: row.dataset.state ?? '',
  first: row.classList.contains('first'),
  seq: Number(row.dataset.seq) || null,
}))"""


def start_browser(profile: Path) -> Chrome:
    options = ChromeOptions()
    assert CHROMIUM is not None and DRIVER is not None
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=Service(DRIVER))
    browser.set_page_load_timeout(20)
    browser.set_script_timeout(20)
    return browser


class WebServer(ServerProcess):
    """A server with a web door, which stays where it is over restarts."""

    def __init__(self, folder: Path, *args: str) -> None:
        super().__init__(folder, *UNLIMITED, *args)
        self.url = "http://127.0.0.1:0/"

    def launch(self) -> None:
        place = self.url.removeprefix("http://").strip("/")
        options = self.args
        self.args = (*options, "--web", place)
        super().launch()
        self.args = options

    def start(self) -> Self:
        super().start()
        self.url = re.findall(r"web=(\S+)", self.ready)[0]
        return self


class Page:
    """The page in a window of its own."""

    def __init__(self, browser: Chrome, url: str, *, wait: bool = True) -> None:
        self.browser = browser
        browser.switch_to.new_window("window")
        self.handle = browser.current_window_handle
        # Each page thinks that it is looked at, however many there are.
        browser.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
        self.open(url, wait=wait)

    def open(self, url: str, *, wait: bool = True) -> None:
        self.here().get(url)
        if wait:
            self.until(lambda: self.shown("entry") or self.shown("app"))

    def here(self) -> Chrome:
        self.browser.switch_to.window(self.handle)
        return self.browser

    def close(self) -> None:
        self.here().close()
        self.browser.switch_to.window(self.browser.window_handles[0])

    # Looking

    def run(self, script: str, *args: Any) -> Any:
        return self.here().execute_script(script, *args)

    def at(self, selector: str) -> WebElement:
        return self.here().find_element(By.CSS_SELECTOR, selector)

    def shown(self, id: str) -> bool:
        return bool(self.run("return !document.getElementById(arguments[0]).hidden", id))

    def text_of(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def texts_of(self, selector: str) -> list[str]:
        script = "return Array.from(document.querySelectorAll(arguments[0]), (n) => n.textContent)"
        return list(self.run(script, selector))

    def rows(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The rows of the log, or those of one kind."""
        rows: list[dict[str, Any]] = self.run(ROWS)
        return [row for row in rows if kind is None or row["kind"] == kind]

    def states(self) -> list[str]:
        """How far each message in the log is. The page draws in the browser's next frame: wait."""
        return [row["state"] for row in self.rows("message")]

    def texts(self) -> list[str]:
        """The texts of all messages in the log, in order."""
        return [row["text"] for row in self.rows("message")]

    def places(self) -> dict[str, str]:
        """Rooms and people at the side, with what their badges say."""
        script = """
        return Array.from(document.querySelectorAll('#places .place'), (place) =>
          [place.querySelector('.name').textContent, place.querySelector('.badge').textContent])"""
        return dict(self.run(script))

    def until(self, check: Any, within: float = 10.0) -> Any:
        try:
            return until_true(check, within)
        except AssertionError:
            state = {"rows": self.rows()[-8:], "status": self.text_of("#status-text")}
            raise AssertionError(f"{state}, console: {self.console()}") from None

    def sees(self, text: str) -> None:
        """Wait for a message that is in the log on the server."""
        self.until(
            lambda: any(r["text"] == text and r["state"] in ("", "sent") for r in self.rows())
        )

    def console(self) -> list[str]:
        """What the browser complained of since the last call."""
        return [str(entry["message"]) for entry in self.here().get_log("browser")]

    # Acting

    def enter(self, name: str) -> None:
        """Say who one is, and wait to be there."""
        self.until(lambda: self.shown("entry"))
        self.at("#entry-name").send_keys(name, Keys.ENTER)
        self.until(lambda: self.text_of("#me") == name and self.online())
        self.until(lambda: self.run("return !document.querySelector('#text').disabled"))

    def online(self) -> bool:
        return bool(self.run("return document.querySelector('#dot').classList.contains('on')"))

    def say(self, text: str) -> None:
        self.at("#text").send_keys(text, Keys.ENTER)

    def keys(self, *keys: str) -> None:
        """Press keys together, wherever the focus is."""
        chord = "".join(keys)
        self.here().switch_to.active_element.send_keys(chord)

    def go(self, place: str) -> None:
        """Choose a place at the side."""
        script = """
        const fits = (node) => node.querySelector('.name').textContent === arguments[0];
        [...document.querySelectorAll('#places .place')].find(fits).click();"""
        self.run(script, place)
        self.until(lambda: self.text_of("#title") in (place, f"#{place}"))

    def resize(self, width: int, height: int, *, mobile: bool = False, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.here().execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.here().execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def network(self, *, offline: bool) -> None:
        """Pull the plug, or put it in."""
        conditions = {
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        }  # fmt: skip
        self.here().execute_cdp_cmd("Network.enable", {})
        self.here().execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
        self.until(lambda: self.run("return navigator.onLine") is not offline)
        self.run("dispatchEvent(new Event(arguments[0]))", "offline" if offline else "online")


@contextmanager
def terminal(server: ServerProcess, name: str) -> Iterator[subprocess.Popen[str]]:
    """A terminal client in a pipe: lines in, messages out."""
    command = [sys.executable, "-m", "netchat", "chat", "--name", name, "--server", server.place]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=(server.folder / f"{name}.txt").open("wb"),
        stderr=subprocess.DEVNULL,
        env=environment(server.folder),
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def closed_quietly(browser: Chrome, handle: str) -> None:
    """Close a window, whatever has become of it."""
    with suppress(WebDriverException):
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(browser.window_handles[0])


def filled(client: RawClient, room: str, texts: list[str]) -> None:
    """Post texts, and wait until they are committed."""
    for start in range(0, len(texts), 100):
        batch = texts[start : start + 100]
        posts = [
            {"type": "post", "room": room, "text": text, "id": f"id of {text}"} for text in batch
        ]
        client.send(*posts)
        for _ in batch:
            client.until("accepted")
