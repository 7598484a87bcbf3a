"""What a session pulls its requests from: the server's side of a connection, of any door."""

from __future__ import annotations

from typing import Protocol

from netchat.chat.requests import Request


class Machine(Protocol):
    """Bytes in, requests out."""

    @property
    def pending(self) -> bool:
        """A complete request, or a bad one, is waiting to be pulled, or a part of one that costs as
        much to read."""

    @property
    def unfinished(self) -> int:
        """Bytes of what has begun and is not complete; asked when nothing more can be pulled."""

    def receive_data(self, data: bytes) -> None:
        """Take bytes."""

    def receive_eof(self) -> None:
        """There will be no more."""

    def next_request(self) -> Request | None:
        """Pull the next one; None where there is none, or, while `pending`, where reading it goes
        on at the next call. Raises RefusedRequest, FatalError."""

    def welcome(self) -> None:
        """The peer has been let in: the limits of strangers end."""
