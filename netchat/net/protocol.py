"""The upcalls of a transport: what whoever uses one is told, and in which order."""

from __future__ import annotations

from typing import Protocol


class TransportProtocol(Protocol):
    """What a transport calls. The order is that of this regular expression:

        start (data | pause resume | resume)* (eof (pause resume | resume)*)? lost

    where a pause may lack its resume before `lost`, a resume without pause answers
    `request_drain`, and nothing but `lost` comes after close() or abort(). `lost` comes
    exactly once, in phase 1, never from within a call to the transport.
    """

    def data_received(self, data: bytes, now: float) -> None:
        """Some bytes came, at least one, at most RECV_BUDGET."""

    def eof_received(self, now: float) -> None:
        """The peer has finished sending; our side stays open until close()."""

    def connection_lost(self, exc: Exception | None, now: float) -> None:
        """It is over and the socket is closed. `exc`: why, None after a plain close."""

    def pause_writing(self) -> None:
        """A flush left more than `high` bytes; go easy until `resume_writing`."""

    def resume_writing(self) -> None:
        """At most `low` bytes are left, after a pause or a `request_drain`."""


class _Nobody:
    """The protocol of a transport that has not started or has ended; no cycle is kept."""

    def data_received(self, data: bytes, now: float) -> None: ...
    def eof_received(self, now: float) -> None: ...
    def connection_lost(self, exc: Exception | None, now: float) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


NOBODY = _Nobody()
