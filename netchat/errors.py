"""The one exception tree. Each class carries its wire code.

    NetchatError
        RefusedError            a code that travels to the peer in an `error` event
            FatalError          ... after which the connection closes
                BadFrame, FrameTooLarge, BadJson, LoginTimeout, TooManyConnections,
                HeartbeatTimeout, Replaced, ShuttingDown, Kicked, Internal
            BadRequest, UnknownType, NotWelcome, AlreadyWelcome, VersionUnsupported,
            NameTaken, NameInvalid, BadCredentials, BadToken, AuthBusy, RateLimited,
            RoomInvalid, NoSuchRoom, NotInRoom, TooManyRooms, NoSuchUser,
            TextTooLong, IdConflict, Forbidden
            StoreError          the log could not take a post
                StoreFull, StoreFailed (LogDamaged: for good)
        LocalProtocolError      we misused a protocol machine: a bug of ours, never the peer's
        StartError              the server cannot start; the sentence says why
            ConfigError         ... because of its configuration

Raise a class with no argument for its own sentence, or with a better one. The sentence is
for a person; programs read the code.
"""

from __future__ import annotations

from typing import ClassVar, Self

RETRY_AFTER = 1.0
"""Seconds until what a store refused may be tried again. The chat probes the store that often:
soon enough for a person who waits."""


class NetchatError(Exception):
    """Root of everything that netchat raises on purpose."""

    def as_value(self) -> Self:
        """This, where it has been caught and is to be kept, without what led to it: a traceback
        knows the frame that keeps the error, and only the collector could end that cycle. A flood
        of refusals would have it come, and everybody wait."""
        self.__context__ = None
        return self.with_traceback(None)


class RefusedError(NetchatError):
    """Something a peer asked for was refused; `code` names why.

    `field` names the request's field (with `bad_request`), `retry_after` is in seconds; `until` is
    when a ban or a mute ends (ms since the epoch).
    """

    code: ClassVar[str] = "refused"
    fatal: ClassVar[bool] = False
    sentence: ClassVar[str] = "The request was refused."

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        retry_after: float | None = None,
        until: int | None = None,
    ) -> None:
        self.message = message or self.sentence
        self.field = field
        self.retry_after = retry_after
        self.until = until
        super().__init__(self.message)


class FatalError(RefusedError):
    """The connection closes after this error has been sent."""

    code = "fatal"
    fatal = True


class BadFrame(FatalError):
    code = "bad_frame"
    sentence = "A frame has at least one byte of payload."


class FrameTooLarge(FatalError):
    code = "frame_too_large"
    sentence = "The frame is longer than this server takes."


class BadJson(FatalError):
    code = "bad_json"
    sentence = "The payload is not one strict JSON object in UTF-8."


class LoginTimeout(FatalError):
    code = "login_timeout"
    sentence = "No user name was accepted in time."


class TooManyConnections(FatalError):
    code = "too_many_connections"
    sentence = "There are too many connections at the moment."


class HeartbeatTimeout(FatalError):
    code = "heartbeat_timeout"
    sentence = "Nothing was heard from you for too long."


class Replaced(FatalError):
    code = "replaced"
    sentence = "You have connected again from elsewhere."


class ShuttingDown(FatalError):
    code = "shutting_down"
    sentence = "The server is shutting down."


class Kicked(FatalError):
    code = "kicked"
    sentence = "You have been removed from the server."


class Internal(FatalError):
    code = "internal"
    sentence = "The server made a mistake; it has been logged."


class BadRequest(RefusedError):
    code = "bad_request"
    sentence = "The request has a wrong field."


class UnknownType(RefusedError):
    code = "unknown_type"
    sentence = "There is no request of this type."


class NotWelcome(RefusedError):
    code = "not_welcome"
    sentence = "Say hello with a user name first."


class AlreadyWelcome(RefusedError):
    code = "already_welcome"
    sentence = "You have said hello already."


class VersionUnsupported(RefusedError):
    code = "version_unsupported"
    sentence = "This server speaks version 1 of the protocol."


class NameTaken(RefusedError):
    code = "name_taken"
    sentence = "This name is taken; please choose another."


class NameInvalid(RefusedError):
    code = "name_invalid"
    sentence = "A name has 1 to 32 letters, digits, or any of _ - . in it."


class BadCredentials(RefusedError):
    code = "bad_credentials"
    sentence = "The user name and the password do not belong together."


class BadToken(RefusedError):
    code = "bad_token"
    sentence = "This token is unknown or has expired, or it is another name's."


class AuthBusy(RefusedError):
    code = "auth_busy"
    sentence = "Too many people are logging in at the moment."


class RateLimited(RefusedError):
    code = "rate_limited"
    sentence = "You are going too fast."


class RoomInvalid(RefusedError):
    code = "room_invalid"
    sentence = "A room's name has 1 to 64 characters, no spaces or commas, and no @ in front."


class NoSuchRoom(RefusedError):
    code = "no_such_room"
    sentence = "There is no such room."


class NotInRoom(RefusedError):
    code = "not_in_room"
    sentence = "You are not in this room."


class TooManyRooms(RefusedError):
    code = "too_many_rooms"
    sentence = "You are in as many rooms as this server allows."


class NoSuchUser(RefusedError):
    code = "no_such_user"
    sentence = "Nobody has this name."


class TextTooLong(RefusedError):
    code = "text_too_long"
    sentence = "The text is longer than this server takes."


class IdConflict(RefusedError):
    code = "id_conflict"
    sentence = "You have posted something else under this id."


class Forbidden(RefusedError):
    code = "forbidden"
    sentence = "You may not do this."


class StoreError(RefusedError):
    """The log did not take a post: it is not known to be stored, resend the same id."""

    code = "store_error"

    def __init__(self, message: str | None = None, *, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(message, retry_after=retry_after)


class StoreFull(StoreError):
    code = "store_full"
    sentence = "The disk is full; the message was not stored."


class StoreFailed(StoreError):
    code = "store_failed"
    sentence = "The message could not be stored."


class LogDamaged(StoreFailed):
    """A part of a room's log is not what was written: trying again will not help."""

    sentence = "The log of this room is damaged."


class LocalProtocolError(NetchatError):
    """One of our own machines was misused: a bug in netchat, never the peer's fault."""


class StartError(NetchatError):
    """The server cannot start; the message is one sentence for the operator."""


class ConfigError(StartError):
    """A setting is unknown or of the wrong type; the message names its key."""
