from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from bench import plots
from bench.options import Options
from bench.results import RunResult
from tests.bench.test_results import a_measurement, a_run, compare_result, limits_result


def keep(folder: Path) -> None:
    for name, result in (
        ("run", a_run()),
        ("compare", compare_result()),
        ("limits", limits_result()),
        ("connections-native", limits_result()),
        ("connections-tls", limits_result()),
        ("connections-web", limits_result()),
    ):
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(result))


def test_every_picture_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path)
    monkeypatch.setattr(plots, "KEPT", tmp_path)
    assert plots.plots(Options(out=tmp_path / "drawn")) == 0
    drawn = {path.stem: path.read_text() for path in (tmp_path / "drawn").glob("*.svg")}
    assert drawn.keys() == plots.PICTURES.keys()
    assert all(ElementTree.fromstring(text).tag.endswith("svg") for text in drawn.values())


def test_a_result_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plots, "KEPT", tmp_path)
    assert plots.plots(Options(out=tmp_path / "drawn")) == 1
    assert "compare.json" in capsys.readouterr().err


def test_comparisons_of_different_cases_are_one(tmp_path: Path) -> None:
    keep(tmp_path)
    other = compare_result()
    other.measurements = [a_measurement("netchat", 7.0, "one-10000")]
    (tmp_path / "compare-10000.json").write_bytes(msgspec.json.encode(other))
    found = plots.kept_comparison(tmp_path)
    assert {each.case for each in found.measurements} == {"many-100", "many-1000", "one-100"}
    other.cases = [case for case in other.cases if case.name == "one-10000"]
    first = compare_result()
    first.cases = [case for case in first.cases if case.name != "one-10000"]
    for name, result in (("compare", first), ("compare-10000", other)):
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(result))
    assert plots.kept_comparison(tmp_path).measurements[-1].cpu_us == 7.0


def test_a_result_of_another_kind_is_refused(tmp_path: Path) -> None:
    keep(tmp_path)
    (tmp_path / "run.json").write_bytes((tmp_path / "compare.json").read_bytes())
    with pytest.raises(msgspec.DecodeError, match="something else"):
        plots.kept(tmp_path, "run", RunResult)
