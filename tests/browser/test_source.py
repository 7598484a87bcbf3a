"""The page's source: what a browser is given, read without one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.browser.support import PAGE

MODULES = sorted(PAGE.glob("*.js"))
INDEX = (PAGE / "index.html").read_text("utf-8")

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser"
    r"|setHTML|srcdoc|\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:|\.style\.cssText"
)
"""Ways from a string to markup or code. There is none in the page."""

LONGEST = 350


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.scripts += data.strip()


def parsed(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    return tags


def tags_of(html: str) -> set[str]:
    return {tag for tag, _ in parsed(html).tags}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_makes_no_markup_from_strings(path: object) -> None:
    assert MARKUP.findall(path.read_text("utf-8")) == []  # type: ignore[attr-defined]


def test_files_are_short_enough_to_be_read_at_once() -> None:
    long = [
        path.name for path in PAGE.iterdir() if len(path.read_text("utf-8").splitlines()) > LONGEST
    ]
    assert long == []


def test_every_module_says_what_it_is() -> None:
    assert [path.name for path in MODULES if not path.read_text("utf-8").startswith("/* ")] == []


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    document = parsed(INDEX)
    assert document.scripts == ""
    for tag, attributes in document.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or re.fullmatch(r"#[\w-]+|[\w-]+\.(js|css|svg)", value), value
    for path in PAGE.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"(?:https?:)?//[a-z][\w-]*\.[a-z]|@import|url\(", text) == [], path.name


def test_what_a_module_imports_is_a_file_beside_it() -> None:
    for path in MODULES:
        for name in re.findall(r'(?:from|import) "([^"]+)";', path.read_text("utf-8")):
            assert name.startswith("./") and (PAGE / name).exists(), f"{path.name}: {name}"


def imports() -> dict[str, set[str]]:
    return {
        path.name: set(re.findall(r'from "\./([^"]+)";', path.read_text("utf-8")))
        for path in MODULES
    }


PURE = {
    "backoff.js", "silence.js", "login.js", "outbox.js", "positions.js", "machine.js", "text.js",
    "harmless.js", "commands.js", "window.js", "roster.js", "room.js", "places.js", "news.js",
    "chat.js", "rows.js", "when.js", "words_en.js", "words_es.js",
}  # fmt: skip


def test_pure_modules_touch_no_browser_and_import_only_pure_ones() -> None:
    touching = re.compile(
        r"\b(?:document|location|localStorage|sessionStorage|WebSocket|setTimeout)\b"
    )
    needed = imports()
    for name in PURE:
        code = re.sub(r"/\*.*?\*/|//.*", "", (PAGE / name).read_text("utf-8"), flags=re.DOTALL)
        assert touching.findall(code) == [], name
        assert needed[name] - PURE - {"words.js"} == set(), name


def test_both_languages_say_the_same_things() -> None:
    keys = {}
    for language in ("en", "es"):
        text = (PAGE / f"words_{language}.js").read_text("utf-8")
        keys[language] = [
            (key, sorted(re.findall(r"\{\w+\}", sentence)))
            for key, sentence in re.findall(r'^ {2,4}(\w+): "(.*)",$', text, re.MULTILINE)
        ]
    assert keys["en"] == keys["es"] and len(keys["en"]) > 90


def test_every_word_that_is_used_is_there_and_every_one_there_is_used() -> None:
    english = (PAGE / "words_en.js").read_text("utf-8")
    there = set(re.findall(r"^  (\w+):", english, re.MULTILINE)) - {"errors", "keys"}
    source = "\n".join(path.read_text("utf-8") for path in MODULES if "words_" not in path.name)
    named = set(re.findall(r'data-(?:say|label)="(\w+)"', INDEX))
    named |= set(re.findall(r'"(\w+)"', source)) | set(re.findall(r"words\.(\w+)", source))
    used = set(re.findall(r'say\("(\w+)"', source)) | set(
        re.findall(r'data-(?:say|label)="(\w+)"', INDEX)
    )
    assert there - named == set()
    assert used - there == set()


def test_the_code_map_names_every_module() -> None:
    architecture = (PAGE.parents[1] / "ARCHITECTURE").read_text("utf-8")
    assert [path.name for path in MODULES if path.name not in architecture] == []
