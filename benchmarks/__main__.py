"""Run all benchmarks and print one table: ``python -m benchmarks [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.process import client, server

FLOOR = ("socket", "decode", "books")
OURS = ("books", "sink", "frame", "ticker")
NAMES = {
    "floor socket": "floor: receive",
    "floor decode": "floor: receive, decode",
    "floor books": "FLOOR: ten books in dicts",
    "ours books": "OURS: ten live books, verified",
    "ours sink": "ours: trades into a sink",
    "ours frame": "ours: trades into a frame",
    "ours ticker": "ours: tickers into a frame",
    "floor paced": "floor: ten books, paced",
    "ours paced": "ours: ten live books, paced",
}
LIBRARIES = ("websockets", "msgspec", "numpy", "pandas", "streamz")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="of each run (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=5, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=5000, help="messages a second of the paced runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every run's figures, in rounds: all kinds once, then all once more."""
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    paced = max(1000, int(options.rate * 3))
    with server() as url:
        for _ in range(options.repeat):
            for step in FLOOR:
                runs[f"floor {step}"].append(client("floor", url, step, options.messages, 0))
                if step == "books":  # next to each other: the machine's pace changes
                    runs["ours books"].append(client("ours", url, "books", options.messages, 0))
            for what in OURS[1:]:
                runs[f"ours {what}"].append(client("ours", url, what, options.messages, 0))
            runs["floor paced"].append(client("floor", url, "books", paced, options.rate))
            runs["ours paced"].append(client("ours", url, "books", paced, options.rate))
        frames = client("frames", url, 4 * options.messages)
    return {"machine": machine(), "runs": dict(runs), "frames": frames}


def machine() -> dict[str, Any]:
    versions = {name: version(name) for name in LIBRARIES}
    return {"cores": os.cpu_count(), "python": platform.python_version(), **versions}


def ratio(runs: dict[str, Any], ours: str, floor: str) -> list[float]:
    """Return ours by the floor, round by round."""
    return [mine["cpu_us"] / least["cpu_us"] for mine, least in zip(runs[ours], runs[floor], strict=True)]


def table(figures: dict[str, Any], options: argparse.Namespace) -> str:
    runs, frames = figures["runs"], figures["frames"]
    lines = [", ".join(f"{name} {value}" for name, value in figures["machine"].items()), ""]
    lines.append(f"{'CPU per message, µs (whole process)':38}{'median':>9}{'least':>9}{'/ floor':>9}{'msgs/s':>11}")
    for key, name in NAMES.items():
        cpu = [run["cpu_us"] for run in runs[key]]
        floor = "floor paced" if key.endswith("paced") else "floor books"
        by_floor = statistics.median(ratio(runs, key, floor))
        speed = statistics.median(run["per_second"] for run in runs[key])
        lines.append(f"{name:38}{statistics.median(cpu):9.2f}{min(cpu):9.2f}{by_floor:9.2f}{speed:11,.0f}")
    lines += ["", f"{'Wall time of one call, µs':38}{'idle p50':>9}{'p99':>9}{'CPU':>9}{'flood p50':>11}{'p99':>9}"]
    for name, idle in frames["idle"].items():
        flood = frames["flood"][name]
        lines.append(
            f"{_rows(name):38}{idle['p50_us']:9.0f}{idle['p99_us']:9.0f}{idle['cpu_us']:9.0f}"
            f"{flood['p50_us']:11.0f}{flood['p99_us']:9.0f}"
        )
    mid = statistics.median(run["mid_ns"] for run in runs["ours books"])
    imports = frames["imports"]
    lines += [
        "",
        f"book.mid: {mid:.0f} ns",
        f"import beyond pandas and streamz: {imports['import_ms']:.1f} ms; ks.Client: {imports['first_use_ms']:.0f} ms",
        f"{options.repeat} rounds of {options.messages:,} messages; paced: {options.rate:,.0f} a second",
    ]
    return "\n".join(lines)


def _rows(name: str) -> str:
    return {
        "call": "engine.call, nothing to do",
        "df of numbers": ".df of 5,000 tickers",
        "df of trades": ".df of 5,000 trades (texts too)",
        "df of a book": ".df of a book, 5,000 levels a side",
    }[name]


def main() -> None:
    options = parse()
    figures = measure(options)
    print(table(figures, options))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
