from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from bench import plots
from bench.options import Options
from tests.bench.test_results import a_run, compare_result, limits_result


def keep(folder: Path) -> None:
    for name, result in (
        ("run", a_run()),
        ("compare", compare_result()),
        ("limits", limits_result()),
        ("limits-web", limits_result()),
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
