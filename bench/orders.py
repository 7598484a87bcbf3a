"""What the coordinator and a generator say to each other: a JSON object a line, over pipes."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.json import Decoder, Encoder

from bench.crowd import Tally
from bench.scenario import DoorName, Round, Scenario


def room_name(prefix: str, index: int) -> str:
    """Of the room of this number."""
    return f"{prefix}-{index:04d}"


class Enter(Struct, tag="enter", kw_only=True):
    """The first order: connect a crowd to host and port. `rooms`: whose members are ours.

    `prefix` begins every name and room, so that runs on one server do not meet.
    """

    host: str
    port: int
    scenario: Scenario
    rooms: list[int]
    prefix: str
    folder: str


class Play(Struct, tag="play", kw_only=True):
    """Play a round, from this time of the monotonic clock (nanoseconds) on."""

    start: int
    round: Round


class Entered(Struct, tag="entered", kw_only=True):
    """The crowd is there, all but the `failed`. `seconds` since the first connect."""

    joined: int
    failed: int
    seconds: float
    why: dict[str, int] = field(default_factory=dict)


class Progress(Struct, tag="progress", kw_only=True):
    """A round, or the entering, is under way."""

    done: int


class Played(Struct, tag="played", kw_only=True):
    """A round is over and drained.

    `seconds`: from its start to the last delivery, and no less than was asked for. `cpu`: this
    process's share of a core in that time; `lag_*`: how long its loop was busy at a stretch,
    in seconds. The latencies lie in `files` (latency, service, lateness), native 64-bit
    nanoseconds.
    """

    tally: Tally
    seconds: float
    cpu: float
    lag_p99: float
    lag_max: float
    files: list[str]


class Attend(Struct, kw_only=True):
    """The first order to readers: stand in a room, so many, and stop reading."""

    host: str
    port: int
    room: str
    prefix: str
    count: int
    door: DoorName = "native"


class GoOn(Struct, kw_only=True):
    """Read on, until everybody has had so many messages."""

    messages: int


class Attended(Struct, kw_only=True):
    """So many stand there."""

    joined: int


class CaughtUp(Struct, kw_only=True):
    """So many have had everything, each message once and in order. `seconds` of reading."""

    complete: int
    seconds: float
    tally: Tally


class Assault(Struct, kw_only=True):
    """The order to attackers: so many peers play a script for `seconds`, from so many addresses
    of 127.`net`.0.0. One that ends waits `pause` seconds. `deaf`: they read nothing. `prefix`:
    of the rooms of those who are attacked."""

    name: str
    host: str
    port: int
    peers: int
    seconds: float
    net: int
    addresses: int
    deaf: bool
    pause: float
    prefix: str


class Assaulted(Struct, kw_only=True):
    """So many connections were opened, and ended by the server; so many bytes it took. `codes`:
    what it said, and what their own system did."""

    opened: int
    closed: int
    sent: int
    codes: dict[str, int]


Report = Entered | Progress | Played

encode = Encoder().encode
decode_enter = Decoder(Enter).decode
decode_order = Decoder(Play).decode
decode_report = Decoder(Report).decode
decode_attend = Decoder(Attend).decode
decode_attended = Decoder(Attended).decode
decode_go_on = Decoder(GoOn).decode
decode_caught_up = Decoder(CaughtUp).decode
decode_assault = Decoder(Assault).decode
decode_assaulted = Decoder(Assaulted).decode
