"""Acts: who may kick, ban and mute whom, what follows, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from netchat.chat import acts as limits
from netchat.chat.events import (
    Accepted,
    ActPage,
    ActTold,
    Done,
    Error,
    Joined,
    Left,
    Message,
    Presence,
    Typing,
    Welcome,
)
from netchat.chat.log import RecordRow
from netchat.chat.requests import (
    Acts,
    Ban,
    Bye,
    Hello,
    History,
    Join,
    Kick,
    Mute,
    Request,
    SetRole,
    Undo,
)
from netchat.chat.requests import Set as SetRoom
from netchat.chat.requests import Typing as SayTyping
from netchat.errors import Kicked
from tests.chat.cast import PASSWORD, ROOM, Cast, account
from tests.chat.support import Chat, Peer, post, texts

SPAM = "spam"


def outcome(peer: Peer, request: Request) -> str:
    """ "done", or why not."""
    peer.skip()
    peer.says(request)
    told = [e for e in peer.skip() if isinstance(e, Done | Error)]
    assert len(told) == 1, told
    return told[0].code if isinstance(told[0], Error) else "done"


def does(peer: Peer, request: Request) -> int:
    """The number of an act that works."""
    peer.skip()
    peer.says(request)
    found = [event for event in peer.skip() if isinstance(event, Done)]
    assert found, request
    return int(found[0].act)


def refused(peer: Peer, request: Request) -> Error:
    peer.skip()
    peer.says(request)
    error = peer.got(Error)[0]
    assert isinstance(error, Error)
    return error


def says_hello(chat: Chat, name: str, where: str = "", **fields: Any) -> Peer:
    peer = chat.connect()
    peer.where = where
    peer.says(Hello(version=1, name=name, **fields))
    return peer


# -- who may -------------------------------------------------------------------------------

BELOW = {
    "oda": {"olga", "mo", "mia", "una", "gus"},
    "olga": {"mo", "mia", "una", "gus"},
    "max": {"mia", "una", "gus"},
    "mia": set(),
    "una": set(),
    "gus": set(),
}
WHAT = {
    "kick": lambda whom, room: Kick(user=whom, room=room),
    "ban": lambda whom, room: Ban(user=whom, room=room),
    "ban by name": lambda whom, room: Ban(name=whom, room=room),
    "mute": lambda whom, room: Mute(user=whom, room=room),
}


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("who", BELOW)
def test_who_may_act_on_whom(who: str, what: str) -> None:
    everybody = BELOW["oda"] | {"oda"}
    for room, below in ((ROOM, BELOW[who]), (None, BELOW["oda"] if who == "oda" else set())):
        cast = Cast()
        for whom in sorted(everybody):
            expected = "done" if whom in below else "forbidden"
            assert outcome(cast.named(who), WHAT[what](whom, room)) == expected, (whom, room)


@pytest.mark.parametrize("who", BELOW)
def test_who_may_ban_an_address_and_list_what_was_done(who: str) -> None:
    for room in (ROOM, None):
        ban = Ban(address="203.0.113.9", room=room)
        assert outcome(Cast().named(who), ban) == ("done" if who == "oda" else "forbidden")
        peer = Cast().named(who)
        peer.says(Acts(room=room))
        listed = bool(peer.got(ActPage))
        assert listed is (who == "oda" or (room == ROOM and who in ("olga", "max")))


def test_a_moderator_undoes_what_moderators_did_and_an_owner_all_but_operators() -> None:
    cast = Cast()
    number = {
        who: does(cast.named(who), Ban(name=f"x-{who}", room=ROOM)) for who in ("mo", "olga", "oda")
    }
    assert outcome(cast.una, Undo(act=number["mo"])) == "bad_request"
    assert outcome(cast.max, Undo(act=number["mo"])) == "done"
    assert outcome(cast.max, Undo(act=number["olga"])) == "forbidden"
    assert outcome(cast.olga, Undo(act=number["olga"])) == "done"
    assert outcome(cast.olga, Undo(act=number["oda"])) == "forbidden"
    assert outcome(cast.oda, Undo(act=number["oda"])) == "done"
    assert outcome(cast.oda, Undo(act=number["oda"])) == "bad_request"
    assert outcome(cast.oda, Undo(act=99)) == "bad_request"


# -- kicks ---------------------------------------------------------------------------------


def test_who_is_kicked_from_a_room_is_told_and_may_come_back() -> None:
    cast = Cast()
    does(cast.mo, Kick(user="UNA", room=ROOM, reason=SPAM))
    left = cast.una.gets(Left)
    assert (left.room, left.by, left.reason) == (ROOM, "mo", SPAM)
    told = cast.gus.gets(ActTold)
    assert (told.what, told.user, told.by, told.reason) == ("kick", "una", "mo", SPAM)
    cast.chat.advance(1)
    assert cast.gus.gets(Presence).left == ["una"]
    assert refused(cast.una, post("hola", room=ROOM)).code == "not_in_room"
    cast.una.says(Join(room=ROOM))
    assert cast.una.got(Joined)


def test_a_kick_is_of_all_devices_and_of_a_place_that_is_held() -> None:
    cast = Cast()
    second = account(cast.chat, "una", ROOM)
    third = account(cast.chat, "una", "attic")
    does(cast.mo, Kick(user="una", room=ROOM))
    assert cast.una.got(Left) and second.got(Left) and not third.got(Left)
    cast.gus.drops()
    does(cast.mo, Kick(user="gus", room=ROOM))
    room = cast.chat.hub.directory.open(ROOM)
    assert {user.name for user in room.members} == {"olga", "mo", "max", "mia", "oda"}
    assert refused(cast.mo, Kick(user="una", room=ROOM)).code == "no_such_user"
    cast.chat.advance(100)


def test_nothing_later_than_a_kick_is_delivered_not_to_a_laggard_either() -> None:
    cast = Cast()
    cast.chat.feeding = False
    cast.una.says(post("one", room=ROOM))
    cast.una.skip()
    room = cast.chat.hub.directory.open(ROOM)
    room.move_to_lagging(room.cursors[cast.una], 1)
    cast.mo.asks(Kick(user="una", room=ROOM))
    cast.chat.settle()
    cast.chat.feeding = True
    cast.mo.says(post("two", room=ROOM))
    cast.una.gets(Left)
    assert cast.una.cursors == () and cast.una not in room.lagging


def test_who_is_kicked_from_the_server_is_told_and_its_name_is_free() -> None:
    cast = Cast()
    does(cast.oda, Kick(user="gus", reason=SPAM))
    error = cast.gus.got(Error)[0]
    assert (error.code, error.message, error.fatal) == ("kicked", SPAM, True)
    assert cast.gus.closed
    says_hello(cast.chat, "gus").gets(Welcome)


# -- bans ----------------------------------------------------------------------------------


def test_who_is_banned_from_a_room_is_told_why_and_until_when() -> None:
    cast = Cast()
    does(cast.mo, Ban(user="una", room=ROOM, reason=SPAM, seconds=3_600))
    assert cast.una.gets(Left).reason == f"banned for another 60 minutes: {SPAM}"
    error = refused(cast.una, Join(room=ROOM))
    assert error.code == "forbidden"
    assert error.message == f"You are banned from this room for another 60 minutes: {SPAM}"
    assert error.until == cast.chat.now.wall + 3_600_000
    assert refused(cast.una, History(room=ROOM)).code == "not_in_room"
    cast.chat.advance(3_599)
    assert "1 second:" in refused(cast.una, Join(room=ROOM)).message
    cast.chat.advance(1)
    cast.una.joins(ROOM)


def test_a_ban_outlasts_reconnects_and_restarts_until_it_is_undone() -> None:
    cast = Cast()
    number = does(cast.mo, Ban(user="gus", room=ROOM))
    again = cast.chat.restarted()
    gus = again.enter("gus", token=cast.gus.token_text)
    assert refused(gus, Join(room=ROOM)).message == "You are banned from this room."
    mo = account(again, "mo", ROOM)
    does(mo, Undo(act=number))
    gus.joins(ROOM)
    third = again.restarted()
    third.enter("gus", ROOM, token=cast.gus.token_text)


def test_a_name_that_is_banned_is_so_for_whoever_has_it() -> None:
    cast = Cast()
    does(cast.mo, Ban(name="Gus", room=ROOM))
    assert cast.gus.got(Left)
    cast.gus.says(Bye())
    assert refused(cast.chat.enter("gus"), Join(room=ROOM)).code == "forbidden"
    cast.chat.enter("Gustav", ROOM)


def test_an_address_is_kept_out_of_a_room_ipv6_by_its_network() -> None:
    cast = Cast()
    six = cast.chat.enter("six", ROOM, where="2001:db8:0:1::6")
    does(cast.oda, Ban(address="2001:db8:0:1::7", room=ROOM))
    assert six.got(Left)
    assert refused(cast.chat.enter("new", where="2001:db8:0:1::8"), Join(room=ROOM)).code == (
        "forbidden"
    )
    cast.chat.enter("far", ROOM, where="2001:db8:0:2::8")
    cast.mo.says(Acts(room=ROOM))
    assert cast.mo.got(ActPage)[0].acts[0].whom == ""
    cast.oda.says(Acts(room=ROOM))
    assert cast.oda.got(ActPage)[0].acts[0].whom == "2001:db8:0:1::7"


def test_who_is_banned_from_the_server_is_away_and_does_not_come_back() -> None:
    cast = Cast()
    does(cast.oda, Ban(user="una", reason=SPAM, seconds=86_400 * 3))
    error = cast.una.got(Error)[0]
    assert (error.code, error.until) == ("kicked", cast.chat.now.wall + 86_400_000 * 3)
    for chat in (cast.chat, cast.chat.restarted()):
        error = says_hello(chat, "una", password=PASSWORD).gets(Error)
        assert (error.code, error.fatal) == ("kicked", True)
        assert error.message == f"You are banned from this server for another 3 days: {SPAM}"
    wrong = says_hello(cast.chat, "una", password="wrong horse").gets(Error)
    assert wrong.code == "bad_credentials"
    cast.chat.advance(86_400 * 3)
    says_hello(cast.chat, "una", password=PASSWORD).gets(Welcome)


def test_a_guest_who_is_banned_has_its_token_refused_and_no_place_held() -> None:
    cast = Cast()
    cast.gus.drops()
    does(cast.oda, Ban(user="gus"))
    token = cast.gus.token_text
    assert says_hello(cast.chat, "gus", token=token).gets(Error).code == "kicked"
    registering = says_hello(cast.chat, "gus", token=token, password=PASSWORD)
    assert registering.gets(Error).code == "kicked"
    says_hello(cast.chat, "gus").gets(Welcome)
    cast.chat.advance(100)


def test_a_name_that_is_banned_from_the_server_is_nobodys() -> None:
    cast = Cast()
    does(cast.oda, Ban(name="gus", reason=SPAM))
    assert cast.gus.got(Error)[0].code == "kicked"
    for fields in ({}, {"password": PASSWORD}, {"token": cast.gus.token_text}):
        error = says_hello(cast.chat, "Gus", **fields).gets(Error)
        assert (error.code, error.message) == ("forbidden", f"This name is banned: {SPAM}")


def test_an_address_that_is_banned_is_sent_away_and_refused() -> None:
    cast = Cast()
    near, far = (
        cast.chat.enter(name, where=where)
        for name, where in (("near", "192.0.2.1"), ("far", "192.0.2.2"))
    )
    does(cast.oda, Ban(address="192.0.2.1", reason=SPAM))
    assert near.got(Error)[0].code == "kicked" and not far.got(Error)
    for where in ("192.0.2.1", "::ffff:192.0.2.1"):
        assert says_hello(cast.chat, "new", where=where).gets(Error).code == "kicked"
    with pytest.raises(Kicked, match="Your address is banned from this server: spam"):
        cast.chat.hub.moderation.check_address("192.0.2.1", cast.chat.now.wall)
    cast.chat.hub.moderation.check_address("192.0.2.2", cast.chat.now.wall)


@pytest.mark.parametrize(
    "ban",
    [
        Ban(room=ROOM), Ban(room=ROOM, user="una", name="una"), Ban(address="one.example"),
        Ban(address="198.51.100.7"), Ban(user="una", reason="a\nb"),
    ],
)  # fmt: skip
def test_what_is_no_ban_is_a_bad_request(ban: Ban) -> None:
    cast = Cast()
    cast.oda.where = "198.51.100.7"
    assert outcome(cast.oda, ban) == "bad_request"


def test_who_is_banned_has_lost_its_role_and_gets_nothing_back_by_the_undoing() -> None:
    cast = Cast()
    number = does(cast.olga, Ban(user="mo", room=ROOM))
    does(cast.olga, Undo(act=number))
    cast.mo.says(Join(room=ROOM))
    assert cast.mo.got(Joined)[0].role is None


def test_who_is_made_a_moderator_is_not_bound_by_an_earlier_ban_of_its_name() -> None:
    cast = Cast()
    does(cast.olga, Ban(name="una", room=ROOM))
    cast.olga.says(SetRole(room=ROOM, user="una", role="moderator"))
    cast.una.joins(ROOM)


# -- mutes ---------------------------------------------------------------------------------


def test_who_is_muted_in_a_room_reads_and_does_not_write_there() -> None:
    cast = Cast()
    cast.una.joins("attic")
    does(cast.mo, Mute(user="una", room=ROOM, reason=SPAM, seconds=90))
    error = refused(cast.una, post("hola", room=ROOM, id="1"))
    assert (error.code, error.id) == ("forbidden", "1")
    assert error.message == f"You are muted here for another 2 minutes: {SPAM}"
    cast.skip()
    cast.una.says(SayTyping(room=ROOM))
    assert not cast.gus.got(Typing)
    cast.una.says(post("hola", room="attic"), post("hola", to="gus"))
    assert len(cast.una.got(Accepted)) == 2
    cast.gus.says(post("hello", room=ROOM))
    assert texts(cast.una.got(Message))[-1] == "hello"
    cast.chat.advance(90)
    cast.una.says(post("hola", room=ROOM, id="1"))
    assert cast.una.got(Accepted)


def test_who_is_muted_on_the_server_writes_nowhere() -> None:
    cast = Cast()
    cast.una.joins("attic")
    number = does(cast.oda, Mute(user="una"))
    for request in (post("a", room=ROOM), post("b", room="attic"), post("c", to="gus")):
        assert refused(cast.una, request).message == "You are muted on this server."
    does(cast.oda, Undo(act=number))
    cast.una.says(post("a", room="attic"))
    assert cast.una.got(Accepted)


def test_a_moderator_who_is_muted_is_a_member() -> None:
    cast = Cast()
    does(cast.olga, Mute(user="mo", room=ROOM))
    assert refused(cast.mo, post("hola", room=ROOM)).code == "forbidden"


# -- the list ------------------------------------------------------------------------------


def test_every_act_is_an_entry_that_says_who_whom_why_and_until_when() -> None:
    cast = Cast()
    at = cast.chat.now.wall
    ban = does(cast.mo, Ban(user="una", room=ROOM, reason=SPAM, seconds=60))
    does(cast.max, Undo(act=ban))
    cast.olga.says(SetRoom(room=ROOM, slow=5, topic="quiet"))
    for chat in (cast.chat, cast.chat.restarted()):
        mo = account(chat, "mo")
        mo.says(Acts(room=ROOM))
        page = mo.gets(ActPage)
        assert page.complete
        rows = [(r.what, r.by, r.whom, r.detail, r.reason, r.active) for r in page.acts]
        assert rows == [
            ("set", "olga", ROOM, "slow 5, topic quiet", "", False),
            ("ban", "mo", "una", "", SPAM, False),
            ("role", "olga", "mia", "member", "", False),
            ("role", "olga", "max", "moderator", "", False),
            ("role", "olga", "mo", "moderator", "", False),
        ]
        row = page.acts[1]
        assert (row.act, row.at, row.until, row.undone_by) == (ban, at, at + 60_000, "max")
        mo.says(Acts(room=ROOM, after=row.act))
        assert [r.whom for r in mo.gets(ActPage).acts] == ["mia", "max", "mo"]


def test_a_later_ban_takes_the_place_of_an_earlier_one() -> None:
    cast = Cast()
    first = does(cast.mo, Ban(name="x", room=ROOM))
    second = does(cast.olga, Ban(name="X", room=ROOM, seconds=60))
    cast.mo.says(Acts(room=ROOM))
    rows = {row.act: row for row in cast.mo.got(ActPage)[0].acts}
    assert (rows[first].active, rows[first].undone_by) == (False, "olga")
    assert rows[second].active
    cast.chat.advance(61)
    cast.chat.enter("x", ROOM)


@pytest.mark.parametrize("by_room", [True, False])
def test_tables_are_bounded_and_what_holds_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch, by_room: bool
) -> None:
    cast = Cast()
    acts = cast.chat.hub.moderation.acts
    before = len(acts._all)
    if by_room:
        monkeypatch.setattr(limits, "MAX_ACTS", {True: 10_000, False: before + 3})
    else:
        monkeypatch.setattr(limits, "MAX_ACTS_BY", before + 3)
    for number in range(3):
        does(cast.olga, Ban(name=f"held-{number}", room=ROOM))
    for _ in range(5):
        does(cast.olga, Kick(user="una", room=ROOM))
        cast.una.joins(ROOM)
    assert len(acts._all) == before + 3
    for number in range(before):
        outcome(cast.olga, Ban(name=f"more-{number}", room=ROOM))
    assert refused(cast.olga, Ban(name="last", room=ROOM)).code == "forbidden"
    again = cast.chat.restarted()
    assert len(again.hub.moderation.acts._all) == before + 3
    for number in range(3):
        assert refused(again.enter(f"held-{number}"), Join(room=ROOM)).code == "forbidden"


def test_what_is_forgotten_is_forgotten_on_disk() -> None:
    cast = Cast()
    acts = cast.chat.hub.moderation.acts
    for number in range(limits.MAX_ACTS[False] + 10):
        act = limits.Act("kick", 1, "user", number, "x", "y", None, 2, number)
        acts.add(act)
    cast.chat.settle()
    rows = [r for r in cast.chat.log.records.values() if r.kind == limits.KIND]
    kept = [row for row in rows if isinstance(row, RecordRow) and row.value is not None]
    assert len(kept) == limits.MAX_ACTS[False]


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (1, "1 second"), (59_000, "59 seconds"), (59_001, "1 minute"),
        (60_000, "1 minute"), (61_000, "2 minutes"),
        (7_200_000, "2 hours"), (86_400_000, "24 hours"), (172_800_000, "2 days"),
    ],
)  # fmt: skip
def test_durations_are_said_in_words(ms: int, words: str) -> None:
    assert limits.in_words(ms) == words
