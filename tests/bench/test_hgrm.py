from __future__ import annotations

from array import array

from bench.hgrm import levels, to_hgrm


def test_rows_come_closer_to_all_by_halves() -> None:
    found = list(levels(8))
    assert found[:6] == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    assert found[-1] == 100.0
    assert found == sorted(found)


def test_the_text_has_values_in_milliseconds_counts_and_a_foot() -> None:
    text = to_hgrm(array("Q", [1_000_000, 2_000_000, 3_000_000, 4_000_000]))
    rows = [line.split() for line in text.splitlines() if line and line[0] not in "#V"]
    rows = [row for row in rows if row[0] != "Value"]
    assert ["2.000", "0.500000000000", "2", "2.00"] in rows
    assert rows[-1] == ["4.000", "1.000000000000", "4"]
    assert [int(row[2]) for row in rows] == sorted(int(row[2]) for row in rows)
    assert "#[Mean    =        2.500, StdDeviation   =        1.118]" in text
    assert "Total count    =            4]" in text


def test_nothing_measured_is_still_a_file() -> None:
    assert "Total count    = 0" in to_hgrm(array("Q"))
