"""Settings: one frozen tree, with what each may hold and why its default is what it is.

A setting has a dotted key, `section.key`, the same everywhere; `loading` says where it is
looked for.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

RESERVED = (
    "admin", "administrator", "moderator", "netchat", "operator", "root", "server", "support",
    "system",
)  # fmt: skip
"""Who could be taken for the server itself, or for those who run it."""

_CONTROL = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"  # what neither TOML nor every door can carry
ROOM_NAME = re.compile(rf"(?!@)[^\s,{_CONTROL}]{{1,64}}")  # as the protocol has it

# What a setting takes. The descriptions end the sentence "limits.rooms must be ...".
Switch = Annotated[bool, Meta(description="true or false")]
Count = Annotated[int, Meta(ge=1, le=10**6, description="a whole number from 1 to 1000000")]
Rate = Annotated[float, Meta(gt=0, le=10**6, description="a number above 0, at most 1000000")]
Seconds = Annotated[float, Meta(gt=0, le=86_400, description="seconds, above 0, at most 86400")]
Wait = Annotated[float, Meta(ge=0, le=86_400, description="seconds, from 0 to 86400")]
Days = Annotated[float, Meta(ge=0, le=36_500, description="days, from 0 to 36500")]
Messages = Annotated[int, Meta(ge=0, le=10**9, description="a whole number from 0 to 1000000000")]
Line = Annotated[str, Meta(pattern=rf"^[^{_CONTROL}]*\Z", description="one line of text")]
Lines = Annotated[list[Line], Meta(description="a list of lines of text")]
Folder = Annotated[
    Annotated[str, Meta(pattern=rf"^[^{_CONTROL}]+\Z")] | None,
    Meta(description="the name of a folder"),
]
FileName = Annotated[
    Annotated[str, Meta(pattern=rf"^[^{_CONTROL}]+\Z")] | None,
    Meta(description="the name of a file"),
]
_Address = Annotated[str, Meta(pattern=r"^[\w.:/%*\[\]-]+:[\w./-]+\Z")]
MoreAddresses = Annotated[
    list[_Address], Meta(description="a list of addresses such as 127.0.0.1:7337")
]
Networks = Annotated[
    list[Annotated[str, Meta(pattern=r"^[0-9A-Fa-f.:/]+\Z")]],
    Meta(description="a list of addresses or networks such as 10.0.0.0/8"),
]
Addresses = Annotated[
    list[_Address],
    Meta(min_length=1, description="a list of addresses such as 127.0.0.1:7337"),
]
AUTO, OFF = "auto", "off"
WebAddresses = Annotated[
    list[Annotated[str, Meta(pattern=r"^(auto|off|[\w.:/%*\[\]-]*:[\w./-]+)?\Z")]],
    Meta(description="auto, off, or a list of addresses such as 127.0.0.1:7338"),
]
Prefix = Annotated[
    str, Meta(pattern=r"^(/[\w.~/-]*)?\Z", description="a path such as /chat, or nothing")
]
ServerName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._-]{1,63}\Z", description="1 to 63 ASCII letters, digits or ._-"),
]
Hosts = Annotated[
    list[Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,253}\Z")]],
    Meta(description="a list of host names such as chat.example.org"),
]
Durability = Annotated[Literal["fsync", "wal", "memory"], Meta(description="fsync, wal or memory")]
Policy = Annotated[
    Literal["open", "registered", "closed"], Meta(description="open, registered or closed")
]
Length = Annotated[int, Meta(ge=1, le=128, description="a whole number from 1 to 128")]
Names = Annotated[
    list[Annotated[str, Meta(pattern=rf"^[^\s{_CONTROL}]{{1,32}}\Z")]],
    Meta(description="a list of user names"),
]
Level = Annotated[
    Literal["debug", "info", "warning", "error"],
    Meta(description="debug, info, warning or error"),
]


Style = Annotated[Literal["text", "json"], Meta(description="text or json")]
UserName = Annotated[
    Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}\Z")] | None,
    Meta(description="the name of a user of this machine"),
]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server is found and where it keeps its log."""

    # Loopback: nobody is let in from outside before the operator says so.
    listen: Addresses = field(default_factory=lambda: ["127.0.0.1:7337"])
    # None: see data_folder().
    data: Folder = None
    # What `accepted` promises: on disk, safe from a kill, or nothing beyond this process.
    durability: Durability = "fsync"
    # Linux's io_uring sends to large rooms with a sixth less CPU. Some forbid it on principle.
    io_uring: Switch = True
    # What peers see, with the version, in `welcome`; 63 characters as for a host (RFC 1035).
    name: ServerName = "netchat"
    # Who may say, by the PROXY protocol, for whom a connection stands: nobody.
    proxies: Networks = field(default_factory=list)
    # Whom to become once all addresses are bound, where root has started us.
    user: UserName = None


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Encryption, for addresses of its own: plain ones can stand beside them."""

    listen: MoreAddresses = field(default_factory=list)
    web: MoreAddresses = field(default_factory=list)
    # PEM files: the certificate with its chain, and its key.
    cert: FileName = None
    key: FileName = None


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one peer may take. Times are in seconds, rates in requests a second."""

    # False switches off exactly rates and counts per address, and crowd control once there is
    # one; bounds on bytes, frames, queues and time stay.
    enabled: Switch = True
    # A class of 500 behind one address: a browser holds a WebSocket and, while it loads the page,
    # up to six more. Never more than half of all places, whatever stands here.
    connections_per_address: Count = 4_096
    # New ones a minute from one address, after a burst of as many as it may hold: the same class
    # comes back at once after a restart; a flood gets 20 a second.
    arrivals_per_address: Count = 1_200
    # Who is there and has not said who it is. From a quarter of it on, newcomers are turned away
    # at random. At 20 KiB each at the most, these are 80 MiB; a login takes a round trip, so
    # 20,000 people a second get through from 200 ms away.
    strangers: Count = 4_096
    # Of one user: a guest, or an account with all its devices. Ergo's 2 a second is for people
    # who type; this leaves room for programs, and a hundred floods at once still leave most of
    # the loop to others.
    request_rate: Rate = 200
    # A client that returns joins its rooms and resends its unsent posts at once.
    request_burst: Count = 4_000
    # Of all guests and strangers at one address: a class of 500 in which everybody says four
    # things a second, which is a tenth of what the loop can do.
    address_rate: Rate = 2_000
    # The same class as it comes in: 500 pages of 40 files, 500 hellos (8 each), and a few rooms.
    address_burst: Count = 40_000
    # Of a program's account: the operator has made it, and may have meant a busy one.
    bot_rate: Rate = 1_000
    bot_burst: Count = 20_000
    # InspIRCd's way: delay first. Only a flood that lasts this long is refused.
    patience: Wait = 10
    # Refused so much and still going on, it does not listen: five seconds more, at full rate. Each
    # refusal counts as much as the request would have cost.
    refusals: Count = 1_000
    # Rooms joined by one connection: Ergo allows 100, Centrifugo 128.
    rooms: Count = 100
    # Megabytes (MiB) that wait for peers that do not read, all together: 4,000 of them at the
    # high mark. Memory is less, as what is owed to many is held once.
    unsent: Count = 256
    # Public rooms and private talks, those on record too: 1 KB of memory each.
    rooms_in_all: Count = 100_000
    # 25 + 20 as in Socket.IO: below the 60 s after which proxies drop an idle connection.
    heartbeat: Seconds = 25
    pong_timeout: Seconds = 20
    # Centrifugo's; OpenSSH's 120 s would let a stranger hold a place for long.
    login_timeout: Seconds = 10
    # How long a dropped connection's name is kept for it: the protocol's promise 7.
    hold: Wait = 60
    # Time to flush at a stop: within the 10 s that container managers wait before a kill.
    shutdown: Wait = 8


