"""The statements: values are bound, never written into one; the log is read by its indexes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import netchat.storage
from netchat.storage import schema, tables

from .support import Folder
from .test_sqlite import filled

SOURCES = sorted(Path(netchat.storage.__path__[0]).glob("*.py"))
RUNNERS = frozenset({"execute", "executemany"})


def written_into(source: str) -> list[int]:
    """The lines of statements that are put together where they are run."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNNERS
    ]
    return [call.lineno for call in calls if isinstance(call.args[0], ast.JoinedStr | ast.BinOp)]


def test_no_value_is_written_into_a_statement() -> None:
    assert [path for path in SOURCES if "execute(" in path.read_text()]
    assert not {path.name: at for path in SOURCES if (at := written_into(path.read_text()))}


@pytest.mark.parametrize("argument", ['f"DELETE {name}"', '"DELETE " + name', '"DELETE %s" % name'])
def test_one_that_is_would_be_noticed(argument: str) -> None:
    assert written_into(f"db.execute({argument})") == [1]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


STATEMENTS = {
    "a page behind a seq": tables._AFTER,
    "a page before a seq": tables._BEFORE,
    "posts that are held": tables._HELD,
    "what is too old": tables._OLD,
    "trimming": tables._DELETE,
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_messages_are_found_by_an_index(folder: Folder, what: str) -> None:
    filled(folder)
    statement = STATEMENTS[what]
    bindings = _Zeros() if ":" in statement else ("[]",)
    db = schema.connect(folder.file)
    plan = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)]
    db.close()
    assert any(step.startswith(("SEARCH messages", "SEARCH m ")) for step in plan), plan
    assert not any(step.startswith(("SCAN messages", "SCAN m ")) for step in plan), plan


class _Zeros(dict[str, int]):
    """Something for each parameter, however it is called."""

    def __missing__(self, key: str) -> int:
        return 0
