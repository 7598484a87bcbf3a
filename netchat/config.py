"""Settings: one frozen tree, read from a file, the environment and the command line.

A setting has a dotted key, `section.key`, the same everywhere:

    flag           --set limits.rooms=20            (strongest)
    environment    NETCHAT_LIMITS_ROOMS=20
    file           [limits]  rooms = 20             (TOML)
    default        the classes below

Text from a flag or the environment is read as a TOML value where that fits the setting, else
as plain text, else as a list separated by commas. Every source is checked whole: an unknown
key or a wrong type is a ConfigError that names it, also where a stronger source overrides it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct, field

from netchat.errors import ConfigError

PREFIX = "NETCHAT_"
"""Every variable that starts so is a setting of the server; the client reads none."""

_CONTROL = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"  # what neither TOML nor every door can carry
_ROOM = re.compile(rf"(?!@)[^\s,{_CONTROL}]{{1,64}}")  # as the protocol has it

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
Durability = Annotated[Literal["fsync", "wal", "memory"], Meta(description="fsync, wal or memory")]
Level = Annotated[
    Literal["debug", "info", "warning", "error"],
    Meta(description="debug, info, warning or error"),
]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server is found and where it keeps its log."""

    # Loopback: nobody is let in from outside before the operator says so.
    listen: Addresses = field(default_factory=lambda: ["127.0.0.1:7337"])
    # None: see data_folder().
    data: Folder = None
    # What `accepted` promises: on disk, safe from a kill, or nothing beyond this process.
    durability: Durability = "fsync"
    # What peers see, with the version, in `welcome`; 63 characters as for a host (RFC 1035).
    name: ServerName = "netchat"
    # Who may say, by the PROXY protocol, for whom a connection stands: nobody.
    proxies: Networks = field(default_factory=list)


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
    # A school behind one address fits; nginx gives a whole worker 512.
    connections_per_address: Count = 512
    # Ergo's 2 a second is for people who type; this leaves room for programs, and a hundred
    # floods at once still leave most of the loop to others.
    request_rate: Rate = 200
    # A client that returns joins its rooms and resends its unsent posts at once.
    request_burst: Count = 4_000
    # InspIRCd's way: delay first. Only a flood that lasts this long is refused.
    patience: Wait = 10
    # Rooms joined by one connection: Ergo allows 100, Centrifugo 128.
    rooms: Count = 100
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


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of each room; the rest is deleted, and clients are told of the gap."""

    # For ever: nothing is lost unless the operator says so.
    days: Days = 0
    # The newest ones; 0: all of them. (With `memory`, 0 stands for a bound of its own.)
    messages: Messages = 0


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server says of itself on its standard error."""

    level: Level = "info"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. `topics` gives public rooms (by name) the topic that `joined` shows."""

    server: Server = field(default_factory=Server)
    web: Web = field(default_factory=Web)
    tls: Tls = field(default_factory=Tls)
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    log: Log = field(default_factory=Log)
    topics: dict[str, Line] = {}


_SECTIONS: dict[str, type[Struct]] = {
    "server": Server,
    "web": Web,
    "tls": Tls,
    "limits": Limits,
    "retention": Retention,
    "log": Log,
}
_KINDS: dict[str, Any] = {
    f"{section}.{setting.name}": setting.type
    for section, kind in _SECTIONS.items()
    for setting in msgspec.structs.fields(kind)
}


def load_config(
    file: Path | None, env: Mapping[str, str], flags: Mapping[str, str | list[str]]
) -> Config:
    """The settings in force: flag before environment before file before default.

    `file` must exist; None means netchat.toml in the user's configuration folder, if there is
    one. `flags` maps dotted keys to text, or to a list where a flag was given repeatedly.
    Raises ConfigError with a sentence that names the setting and, but for flags, its source.
    """
    tree: dict[str, dict[str, Any]] = {}
    for source in (_from_file(file), _from_environment(env), _from_flags(flags)):
        for key, value in source:
            section, _, name = key.partition(".")
            tree.setdefault(section, {})[name] = value
    return msgspec.convert(tree, Config)


def parse_set(text: str) -> tuple[str, str]:
    """Take `section.key=value` apart, as `--set` gives it. Raises ConfigError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set takes section.key=value, not {text!r}")
    return key.strip(), value.strip()


def data_folder(config: Config, env: Mapping[str, str]) -> Path:
    """Where the log lives: server.data, else systemd's $STATE_DIRECTORY, else the user's."""
    if config.server.data is not None:
        return Path(os.path.expanduser(config.server.data))
    if given := env.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd joins several with a colon
    from platformdirs import user_state_path

    return user_state_path("netchat")


def to_toml(config: Config) -> str:
    """The configuration as a file that load_config() reads back to an equal one."""
    lines: list[str] = []
    for section, settings in msgspec.to_builtins(config).items():
        present = {key: value for key, value in settings.items() if value is not None}
        lines.append(f"[{section}]")
        lines += [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in present.items()]
        lines.append("")
    return "\n".join(lines)


def _from_file(file: Path | None) -> Iterator[tuple[str, Any]]:
    from platformdirs import user_config_path

    path = file or user_config_path("netchat") / "netchat.toml"
    for section, table in _read_toml(path, must_exist=file is not None).items():
        if not isinstance(table, dict):
            raise _unknown(section, f"{path}: ")
        for name, value in table.items():
            key = f"{section}.{name}"
            yield key, _checked(key, value, [value], f"{path}: ")


def _from_environment(env: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for variable in sorted(env):
        if variable.startswith(PREFIX):
            key = variable.removeprefix(PREFIX).lower().replace("_", ".", 1)
            text = env[variable]
            yield key, _checked(key, text, _readings(text), f"{variable}: ")


def _from_flags(flags: Mapping[str, str | list[str]]) -> Iterator[tuple[str, Any]]:
    for key, value in flags.items():
        readings = _readings(value) if isinstance(value, str) else [value]
        yield key, _checked(key, value, readings, "")


def _read_toml(path: Path, *, must_exist: bool) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        if must_exist:
            raise ConfigError(f"{path}: there is no such file") from exc
        return {}
    except OSError as exc:
        raise ConfigError(f"{path}: the file cannot be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:  # bad UTF-8 is a ValueError, as bad TOML is
        raise ConfigError(f"{path}: this is not TOML: {exc}") from exc


def _readings(text: str) -> list[Any]:
    """What a text may mean, the likeliest first."""
    import tomllib

    readings: list[Any] = [text, [part.strip() for part in text.split(",")]]
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return readings
    return [table["value"], *readings] if len(table) == 1 else readings


def _checked(key: str, given: object, readings: list[Any], source: str) -> Any:
    """The first reading of what was given that fits the setting."""
    kind = _kind(key, source)
    for reading in readings:
        try:
            return msgspec.convert(reading, kind)
        except msgspec.ValidationError:
            continue
    description = get_args(kind)[1].description
    raise ConfigError(f"{source}{key} must be {description}, not {given!r:.100}")


def _kind(key: str, source: str) -> Any:
    """The annotated type of a setting; any room may have a topic."""
    section, _, room = key.partition(".")
    if section == "topics" and _ROOM.fullmatch(room):
        return Line
    if key not in _KINDS:
        raise _unknown(key, source)
    return _KINDS[key]


def _unknown(key: str, source: str) -> ConfigError:
    close = get_close_matches(key, _KINDS, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return ConfigError(f"{source}there is no setting {key}{hint}")


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_value(key)


def _toml_value(value: object) -> str:
    """TOML writes what settings hold as JSON does: switches, numbers, lines, lists of lines."""
    return msgspec.json.encode(value).decode()
