"""What the protocol promises holds over TLS as it does without: some of its tests again, with
another server, and what only TLS can do wrong."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from netchat.chat.events import Message
from netchat.client import Trust, connect
from tests.certificates import client_side, write_files
from tests.e2e.client import WITHIN, RawClient, fill, framed, until_true
from tests.e2e.support import UNLIMITED, ServerProcess, run_netchat, split
from tests.e2e.test_conversation import *  # noqa: F403
from tests.e2e.test_errors import *  # noqa: F403
from tests.e2e.test_protocol_resume import *  # noqa: F403


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tls")
    with ServerProcess(folder, *UNLIMITED, tls=write_files(folder)) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, *UNLIMITED, tls=write_files(tmp_path)) as server:
        yield server


def stranger_at(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=WITHIN)


def received(sock: socket.socket) -> bytes:
    """Everything until the end."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65_536):
            parts.append(data)
    return b"".join(parts)


def test_both_kinds_of_address_stand_beside_each_other(server: ServerProcess, room: str) -> None:
    with RawClient(server.plain) as plain, server.client() as safe:
        for name, client in (("plain-p", plain), ("safe-s", safe)):
            client.hello(name)
            client.join(room)
        plain.post(room, "hola", "1")
        assert safe.until("message")["text"] == "hola"


@pytest.mark.parametrize("first", [framed({"type": "ping"}), b"GET / HTTP/1.1\r\n\r\n", b"\0"])
def test_a_plain_peer_is_told_that_tls_is_spoken_here(server: ServerProcess, first: bytes) -> None:
    began = time.monotonic()
    with stranger_at(server.address) as sock:
        sock.sendall(first)
        told = received(sock)
    assert b'"code":"bad_frame"' in told and b"TLS" in told and b'"fatal":true' in told
    assert int.from_bytes(told[:4]) == len(told) - 4
    assert time.monotonic() - began < 1.0


def test_tls_is_told_that_it_is_not_spoken_here(server: ServerProcess) -> None:
    began = time.monotonic()
    with stranger_at(server.plain) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
        told = received(sock)
    assert b'"code":"frame_too_large"' in told and b"TLS is not spoken" in told
    assert time.monotonic() - began < 1.0


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(server: ServerProcess) -> None:
    assert server.context is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with stranger_at(server.address) as sock, pytest.raises(ssl.SSLError, match=r"(?i)version"):
        context.wrap_socket(sock)


def test_an_orderly_end_says_so(server: ServerProcess) -> None:
    """Without the peer's close_notify Python's own client would raise here."""
    assert server.context is not None
    with stranger_at(server.address) as sock:
        safe = server.context.wrap_socket(
            sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        )
        safe.sendall(framed({"type": "bye"}))
        assert b"bye" in received(safe)


def test_handshakes_are_counted(server: ServerProcess) -> None:
    before = server.figures()
    with stranger_at(server.address) as sock:
        sock.sendall(b"no TLS")
        assert received(sock)
    with server.client() as client:
        assert client.is_silent()
    after = server.figures()
    assert after["handshakes"] == before["handshakes"] + 1
    assert after["failed_handshakes"] == before["failed_handshakes"] + 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="Python cannot change keys itself")
def test_keys_that_change_in_passing_are_followed(server: ServerProcess) -> None:
    """K asks for new keys in both directions (s_client(1))."""
    place, ca = "{}:{}".format(*server.address), str(server.folder / "ca.pem")
    command = ["openssl", "s_client", "-connect", place, "-CAfile", ca]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as client:
        assert client.stdin is not None and client.stdout is not None
        while b"Verify return code: 0" not in client.stdout.readline():
            pass
        for line in (b"K\n", b"K\n", framed({"type": "ping", "ref": "behind"})):
            client.stdin.write(line)
            client.stdin.flush()
            time.sleep(0.1)  # it takes one command from what it reads at once
        said = b""
        while b'"ref":"behind"' not in said:
            said += os.read(client.stdout.fileno(), 4_096)
        client.kill()


def test_who_says_nothing_is_let_go_and_holds_up_nobody(server: ServerProcess) -> None:
    stallers = [stranger_at(server.address) for _ in range(500)]
    try:
        began = time.monotonic()
        with server.client(f"honest-{os.getpid()}") as client:
            assert client.is_silent()
        assert time.monotonic() - began < 4.0, "an honest client waits about a second"
        for each in stallers:
            each.settimeout(WITHIN)
            assert each.recv(1) == b""
    finally:
        for each in stallers:
            each.close()


def test_a_slow_reader_misses_nothing(server: ServerProcess, room: str) -> None:
    slow = server.client("slow-s", receive_buffer=4_096)
    slow.join(room, backlog=0)
    with server.client("quick-q") as quick:
        fill(quick, room, 600, lambda n: f"{n} " + "x" * 3_000)
        got = [slow.until("message", within=3 * WITHIN)["text"].split()[0] for _ in range(600)]
    assert got == [str(n) for n in range(1, 601)]
    slow.close()


# -- certificates --------------------------------------------------------------------------


def test_a_renewed_certificate_is_taken_up_and_a_bad_one_is_not(tmp_path: Path) -> None:
    files = write_files(tmp_path)
    with ServerProcess(tmp_path, tls=files) as server:
        old = server.client("old")
        other = tmp_path / "other"
        other.mkdir()
        renewed = write_files(other, which=1)
        shutil.copy(renewed.certificate, files.certificate)
        server.send_signal(signal.SIGHUP)
        until_true(lambda: "stays" in server.logs())  # it does not belong to the key
        with server.client("still-the-first") as client:
            assert client.is_silent()
        shutil.copy(renewed.key, files.key)
        server.send_signal(signal.SIGHUP)
        until_true(lambda: "read anew" in server.logs())
        with server.client("second", tls=client_side(renewed)) as client:
            assert client.is_silent()
        assert old.is_silent(), "who is there stays there"
        with pytest.raises(ssl.SSLCertVerificationError):
            server.client()
        files.key.chmod(0o644)
        server.send_signal(signal.SIGHUP)
        until_true(lambda: "can be read or changed by others" in server.logs())


