"""The decode boundary: the one place where a payload becomes a Request or an Event.

Rules of this file:

- What comes out of `decode_request` is sound: strict JSON, known type, right fields.
- Bad input raises BadJson (the connection ends) or RefusedRequest (it lives on), nothing else.
- No sentence of an error holds bytes of the peer's; field names come from our own classes.

How it works: a typed decoder takes what has no unknown fields and nothing wrong, which is
nearly everything; the bounds are in its types. Whatever it refuses is looked at again, to say
what is wrong, or that nothing is: the payload is decoded to plain objects, and those are
converted to the class that `type` names. For a typed decoder skips the fields that it does not
know without looking into them, while the protocol's bounds hold for those too. The bounds
count for what the payload means: of a duplicate key, only the last value.

Plain objects can be thirty thousand in one payload, and to look at each of them takes longer than
to decode them. So their bounds are in a type too. That type grows twofold with each level, so it
has only as many as anybody needs; what is nested deeper, or wrong, is looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any

import msgspec
from msgspec import DecodeError, Meta, Struct, ValidationError, inspect

from netchat.chat.events import EVENTS, Event
from netchat.chat.requests import MAX_INTEGER, MAX_LABEL, REQUESTS, Request
from netchat.errors import BadJson, BadRequest, NetchatError, RefusedError, UnknownType

MAX_DEPTH = 16
"""Objects and lists within each other, the outermost counted. No message nests deeper than 3;
a bound keeps other people's parsers safe, whose stacks may be small."""

USUAL_DEPTH = 8
"""Up to here the bounds are checked while decoding: in 2 ms at the start that type is built."""

_TOO_DEEP = f"The JSON is nested deeper than {MAX_DEPTH}."
_TOO_BIG = f"An integer is outside of -{MAX_INTEGER} to {MAX_INTEGER}."


def _bounded(depth: int) -> Any:
    """The type of all JSON objects that keep the bounds and nest no deeper than this."""
    scalar: Any = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)] | float | str | bool | None
    kind = scalar
    for _ in range(depth - 1):
        kind = scalar | GenericAlias(list, kind) | GenericAlias(dict, (str, kind))
    return GenericAlias(dict, (str, kind))


_encoder = msgspec.json.Encoder()

encode: Callable[[Struct], bytes] = _encoder.encode
"""The payload of a request or an event: one JSON object in UTF-8."""

encode_into: Callable[[Struct, bytearray, int], None] = _encoder.encode_into
"""The same, written into a buffer, which then ends where the payload does."""

_decode_typed = msgspec.json.Decoder(reduce(or_, REQUESTS.values())).decode
_decode_plain = msgspec.json.Decoder().decode
_decode_bounded = msgspec.json.Decoder(_bounded(USUAL_DEPTH)).decode
_decode_event = msgspec.json.Decoder(reduce(or_, EVENTS.values())).decode

Fields = dict[str, Any]


