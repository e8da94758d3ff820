"""The soak in short: half a minute of everything at once, with a fault every two seconds; and its judgements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

soak = pytest.importorskip("benchmarks.soak", reason="the benchmarks are not here")

ROOT = Path(__file__).resolve().parents[1]
GROWTH = 8.0  # MB: caches, inboxes and tables fill in the first minutes; half an hour must do with 1


@pytest.mark.slow
def test_half_a_minute_of_faults_leaves_all_right() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.5", "--rate", "1000", "--pause", "2"]
    done = subprocess.run([*command, "--growth", str(GROWTH)], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all right\n")


@pytest.mark.parametrize(
    ("rss", "grown"),
    [
        ([100, 150, 200, 200, 200, 200, 200], 0),  # it fills, and stays
        ([100, 100, 100, 101, 102, 103, 104], 4),
        ([100, 100, 101, 103, 101, 103, 102], 0.8),  # one sample does not make it
        ([100, 110, 120, 119, 118, 117, 116], -4),
    ],
)
def test_growth_is_the_slope_over_the_last_two_thirds(rss: list[float], grown: float) -> None:
    samples = [soak.Sample(10.0 * at, each, 0, 0, 0, 0, 0, 0, 0) for at, each in enumerate(rss)]
    assert soak.growth(samples) == pytest.approx(grown)


BOOK = "/market/level2:BTC-USDT"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({}, True),
        ({"from": 99.0}, False),  # one from before
        ({"from": 111.0}, False),
        ({"topic": "/market/level2:ETH-USDT"}, False),
        ({"part": "topic"}, False),
        ({"missed": 2}, False),
        ({"missed": 7}, True),
        ({"missed": None}, False),
    ],
)
def test_a_gap_counts_as_told_by_a_row_of_its_time_its_topic_and_its_size(row: dict[str, Any], told: bool) -> None:
    rows = pd.DataFrame([{"topic": BOOK, "part": "book", "from": 105.0, "missed": 3} | row])
    rows["from"] = pd.to_datetime(rows["from"], unit="s", utc=True)
    rows["missed"] = pd.array(rows["missed"], dtype="Int64")
    assert soak._told(soak.Missed("gap", "book", BOOK, 3, 100.0, 110.0), rows) is told
