"""What the library raises.

NetchatError
    ClientError
        Unreachable         there is no server at the address, or it takes nobody
        Refused             the server said no; `code` names why
        Disconnected        the server has sent us away for good; `code` names why
        TimedOut            no answer in time (a TimeoutError, too)
        OutboxFull          too much is waiting to be sent
        OutboxError         the file of the outbox cannot be used
"""

from __future__ import annotations

from netchat.errors import NetchatError


class ClientError(NetchatError):
    """Root of what the client library raises."""


class Unreachable(ClientError):
    """There is no server at the address (`code` None), or it takes nobody at the moment."""

    def __init__(self, message: str, code: str | None = None) -> None:
        self.code = code
        super().__init__(message)


class Refused(ClientError):
    """The server said no. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Disconnected(Refused):
    """The connection is closed for good, and is not made again."""


class TimedOut(ClientError, TimeoutError):
    """No answer in time. What was asked stays asked: an answer may still come."""


class OutboxFull(ClientError):
    """Too much is waiting to be sent; try again once some of it has been accepted."""


class OutboxError(ClientError):
    """The file of the outbox cannot be used. It is left as it is; go on without it."""