class RefusedRequest(NetchatError):
    """A request was refused and the connection lives on.

    `error` goes to the peer. `type`, `ref` and `id` (of a post) are the request's own, each
    None where it was not sound enough to be echoed.
    """

    def __init__(
        self,
        error: RefusedError,
        type: str | None = None,
        ref: str | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.type = type
        self.ref = ref
        self.id = id


def decode_request(payload: bytes) -> Request:
    """The request that a payload holds.

    Raises BadJson where it is no JSON object or breaks the bounds of depth and integers;
    RefusedRequest with BadRequest (naming the field) or UnknownType in it otherwise. A null
    stands for an absent field.
    """
    try:
        request: Request = _decode_typed(payload)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_again(payload)
    return request


def _decode_again(payload: bytes) -> Request:
    """`decode_request`, step by step."""
    fields = _bounded_object(payload)
    try:
        return _convert(fields)
    except RefusedError as error:
        tag = _text(fields.get("type"))
        post = _label(fields.get("id")) if tag == "post" else None
        raise RefusedRequest(error, tag, _label(fields.get("ref")), post) from None


def decode_event(payload: bytes) -> Event | None:
    """The event that a payload holds; None for a type that this version does not know.

    Lenient, as clients must be for servers to grow: unknown fields are ignored. Raises
    BadJson for what is no JSON object, or no event of the type that it claims.
    """
    try:
        event: Event = _decode_event(payload)
    except ValidationError:
        return _decode_event_again(payload)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        raise BadJson from None
    return event


def _decode_event_again(payload: bytes) -> Event | None:
    """`decode_event`, step by step: the typed decoder takes no type that it does not know, and no
    two of them."""
    fields = _object(payload)
    tag = fields.get("type")
    if not isinstance(tag, str):
        raise BadJson("The server sent an event without a type.")
    try:
        return msgspec.convert(fields, EVENTS[tag]) if tag in EVENTS else None
    except ValidationError as exc:
        raise BadJson(f"The server sent a wrong event: {exc}.") from None


def _bounded_object(payload: bytes) -> Fields:
    try:
        fields: Fields = _decode_bounded(payload)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        fields = _object(payload)
        _check_bounds(fields)
    return fields


def _object(payload: bytes) -> Fields:
    try:
        value = _decode_plain(payload)
    except RecursionError:
        raise BadJson(_TOO_DEEP) from None
    except (DecodeError, UnicodeDecodeError) as exc:
        raise BadJson(f"The payload is not strict JSON in UTF-8: {exc}.") from None
    if not isinstance(value, dict):
        raise BadJson
    return value


def _check_bounds(fields: Fields) -> None:
    """Level by level, so that no nesting can exhaust a stack."""
    level: list[Any] = [fields]
    for _ in range(MAX_DEPTH):
        below = []
        for container in level:
            for value in container if type(container) is list else container.values():
                kind = type(value)
                if kind is int:
                    if not -MAX_INTEGER <= value <= MAX_INTEGER:
                        raise BadJson(_TOO_BIG)
                elif kind is list or kind is dict:
                    below.append(value)
        if not below:
            return
        level = below
    raise BadJson(_TOO_DEEP)


def _convert(fields: Fields) -> Request:
    tag = fields.get("type")
    if not isinstance(tag, str):
        raise BadRequest("The field 'type' must be a string.", field="type")
    kind = REQUESTS.get(tag)
    if kind is None:
        raise UnknownType
    try:
        known = kind.__struct_encode_fields__
        return msgspec.convert({name: fields[name] for name in known if name in fields}, kind)
    except ValidationError as exc:
        if None in fields.values():
            return _convert({name: value for name, value in fields.items() if value is not None})
        raise _bad_request(fields, kind, exc) from None


def _bad_request(fields: Fields, kind: type[Request], exc: ValidationError) -> BadRequest:
    """A bad `ref` is named first: nothing can be answered under it."""
    found = _FIELD.search(str(exc))
    if "ref" in fields and _label(fields["ref"]) is None:
        name = "ref"
    elif found:
        name = found[1]
    else:
        return BadRequest()
    if name not in fields:
        return BadRequest(f"The field '{name}' is missing.", field=name)
    return BadRequest(f"The field '{name}' must be {_EXPECTED[kind, name]}.", field=name)


_FIELD = re.compile(r"`(?:\$\.)?(\w+)`$")
"""Where msgspec says which field is wrong or missing: `$.text` and `text`, at the end."""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _label(value: object) -> str | None:
    return value if isinstance(value, str) and 1 <= len(value) <= MAX_LABEL else None


def _expected(kind: inspect.Type) -> str:
    """What a field takes, in words."""
    match kind:
        case inspect.UnionType(types=(inner, inspect.NoneType())):
            return _expected(inner)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=int(low), le=int(high)) if low != -MAX_INTEGER:
            return f"an integer from {low} to {high}"
        case inspect.IntType():
            return "an integer"
        case inspect.StrType(min_length=int(low), max_length=int(high)):
            return f"a string of {low} to {high} characters"
        case inspect.StrType(min_length=None, max_length=int(high)):
            return f"a string of at most {high} characters"
        case inspect.StrType():
            return "a string"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
    raise TypeError(f"no words for {kind}")


_EXPECTED: dict[tuple[type[Request], str], str] = {
    (kind, field.encode_name): _expected(field.type)
    for kind in REQUESTS.values()
    for field in inspect.type_info(kind).fields  # type: ignore[attr-defined]
}
