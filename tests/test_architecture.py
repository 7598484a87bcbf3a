"""The layers and sizes that ARCHITECTURE promises, read off the source.

One small reader of import statements rather than an import linter: the whole table of allowed
edges is one dictionary, down to single modules of a package, and there is nothing to install.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Who may import what of the package; a name stands for everything below it.
# `errors` and `__version__` are free to all, and every package may import itself.
SPOKEN = {"chat.requests", "chat.events"}
EVERYTHING = {"chat", "wire", "net", "sessions", "storage", "config"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "exits": set(),
    "config": set(),
    "loading": {"config"},
    "chat": set(),
    "wire": SPOKEN,
    "net": set(),
    "storage": {"chat.log"},
    "sessions": {"chat", "wire", "net"},
    "admin": {"chat", "wire", "net", "loading", "logs", "exits"},
    "hashing": set(),
    "environment": {*EVERYTHING, "admin", "certificate", "hashing", "process"},
    "admission": {"chat", "config", "net", "sessions"},
    "binding": {"net", "sessions"},
    "metrics": {"chat", "wire", "net", "sessions", "server", "logs"},  # it reads what it is shown
    "private": set(),
    "process": set(),
    "logs": set(),
    "certificate": {"config", "net", "private"},
    "shutdown": {*EVERYTHING, "server"},
    "server": {*EVERYTHING, "admission", "binding", "admin", "metrics", "environment", "shutdown"},
    "client": {"net", "wire", *SPOKEN, "exits"},  # its commands end with the same codes as `serve`
    "cli": {
        *EVERYTHING,
        "loading",
        "admin",
        "environment",
        "server",
        "client",
        "exits",
        "logs",
        "metrics",
        "private",
        "process",
    },
    "__init__": {"client"},
    "__main__": {"cli"},
    "bench": {"client", "net", "wire", *SPOKEN, "chat.log", "config", "environment", "server"},
}
FREE = {"errors", "__version__"}

PURE = {"chat", "wire"}
IMPURE = {"asyncio", "os", "random", "secrets", "selectors", "socket", "ssl", "threading", "time"}

LONGEST_FILE = 350
LONGEST_FUNCTION = 60


def sources(*folders: str) -> Iterator[tuple[str, str, str]]:
    """(path below the root, layer, text) of every source file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT / folder)
            layer = inside.parts[0].removesuffix(".py") if folder == "netchat" else folder
            yield str(path.relative_to(ROOT)), layer, path.read_text("utf-8")


def imported(text: str, path: str) -> Iterator[str]:
    """Every name imported anywhere in a file, in full: `from a import b` is `a.b`."""
    package = Path(path).parent.parts
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*up, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def below(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def forbidden(layer: str, text: str, path: str) -> list[str]:
    """What a file of this layer imports and may not."""
    allowed = ALLOWED.get(layer, set()) | FREE | {layer}
    wrong = []
    for name in imported(text, path):
        top, _, inner = name.partition(".")
        if (top == "netchat" and not below(inner, allowed)) or (
            (top == "bench" and layer != "bench") or (layer in PURE and top in IMPURE)
        ):
            wrong.append(name)
    return wrong


def test_no_import_points_against_the_layers() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, layer, text in sources("netchat", "bench")
        for name in forbidden(layer, text, path)
    ]
    assert wrong == []


def test_every_layer_has_its_line_in_the_table() -> None:
    assert {layer for _, layer, _ in sources("netchat")} <= ALLOWED.keys()


def test_a_forbidden_import_is_found_wherever_it_hides() -> None:
    text = """
from typing import TYPE_CHECKING
import netchat.net.reactor
from netchat import sessions
from ..chat import hub, requests
from ..chat.events import Message
from netchat.errors import BadFrame
from . import framing
if TYPE_CHECKING:
    from netchat.storage.memory import MemoryLog
def late():
    import time as clock, json
    from os.path import join
"""
    assert forbidden("wire", text, "netchat/wire/native.py") == [
        "netchat.net.reactor",
        "netchat.sessions",
        "netchat.chat.hub",
        "netchat.storage.memory.MemoryLog",
        "time",
        "os.path.join",
    ]


def test_files_are_short_enough_to_be_read_at_once() -> None:
    long = [
        f"{path}: {text.count(chr(10))} lines"
        for path, _, text in sources("netchat")
        if text.count("\n") > LONGEST_FILE
    ]
    assert long == []


def test_functions_fit_a_screen() -> None:
    long = [
        f"{path}: {node.name}"
        for path, _, text in sources("netchat")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


ON_THE_LOOP = {"chat", "wire", "net", "sessions", "metrics", "server", "admission", "shutdown"}
WAITS = {"sleep", "getaddrinfo", "gethostbyname", "gethostbyaddr", "getfqdn", "create_connection"}
AT_START = {"netchat/net/addresses.py"}
"""Where names are looked up before the loop turns."""


def waits(text: str) -> set[str]:
    """What a file calls that holds up whoever calls it."""
    calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
    return names & WAITS


def test_nothing_on_the_loop_sleeps_or_looks_up_names() -> None:
    files = [source for source in sources("netchat") if source[1] in ON_THE_LOOP]
    assert {path for path, _, text in files if waits(text)} == AT_START


def test_what_waits_would_be_noticed() -> None:
    assert waits("time.sleep(1)") == {"sleep"} and waits("from time import sleep\nsleep(1)")
