"""A moderator's commands, and what a person is told of what was done."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from netchat.chat import events, requests
from netchat.chat.requests import Request
from netchat.client.commands import Command, UsageError, parse
from netchat.client.moderating import request_of
from netchat.client.render import status_lines
from netchat.client.verdicts import local_date

from .desk import desk
from .support import Connection, Peer

DEN = "den"


def asked(line: str) -> Request:
    command = parse(line)
    assert isinstance(command, Command)
    return request_of(command, lambda: DEN)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("/kick bea", requests.Kick(user="bea", room=DEN)),
        ("/kick bea too loud", requests.Kick(user="bea", room=DEN, reason="too loud")),
        ("/kick --server bea", requests.Kick(user="bea")),
        ("/ban bea", requests.Ban(user="bea", room=DEN)),
        ("/ban bea 2h", requests.Ban(user="bea", room=DEN, seconds=7_200)),
        ("/ban bea 30M spam", requests.Ban(user="bea", room=DEN, seconds=1_800, reason="spam")),
        ("/ban bea 30 spam", requests.Ban(user="bea", room=DEN, reason="30 spam")),
        ("/ban name=bea spam", requests.Ban(name="bea", room=DEN, reason="spam")),
        ("/ban --server address=::1", requests.Ban(address="::1")),
        ("/mute bea 7d", requests.Mute(user="bea", room=DEN, seconds=604_800)),
        ("/mute --server bea x", requests.Mute(user="bea", reason="x")),
        ("/undo 17", requests.Undo(act=17)),
        ("/acts", requests.Acts(room=DEN)),
        ("/acts --server", requests.Acts()),
        ("/invite bea", requests.Invite(room=DEN, user="bea")),
        ("/role bea Moderator", requests.SetRole(room=DEN, user="bea", role="moderator")),
        ("/rights", requests.Rights(room=DEN)),
        ("/topic be kind", requests.Set(room=DEN, topic="be kind")),
        ("/topic", requests.Set(room=DEN, topic="")),
        ("/private on", requests.Set(room=DEN, private=True)),
        ("/private OFF", requests.Set(room=DEN, private=False)),
        ("/slow 30", requests.Set(room=DEN, slow=30)),
        ("/slow off", requests.Set(room=DEN, slow=0)),
    ],
)
def test_a_command_is_a_request(line: str, request_: Request) -> None:
    assert asked(line) == request_


@pytest.mark.parametrize(
    "line",
    [
        "/undo x", "/undo 0", "/role bea king", "/private maybe", "/slow x", "/slow 99999",
        "/ban bea 0s", "/ban bea 999999w", "/undo ²",
    ],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_complained_about(line: str) -> None:
    with pytest.raises(UsageError):
        asked(line)


AT = 1_795_323_600_000


def test_what_was_done_is_told_in_words() -> None:
    kicked = events.ActTold(room=DEN, what="kick", user="ben", by="ana", reason="spam")
    assert status_lines(kicked, "me") == ["#den: ben was kicked by ana: spam"]
    banned = events.ActTold(room=DEN, what="ban", user="ben", by="ana", until=AT)
    assert status_lines(banned, "me") == [f"#den: ben was banned by ana until {local_date(AT)}"]
    free = events.ActTold(room=DEN, what="unmute", user="ben", by="ana")
    assert status_lines(free, "me") == ["#den: ben is no longer muted, thanks to ana"]
    left = events.Left(room=DEN, by="ana", reason="spam")
    assert status_lines(left, "me") == ["you were put out of #den by ana: spam"]
    invited = events.Invited(room=DEN, by="ana")
    assert status_lines(invited, "me") == ["ana invites you to #den; /join den takes you there"]
    assert status_lines(events.Done(act=7), "me") == ["done (no. 7)"]


def test_rights_and_acts_are_told_in_lines() -> None:
    rights = events.Rights(
        room=DEN, owner="ana", moderators=["ben"], private=True, slow=5, topic="hush",
        role="member", members=["bea"],
    )  # fmt: skip
    assert status_lines(rights, "me") == [
        "#den: private; a message of each in 5 s; owner ana; moderators ben; members bea; "
        "you are member; topic: hush"
    ]
    rows = [
        events.ActInfo(act=2, what="ban", by="ana", at=AT, whom="ben", reason="spam", active=True),
        events.ActInfo(act=1, what="mute", by="ana", at=AT, whom="ben", undone_by="bea"),
    ]
    page = events.ActPage(acts=rows, complete=True)
    at = local_date(AT)
    assert status_lines(page, "me") == [
        f"acts:\n    2  {at}  ana: ban user ben: spam\n"
        f"    1  {at}  ana: mute user ben (undone by bea)"
    ]
    assert status_lines(events.ActPage(acts=[], complete=True), "me") == ["no acts"]


def test_what_others_wrote_in_a_reason_commands_no_terminal() -> None:
    nasty = "\x1b[2J\x07"
    for news in (
        events.Left(room=nasty, by=nasty, reason=nasty),
        events.ActTold(room=nasty, what=nasty, user=nasty, by=nasty, reason=nasty),
        events.Invited(room=nasty, by=nasty),
        events.Rights(room=nasty, owner=nasty, moderators=[nasty], topic=nasty, members=[nasty]),
        events.ActPage(
            acts=[events.ActInfo(act=1, what=nasty, by=nasty, at=0, whom=nasty, reason=nasty)],
            complete=True,
        ),
    ):
        text = "".join(status_lines(news, "me"))
        assert "\x1b" not in text and "\x07" not in text and text


def test_a_date_that_is_none_is_shown_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_date(10**20) == "--"
    monkeypatch.setattr(time, "localtime", time.gmtime)
    assert local_date(0) == "1970-01-01 00:00"


# -- at the terminal -----------------------------------------------------------------------


def test_a_person_acts_and_who_is_put_out_writes_elsewhere() -> None:
    def script(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Kick):
            connection.send(events.Done(ref=request.ref, act=7))
            connection.send(events.Left(room="den", by="mo", reason="enough"))
        else:
            peer.serve(connection, request)

    with desk(script) as (ana, peer):
        ana.type("/join den\n/kick ben spam\n")
        ana.err.answers.append(("you write to #lobby", "back\nexit\n"))
        ana.run()
        kicks = peer.of(requests.Kick)
        assert [(k.room, k.user, k.reason) for k in kicks] == [("den", "ben", "spam")]  # type: ignore[attr-defined]
        assert "* done (no. 7)\n" in ana.err.getvalue()
        assert "* you were put out of #den by mo: enough\n" in ana.err.getvalue()
        posts = [r.room for r in peer.of(requests.Post) if isinstance(r, requests.Post)]
        assert posts == ["lobby"]


def test_a_slow_room_holds_up_nothing_else() -> None:
    slowed = events.Error(code="rate_limited", message="Slowly.", field="room", retry_after=3_600.0)

    def script(peer: Peer, connection: Connection, request: Request) -> None:
        if isinstance(request, requests.Post) and request.text == "too soon":
            connection.send(replace(slowed, id=request.id))
        else:
            peer.serve(connection, request)

    with desk(script) as (ana, _):
        ana.type("too soon\n/who\nhola\nexit\n")
        ana.run()
        assert ana.messages == ["<ana> hola"]
        assert "* not sent: Slowly. (too soon)\n" in ana.err.getvalue()
