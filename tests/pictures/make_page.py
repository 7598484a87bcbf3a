"""Makes page.png and page-narrow.png: the page in a browser, wide and light, narrow and dark.

    python -m tests.pictures.make_page

It needs chromium and chromium-driver. The letters are those of the machine that it runs on.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser.stage import TOPICS, play
from tests.browser.support import Page, WebServer, start_browser

HERE = Path(__file__).parent


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        browser = start_browser(folder / "profile")
        stack.callback(browser.quit)
        server = stack.enter_context(WebServer(folder / "server", *TOPICS))
        page = Page(browser, f"{server.url}#harbour")
        page.resize(1180, 740)
        play(stack, server, page)
        page.here().save_screenshot(str(HERE / "page.png"))
        page.resize(360, 740, mobile=True, dark=True)
        page.until(lambda: page.run("return innerWidth") == 360)
        page.here().save_screenshot(str(HERE / "page-narrow.png"))


if __name__ == "__main__":
    main()
