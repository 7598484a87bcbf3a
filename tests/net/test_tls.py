from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.reactor import READ, WRITE
from netchat.net.tls import BARREN, RECORD, TlsSocket, client_context, server_context
from netchat.net.transport import Transport
from tests.certificates import Files, write_files
from tests.net.support import FakeLoop, Recorder
from tests.net.tls import Line, contexts, engine


class Pair:
    """Our side as a TlsSocket on a Line; the peer's as an engine that the test drives."""

    def __init__(self) -> None:
        self.line = Line()
        server, client = contexts()
        ours, self.ours_in, ours_out = engine(server, None)
        self.peer, self.peer_in, self.peer_out = engine(client, "localhost")
        for _ in range(4):
            for each in (self.peer, ours):
                with contextlib.suppress(ssl.SSLWantReadError):
                    each.do_handshake()
                self.ours_in.write(self.peer_out.read())
                self.peer_in.write(ours_out.read())
        # mypy: a Line has the part of a socket that is used
        self.tls = TlsSocket(self.line, ours, self.ours_in, ours_out)  # type: ignore[arg-type]

    def seal(self, data: bytes) -> bytes:
        """What the peer sends for `data`, at most a record."""
        self.peer.write(data)
        return self.peer_out.read()

    def read(self) -> bytes:
        """What the peer makes of everything that has been sent to it."""
        self.peer_in.write(self.line.sent)
        self.line.sent = b""
        parts = []
        try:
            while part := self.peer.read(RECORD):
                parts.append(part)
            parts.append(b"<notified>")
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts)


@pytest.fixture
def pair() -> Pair:
    return Pair()


# -- receiving -----------------------------------------------------------------------------


def test_everything_that_a_read_holds_is_handed_out_at_once(pair: Pair) -> None:
    pair.line.inbox = b"".join(pair.seal(b"%d." % n) for n in range(50))
    assert pair.tls.recv(65_536) == b"".join(b"%d." % n for n in range(50))
    with pytest.raises(BlockingIOError):
        pair.tls.recv(65_536)


def test_a_part_of_a_record_is_not_yet_anything(pair: Pair) -> None:
    sealed = pair.seal(b"hola")
    for place in range(len(sealed) - 1):
        pair.line.inbox = sealed[place : place + 1]
        with pytest.raises(BlockingIOError):
            pair.tls.recv(65_536)
    pair.line.inbox = sealed[-1:]
    assert pair.tls.recv(65_536) == b"hola"


def test_an_orderly_end_behind_data_is_seen_after_it_and_wakes_the_selector(pair: Pair) -> None:
    sealed = pair.seal(b"hola")
    with pytest.raises(ssl.SSLWantReadError):
        pair.peer.unwrap()
    pair.line.inbox = sealed + pair.peer_out.read()
    assert pair.tls.recv(65_536) == b"hola"
    assert pair.line.calls == [f"shutdown {socket.SHUT_RD}"]
    assert pair.tls.recv(65_536) == b""


def test_a_cut_is_an_end_and_what_was_incomplete_is_nothing(pair: Pair) -> None:
    pair.line.inbox = pair.seal(b"whole") + pair.seal(b"cut in two")[:-1]
    pair.line.ended = True
    assert pair.tls.recv(65_536) == b"whole"
    assert pair.tls.recv(65_536) == b""
    assert pair.tls.recv(65_536) == b""


def test_a_record_that_was_tampered_with_is_an_error(pair: Pair) -> None:
    sealed = bytearray(pair.seal(b"hola"))
    sealed[-1] ^= 1
    pair.line.inbox = bytes(sealed)
    with pytest.raises(OSError, match=r"MAC|mac|DECRYPTION"):
        pair.tls.recv(65_536)


def test_records_that_carry_next_to_nothing_are_paid_for_by_what_they_carry(pair: Pair) -> None:
    for _ in range(3_000):
        pair.line.inbox = pair.seal(b"x")
        assert pair.tls.recv(65_536) == b"x"


def test_what_carries_nothing_at_all_ends_the_connection(pair: Pair) -> None:
    """As a record in pieces does, until it is whole; only that nothing comes of it, ever."""

    class Barren:
        def pending(self) -> int:
            return 0

        def read(self, size: int) -> bytes:
            pair.ours_in.read()
            raise ssl.SSLWantReadError

    pair.tls._engine = Barren()  # type: ignore[assignment]
    eaten = 0
    with pytest.raises(ConnectionAbortedError):
        while eaten <= 2 * BARREN:
            pair.line.inbox = bytes(1_000)
            eaten += 1_000
            with pytest.raises(BlockingIOError):
                pair.tls.recv(65_536)
    assert BARREN - 1_000 <= eaten - 1_000 <= BARREN


# -- sending -------------------------------------------------------------------------------


