"""`netchat serve` as its operator meets it: starting, refusing to start, reporting, stopping."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest

from tests.e2e.client import WITHIN, until_true
from tests.e2e.support import NETCHAT, UNLIMITED, ServerProcess, run_netchat, split

CONFIG = 78


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def refused(folder: Path, *args: str, **env: str) -> str:
    """Run a `serve` that cannot start; its one sentence. Nothing else is printed."""
    quiet = ("--listen", "127.0.0.1:0", "--web", "off")
    done = run_netchat(folder, "serve", *quiet, *args, **env)
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.startswith("netchat: ") and done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def configured(folder: Path, *args: str, **env: str) -> dict[str, dict[str, object]]:
    done = run_netchat(folder, "serve", *args, "--print-config", **env)
    assert (done.returncode, done.stderr) == (0, "")
    return tomllib.loads(done.stdout)


# -- starting ------------------------------------------------------------------------------


def test_the_ready_line_names_where_to_connect(folder: Path) -> None:
    with ServerProcess(folder) as server:
        assert re.fullmatch(r"netchat ready native=127\.0\.0\.1:\d+", server.ready)
        assert server.client("ana").is_silent()


def test_it_listens_in_several_places(folder: Path) -> None:
    arguments = ("--listen", "127.0.0.1:0", "--listen", "localhost:0", *UNLIMITED)
    with ServerProcess(folder, *arguments) as server:
        places = [split(place) for place in re.findall(r"native=(\S+)", server.ready)]
        assert len(places) >= 2 and len({port for _, port in places}) == 2
        for n, place in enumerate(places):
            server.address = place
            with server.client(f"ana-{n}") as client:
                assert client.join("lobby")["count"] == n + 1
                client.is_silent()


def test_the_log_is_its_owners_alone(folder: Path) -> None:
    with ServerProcess(folder) as server:
        with server.client("ana") as client:
            client.join("lobby")
            client.post("lobby", "x", "1")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in server.data.iterdir()}
        assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
        assert modes.keys() >= {"netchat.db", "netchat.db-wal", "netchat.db-shm"}
        assert set(modes.values()) == {0o600}
        assert server.stop() == 0
        assert not list(server.data.glob("*-wal"))


def test_a_memory_server_leaves_no_file(folder: Path) -> None:
    with ServerProcess(folder, "--durability", "memory") as server:
        with server.client("ana") as client:
            client.join("lobby")
            client.post("lobby", "x", "1")
        assert server.stop() == 0
        assert not list(server.data.iterdir())


# -- refusing to start ---------------------------------------------------------------------


def test_a_port_in_use_is_one_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(folder, "--listen", f"127.0.0.1:{port}", "--data", "data")
    assert f"127.0.0.1:{port}" in sentence and "in use" in sentence


def test_a_host_that_is_not_this_machines_is_one_sentence(folder: Path) -> None:
    assert "192.0.2.1:0" in refused(folder, "--listen", "192.0.2.1:0", "--data", "data")


def test_a_folder_that_cannot_be_made_is_one_sentence(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    assert "file" in refused(folder, "--data", str(folder / "file" / "data"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_a_folder_that_cannot_be_written_to_is_one_sentence(folder: Path) -> None:
    (folder / "data").mkdir(mode=0o500)
    assert "cannot be written to" in refused(folder, "--data", str(folder / "data"))


def test_a_data_folder_is_one_servers(folder: Path) -> None:
    with ServerProcess(folder) as server:
        assert "in use by another server" in refused(folder, "--data", str(server.data))
        assert server.client("ana").is_silent()


def test_a_newer_schema_is_refused(folder: Path) -> None:
    with ServerProcess(folder) as server:
        server.stop()
    db = apsw.Connection(str(server.data / "netchat.db"))
    db.pragma("user_version", 99)
    db.close()
    assert "newer netchat" in refused(folder, "--data", str(server.data))


@pytest.mark.parametrize("content", [b"not a database at all, but long enough" * 100, b"\0" * 512])
def test_a_foreign_file_is_refused_and_left_as_it_is(folder: Path, content: bytes) -> None:
    path = folder / "netchat.db"
    path.write_bytes(content)
    assert "netchat.db" in refused(folder, "--data", str(folder))
    assert path.read_bytes() == content


# -- settings ------------------------------------------------------------------------------


def test_printed_settings_are_a_file_that_gives_the_same(folder: Path) -> None:
    arguments = ("--set", "limits.rooms=7", "--set", "topics.lobby=Hello, world")
    printed = configured(folder, *arguments)
    assert printed["limits"]["rooms"] == 7 and printed["topics"] == {"lobby": "Hello, world"}
    done = run_netchat(folder, "serve", *arguments, "--print-config")
    (folder / "settings.toml").write_text(done.stdout)
    assert configured(folder, "--config", "settings.toml") == printed


def test_a_flag_counts_more_than_the_environment_and_that_more_than_the_file(
    folder: Path,
) -> None:
    (folder / "s.toml").write_text("[limits]\nrooms = 1\nheartbeat = 1\nhold = 1\n")
    env = {"NETCHAT_LIMITS_ROOMS": "2", "NETCHAT_LIMITS_HEARTBEAT": "2"}
    flags = ("--config", "s.toml", "--set", "limits.rooms=3")
    limits = configured(folder, *flags, **env)["limits"]
    assert (limits["rooms"], limits["heartbeat"], limits["hold"]) == (3, 2, 1)


def test_the_users_own_file_is_read_without_being_named(folder: Path) -> None:
    place = folder / "netchat" / "netchat.toml"
    place.parent.mkdir()
    place.write_text("[limits]\nrooms = 9\n")
    assert configured(folder)["limits"]["rooms"] == 9


WRONG = [
    (["--set", "limits.rooms=many"], {}, "limits.rooms"),
    (["--set", "limits.rooms=0"], {}, "limits.rooms"),
    (["--set", "limits.romms=5"], {}, "limits.rooms"),
    (["--set", "limits.heartbeat=-1"], {}, "limits.heartbeat"),
    (["--set", "limits.enabled=perhaps"], {}, "limits.enabled"),
    (["--set", "nonsense"], {}, "section.key=value"),
    (["--set", "=1"], {}, "no setting"),
    (["--set", "server.listen=nowhere"], {}, "server.listen"),
    (["--listen", "127.0.0.1:99999"], {}, "listen"),
    (["--listen", "127.0.0.1:port"], {}, "listen"),
    (["--durability", "paper"], {}, "server.durability"),
    (["--config", "missing.toml"], {}, "missing.toml"),
    (["--config", "bad.toml"], {}, "bad.toml"),
    (["--config", "unknown.toml"], {}, "limits.rom"),
    ([], {"NETCHAT_LIMITS_ROM": "1"}, "NETCHAT_LIMITS_ROM"),
    ([], {"NETCHAT_LIMITS_ROOMS": "x"}, "NETCHAT_LIMITS_ROOMS"),
    ([], {"NETCHAT_COLOUR": "blue"}, "NETCHAT_COLOUR"),
]


@pytest.mark.parametrize(("args", "env", "named"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_setting_is_named(
    folder: Path, args: list[str], env: dict[str, str], named: str
) -> None:
    (folder / "bad.toml").write_text("[limits\nrooms = 1")
    (folder / "unknown.toml").write_text("[limits]\nrom = 1\n")
    done = run_netchat(folder, "serve", *args, "--data", "data", **env)
    assert done.returncode == CONFIG
    assert named in done.stderr and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr and done.stdout == ""


# -- reporting -----------------------------------------------------------------------------


def test_sigusr1_reports_figures_and_the_server_goes_on(folder: Path) -> None:
    with ServerProcess(folder) as server:
        client = server.client("ana")
        client.join("lobby")
        client.post("lobby", "x", "1")
        client.until("message")
        figures = server.figures()
        assert figures["connections"] == 1 and figures["accepted"] == 1
        assert figures["ticks"] > 0 and 0 < figures["lag_max_ms"] < 1_000
        assert server.figures()["ticks"] < figures["ticks"]
        assert client.is_silent()


def test_nothing_of_what_people_write_is_in_the_servers_output(folder: Path) -> None:
    with ServerProcess(folder, "--set", "log.level=debug") as server:
        client = server.client("ana")
        client.join("lobby")
        client.post("lobby", "between us", "1")
        client.ask({"type": "message"})
        client.send_bytes(b"\0\0\0\x0abetween us")
        client.close()
        until_true(lambda: server.figures()["connections"] == 0)
        assert "between us" not in server.logs() and client.token not in server.logs()


def test_each_line_of_the_log_is_an_object_where_that_is_wanted(folder: Path) -> None:
    with ServerProcess(folder, "--set", "log.format=json") as server:
        server.send_signal(signal.SIGUSR1)
        until_true(lambda: "figures" in server.logs())
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.logs().splitlines()]
        assert {"time", "level", "logger", "message"} <= lines[0].keys()


def test_a_standard_error_that_nobody_reads_holds_nobody_up(folder: Path) -> None:
    """A pipe that is full from the start: no line that the server logs can be written."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4_096)
    os.write(writer, bytes(4_096))
    with ServerProcess(folder) as server:
        place = server.place
        assert server.stop() == 0
    serve = [*NETCHAT, "serve", "--listen", place, "--data", str(folder / "data")]
    with subprocess.Popen(serve, env=server.env, stdout=subprocess.PIPE, stderr=writer) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"netchat ready")
        for _ in range(20):
            process.send_signal(signal.SIGUSR1)
        with server.client("ana") as client:
            client.join("lobby")
            client.post("lobby", "x", "1")
        process.terminate()
        assert process.wait(WITHIN) == 0
    os.close(reader)
    os.close(writer)


