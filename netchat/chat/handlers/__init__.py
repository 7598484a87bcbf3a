"""What each request does: one function a request, and the table that names them all.

To add a request: its class in `requests`, its reply in `events`, its function and its line
here, and its row in the protocol. A function raises a RefusedError or answers; the checks that
all share (welcome first, order of replies) are made before it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netchat.chat import requests
from netchat.chat.handlers.acting import acts, ban, kick, mute, undo
from netchat.chat.handlers.joining import join, leave
from netchat.chat.handlers.listing import rooms, who
from netchat.chat.handlers.login import bye, hello, ping, pong
from netchat.chat.handlers.messages import history, post
from netchat.chat.handlers.password import password
from netchat.chat.handlers.ruling import invite, rights, set_role, set_room
from netchat.chat.handlers.typing import typing
from netchat.chat.now import Now
from netchat.chat.session import Session

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

Handler = Callable[["Hub", Session, Any, Now], None]

HANDLERS: dict[type[requests.Request], Handler] = {
    requests.Hello: hello,
    requests.Join: join,
    requests.Leave: leave,
    requests.Post: post,
    requests.History: history,
    requests.Who: who,
    requests.Rooms: rooms,
    requests.Typing: typing,
    requests.Password: password,
    requests.Rights: rights,
    requests.Set: set_room,
    requests.SetRole: set_role,
    requests.Invite: invite,
    requests.Kick: kick,
    requests.Ban: ban,
    requests.Mute: mute,
    requests.Undo: undo,
    requests.Acts: acts,
    requests.Ping: ping,
    requests.Pong: pong,
    requests.Bye: bye,
}

BEFORE_WELCOME = frozenset({requests.Hello, requests.Ping, requests.Bye})
"""The only requests that are legal before `welcome`."""
