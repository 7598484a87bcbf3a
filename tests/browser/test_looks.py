"""What the page looks like: pictures to be looked at, and what can be said of them in figures.

The pictures are left in browser-results/, which git ignores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from tests.browser.stage import TOPICS, play
from tests.browser.support import Page, WebServer
from tests.e2e.support import ROOT

RESULTS = ROOT / "browser-results"
SIZES = [(360, 740), (768, 1024), (1280, 800), (1920, 1080)]

CONTRAST = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const over = (colour, below) => {
  canvas.fillStyle = `rgb(${below.join(' ')})`;
  canvas.fillRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = (rgb) => {
  const [r, g, b] = rgb.map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const below = (node) => {
  if (node === null) return [255, 255, 255];
  return over(getComputedStyle(node).backgroundColor, below(node.parentElement));
};
const poor = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !node.checkVisibility({opacityProperty: true})) continue;
  if (node.closest('[aria-hidden]') || node.closest('.skip')) continue;
  const back = below(node);
  const ink = over(getComputedStyle(node).color, back);
  const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < 4.5) poor.push([walker.currentNode.data.trim(), Math.round(ratio * 100) / 100]);
}
return poor"""

WIDE = """
const far = [...document.querySelectorAll('#main *')].filter((node) =>
  node.checkVisibility() && node.getBoundingClientRect().right > innerWidth + 1);
return far.map((node) => node.className || node.localName)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Chrome) -> Iterator[Page]:
    RESULTS.mkdir(exist_ok=True)
    with ExitStack() as stack:
        server = stack.enter_context(WebServer(tmp_path_factory.mktemp("stage"), *TOPICS))
        page = Page(browser, f"{server.url}#harbour")
        page.resize(1280, 800)
        play(stack, server, page)
        yield page
        page.run("localStorage.clear()")
        page.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES, ids=lambda size: str(size))
def test_everything_fits_and_can_be_read(page: Page, width: int, height: int, dark: bool) -> None:
    page.resize(width, height, dark=dark, mobile=width < 800)
    page.until(lambda: page.run("return innerWidth") == width)
    page.until(lambda: page.run("return document.getAnimations().length") == 0)
    assert page.run(CONTRAST) == []
    assert page.run(WIDE) == []
    assert page.run("return document.documentElement.scrollWidth") <= width
    shoot(page, f"{width}x{height}-{'dark' if dark else 'light'}")


def test_a_phone_has_drawers_for_rooms_and_people(page: Page) -> None:
    page.resize(360, 740, mobile=True)
    page.at("#menu").click()
    page.until(lambda: page.run("return document.activeElement.getAttribute('aria-current')"))
    assert page.run("return document.querySelector('#main').inert")
    shoot(page, "rooms")
    page.keys(Keys.ESCAPE)
    page.until(lambda: page.run("return document.activeElement.id") == "menu")
    page.at("#people-toggle").click()
    page.until(lambda: page.run("return document.activeElement.id") == "people-close")
    shoot(page, "people")
    page.at("#people-close").click()
    assert not page.run("return document.querySelector('#main').inert")


def test_the_reader_chooses_dark_or_light(page: Page) -> None:
    page.resize(1280, 800)
    back = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(back)
    page.at("#theme").click()
    assert page.run(back) != light
    page.here().refresh()
    page.until(page.online)
    assert page.run(back) != light
    page.at("#theme").click()
    assert page.run(back) == light


def shoot(page: Page, name: str) -> Path:
    path = RESULTS / f"{name}.png"
    page.here().save_screenshot(str(path))
    return path
