"""Refusals over HTTP: problem details (RFC 9457), with the protocol's own codes."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Any

import msgspec

from netchat import errors
from netchat.chat.events import Error
from netchat.errors import RefusedError
from netchat.wire.http import HttpError, HttpResponse

STATUSES: dict[str, HTTPStatus] = {
    errors.BadToken.code: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden.code: HTTPStatus.FORBIDDEN,
    errors.Kicked.code: HTTPStatus.FORBIDDEN,
    errors.NotInRoom.code: HTTPStatus.FORBIDDEN,
    errors.TooManyRooms.code: HTTPStatus.FORBIDDEN,
    errors.NoSuchRoom.code: HTTPStatus.NOT_FOUND,
    errors.IdConflict.code: HTTPStatus.CONFLICT,
    errors.TextTooLong.code: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.RateLimited.code: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StoreFull.code: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.StoreFailed.code: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ShuttingDown.code: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Internal.code: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""What each code is in HTTP; any other one is a bad request."""


def problem_of(refusal: Error | RefusedError) -> HttpResponse:
    """A refusal of the chat's."""
    headers = []
    if refusal.retry_after is not None:
        headers.append(("Retry-After", str(ceil(refusal.retry_after))))
    if refusal.code == errors.BadToken.code:
        headers.append(("WWW-Authenticate", 'Bearer realm="netchat"'))
    status = STATUSES.get(refusal.code, HTTPStatus.BAD_REQUEST)
    fields: dict[str, Any] = {"code": refusal.code}
    if refusal.field is not None:
        fields["field"] = refusal.field
    return _problem(status, refusal.message, headers, fields)


def problem_of_http(exc: HttpError) -> HttpResponse:
    """A refusal of HTTP's."""
    return _problem(HTTPStatus(exc.status), exc.sentence, [*exc.headers], {})


def _problem(
    status: HTTPStatus, detail: str, headers: list[tuple[str, str]], fields: dict[str, Any]
) -> HttpResponse:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    kind = ("Content-Type", "application/problem+json")
    return HttpResponse(status, [kind, *headers], msgspec.json.encode(body | fields))
