"""Faults to be planted in what a server sends, to see whether the harness notices. Pure."""

from __future__ import annotations

from typing import Literal

from bench.member import MESSAGE
from netchat.wire.framing import LengthPrefixed, frame
from netchat.wire.native import MAX_FRAME

Kind = Literal["none", "drop", "swap", "double", "alter"]


class Planter:
    """Says which messages it happens to: every so-manieth, over all connections."""

    def __init__(self, kind: Kind, every: int) -> None:
        self.kind = kind
        self.seen = 0
        self.planted = 0
        self._every = every

    def strikes(self) -> bool:
        """Another message goes by; whether it is this one's turn."""
        self.seen += 1
        if self.kind == "none" or self.seen % self._every:
            return False
        self.planted += 1
        return True


class FaultyStream:
    """What one client gets from the server: the same bytes, but for the planted faults."""

    def __init__(self, planter: Planter) -> None:
        self._planter = planter
        self._framing = LengthPrefixed(MAX_FRAME)
        self._held: bytes | None = None

    def pass_on(self, data: bytes) -> bytes:
        """The whole frames that are to go out now."""
        self._framing.receive_data(data)
        frames: list[bytes] = []
        while (payload := self._framing.next_payload()) is not None:
            if payload.startswith(MESSAGE):
                frames += self._message(payload)
            else:
                frames.append(frame(payload))
        return b"".join(frames)

    def _message(self, payload: bytes) -> list[bytes]:
        framed = frame(payload)
        if self._held is not None:
            held, self._held = self._held, None
            return [framed, held]
        if not self._planter.strikes():
            return [framed]
        match self._planter.kind:
            case "swap":
                self._held = framed
                return []
            case "double":
                return [framed, framed]
            case "alter":
                return [framed.replace(b'"text":"0', b'"text":"1')]
        return []
