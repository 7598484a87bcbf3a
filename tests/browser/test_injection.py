"""What others write is text: 200 payloads through every field, from a server that means harm.

The page is served with the real server's head fields; everything that it shows comes from the
hostile one, whose words the real server would not even pass on.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from selenium.webdriver import Chrome

from netchat.errors import RefusedError
from tests.browser.hostile import Event, hostile
from tests.browser.payloads import PAYLOADS
from tests.browser.support import PAGE, Page
from tests.browser.test_source import tags_of
from tests.test_documents import kinds

MADE = {
    "li",
    "div",
    "span",
    "bdi",
    "button",
    "time",
    "a",
    "ul",
    "h2",
    "p",
    "svg",
    "use",
    "kbd",
    "dt",
    "dd",
}
"""Elements that the page's modules make; all others are in index.html."""

AUDIT = """
const names = (node) => [...node.attributes].map((attribute) => attribute.name);
const all = [...document.querySelectorAll('*')];
return {
  pwned: window.pwned ?? null,
  tags: [...new Set(all.map((node) => node.localName))],
  handlers: all.flatMap(names).filter((name) => name.startsWith('on')),
  styled: all.filter((node) => node.hasAttribute('style')).map((node) => node.id),
  sources: all.filter((node) => node.src).map((node) => new URL(node.src).pathname),
  links: [...document.querySelectorAll('a:not(.skip)')]
    .map((node) => [node.protocol, node.rel, node.target, node.username]),
  foreign: performance.getEntriesByType('resource').map((entry) => entry.name)
    .filter((name) => !name.startsWith(location.origin)),
}"""

WALK = """
const wait = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
const places = document.querySelectorAll('#places .place');
for (let at = 0; at < places.length; at += 20) { places[at].click(); await wait(); }
return places.length"""


WRITE = """
const text = document.querySelector('#text');
text.value = arguments[0];
text.dispatchEvent(new Event('input'));
document.querySelector('#send').click();"""


class Harm:
    """Answers with a payload wherever there is a string."""

    def __init__(self) -> None:
        self.seqs = count(1)

    def __call__(self, request: Event) -> list[Event]:
        answer = getattr(self, f"_{request['type']}", None)
        return [{"ref": request.get("ref"), **event} for event in answer(request)] if answer else []

    def _hello(self, request: Event) -> list[Event]:
        talks = [
            {"room": f"@{place}", "with": text, "head": 1} for place, text in enumerate(PAYLOADS)
        ]
        return [
            {"type": "welcome", "version": 1, "server": PAYLOADS[0], "name": PAYLOADS[1],
             "session": PAYLOADS[2], "token": PAYLOADS[3], "epoch": PAYLOADS[4], "heartbeat": 25,
             "limits": {"text": 4_000}, "talks": talks},
        ]  # fmt: skip

    def _join(self, request: Event) -> list[Event]:
        room = request["room"]
        joined = {"type": "joined", "room": room, "epoch": PAYLOADS[4], "head": 0, "first": 1,
                  "count": len(PAYLOADS), "members": PAYLOADS, "topic": PAYLOADS[5]}  # fmt: skip
        events: list[Event] = [joined]
        events.append(
            {"type": "presence", "room": room, "joined": PAYLOADS, "away": PAYLOADS, "count": 9}
        )
        for place, text in enumerate(PAYLOADS):
            events.append({"type": "error", "code": text, "message": text, "field": text})
            events.append({"type": "typing", "room": room, "from": text})
            events.append({"type": text, "room": text, "from": text})
            events.append(self.message(text, text, text))
            events.append(self.message(f"@{place}", text, text, to=PAYLOADS[1]))
            events.append({"type": "joined", "room": text, "epoch": text, "head": 1, "first": 1,
                           "count": 1, "members": [text], "topic": text})  # fmt: skip
        return events

    def message(self, room: str, author: str, text: str, **more: Any) -> Event:
        return {"type": "message", "room": room, "seq": next(self.seqs), "time": 1_795_323_600_000,
                "from": author, "text": text, "id": text, **more}  # fmt: skip

    def _history(self, request: Event) -> list[Event]:
        if "before" in request or "after" in request:
            return [{"type": "history", "room": request["room"], "messages": [], "complete": True}]
        room, seqs = request["room"], count(1)
        rows = [{**self.message(room, text, text), "seq": next(seqs)} for text in PAYLOADS]
        return [{"type": "history", "room": room, "messages": rows, "complete": True}]

    def _rooms(self, request: Event) -> list[Event]:
        rows = [{"room": text, "topic": text, "count": 1, "head": 1} for text in PAYLOADS]
        return [{"type": "rooms", "rooms": rows, "complete": True}]

    def _who(self, request: Event) -> list[Event]:
        rows = [{"name": text, "since": 0, "away": True} for text in PAYLOADS]
        return [{"type": "members", "room": request["room"], "members": rows, "complete": True}]

    def _post(self, request: Event) -> list[Event]:
        text = request["text"]
        return [{"type": "error", "id": request["id"], "code": text, "message": text}]


def test_nothing_that_others_write_runs_or_becomes_an_element(browser: Chrome) -> None:
    assert len(PAYLOADS) >= 200
    with hostile(Harm()) as url:
        page = Page(browser, url)
        page.console()
        page.at("#entry-name").send_keys("ana\n")
        page.until(lambda: len(page.places()) >= len(set(PAYLOADS)))
        page.until(lambda: len(page.texts_of("#people-list .name")) == len(set(PAYLOADS)))
        assert page.run(WALK) > len(set(PAYLOADS))
        page.go("lobby")
        page.until(lambda: len(page.texts()) >= len(PAYLOADS))
        shown = page.texts()
        plain = [text for text in PAYLOADS if text.isascii() and text.isprintable()]
        assert [text for text in plain if text not in shown] == []
        assert page.texts_of("#rows .message .author")[: len(PAYLOADS)].count(PAYLOADS[0]) >= 1
        for text in PAYLOADS[:40:4]:
            page.run(WRITE, text)
        refusals = [f"Not sent. {text}" for text in PAYLOADS[:40:4]]
        page.until(lambda: set(refusals) <= set(page.texts_of(".trouble > span")))
        page.at("#go").click()
        page.until(lambda: len(page.texts_of("#switcher-list .choice")) > 5)
        found = page.run(AUDIT)
        assert found["pwned"] is None
        assert set(found["tags"]) - MADE - tags_of((PAGE / "index.html").read_text()) == set()
        assert found["handlers"] == [] and found["styled"] == []
        assert set(found["sources"]) == {"/main.js", "/icon.svg"}
        assert found["foreign"] == []
        assert {tuple(link[1:]) for link in found["links"]} == {
            ("noopener noreferrer", "_blank", "")
        }
        assert {link[0] for link in found["links"]} == {"http:", "https:"}
        assert [line for line in page.console() if "favicon" not in line] == []
        page.run("localStorage.clear(); sessionStorage.clear()")
        page.close()


def test_every_error_code_has_words_in_both_languages() -> None:
    codes = {kind.code for kind in kinds().values() if issubclass(kind, RefusedError)}
    said_elsewhere = {
        "bad_frame", "frame_too_large", "bad_json", "replaced", "bad_request", "unknown_type",
        "not_welcome", "already_welcome",
    }  # fmt: skip
    for language in ("en", "es"):
        words = (PAGE / f"words_{language}.js").read_text("utf-8")
        assert [code for code in codes - said_elsewhere if f"    {code}:" not in words] == []
