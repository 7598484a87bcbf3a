"""The SQLite log over restarts: what it keeps, what it refuses to open, and its epochs."""

from __future__ import annotations

import random
import stat
from itertools import zip_longest
from pathlib import Path

import apsw
import pytest

from netchat.chat.log import (
    TOKEN_LIFE_MS,
    Batch,
    Conflict,
    Duplicate,
    IdentityRow,
    RecordRow,
    RoomRow,
    Stored,
    TalkRow,
    TokenRow,
)
from netchat.errors import StartError, StoreFailed
from netchat.storage.migrations import newest
from netchat.storage.sqlite import REST_MS, SqliteLog, SqliteReader

from .support import ANA, ATTIC, BEN, LOBBY, ROOMS, START, Folder, numbered, post


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def filled(folder: Folder, count: int = 3) -> Folder:
    """A log with messages in the lobby, cleanly closed."""
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(count))
    log.close()
    return folder


def sql(folder: Folder, statement: str) -> None:
    """Change the file behind the log's back."""
    db = apsw.Connection(str(folder.file))
    db.execute(statement)
    db.close()


def test_everything_is_there_after_a_restart(folder: Folder) -> None:
    log = folder.open()
    tokens = [TokenRow(bytes(range(32)), 1, START), TokenRow(b"\xff" * 32, 2, START)]
    talks = [TalkRow(2, 1, 2)]
    records = [RecordRow("colour", "sky", '"blue"'), RecordRow("shape", "sky", '{"n":[1]}')]
    rows = Batch(
        rooms=[LOBBY, ATTIC],
        identities=[ANA, BEN],
        talks=talks,
        tokens=tokens,
        records=records,
    )
    log.store.append(rows)
    log.post(post("a"), post("b"))
    entries = log.entries()
    log.close()

    store = folder.store()
    state = store.load()
    lobby, attic = state.rooms
    assert (lobby.row, lobby.first, lobby.head, lobby.active) == (LOBBY, 1, 2, START)
    assert (attic.row, attic.first, attic.head, attic.active) == (ATTIC, 1, 0, 0)
    assert (lobby.damaged, attic.damaged) == (None, None)
    assert (state.identities, state.talks, state.tokens) == ([ANA, BEN], talks, tokens)
    assert state.records == records
    assert state.identities[0].held is True
    reader = SqliteReader(folder.file)
    assert reader.after(LOBBY.room, 0, 10).entries == entries
    reader.close()
    store.close()


def test_seqs_times_and_ids_go_on_after_a_restart(folder: Folder) -> None:
    filled(folder)
    folder.clock.now -= 60_000
    log = folder.open()
    assert log.post(post("n1"), post("n2", "other"), post("new")) == [
        Duplicate(1, START),
        Conflict(),
        Stored(4, START),
    ]
    log.close()


def test_rows_are_replaced_by_later_ones(folder: Folder) -> None:
    log = folder.open()
    log.store.append(ROOMS)
    renamed = [IdentityRow(ANA.identity, "anna", held=False)]
    log.store.append(Batch(identities=renamed, tokens=[TokenRow(b"t", 1, START)]))
    log.store.append(Batch(rooms=[RoomRow(1, "lobby", "LOBBY")]))
    log.store.append(Batch(tokens=[TokenRow(b"t", 1, START + 1)]))
    log.store.append(Batch(records=[RecordRow("a", "x", "1"), RecordRow("a", "y", "1")]))
    log.store.append(Batch(records=[RecordRow("a", "x", "2"), RecordRow("a", "y", None)]))
    log.close()
    store = folder.store()
    state = store.load()
    assert state.identities == [*renamed, BEN]
    assert [room.row.name for room in state.rooms] == ["LOBBY", "Attic"]
    assert state.tokens == [TokenRow(b"t", 1, START + 1)]
    assert state.records == [RecordRow("a", "x", "2")]
    store.close()


def test_tokens_expire_at_start(folder: Folder) -> None:
    log = folder.open()
    log.store.append(Batch(tokens=[TokenRow(b"old", 1, START - 1), TokenRow(b"new", 2, START)]))
    log.close()
    folder.clock.now = START + TOKEN_LIFE_MS
    for _ in range(2):
        store = folder.store()
        assert store.load().tokens == [TokenRow(b"new", 2, START)]
        store.close()


