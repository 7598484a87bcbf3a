from __future__ import annotations

from pathlib import Path

import pytest

from bench.options import Options, parse_options


def test_without_arguments_it_is_the_default_run() -> None:
    assert parse_options([]) == Options()


def test_pairs_from_make_are_flags() -> None:
    pairs = parse_options(["CLIENTS=5000", "ROOMS=50", "RATE=2e3", "DURABILITY=wal"])
    flags = parse_options(
        ["run", "--clients", "5000", "--rooms", "50", "-R", "2000", "--durability", "wal"]
    )
    assert pairs == flags
    assert (pairs.command, pairs.clients, pairs.rate) == ("run", 5000, 2000.0)


def test_a_pair_without_a_value_was_not_meant() -> None:
    assert parse_options(["SERVER=", "CLIENTS=", "QUIET="]) == Options()


def test_pairs_go_with_the_other_commands_too() -> None:
    options = parse_options(["compare", "PEERS=redis,limit", "REPEATS=2"])
    assert (options.command, options.peers, options.repeats) == ("compare", ("redis", "limit"), 2)


def test_thresholds_add_up() -> None:
    options = parse_options(["THRESHOLD=p99<50ms,p50<5ms", "--threshold", "cpu<90%"])
    assert [each.text for each in options.threshold] == ["p99<50ms", "p50<5ms", "cpu<90%"]


def test_diff_takes_two_files() -> None:
    options = parse_options(["diff", "a.json", "b.json"])
    assert options.files == (Path("a.json"), Path("b.json"))


@pytest.mark.parametrize(
    "argv", [["SIZE=31"], ["SIZE=4001"], ["CLIENTS=0"], ["THRESHOLD=p99"], ["COLOUR=red"],
             ["RATE=0"], ["diff", "a.json"], ["dance"]],
)  # fmt: skip
def test_wrong_usage_ends_with_status_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse_options(argv)
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["CLIENTS=abc"], ["RATE=abc"], ["SIZE=abc"]])
def test_what_is_no_number_gets_a_sentence(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_options(argv)
    complaint = capsys.readouterr().err
    assert "'abc'" in complaint
    assert "invalid" not in complaint


def test_there_are_no_more_rooms_than_clients() -> None:
    assert parse_options(["CLIENTS=3", "ROOMS=5"]).scenario().rooms == 3
