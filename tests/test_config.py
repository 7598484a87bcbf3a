"""Where settings come from, which source wins, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from netchat import cli
from netchat.config import (
    Config,
    Limits,
    Log,
    Server,
)
from netchat.errors import ConfigError
from netchat.loading import data_folder, load_config, parse_set, to_toml


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, so that nobody's own settings reach a test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text, "utf-8")
    return file


def refusal(
    file: Path | None = None,
    env: dict[str, str] | None = None,
    flags: dict[str, str | list[str]] | None = None,
) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, env or {}, flags or {})
    return str(caught.value)


# Sources


def test_without_any_source_everything_has_its_default() -> None:
    assert load_config(None, {"PATH": "/bin"}, {}) == Config()


def test_the_defaults_are_within_their_own_ranges() -> None:
    assert load_config(None, {}, {}) == Config(server=Server(), limits=Limits(), log=Log())


def test_a_flag_beats_the_environment_and_that_the_file_and_that_the_default(home: Path) -> None:
    file = written(home, "[limits]\nrooms = 2\nhold = 2\nheartbeat = 2\n")
    env = {"NETCHAT_LIMITS_ROOMS": "3", "NETCHAT_LIMITS_HOLD": "3"}
    limits = load_config(file, env, {"limits.rooms": "4"}).limits
    assert (limits.rooms, limits.hold, limits.heartbeat) == (4, 3, 2)
    assert limits.pong_timeout == Limits().pong_timeout


def test_the_users_own_file_is_read_where_none_is_named(home: Path) -> None:
    (home / "netchat").mkdir()
    (home / "netchat" / "netchat.toml").write_text('[log]\nlevel = "debug"\n')
    assert load_config(None, {}, {}).log.level == "debug"
    other = written(home, "")
    assert load_config(other, {}, {}).log.level == "info"


def test_underscores_behind_the_section_belong_to_the_key() -> None:
    env = {"NETCHAT_LIMITS_CONNECTIONS_PER_ADDRESS": "7"}
    assert load_config(None, env, {}).limits.connections_per_address == 7


def test_a_list_is_written_with_commas_or_as_toml_or_given_repeatedly() -> None:
    wanted = ["127.0.0.1:1", "[::1]:2"]
    for given_list in ("127.0.0.1:1, [::1]:2", '["127.0.0.1:1", "[::1]:2"]', wanted):
        assert load_config(None, {}, {"server.listen": given_list}).server.listen == wanted


def test_text_that_looks_like_a_number_stays_text_where_text_is_wanted() -> None:
    config = load_config(None, {}, {"topics.lobby": "2024", "topics.Tea.Room": '"true"'})
    assert config.topics == {"lobby": "2024", "Tea.Room": "true"}


def test_text_cannot_smuggle_in_a_second_setting() -> None:
    assert "limits.rooms must be" in refusal(flags={"limits.rooms": "3\nother = 4"})


# Refusals


def test_a_wrong_type_names_the_setting_and_what_it_takes() -> None:
    assert refusal(flags={"limits.enabled": "maybe"}) == (
        "limits.enabled must be true or false, not 'maybe'"
    )


def test_an_unknown_setting_is_told_its_neighbour() -> None:
    assert refusal(flags={"limits.enbled": "true"}) == (
        "there is no setting limits.enbled (did you mean limits.enabled?)"
    )


def test_an_unknown_variable_is_named() -> None:
    assert refusal(env={"NETCHAT_NAME": "ana"}) == "NETCHAT_NAME: there is no setting name"


def test_a_wrong_setting_is_refused_even_where_a_stronger_source_overrides_it() -> None:
    said = refusal(env={"NETCHAT_LIMITS_ROOMS": "many"}, flags={"limits.rooms": "3"})
    assert said.startswith("NETCHAT_LIMITS_ROOMS: limits.rooms must be a whole number")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[limits]\nrooms = '3'", "limits.rooms must be a whole number from 1 to 1000000, not '3'"),
        ("[limits]\nroms = 3", "there is no setting limits.roms (did you mean limits.rooms?)"),
        ("[limit]\nrooms = 3", "there is no setting limit.rooms (did you mean limits.rooms?)"),
        ("limits = 3", "there is no setting limits"),
        ("[limits\n", "this is not TOML"),
        ("[topics]\n'a,b' = 'tea'", "there is no setting topics.a,b"),
        ("[topics.lobby]\ntext = 'tea'", "topics.lobby must be one line of text"),
    ],
)
def test_a_wrong_file_names_itself_and_its_problem(home: Path, text: str, problem: str) -> None:
    file = written(home, text)
    assert refusal(file).startswith(f"{file}: {problem}")


def test_a_named_file_must_exist(home: Path) -> None:
    assert refusal(home / "none.toml") == f"{home / 'none.toml'}: there is no such file"


def test_a_file_that_is_a_folder_or_no_text_is_refused_with_a_sentence(home: Path) -> None:
    assert "cannot be read" in refusal(home)
    (home / "bytes.toml").write_bytes(b"\xff\xfe")
    assert "not TOML" in refusal(home / "bytes.toml")


@pytest.mark.parametrize(
    "value", ["0", "-1", "nan", "inf", "1e400", "true", "", "'1'", "1979-05-27"]
)
def test_a_heartbeat_is_a_sane_number(value: str) -> None:
    assert "limits.heartbeat must be seconds, above 0" in refusal(flags={"limits.heartbeat": value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.listen", ""),
        ("server.listen", "[]"),
        ("server.listen", "127.0.0.1"),
        ("server.listen", "['a:1', 2]"),
        ("server.data", ""),
        ("server.data", "a\nb"),
        ("server.data", "\udcff"),
        ("server.name", "two words"),
        ("server.durability", "FSYNC"),
        ("log.level", "loud"),
        ("topics.lobby", "two\nlines"),
        ("limits.rooms", "[" * 5_000),
        ("limits.rooms", "9" * 5_000),
    ],
)
def test_what_could_not_work_is_refused(key: str, value: str) -> None:
    said = refusal(flags={key: value})
    assert said.startswith(f"{key} must be ")
    assert len(said) < 250


@settings(max_examples=30)
@given(st.text(), st.text())
def test_whatever_text_comes_in_it_is_taken_or_refused_by_name(key: str, value: str) -> None:
    for flags in ({key: value}, {f"topics.{key}": value}, {"server.listen": value}):
        try:
            config = load_config(None, {}, flags)
        except ConfigError:
            continue
        assert isinstance(config, Config)


def test_every_setting_says_what_it_takes() -> None:
    for section in (Server, Limits, Log):
        for setting in fields(section):
            assert get_args(setting.type)[1].description, setting.name


# --set, --print-config and the data folder


def test_a_set_flag_is_split_at_its_first_equals_sign() -> None:
    assert parse_set("topics.sums=1 + 1 = 2") == ("topics.sums", "1 + 1 = 2")
    with pytest.raises(ConfigError, match=r"--set takes section\.key=value, not 'limits'"):
        parse_set("limits")


LINES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
ROOMS = st.from_regex(r"(?!@)[^\s,]{1,64}", fullmatch=True, alphabet=st.characters(
    exclude_categories=["Cc", "Cs"]
))  # fmt: skip
SECONDS = st.floats(min_value=0, max_value=86_400, exclude_min=True)
CONFIGS = st.builds(
    Config,
    server=st.builds(
        Server,
        listen=st.lists(st.sampled_from(["a:1", "[::1]:0", "unix:/s"]), min_size=1),
        data=st.none() | LINES.filter(bool),
        durability=st.sampled_from(["fsync", "wal", "memory"]),
        name=st.from_regex(r"[A-Za-z0-9._-]{1,63}", fullmatch=True),
    ),
    limits=st.builds(
        Limits,
        enabled=st.booleans(),
        rooms=st.integers(min_value=1, max_value=10**6),
        heartbeat=SECONDS,
        request_rate=SECONDS,
        hold=st.just(0) | SECONDS,
    ),
    topics=st.dictionaries(ROOMS, LINES, max_size=3),
)


@given(config=CONFIGS)
def test_what_is_printed_can_be_fed_back(
    tmp_path_factory: pytest.TempPathFactory, config: Config
) -> None:
    file = written(tmp_path_factory.getbasetemp(), to_toml(config))
    assert load_config(file, {}, {}) == config


def test_the_printed_configuration_reads_like_a_hand_written_file() -> None:
    text = to_toml(Config(topics={"lobby": "tea", "a.b": 'say "hi"'}))
    assert '[server]\nlisten = ["127.0.0.1:7337"]\ndurability = "fsync"\n' in text
    assert '[topics]\nlobby = "tea"\n"a.b" = "say \\"hi\\""\n' in text


def test_the_server_listens_where_its_clients_look_for_it() -> None:
    assert Config().server.listen == [cli.SERVER]


def test_the_data_folder_is_the_setting_then_the_services_then_the_users(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    service = {"STATE_DIRECTORY": "/var/lib/netchat:/var/lib/other"}
    assert data_folder(Config(server=Server(data="~/log")), service) == Path("/home/ana/log")
    assert data_folder(Config(), service) == Path("/var/lib/netchat")
    assert data_folder(Config(), {}).is_relative_to(home / "state")