class Web(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The web door: the page, WebSocket, HTTP."""

    # `auto`: 127.0.0.1:7338, or none where something else is there already. `off`: none.
    listen: WebAddresses = field(default_factory=lambda: [AUTO])
    # Pages of other hosts that may connect, as in https://chat.example.org; `*`: all.
    origins: Lines = field(default_factory=list)
    # The path at which a reverse proxy has us, where it does not take it off.
    prefix: Prefix = ""
    # Messages are short: compressing costs more than it saves on most networks.
    compression: Switch = False


class Metrics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The door for programs that watch the server."""

    # None: it has no password, so it is there for those only who ask for it.
    listen: MoreAddresses = field(default_factory=list)
    # Names by which they reach it; addresses and localhost always do.
    hosts: Hosts = field(default_factory=list)


class Accounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in, and under which names."""

    # open: guests, and whoever gives a password has an account. registered: accounts only, which
    # anybody may make. closed: accounts only, which the operator makes.
    policy: Policy = "open"
    # Names that would speak for the server; only the operator gives them to somebody.
    reserved: Names = field(default_factory=lambda: list(RESERVED))
    # Guessing goes on over the network alone, and is slowed down; NIST SP 800-63B would have 8.
    password_length: Length = 6
    # A person has a handful; each start of a program without a token is one more.
    devices: Count = 20
    # An hour, from one address (IPv6: a /64); and in ten minutes, from all. As Ergo.
    registrations_per_address: Count = 5
    registrations: Count = 30
    # New guests an hour, from one address: each is remembered. A school's devices fit, and keep
    # their tokens; a flood makes 48,000 a day instead of millions.
    guests_per_address: Count = 2_000


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of each room; the rest is deleted, and clients are told of the gap."""

    # For ever: nothing is lost unless the operator says so.
    days: Days = 0
    # The newest ones; 0: all of them. (With `memory`, 0 stands for a bound of its own.)
    messages: Messages = 0


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server says of itself on its standard error."""

    level: Level = "info"
    # Text for people; JSON, an object a line, for programs that collect it.
    format: Style = "text"
    # Seconds that the loop may be held up before the log says by what; 0: for ever. HAProxy warns
    # there: it is about what a person notices. The longest tick with 15,000 clients takes half.
    stall: Wait = 0.1


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. `topics` gives public rooms (by name) the topic that `joined` shows."""

    server: Server = field(default_factory=Server)
    web: Web = field(default_factory=Web)
    tls: Tls = field(default_factory=Tls)
    metrics: Metrics = field(default_factory=Metrics)
    limits: Limits = field(default_factory=Limits)
    accounts: Accounts = field(default_factory=Accounts)
    retention: Retention = field(default_factory=Retention)
    log: Log = field(default_factory=Log)
    topics: dict[str, Line] = {}


SECTIONS: dict[str, type[Struct]] = {
    "server": Server,
    "web": Web,
    "tls": Tls,
    "metrics": Metrics,
    "limits": Limits,
    "accounts": Accounts,
    "retention": Retention,
    "log": Log,
}
KINDS: dict[str, Any] = {
    f"{section}.{setting.name}": setting.type
    for section, kind in SECTIONS.items()
    for setting in msgspec.structs.fields(kind)
}