def test_an_old_token_outlives_the_crash_of_a_server_on_which_it_was_in_use(
    folder: Folder,
) -> None:
    log = folder.open()
    rows = [TokenRow(b"ana", ANA.identity, START - 1), TokenRow(b"ben", BEN.identity, START - 1)]
    log.store.append(Batch(identities=[ANA, BEN], tokens=rows))
    log.close()
    folder.clock.now = START + TOKEN_LIFE_MS
    store = folder.store()
    assert store.load().tokens == [rows[0]]  # ana's name is held, ben's is not
    store.close()


def test_a_deleted_past_is_no_damage_and_no_seq_returns(folder: Folder) -> None:
    filled(folder)
    sql(folder, "DELETE FROM messages; UPDATE rooms SET first = 4 WHERE room = 1")
    log = folder.store()
    [lobby, _] = log.load().rooms
    assert (lobby.first, lobby.head, lobby.damaged) == (4, 3, None)
    assert log.append(Batch(posts=[post("new")])).results == [Stored(4, START)]
    log.close()


def test_files_are_for_their_owner_alone(folder: Folder) -> None:
    log = folder.open()
    log.store.append(ROOMS)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
    assert modes == dict.fromkeys(
        ["netchat.db", "netchat.db-wal", "netchat.db-shm", "netchat.lock"], 0o600
    )
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    log.close()


def test_a_clean_stop_leaves_one_complete_file(folder: Folder) -> None:
    filled(folder)
    assert sorted(path.name for path in folder.path.iterdir()) == ["netchat.db", "netchat.lock"]


def unclean(folder: Folder) -> None:
    """Undo the mark of a clean stop."""
    sql(folder, "UPDATE meta SET value = '0' WHERE key = 'clean'")


# What it refuses to open.


def refusal(folder: Folder) -> str:
    with pytest.raises(StartError) as caught:
        folder.store().load()
    sentence = str(caught.value)
    assert str(folder.path) in sentence
    assert "\n" not in sentence
    return sentence


def test_a_second_server_is_refused_until_the_first_is_gone(folder: Folder) -> None:
    log = folder.open()
    assert "in use by another server" in refusal(folder)
    log.close()
    folder.open().close()


def test_a_failed_start_lets_go_of_the_folder(folder: Folder) -> None:
    filled(folder)
    sql(folder, "PRAGMA user_version = 99")
    refusal(folder)
    sql(folder, f"PRAGMA user_version = {newest()}")
    folder.open().close()


def test_a_newer_schema_is_refused(folder: Folder) -> None:
    filled(folder)
    sql(folder, "PRAGMA user_version = 99")
    assert refusal(folder) == (
        f"{folder.file} was written by a newer netchat (schema 99, this one knows {newest()})."
    )


def test_a_file_that_is_no_database_is_refused_and_left_alone(folder: Folder) -> None:
    folder.path.mkdir()
    garbage = b"Dear diary, " * 1000
    folder.file.write_bytes(garbage)
    assert "is not a netchat log" in refusal(folder)
    assert folder.file.read_bytes() == garbage


def test_another_programs_database_is_refused_and_left_alone(folder: Folder) -> None:
    folder.path.mkdir()
    sql(folder, "CREATE TABLE diary (day, text)")
    before = folder.file.read_bytes()
    assert "is not a netchat log" in refusal(folder)
    assert folder.file.read_bytes() == before


def test_a_file_in_place_of_the_folder_is_refused(folder: Folder) -> None:
    folder.path.write_text("not a folder")
    assert "cannot be written to" in refusal(folder)


def test_a_folder_in_place_of_the_file_is_refused(folder: Folder) -> None:
    folder.file.mkdir(parents=True)
    assert "cannot be opened" in refusal(folder)


def test_a_locked_file_is_refused(folder: Folder) -> None:
    filled(folder)
    tool = apsw.Connection(str(folder.file))
    tool.pragma("locking_mode", "EXCLUSIVE")
    tool.execute("BEGIN EXCLUSIVE")
    assert "locked" in refusal(folder)
    tool.close(True)
    folder.open().close()


