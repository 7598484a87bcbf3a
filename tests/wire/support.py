"""A message, two machines joined back to back, and strategies made from the struct definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import strategies as st
from msgspec import Struct, inspect

from netchat.chat.events import Event, Message
from netchat.chat.requests import MAX_INTEGER, Request
from netchat.wire.native import NATIVE, NativeClient, NativeServer

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def message(seq: int, text: str = "hola") -> Message:
    return Message(room="lobby", seq=seq, time=1_795_323_600_000, sender="ana", text=text, id="a-1")


class ConnectionPair:
    """A client and a server machine; what one sends, the other has received at once."""

    def __init__(self) -> None:
        self.client = NativeClient()
        self.server = NativeServer()

    def ask(self, *requests: Request) -> list[Request]:
        """The client sends; what comes out at the server."""
        self.server.receive_data(b"".join(map(self.client.send, requests)))
        return list(pull(self.server.next_request))

    def tell(self, *events: Event) -> list[Event]:
        """The server sends; what comes out at the client."""
        self.client.receive_data(b"".join(map(NATIVE.encode, events)))
        return list(pull(self.client.next_event))


def pull(door: Callable[[], T | None]) -> Iterator[T]:
    """Everything that can be pulled until None comes."""
    while (item := door()) is not None:
        yield item


def cut_up(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def structs(kind: type[S]) -> st.SearchStrategy[S]:
    """Instances with any fields that their types allow."""
    fields = inspect.type_info(kind).fields  # type: ignore[attr-defined]
    return st.builds(kind, **{field.name: _values(field.type) for field in fields})


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType():
            return st.none() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text()
        case inspect.BoolType():
            return st.booleans()
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.IntType(ge=low, le=high):
            return st.integers(
                -MAX_INTEGER if low is None else low, MAX_INTEGER if high is None else high
            )
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.StrType(min_length=low, max_length=high):
            return st.text(min_size=low or 0, max_size=high)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=4)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_values(key), _values(value), max_size=4)
        case inspect.StructType(cls=cls):
            return structs(cls)
    raise TypeError(f"no strategy for {kind}")
