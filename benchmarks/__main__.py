"""Run all benchmarks and print their tables: ``python -m benchmarks``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import peers_run, table
from benchmarks.process import client, server

LIBRARIES = ("websockets", "picows")
STEPS = ("receive", "json", "orjson", "msgspec")
BESIDE = ("latency", "frames", "readers", "browser")
VERSIONS = ("websockets", "picows", "msgspec", "orjson", "numpy", "pandas", "streamz")
RATE = 2000  # messages a second of the latency runs
PACED = 3 * RATE  # messages of each
SLOW = 0.1  # share of the messages that the floor takes for best prices after every update: max() of 5,000


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--messages", type=int, default=60_000, help="of each run (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="interleaved rounds (default: %(default)s)")
    works = ["decode", *table.WORKS, *BESIDE]
    parser.add_argument("--only", nargs="+", choices=works, default=works, metavar="WORK", help=", ".join(works))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every run's figures. A run that fails, or whose result is not the server's, ends everything."""
    began, notes = time.monotonic(), list[str]()
    figures: dict[str, Any] = {"machine": machine(), "runs": defaultdict(list), "latency": defaultdict(list)}
    libraries = [name for name in LIBRARIES if find_spec(name)]
    if "picows" not in libraries:
        notes.append("picows is not there: pip install 'kucoin-stream[fast]'")
    with server() as url:
        for _ in range(options.repeat):
            round_of_works(figures["runs"], url, libraries, options)
            if "latency" in options.only:
                round_of_latency(figures["latency"], url, libraries)
        if "frames" in options.only:
            figures["frames"] = client("frames", url, 10 * options.messages)
        if "readers" in options.only:
            figures["readers"] = client("readers", url, options.messages)
        if "browser" in options.only:
            figures["browser"] = client("browser", url, RATE)
            notes.append(browser_note(figures["browser"]))
        figures["peers"] = peers(url, options, notes)
    notes.append(f"{options.repeat} rounds of {options.messages:,} messages; {time.monotonic() - began:.0f} s in all")
    return figures | {"notes": notes}


def round_of_works(runs: dict[str, Any], url: str, libraries: list[str], options: argparse.Namespace) -> None:
    """Run every work once, floor and ours of a library next to each other: the machine's pace changes."""
    works = [work for work in table.WORKS if work in options.only]
    floors = list(dict.fromkeys(table.FLOORS.get(work, work) for work in works))
    steps = [step for step in STEPS if step != "orjson" or find_spec("orjson")] if "decode" in options.only else []
    if steps:
        runs["floor raw receive"].append(client("floor", url, "raw", "receive", options.messages, 0))
    for library in libraries:
        for step in (*steps, *(["decode"] if steps else [])):
            side = "ours" if step == "decode" else "floor"
            runs[f"{side} {library} {step}"].append(client(side, url, library, step, options.messages, 0))
            progress()
        for floor in floors:
            count = int(options.messages * (SLOW if floor == "heavy_top" else 1))
            runs[f"floor {library} {floor}"].append(client("floor", url, library, floor, count, 0))
            progress()
            for work in (work for work in works if table.FLOORS.get(work, work) == floor):
                runs[f"ours {library} {work}"].append(client("ours", url, library, work, options.messages, 0))
                progress()


def round_of_latency(latency: dict[str, Any], url: str, libraries: list[str]) -> None:
    names = {"floor": "floor {}: to the dict book", "book": "ours {}: to the book", "streamz": "ours {}: to streamz"}
    for side, name in names.items():
        for library in libraries:
            latency[name.format(library)].append(client("latency", url, side, library, PACED, RATE))
            progress()


def browser_note(browser: dict[str, Any]) -> str:
    if "skipped" in browser:
        return f"no browser: {browser['skipped']}"
    return (
        f"one ladder in view costs the kernel {browser['widget_cpu'] * 100:.1f} % of a core beyond the feed's "
        f"{browser['cpu_without'] * 100:.0f} % at {RATE:,} messages a second"
    )


def peers(url: str, options: argparse.Namespace, notes: list[str]) -> dict[str, Any]:
    """Run the other clients once each: their figures are far from ours, or they would need more rounds."""
    if reason := peers_run.missing():
        notes.append(reason)
        return {}
    found: dict[str, Any] = {peer: defaultdict(list) for peer in peers_run.PEERS}
    for work in (work for work in ("books", "heavy", "heavy_top", "ticker", "trades") if work in options.only):
        for peer, results in found.items():
            result = peers_run.run(peer, url, work, options.messages, notes)
            progress()
            if result is not None:
                results[work].append(result)
    return found


def machine() -> dict[str, Any]:
    def known(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "-"

    return {"cores": os.cpu_count(), "python": platform.python_version()} | {name: known(name) for name in VERSIONS}


def progress() -> None:
    if sys.stderr.isatty():
        print(".", end="", file=sys.stderr, flush=True)


def main() -> None:
    options = parse()
    figures = measure(options)
    print(table.report(figures, markdown=options.markdown))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