# Damage.


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_missing_message_is_named_and_the_room_takes_no_posts(folder: Folder, lost: int) -> None:
    filled(folder)
    sql(folder, f"DELETE FROM messages WHERE seq = {lost}")
    store = folder.store()
    lobby, attic = store.load().rooms
    assert lobby.damaged is not None
    assert "Lobby should hold 3 messages, from 1 to 3; 2 were found" in lobby.damaged
    assert attic.damaged is None
    refused, stored = store.append(
        Batch(rooms=[LOBBY], posts=[post("x"), post("y", room=ATTIC)])
    ).results
    assert isinstance(refused, StoreFailed)
    assert stored == Stored(1, START)
    store.close()


def test_a_message_too_many_is_named(folder: Folder) -> None:
    filled(folder)
    sql(folder, "UPDATE rooms SET head = 2 WHERE room = 1")
    store = folder.store()
    assert "3 were found, from 1 to 3" in str(store.load().rooms[0].damaged)
    store.close()


def test_messages_in_the_wrong_place_are_named(folder: Folder) -> None:
    filled(folder)
    sql(folder, "UPDATE messages SET seq = 4 WHERE seq = 1")
    store = folder.store()
    assert "3 were found, from 2 to 4" in str(store.load().rooms[0].damaged)
    store.close()


def test_an_altered_message_is_named_and_all_others_are_read(folder: Folder) -> None:
    filled(folder)
    sql(folder, "UPDATE messages SET text = 'hullo' WHERE seq = 2")
    log = folder.open()
    log.post(post("y", room=ATTIC))
    assert len(log.entries(ATTIC.room)) == 1
    assert [entry.seq for entry in log.reader.after(LOBBY.room, 2, 10).entries] == [3]
    for read in (lambda: log.entries(), lambda: log.reader.before(LOBBY.room, 9, 9)):
        with pytest.raises(StoreFailed, match="The log is damaged: message 2 is not what was"):
            read()
    log.close()


def test_what_is_posted_again_under_an_altered_messages_id_fails_alone(folder: Folder) -> None:
    filled(folder)
    sql(folder, "UPDATE messages SET text = 'hullo' WHERE seq = 2")
    log = folder.open()
    first, second, new = log.post(*numbered(2), post("new"))
    assert isinstance(first, Duplicate)
    assert isinstance(second, StoreFailed)
    assert new == Stored(4, START)
    log.close()


def test_a_repeat_is_known_in_a_room_that_takes_no_posts(folder: Folder) -> None:
    filled(folder)
    sql(folder, "DELETE FROM messages WHERE seq = 2")
    log = folder.open()
    first, new = log.post(post("n1"), post("new"))
    assert isinstance(first, Duplicate)
    assert isinstance(new, StoreFailed)
    log.close()


@pytest.mark.parametrize(
    "change", ["rooms SET name = 'Lubby'", "identities SET name = 'eve'", "tokens SET used = 1"]
)
def test_an_altered_fact_is_named_and_the_start_refused(folder: Folder, change: str) -> None:
    filled(folder)
    log = folder.open()
    log.store.append(Batch(tokens=[TokenRow(bytes(32), 1, START)]))
    log.close()
    sql(folder, f"UPDATE {change}")
    assert f"of {change.split()[0]} is not what was written" in refusal(folder)


def test_a_moved_time_of_the_newest_message_is_named(folder: Folder) -> None:
    filled(folder)
    sql(folder, "UPDATE rooms SET active = active + 1 WHERE room = 1")
    store = folder.store()
    assert "is not of the time on record" in str(store.load().rooms[0].damaged)
    store.close()


@pytest.mark.parametrize("why", ["unclean stop", "longer rest"])
def test_the_whole_file_is_checked_after(why: str, folder: Folder) -> None:
    filled(folder)
    if why == "unclean stop":
        unclean(folder)
    else:
        folder.clock.now += REST_MS + 1
    db = apsw.Connection(str(folder.file))
    index = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages_by_id'").get
    db.close()
    spoiled = bytearray(folder.file.read_bytes())
    start = (index - 1) * 4096
    spoiled[start : start + 8] = bytes(8)
    folder.file.write_bytes(spoiled)
    assert "is damaged" in refusal(folder)


