"""The native wire: events as frames, slices of a log, pages that are cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import events
from netchat.chat.events import HistoryBefore, HistoryPage, MemberInfo, Members, Message, RoomList
from netchat.errors import LocalProtocolError
from netchat.wire.base import Wire
from netchat.wire.framing import HEADER, LengthPrefixed
from netchat.wire.messages import decode_event
from netchat.wire.native import MAX_FRAME, NATIVE, NativeClient
from tests.wire.support import message, pull, structs


def test_the_native_wire_is_a_wire_and_equal_to_itself_only() -> None:
    wire: Wire = NATIVE
    assert {wire: 1}[NATIVE] == 1
    assert wire != type(NATIVE)()


@given(st.lists(structs(Message), max_size=8))
def test_a_slice_is_its_messages_with_the_ends_of_their_frames(messages: list[Message]) -> None:
    blob, ends = NATIVE.encode_slice(messages)
    assert isinstance(blob, bytes)
    bounds = zip([0, *ends], [*ends, len(blob)], strict=True)
    frames = [NATIVE.encode(message) for message in messages]
    assert [blob[start:end] for start, end in bounds] == (frames or [b""])


def test_a_client_reads_a_slice_from_any_of_its_ends() -> None:
    messages = [message(seq) for seq in range(1, 6)]
    blob, ends = NATIVE.encode_slice(messages)
    client = NativeClient()
    client.receive_data(blob[ends[2] :])
    assert list(pull(client.next_event)) == messages[3:]


def test_a_message_longer_than_a_frame_is_a_bug_of_ours() -> None:
    for text in ("x" * MAX_FRAME, "\n" * MAX_FRAME):
        with pytest.raises(LocalProtocolError):
            NATIVE.encode(message(1, text))
        with pytest.raises(LocalProtocolError):
            NATIVE.encode_slice([message(1), message(2, text)])


def sent(page: events.Event) -> events.Event | None:
    """What a client reads of a page; the frame keeps to the limit."""
    data = NATIVE.encode(page)
    framing = LengthPrefixed(MAX_FRAME)
    framing.receive_data(data)
    return decode_event(framing.next_payload() or b"")


def test_a_page_that_fits_is_sent_as_it_is() -> None:
    page = HistoryPage(room="lobby", messages=[message(1)], complete=True)
    assert sent(page) == page


def test_a_page_asked_for_forwards_keeps_its_oldest_rows() -> None:
    messages = [message(seq, "x" * 1_000) for seq in range(1, 301)]
    page = sent(HistoryPage(room="lobby", ref="1", messages=messages, complete=True))
    assert isinstance(page, HistoryPage)
    assert (page.ref, page.complete) == ("1", False)
    assert 30 <= len(page.messages) < 60
    assert page.messages == messages[: len(page.messages)]


def test_a_page_asked_for_backwards_keeps_its_newest_rows() -> None:
    messages = [message(seq, "x" * 1_000) for seq in range(1, 301)]
    page = sent(HistoryBefore(room="lobby", messages=messages, complete=True))
    assert isinstance(page, HistoryPage)
    assert not page.complete
    assert 30 <= len(page.messages) < 60
    assert page.messages == messages[-len(page.messages) :]


def test_lists_of_members_and_rooms_are_cut_from_their_end() -> None:
    members = [MemberInfo(name=f"{n:0500}", since=n) for n in range(200)]
    page = sent(Members(room="lobby", members=members, complete=True))
    assert isinstance(page, Members)
    assert not page.complete
    assert page.members == members[: len(page.members)]

    rooms = [events.RoomInfo(room=f"{n:0500}", head=n, topic="", count=1) for n in range(200)]
    listing = sent(RoomList(rooms=rooms, complete=True))
    assert isinstance(listing, RoomList)
    assert not listing.complete
    assert listing.rooms == rooms[: len(listing.rooms)]


def test_a_page_whose_single_row_is_too_long_is_a_bug_of_ours() -> None:
    page = HistoryPage(room="lobby", messages=[message(1, "x" * MAX_FRAME)], complete=True)
    with pytest.raises(LocalProtocolError):
        NATIVE.encode(page)


def test_a_frame_holds_one_json_object_in_utf_8() -> None:
    data = NATIVE.encode(message(1, "h\u00f6la \U0001f600"))
    assert HEADER.unpack_from(data)[0] == len(data) - 4
    assert "h\u00f6la \U0001f600".encode() in data
    assert json.loads(data[4:])["text"] == "h\u00f6la \U0001f600"
