"""Schemas: an old log is copied, then made new in one step, or it stays what it was."""

from __future__ import annotations

import logging
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from netchat.chat.log import Batch, Duplicate, RecordRow, Stored, TalkRow, TokenRow
from netchat.errors import StartError
from netchat.storage import migrations
from netchat.storage.migrations import MIGRATIONS
from netchat.storage.sqlite import SqliteReader

from .disk import Disk
from .support import LOBBY, ROOMS, START, Folder, Log, numbered, post

NOW = migrations.newest()
"""The schema that logs are made with; two migrations of these tests come on top of it."""

COPY = f"netchat.db.v{NOW}-2023-11-14T221320Z"


def add_colours(db: apsw.Connection) -> None:
    db.execute("ALTER TABLE rooms ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")
    db.execute("UPDATE rooms SET colour = 'red' WHERE room = 1")


def add_marks(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE colours (name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID")
    db.execute("INSERT INTO colours SELECT DISTINCT colour FROM rooms")
    db.execute(
        "UPDATE messages SET text = text || '!', seal = "
        "seal(room, seq, time, identity, id, sender, recipient, text || '!')"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With a log of today's schema, cleanly closed."""
    return make(Folder(tmp_path / "data"))


def make(folder: Folder, count: int = 3) -> Folder:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(count))
    log.close()
    return folder


@pytest.fixture
def newer(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the newest schema is two further."""
    register(monkeypatch)


def register(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(migrations, "MIGRATIONS", [*MIGRATIONS, add_colours, add_marks])


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.unregister()


def files(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def state(path: Path) -> tuple[int, list[str], bool]:
    """A log's schema, its texts, and whether it has what the migrations add."""
    db = apsw.Connection(str(path))
    version = int(db.pragma("user_version"))
    assert db.pragma("integrity_check") == "ok"
    texts = [text for (text,) in db.execute("SELECT text FROM messages ORDER BY seq")]
    tables = db.execute("SELECT group_concat(sql) FROM sqlite_schema").get
    db.close()
    return version, texts, "colour" in tables


OLD = (NOW, ["hello"] * 3, False)
NEW = (NOW + 2, ["hello!"] * 3, True)


def test_every_migration_has_a_test_on_a_file_of_the_schema_before() -> None:
    assert [migration.__name__ for migration in MIGRATIONS] == ["_add_records", "_add_seals"]


def test_records_are_added_to_a_log_without_them(folder: Folder) -> None:
    db = apsw.Connection(str(folder.file))
    without_seals(db)
    db.execute("DROP TABLE records; PRAGMA user_version = 1")
    db.close()
    log = folder.open()
    record = RecordRow("colour", "sky", '"blue"')
    log.store.append(Batch(records=[record]))
    log.close()
    store = folder.store()
    assert store.load().records == [record]
    store.close()


def without_seals(db: apsw.Connection) -> None:
    for table in ("messages", "rooms", "talks", "identities", "tokens", "records"):
        db.execute(f"ALTER TABLE {table} DROP COLUMN seal")


def test_what_was_written_without_seals_is_sealed(folder: Folder) -> None:
    log = folder.open()
    token, record = TokenRow(b"\xff" * 32, 1, START), RecordRow("colour", "sky", '"blue"')
    log.store.append(Batch(tokens=[token], records=[record], talks=[TalkRow(9, 1, 2)]))
    log.close()
    db = apsw.Connection(str(folder.file))
    without_seals(db)
    db.pragma("user_version", 2)
    db.close()
    store = folder.store()
    state = store.load()
    assert (state.tokens, state.records) == ([token], [record])
    reader = SqliteReader(folder.file)
    assert [entry.text for entry in reader.after(1, 0, 10).entries] == ["hello"] * 3
    reader.close()
    store.close()


def test_what_is_up_to_date_is_not_copied(folder: Folder) -> None:
    folder.open().close()
    assert files(folder) == ["netchat.db", "netchat.lock"]


@pytest.mark.usefixtures("newer")
def test_a_new_log_has_the_newest_schema_and_no_copy(tmp_path: Path) -> None:
    folder = make(Folder(tmp_path / "new"))
    assert state(folder.file) == (NOW + 2, ["hello"] * 3, True)
    assert files(folder) == ["netchat.db", "netchat.lock"]


@pytest.mark.usefixtures("newer")
def test_an_old_log_is_migrated_and_goes_on(folder: Folder) -> None:
    log = folder.open()
    assert [entry.text for entry in log.entries()] == ["hello!"] * 3
    assert log.post(post("n1", "hello!"), post("new")) == [Duplicate(1, START), Stored(4, START)]
    log.close()
    folder.clock.now += 1000
    folder.open().close()
    assert files(folder) == ["netchat.db", COPY, "netchat.lock"], "it is migrated once"


@pytest.mark.usefixtures("newer")
def test_the_copy_is_the_old_log_in_one_file_for_its_owner_alone(folder: Folder) -> None:
    folder.open().close()
    copy = folder.path / COPY
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    restored = Folder(folder.path.parent / "restored")
    restored.path.mkdir()
    shutil.copy(copy, restored.file)
    assert state(restored.file) == OLD
    restored.open().close()
    assert state(restored.file) == NEW


def test_the_copy_has_what_a_crash_left_in_the_wal(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = Folder(folder.path.parent / "crashed")
    crashed.path.mkdir()
    log = folder.open()
    log.post(post("late"))
    for name in ("netchat.db", "netchat.db-wal"):
        shutil.copy(folder.path / name, crashed.path / name)
    log.close()
    register(monkeypatch)
    crashed.open().close()
    assert state(crashed.path / COPY) == (NOW, ["hello"] * 4, False)
    assert state(crashed.file) == (NOW + 2, ["hello!"] * 4, True)


@pytest.mark.usefixtures("newer")
def test_the_operator_is_told_of_the_copy(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        folder.open().close()
    schemas = f"from {NOW} to {NOW + 2}"
    assert caplog.messages == [f"The log's schema goes {schemas}; a copy is {folder.path / COPY}"]


@pytest.mark.parametrize("step", range(6))
def test_a_migration_that_fails_at_any_step_leaves_the_old_log(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    def stumbling(migration: Callable[[apsw.Connection], None]) -> Callable[..., None]:
        def run(db: apsw.Connection) -> None:
            db.exec_trace = watch
            try:
                migration(db)
            finally:
                db.exec_trace = None

        return run

    steps = 0

    def watch(_cursor: object, _sql: str, _bindings: object) -> bool:
        nonlocal steps
        steps += 1
        if steps > step:
            raise apsw.FullError("no more room")
        return True

    with monkeypatch.context() as patch:
        both = [stumbling(add_colours), stumbling(add_marks)]
        patch.setattr(migrations, "MIGRATIONS", [*MIGRATIONS, *both])
        if step < 5:
            with pytest.raises(StartError, match="no more room"):
                folder.store().load()
        else:
            folder.open().close()
            return
    assert state(folder.file) == OLD
    assert files(folder) == ["netchat.db", "netchat.lock"]
    folder.open().close()


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_one_failure_of_the_disk_leaves_the_old_log_or_the_new_one(
    disk: Disk, folder: Folder, error: type[apsw.Error]
) -> None:
    disk.error = error
    failures = 0
    for fatal in range(1, 200):
        other = Folder(folder.path.parent / str(fatal))
        shutil.copytree(folder.path, other.path)
        disk.log.clear()
        disk.fatal = fatal
        try:
            other.open().close()
        except StartError:
            failures += 1
        disk.fatal = 0
        found = state(other.file)
        assert found in (OLD, NEW)
        copies = [path for path in other.path.iterdir() if f".v{NOW}-" in path.name]
        assert all(state(copy) == OLD for copy in copies)
        assert copies or found == OLD
        other.clock.now += 5000
        log = other.open()
        assert log.post(post("n1", "hello!")) == [Duplicate(1, START)]
        log.close()
        if len(disk.log) < fatal:
            break
    assert failures > 10


@pytest.mark.usefixtures("newer")
def test_a_crash_at_any_moment_leaves_the_old_log_or_the_new_one(
    disk: Disk, folder: Folder, tmp_path: Path
) -> None:
    moments: list[Path] = []

    def photograph() -> None:
        moments.append(tmp_path / f"moment-{len(moments)}")
        shutil.copytree(folder.path, moments[-1], ignore=shutil.ignore_patterns("*-shm"))

    disk.before = photograph
    folder.open().close()
    disk.before = lambda: None
    seen = set()
    for moment in moments:
        at_that = Folder(moment)
        copies = [path for path in moment.iterdir() if path.name == COPY]
        found = state(at_that.file)
        assert found in (OLD, NEW)
        assert all(state(copy) == OLD for copy in copies)
        assert copies or found == OLD
        seen.add((found == NEW, bool(copies)))
        at_that.clock.now += 5000
        log: Log = at_that.open()
        assert log.reader.after(LOBBY.room, 0, 1).entries[0].text == "hello!"
        log.close()
    assert seen == {(False, False), (False, True), (True, True)}


@pytest.mark.usefixtures("newer")
def test_a_damaged_log_is_not_migrated(folder: Folder) -> None:
    db = apsw.Connection(str(folder.file))
    index = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages_by_id'").get
    db.close()
    spoiled = bytearray(folder.file.read_bytes())
    spoiled[(index - 1) * 4096 : (index - 1) * 4096 + 8] = bytes(8)
    folder.file.write_bytes(spoiled)
    with pytest.raises(StartError, match="is damaged"):
        folder.store().load()
    assert folder.file.read_bytes() == spoiled
    assert files(folder)[:1] == ["netchat.db"]
    assert COPY not in files(folder)
