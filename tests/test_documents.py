"""The documents name what there is: files, settings, error codes, targets, sections, classes.

They are prose, and nobody runs prose. So whatever in it can be held against the source is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from netchat import errors
from netchat.config import Config
from netchat.errors import FatalError, RefusedError, StoreError

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "INSTALL", "ARCHITECTURE", "CHANGELOG.md", "bench/README.md")

BASES = {RefusedError, FatalError, StoreError}
"""Errors that are raised as one of their children only."""


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


ARCHITECTURE = read("ARCHITECTURE")


def section(number: str) -> str:
    """What stands below a heading, its own subsections included."""
    head = re.search(rf"^(#+) {re.escape(number)} ", ARCHITECTURE, re.MULTILINE)
    assert head is not None, f"there is no section {number}"
    rest = ARCHITECTURE[head.end() :]
    after = re.search(rf"^#{{1,{len(head[1])}}} ", rest, re.MULTILINE)
    return rest[: after.start()] if after else rest


def rows(text: str) -> list[list[str]]:
    """The cells of a text's tables, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [place for place, row in enumerate(cells) if set(row[0]) == {"-"}]
    skipped = {place - 1 for place in rules} | set(rules)
    return [row for place, row in enumerate(cells) if place not in skipped]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


# -- the code map --------------------------------------------------------------------------


def code_map() -> list[str]:
    """The files that the map names, as paths, in its order."""
    found: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in section("3").splitlines():
        if not line.startswith("    "):
            continue
        indent = len(line) - len(line.lstrip())
        while folders and folders[-1][0] >= indent:
            folders.pop()
        if folder := re.match(r"(\w+)/(?= |$)", line.strip()):
            folders.append((indent, folder[1]))
        for name in line.split():
            if not name.endswith(".py"):
                break
            found.append("/".join([*(folder for _, folder in folders), name]))
    return found