WRONG = [
    (["--tls-listen", "127.0.0.1:0"], "needs tls.cert and tls.key"),
    (["--tls-cert", "cert.pem"], "belong together"),
    (["--tls-cert", "none.pem", "--tls-key", "key.pem"], "none.pem: No such file"),
    (["--tls-cert", "cert.pem", "--tls-key", "cert.pem"], "chmod 600"),
    (["--tls-cert", "ca.pem", "--tls-key", "key.pem"], "no certificate with its key"),
    (["--tls-cert", "cert.pem", "--tls-key", "junk.pem"], "no certificate with its key"),
    (["--tls-cert", "cert.pem", "--tls-key", "key.pem"], "used by no address"),
    (["--set", "server.proxies=10.0.0.0/33"], "server.proxies"),
]


@pytest.mark.parametrize(("args", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_used_is_named(tmp_path: Path, args: list[str], sentence: str) -> None:
    write_files(tmp_path)
    junk = tmp_path / "junk.pem"
    junk.touch(mode=0o600)
    (tmp_path / "cert.pem").chmod(0o644)
    done = run_netchat(tmp_path, "serve", "--listen", "127.0.0.1:0", "--data", "data", *args)
    assert done.returncode != 0 and done.stdout == ""
    assert sentence in done.stderr and done.stderr.count("\n") == 1, done.stderr


# -- the web -------------------------------------------------------------------------------


def test_the_page_and_its_socket_are_served_with_tls(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--tls-web", "127.0.0.1:0", tls=write_files(tmp_path)) as server:
        place = re.findall(r"web=https://(\S+)/", server.ready)[0]
        page = HTTPSConnection(place, context=server.context, timeout=WITHIN)
        page.request("GET", "/")
        assert page.getresponse().status < 500
        page.close()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": f"https://{place}"}
        key = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        page.request("GET", "/ws", headers=upgrade | key)
        assert page.getresponse().status == 101
        page.close()
        with stranger_at(split(place)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b" 400 " in received(sock)


# -- proxies -------------------------------------------------------------------------------


def test_a_proxy_says_whom_it_speaks_for_and_limits_count_them(tmp_path: Path) -> None:
    limits = "limits.connections_per_address=1", "limits.arrivals_per_address=1000000"
    flags = [f"--set={each}" for each in ("server.proxies=127.0.0.0/8", *limits)]
    with ServerProcess(tmp_path, *flags, tls=write_files(tmp_path)) as server:
        assert server.context is not None
        for address, context in ((server.plain, None), (server.address, server.context)):
            clients = []
            for number in (1, 1, 2):
                sock = stranger_at(address)
                sock.sendall(b"PROXY TCP4 192.0.2.%d 127.0.0.1 4000 7337\r\n" % number)
                try:
                    if context is not None:
                        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
                    sock.sendall(framed({"type": "ping"}))
                    clients.append((sock, sock.recv(65_536)))
                except OSError:  # with TLS one too many just sees an end
                    clients.append((sock, b""))
            said = [b"pong" in answer for _, answer in clients]
            assert said == [True, False, True]
            assert context or b"too_many_connections" in clients[1][1]
            for sock, _ in clients:
                sock.close()
            until_true(lambda: server.figures()["connections"] == 0)
        with stranger_at(server.plain) as sock:
            sock.sendall(framed({"type": "ping"}))
            assert received(sock) == b""
        until_true(lambda: "No PROXY header from 127.0.0.1" in server.logs())


def test_who_is_no_proxy_cannot_say_who_he_is(server: ServerProcess) -> None:
    with stranger_at(server.plain) as sock:
        sock.sendall(b"PROXY TCP4 192.0.2.1 127.0.0.1 4000 7337\r\n")
        assert b"frame_too_large" in received(sock)


# -- netchat's own client ------------------------------------------------------------------


def test_the_commands_speak_tls_and_check(server: ServerProcess, tmp_path: Path) -> None:
    ca = str(server.folder / "ca.pem")
    place = "netchats://{}:{}".format(*server.address)

    def send(*args: str, place: str = place) -> tuple[int, str]:
        done = run_netchat(tmp_path, "send", "--server", place, "--name", "bot", *args, "hola")
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    assert send("--ca", ca) == (0, "")
    code, said = send()
    assert code == 77 and "not to be trusted" in said and said.count("\n") == 1
    code, said = send("--insecure")
    assert code == 0 and "WARNING" in said
    code, said = send(place="netchats://{}:{}".format(*server.plain))
    assert code == 69 and "not TLS" in said
    code, said = send(place="{}:{}".format(*server.address))
    assert code == 75 and "speaks TLS" in said


def test_a_client_comes_back_over_tls_and_misses_nothing(own_server: ServerProcess) -> None:
    place = "netchats://{}:{}".format(*own_server.address)
    trust = Trust(own_server.folder / "ca.pem")
    with connect(place, name="ana", trust=trust) as chat, own_server.client("ben") as ben:
        chat.join("lobby", backlog=0)
        ben.join("lobby")
        ben.post("lobby", "one", "1")
        link = chat.client._link
        assert link is not None and link._transport is not None
        link._transport.abort()
        ben.post("lobby", "two", "2")
        heard = [each.text for each in chat.events(timeout=3) if isinstance(each, Message)]
        assert heard == ["one", "two"]
        assert chat.post("three", room="lobby").seq == 3