def test_who_manages_it_sees_that_it_lives_and_where_it_stood_when_it_did_not(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(WITHIN)
        manager.bind(str(folder / "notify"))
        env = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
        with ServerProcess(folder, env=env) as server:
            states = [manager.recv(100) for _ in range(4)]
            assert states == [b"READY=1", *[b"WATCHDOG=1"] * 3]
            assert server.stop(signal.SIGABRT) == -signal.SIGABRT
            assert "reactor.py" in server.logs()


def test_a_log_that_others_can_read_is_refused(folder: Path) -> None:
    with ServerProcess(folder) as server:
        assert server.stop() == 0
    (server.data / "netchat.db").chmod(0o644)
    assert "chmod 600" in refused(folder, "--data", str(server.data))


def everybody_can_read(path: str) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in Path(path).parents)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not everybody_can_read(os.__file__), reason="this Python is root's alone")
def test_root_becomes_the_named_user_and_works_on() -> None:
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        flags = ("--set", "server.user=nobody")
        with ServerProcess(Path(name) / "run", *flags) as server:
            os.chmod(server.folder, 0o755)
            uids = Path(f"/proc/{server.process.pid}/status").read_text()
            nobody = pwd.getpwnam("nobody").pw_uid
            assert re.findall(r"Uid:\s+(.*)", uids)[0].split() == [str(nobody)] * 4
            with server.client("ana") as client:
                client.join("lobby")
                client.post("lobby", "x", "1")
            assert {path.stat().st_uid for path in server.data.iterdir()} == {nobody}
            assert server.stop() == 0
            assert "Running as nobody" in server.logs()