def test_damage_is_found_or_harmless_wherever_it_strikes(folder: Folder) -> None:
    log = folder.open()
    log.store.append(ROOMS)
    log.post(*numbered(200, "a line of text, as people write them"))
    log.close()
    unclean(folder)
    sound = folder.file.read_bytes()
    chance = random.Random(7)
    outcomes = set()
    for _ in range(60):
        spoiled = bytearray(sound)
        page = chance.randrange(len(sound) // 4096) * 4096
        spoiled[page + chance.randrange(24)] ^= 1 << chance.randrange(8)
        folder.file.write_bytes(spoiled)
        outcomes.add(_outcome(folder))
        for suffix in ("-wal", "-shm"):
            folder.file.with_name(folder.file.name + suffix).unlink(missing_ok=True)
    assert outcomes == {"refused", "sound"}


def _outcome(folder: Folder) -> str:
    """How a log with 200 messages presents itself; anything but these is an error."""
    store, reader = folder.store(), SqliteReader(folder.file)
    try:
        lobby = store.load().rooms[0]
        seqs = [entry.seq for entry in reader.after(LOBBY.room, 0, 300).entries]
    except (StartError, StoreFailed):
        return "refused"
    finally:
        reader.close()
        store.close()
    assert (lobby.damaged, lobby.head, seqs) == (None, 200, list(range(1, 201)))
    return "sound"


def test_a_cut_file_is_refused(folder: Folder) -> None:
    filled(folder, 300)
    unclean(folder)
    whole = folder.file.read_bytes()
    folder.file.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(folder)


# Epochs.


def epoch(folder: Folder, durability: str, boot: str) -> str:
    store = folder.store(durability, boot)  # type: ignore[arg-type]
    made = store.load().epoch
    store.close()
    return made


@pytest.mark.parametrize("durability", ["fsync", "wal"])
def test_the_epoch_lives_as_long_as_the_log(folder: Folder, durability: str) -> None:
    assert epoch(folder, durability, "boot-1") == "epoch-1"
    assert epoch(folder, durability, "boot-2") == "epoch-1"


@pytest.mark.parametrize(
    ("last", "boot", "expected"),
    [
        ("wal", "boot-1", "epoch-1"),
        ("wal", "boot-2", "epoch-2"),
        ("wal", "", "epoch-2"),
        ("fsync", "boot-2", "epoch-1"),
    ],
)
@pytest.mark.parametrize("now", ["wal", "fsync"])
def test_the_machine_going_down_under_wal_makes_a_new_epoch(
    folder: Folder, last: str, now: str, boot: str, expected: str
) -> None:
    epoch(folder, last, "boot-1")
    unclean(folder)
    assert epoch(folder, now, boot) == expected
    assert epoch(folder, now, "boot-3") == expected


def test_where_boots_cannot_be_told_apart_each_unclean_stop_under_wal_counts(
    folder: Folder,
) -> None:
    epoch(folder, "wal", "")
    unclean(folder)
    assert epoch(folder, "wal", "") == "epoch-2"


def test_two_power_cuts_in_a_row_tear_a_commit_each_and_are_no_damage(folder: Folder) -> None:
    """The first one's, which began a WAL, would stand behind the second's, which is shorter."""
    log = folder.open()
    log.store.append(ROOMS)
    assert isinstance(log.store, SqliteLog) and log.store._db is not None
    log.store._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
    for posts in (numbered(1_000, "a line of text, as people write"), [post("short")]):
        kept = {path.name: path.read_bytes() for path in folder.path.glob("netchat.db*")}
        log.store.append(Batch(posts=posts))
        torn = bytearray(folder.file.with_name("netchat.db-wal").read_bytes())
        pairs = enumerate(zip_longest(kept["netchat.db-wal"], torn))
        begin = next(at for at, (before, after) in pairs if before != after)
        torn[begin + 100] ^= 1
        log.close()
        for name, data in (kept | {"netchat.db-wal": bytes(torn)}).items():
            (folder.path / name).write_bytes(data)
        folder.file.with_name("netchat.db-shm").unlink()
        log = folder.open()
        assert log.entries() == []
    log.close()