def imports(path: str) -> Iterator[str]:
    """The files of the package that a file needs when it runs, its late imports included."""
    tree = ast.parse(read(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("netchat"):
            module = (node.module or "").replace(".", "/")
            for name in (module, *(f"{module}/{alias.name}" for alias in node.names)):
                if (ROOT / f"{name}.py").exists():
                    yield f"{name}.py"


def test_the_code_map_names_every_file_once_and_no_other() -> None:
    files = (path.relative_to(ROOT).as_posix() for path in (ROOT / "netchat").rglob("*.py"))
    assert sorted(code_map()) == sorted(f for f in files if not f.endswith("__init__.py"))


def test_no_file_needs_one_that_stands_below_it_in_the_code_map() -> None:
    places = {path: place for place, path in enumerate(code_map())}
    upward = [
        f"{path} needs {other}"
        for path in places
        for other in imports(path)
        if places.get(other, -1) >= places[path]
    ]
    assert upward == []


def test_the_map_of_the_harness_names_every_file() -> None:
    words = set(re.findall(r"\w+", read("bench/README.md").partition("## How it is made")[2]))
    files = {path.stem for path in (ROOT / "bench").glob("*.py")} - {"__init__"}
    assert files - words == set()


def test_the_map_of_the_tests_names_every_folder_and_file_beside_them() -> None:
    tests = ROOT / "tests"
    there = {f"tests/{path.parent.name}" for path in tests.glob("*/__init__.py")}
    there |= {f"tests/{path.name}" for path in tests.glob("test_*.py")}
    assert {quoted(row[0])[0] for row in rows(section("13"))} == there


# -- error codes, settings, targets --------------------------------------------------------


def kinds() -> dict[str, type[RefusedError]]:
    """Every error that can be sent, by its code."""
    found = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    return {kind.code: kind for kind in found - BASES if issubclass(kind, RefusedError)}


def test_the_table_of_errors_has_every_code_and_says_which_are_fatal() -> None:
    table: dict[str, bool] = {}
    for codes, letters, _when in rows(section("12")):
        for code, own in re.findall(r"`(\w+)`(?: \((\w)\))?", codes):
            table[code] = "F" in (own or letters)
    assert table == {code: kind.fatal for code, kind in kinds().items()}


def test_the_list_of_errors_in_the_protocol_is_the_same() -> None:
    closing, _, rest = section("10.6").partition("Leave it open:")
    leaving = re.sub(r"\([^)]*\)", "", rest)
    for text, fatal in ((closing, True), (leaving, False)):
        assert set(quoted(text)) == {c for c, kind in kinds().items() if kind.fatal is fatal}


def defaults() -> dict[str, object]:
    tree = msgspec.to_builtins(Config())
    return {f"{part}.{key}": value for part in tree for key, value in tree[part].items()}


def written(cell: str) -> object:
    """A default as a manual has it."""
    text = cell.strip("`")
    if re.fullmatch(r"[\d,]+", text):
        return int(text.replace(",", ""))
    if re.fullmatch(r"\d+\.\d+", text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


@pytest.mark.parametrize("manual", ["16.4", "17.4"])
def test_a_manual_has_every_setting_with_its_default(manual: str) -> None:
    table = {row[0].strip("`"): written(row[1]) for row in rows(section(manual))}
    topics = [key for key in table if key.startswith("topics.")]
    assert [table.pop(key) for key in topics] in (["none"], ["ninguno"])
    wanted = defaults()
    assert table.keys() == wanted.keys()
    del table["server.data"], wanted["server.data"]  # a folder, in words
    for key, value in wanted.items():
        if value is None:
            wanted[key] = {"16.4": "none", "17.4": "ninguno"}[manual]
        if isinstance(value, list):
            wanted[key] = str(value).replace("'", '"')
    assert table == wanted


def test_the_table_of_limits_has_every_limit_that_can_be_set() -> None:
    named = {name for row in rows(section("11")) for name in quoted(row[2])}
    limits = {key for key in defaults() if key.startswith("limits.")} - {"limits.enabled"}
    assert {name for name in named if name.startswith("limits.")} == limits


def test_every_target_of_make_is_described() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", read("Makefile"), re.MULTILINE)
    text = " ".join((read("README.md") + read("INSTALL") + ARCHITECTURE).split())
    assert [target for target in targets if f"make {target}" not in text] == []
    phony = re.findall(r"^\.PHONY: (.*)", read("Makefile"), re.MULTILINE)[0].split()
    assert set(re.findall(r"`make ([a-z]+)", text)) <= set(phony)
    assert set(targets) <= set(phony)


# -- what is pointed at --------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_points_at_is_there(document: str) -> None:
    text = read(document)
    links = re.findall(r"\]\(([^)#\s]+)", text)
    here = [link for link in links if not link.startswith("https://")]
    missing = [link for link in here if not ((ROOT / document).parent / link).exists()]
    paths = re.findall(r"`((?:tests|bench)/[\w/.]*)`", text)
    assert missing + [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "INSTALL", "ARCHITECTURE"])
def test_every_section_that_is_named_exists(document: str) -> None:
    """INSTALL speaks of its own sections, the others of those of ARCHITECTURE."""
    numbered = read(document) if document == "INSTALL" else ARCHITECTURE
    heads = re.findall(r"^#+ ([\d.]+) ", numbered, re.MULTILINE)
    text = " ".join(read(document).split())
    named = re.findall(r"(?:sections?|sección) (\d+(?:\.\d+)?)", text, re.IGNORECASE)
    assert named
    assert set(named) - set(heads) == set()


def test_every_method_that_is_named_exists() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "netchat").rglob("*.py"))
    for kind, name in re.findall(r"`([A-Z]\w+)\.(\w+)`", ARCHITECTURE):
        assert re.search(rf"^class {kind}\b", source, re.MULTILINE), kind
        assert re.search(rf"(def |self\.|^    ){name}\b", source, re.MULTILINE), f"{kind}.{name}"


# -- what does not belong there ------------------------------------------------------------


@pytest.mark.parametrize("document", [*DOCUMENTS, "Makefile", "setup.cfg", "pyproject.toml"])
def test_nothing_of_one_machine_is_in_a_document(document: str) -> None:
    own = r"/(?:work|tmp|root|home|Users|workspace)/\w+|index-url|/simple/|\bagents?\b"
    assert re.findall(own, read(document), re.IGNORECASE) == []
