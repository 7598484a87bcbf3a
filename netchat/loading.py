"""The settings in force: read from a file, the environment and the command line.

A setting has a dotted key, `section.key`, the same everywhere:

    flag           --set limits.rooms=20            (strongest)
    environment    NETCHAT_LIMITS_ROOMS=20
    file           [limits]  rooms = 20             (TOML)
    default        the classes of `config`

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
from typing import Any, get_args

import msgspec

from netchat.config import KINDS, ROOM_NAME, Config, Line
from netchat.errors import ConfigError

PREFIX = "NETCHAT_"
"""Every variable that starts so is a setting of the server, but those that clients read."""

CLIENTS = frozenset({"NETCHAT_PASSWORD_FILE"})


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
        if variable.startswith(PREFIX) and variable not in CLIENTS:
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
    if section == "topics" and ROOM_NAME.fullmatch(room):
        return Line
    if key not in KINDS:
        raise _unknown(key, source)
    return KINDS[key]


def _unknown(key: str, source: str) -> ConfigError:
    close = get_close_matches(key, KINDS, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return ConfigError(f"{source}there is no setting {key}{hint}")


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_value(key)


def _toml_value(value: object) -> str:
    """TOML writes what settings hold as JSON does: switches, numbers, lines, lists of lines."""
    return msgspec.json.encode(value).decode()
