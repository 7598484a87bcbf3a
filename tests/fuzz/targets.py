"""The targets: one function each, from any bytes to nothing, or to an exception."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from netchat.chat.events import Message, Pong
from netchat.chat.requests import Hello, Join, Ping
from netchat.client.editor import Editor
from netchat.client.harmless import harmless
from netchat.errors import BadJson, FatalError
from netchat.net.handshake import HANDSHAKE_TIMEOUT, Handshake
from netchat.net.proxy import MAX_V2, ProxyError, header_length, source
from netchat.net.reactor import READ
from netchat.wire.framing import LengthPrefixed, frame
from netchat.wire.messages import RefusedRequest, decode_event, decode_request, encode
from netchat.wire.native import NativeClient
from tests.fuzz import files, web
from tests.fuzz.operator import Operator
from tests.net.support import FakeLoop
from tests.net.tls import Line, contexts
from tests.sessions.support import Client, House

Target = Callable[[bytes], None]

BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (UAX 9): they turn the direction of what follows."""

MAX_SENTENCE = 300
"""Characters of an error's sentence: it is for a person, and holds nothing of the peer's."""

SERVED = 500
"""Peers after which a session's target takes a new server, so that the log stays short."""


def framing(data: bytes) -> None:
    """However the bytes are cut up, the same payloads and the same failure come out."""
    whole = _payloads([data])
    assert _payloads([data[at : at + 1] for at in range(len(data))]) == whole
    cut = data[0] % (len(data) + 1) if data else 0
    assert _payloads([data[:cut], data[cut:]]) == whole


def _payloads(pieces: Sequence[bytes]) -> list[bytes | type[FatalError]]:
    machine = LengthPrefixed(256)
    out: list[bytes | type[FatalError]] = []
    for piece in pieces:
        machine.receive_data(piece)
        try:
            while (payload := machine.next_payload()) is not None:
                assert 1 <= len(payload) <= 256
                out.append(payload)
        except FatalError as exc:
            out.append(type(exc))
            return out
    return out


def requests(payload: bytes) -> None:
    """A request that is sound, and says the same when it is sent on; or one of two refusals."""
    try:
        request = decode_request(payload)
    except BadJson as exc:
        _check_sentence(exc.message)
    except RefusedRequest as exc:
        _check_sentence(exc.error.message)
    else:
        assert decode_request(encode(request)) == request


def events(payload: bytes) -> None:
    """An event, one that is not known here, or a refusal."""
    try:
        event = decode_event(payload)
    except BadJson as exc:
        assert len(exc.message) < 2 * MAX_SENTENCE
    else:
        assert event is None or decode_event(encode(event)) == event


def terminal(data: bytes) -> None:
    """Nothing that others write commands the terminal; nothing typed breaks the editor."""
    text = data.decode("utf-8", "replace")
    shown = harmless(text)
    assert not any(_commands(char) for char in shown)
    assert harmless(shown) == shown
    editor = Editor()
    for line in editor.feed(data):
        assert "\n" not in line
    assert not any(_commands(char) for char in editor.tail(40))


def _commands(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI


class Sessions:
    """A whole server, on sockets in memory, and a healthy member beside the hostile peer.

    Each line of the input is a payload, which is framed; one that begins with `!` is sent as
    it is. Every line comes in a tick of its own.
    """

    def __init__(self, welcome: bool, password: str | None = None) -> None:
        self._welcome = welcome
        self._password = password
        self._open()

    def __call__(self, data: bytes) -> None:
        if self._left == 0:
            self._house.dissolve()
            self._open()
        self._left -= 1
        peer = self._house.connect()
        if self._welcome:
            name = f"guest{self._left}"
            hello = Hello(version=1, name=name, password=self._password)
            peer.says(hello, Join(room="lobby"))
        for line in data.split(b"\n"):
            peer.sock.inbox += line[1:] if line.startswith(b"!") else frame(line or b"\n")
            self._house.settle()
        self._check(peer)
        peer.drops()
        self._house.clients.remove(peer)
        self._check_neighbour()

    def _open(self) -> None:
        self._left = SERVED
        self._house = House()
        self._neighbour = self._house.enter("neighbour", "lobby")
        self._seq = 0

    def _check(self, peer: Client) -> None:
        """What it was told are sound events in whole frames, and a fatal one was the last."""
        machine = NativeClient()
        machine.receive_data(bytes(peer.sock.outbox))
        told = list(iter(machine.next_event, None))
        assert not machine.pending and len(machine._data) == 0, "a frame was cut"
        fatal = [at for at, event in enumerate(told) if getattr(event, "fatal", False)]
        assert fatal in ([], [len(told) - 1])
        assert not any(getattr(event, "code", "") == "internal" for event in told)
        assert len(peer.transport._queue or ()) == 0

    def _check_neighbour(self) -> None:
        """The neighbour is served, and has every message once and in order."""
        self._neighbour.says(Ping())
        heard = self._neighbour.heard()
        assert any(isinstance(event, Pong) for event in heard)
        for message in heard:
            if isinstance(message, Message) and message.room == "lobby":
                self._seq += 1
                assert message.seq == self._seq


def proxy(data: bytes) -> None:
    """However much of a header there is, it is the same one; its source is an address, or none."""
    try:
        length = header_length(data) if data else None
    except ProxyError:
        return
    for end in range(1, min(len(data), length or len(data))):
        assert header_length(data[:end]) in (None, length)
    if length is None or length > len(data):
        assert len(data) < MAX_V2
        return
    try:
        named = source(data[:length])
    except ProxyError:
        return
    assert named is None or (ip_address(named[0]) and 0 <= named[1] <= 65_535)


def handshake(data: bytes) -> None:
    """Nobody comes in by what is not a handshake to its end, and nobody waits for ever."""
    loop, line = FakeLoop(), Line()
    came: list[object] = []
    ended: list[OSError] = []
    line.inbox = data
    shake = Handshake(loop.reactor, line, contexts()[0], came.append, ended.append)  # type: ignore[arg-type]
    for _ in range(len(data) + 2):
        if ended or not line.inbox:
            break
        loop.tick((line, READ))
    if not ended:
        loop.clock.advance(HANDSHAKE_TIMEOUT)
        loop.tick()
    assert not came and len(ended) == 1 and line not in loop.selector.keys
    assert shake._events == 0


def _check_sentence(sentence: str) -> None:
    assert len(sentence) < MAX_SENTENCE
    assert sentence.isprintable()


TARGETS: dict[str, Callable[[], Target]] = {
    "framing": lambda: framing,
    "requests": lambda: requests,
    "events": lambda: events,
    "terminal": lambda: terminal,
    "proxy": lambda: proxy,
    "handshake": lambda: handshake,
    "websocket": lambda: web.websocket,
    "http": lambda: web.http,
    "browser": web.Door,
    "journal": lambda: files.journal,
    "settings": lambda: files.settings,
    "operator": Operator,
    "stranger": lambda: Sessions(welcome=False),
    "guest": lambda: Sessions(welcome=True),
    "account": lambda: Sessions(welcome=True, password="correct horse"),
}
"""By name; each call gives a fresh one."""