def test_what_the_socket_takes_counts_as_sent(pair: Pair) -> None:
    assert pair.tls.send(b"hola") == 4
    assert pair.tls.send(b"") == 0
    assert pair.tls.sendmsg([b"a", memoryview(b"xb")[1:], b"", b"c"]) == 3
    assert pair.read() == b"holaabc"


def test_a_last_byte_stays_until_all_of_its_ciphertext_has_left(pair: Pair) -> None:
    pair.line.room = 7
    assert pair.tls.send(b"hola") == 3
    assert pair.read() == b""
    with pytest.raises(BlockingIOError):
        pair.tls.send(b"a")
    pair.line.room = 1
    assert pair.tls.send(b"a") == 0
    pair.line.room = None
    assert pair.tls.send(b"a more") == 6
    assert pair.read() == b"hola more"


def test_one_record_at_most_is_encrypted_ahead(pair: Pair) -> None:
    pair.line.room = RECORD + 1_000
    blob = bytes(10 * RECORD)
    assert RECORD <= pair.tls.send(blob) < 2 * RECORD
    assert len(pair.tls._unsent) < RECORD + 100
    assert pair.tls._outgoing.pending == 0


def test_small_pieces_share_a_record(pair: Pair) -> None:
    assert pair.tls.sendmsg([b"x"] * 1_000) == 1_000
    assert len(pair.line.sent) < 1_100


def test_the_last_word_waits_for_a_socket_that_takes_nothing(pair: Pair) -> None:
    loop = FakeLoop()
    transport = Transport(loop.reactor, pair.tls, "peer")  # type: ignore[arg-type]
    transport.start(Recorder())
    transport.write(b"bye")
    transport.close()
    pair.line.room = 3 + 22
    loop.tick()
    assert transport.pending == 0 and not pair.line.calls
    assert loop.selector.keys[pair.tls].events == WRITE
    pair.line.room = 5
    loop.tick((pair.tls, WRITE))
    pair.line.room = None
    loop.tick((pair.tls, WRITE))
    assert pair.read() == b"bye<notified>"
    assert pair.line.calls == [f"shutdown {socket.SHUT_WR}"]
    pair.line.ended = True
    loop.tick((pair.tls, READ))
    loop.tick()
    assert pair.line.calls[-1] == "close"


def test_an_end_while_a_record_is_half_sent_says_nothing_false(pair: Pair) -> None:
    loop = FakeLoop()
    transport = Transport(loop.reactor, pair.tls, "peer")  # type: ignore[arg-type]
    transport.start(Recorder())
    pair.line.room = 10
    transport.write(b"goodbye")
    loop.tick()
    transport.abort()
    loop.tick()
    assert len(pair.line.sent) == 10 and pair.line.calls == ["close"]


# -- the pipe as a whole -------------------------------------------------------------------

Blobs = st.lists(st.binary(min_size=1, max_size=300) | st.just(bytes(40_000)), max_size=8)
Portions = st.lists(st.sampled_from([1, 2, 3, 30, 700, 20_000]), min_size=1, max_size=30)


@given(sent=Blobs, received=Blobs, portions=Portions)
def test_the_pipe_carries_what_a_plain_one_does_however_it_is_cut(
    sent: list[bytes], received: list[bytes], portions: list[int]
) -> None:
    loop, pair = FakeLoop(), Pair()
    transport = Transport(loop.reactor, pair.tls, "peer")  # type: ignore[arg-type]
    recorder = Recorder()
    transport.start(recorder)
    total, read, coming = sum(map(len, sent)), b"", b""
    for blob in received:
        coming += b"".join(pair.seal(blob[at : at + RECORD]) for at in range(0, len(blob), RECORD))
    for blob in sent:
        transport.write(blob)
    for turn in range(400_000):
        portion = portions[turn % len(portions)]
        if turn > 500:
            portion = 20_000
        pair.line.room = portion
        pair.line.inbox += coming[:portion]
        coming = coming[portion:]
        loop.tick((pair.tls, READ | WRITE))
        read += pair.read()
        assert len(read) <= total - transport.pending <= len(read) + RECORD
        if not (coming or pair.line.inbox or transport.pending):
            break
    assert read == b"".join(sent)
    assert recorder.data == b"".join(received)
    assert transport._queue is None and not pair.tls._unsent


# -- contexts ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("tls"))


def test_old_versions_are_refused_and_nothing_is_negotiated_again(files: Files) -> None:
    for context in (server_context(files.certificate, files.key), client_context(files.ca)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_RENEGOTIATION
        assert context.options & ssl.OP_NO_COMPRESSION


def test_a_client_checks_unless_told_not_to(files: Files) -> None:
    careful, careless = client_context(files.ca), client_context(insecure=True)
    assert careful.verify_mode == ssl.CERT_REQUIRED and careful.check_hostname
    assert careless.verify_mode == ssl.CERT_NONE and not careless.check_hostname
    assert len(careful.get_ca_certs()) == 1


def test_a_key_with_a_password_is_an_error_not_a_question(tmp_path: Path, files: Files) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(OSError):
        server_context(files.certificate, locked)
