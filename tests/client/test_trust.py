"""TLS as clients meet it: whom they believe, and what they say where they do not."""

from __future__ import annotations

import argparse
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat import exits
from netchat.client import Client, Disconnected, Trust, Unreachable, connect
from netchat.client.oneshot import run_send
from netchat.client.trust import SYSTEM
from netchat.net.addresses import DEFAULT_PORT, TLS_PORT, parse_server
from tests.certificates import Files, write_files

WELCOME = (
    b'{"type":"welcome","version":1,"server":"x/1","name":"ana","session":"s1","token":"t",'
    b'"epoch":"e","heartbeat":25,"limits":{},"talks":[]}'
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("host:70", ("host", 70, False)),
        ("netchat://host:70", ("host", 70, False)),
        ("netchats://host:70/", ("host", 70, True)),
        ("NETCHATS://host", ("host", TLS_PORT, True)),
        ("netchat://[::1]", ("::1", DEFAULT_PORT, False)),
    ],
)
def test_an_address_says_whether_tls_is_spoken(text: str, place: tuple[str, int, bool]) -> None:
    assert parse_server(text) == place


@pytest.mark.parametrize("text", ["https://host", "netchats://", "netchats://a/b", "://x"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_server(text)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("trust"), "localhost")


class Greeter:
    """A TLS server in a thread that welcomes everybody, and counts those who came."""

    def __init__(self, files: Files) -> None:
        self.came = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.certificate, files.key)
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self.came += 1
            try:
                with self._context.wrap_socket(sock, server_side=True) as safe:
                    safe.recv(4_096)
                    safe.sendall(len(WELCOME).to_bytes(4) + WELCOME)
                    safe.recv(4_096)
            except OSError:
                continue

    def close(self) -> None:
        self._sock.close()


@pytest.fixture(scope="module")
def greeter(files: Files) -> Iterator[Greeter]:
    greeter = Greeter(files)
    yield greeter
    greeter.close()


def test_a_server_that_is_trusted_is_spoken_with(greeter: Greeter, files: Files) -> None:
    client = connect(f"netchats://localhost:{greeter.port}", name="ana", trust=Trust(files.ca))
    assert client.name == "ana"
    client.client.close()


def test_one_that_is_not_is_a_sentence_and_not_tried_again(greeter: Greeter) -> None:
    before = greeter.came
    with pytest.raises(Disconnected, match="not to be trusted") as raised:
        connect(f"netchats://127.0.0.1:{greeter.port}", name="ana")
    assert raised.value.code == "certificate"
    client = Client(f"netchats://127.0.0.1:{greeter.port}", name="ana")
    ends = time.monotonic() + 10
    while not client.closed:
        assert time.monotonic() < ends
        client.reactor.run_once(0.1)
    for _ in range(10):
        client.reactor.run_once(0.1)
    client.close()
    assert greeter.came == before + 2


def test_another_hosts_certificate_is_not_this_ones(greeter: Greeter, files: Files) -> None:
    with pytest.raises(Disconnected, match=r"mismatch.*'127\.0\.0\.1'\.$"):
        connect(f"netchats://127.0.0.1:{greeter.port}", name="ana", trust=Trust(files.ca))


def test_without_checking_everybody_is_believed(greeter: Greeter) -> None:
    where = f"netchats://127.0.0.1:{greeter.port}"
    connect(where, name="ana", trust=Trust(insecure=True)).client.close()


def test_a_server_without_tls_is_told_apart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            sock, _ = server.accept()
            sock.recv(4_096)
            sock.sendall(b"\0\0\0\x02{}")
            sock.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Unreachable, match="not TLS"):
            connect(f"netchats://127.0.0.1:{server.getsockname()[1]}", name="ana")


def test_trust_is_for_tls_and_needs_certificates(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("nothing")
    with pytest.raises(ValueError, match="netchats://"):
        Client("127.0.0.1:1", trust=Trust(insecure=True))
    for path in (junk, tmp_path / "missing.pem"):
        with pytest.raises(ValueError, match=path.name):
            Client("netchats://127.0.0.1:1", trust=Trust(path))
    assert Trust() == SYSTEM


def arguments(server: str, **given: object) -> argparse.Namespace:
    usual: dict[str, object]
    usual = {"name": "ana", "room": "lobby", "to": None, "json": False, "text": ["x"]}
    return argparse.Namespace(
        server=server, **{**usual, "ca": None, "insecure": False, "password_file": None, **given}
    )


def test_commands_end_with_a_code_that_says_it(
    greeter: Greeter, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"netchats://127.0.0.1:{greeter.port}"
    assert run_send(arguments(where)) == exits.REFUSED
    assert "not to be trusted" in capsys.readouterr().err
    assert run_send(arguments("127.0.0.1:1", insecure=True)) == exits.USAGE
    assert "WARNING" in capsys.readouterr().err
