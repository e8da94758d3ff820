"""Prints the figures of a run as text or as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers_run import PEERS

Runs = list[dict[str, float]]
Row = Sequence[str]

WORKS = {
    "books": "ten books",
    "heavy": "heavy book",
    "heavy_top": "heavy book, best prices after every update",
    "heavy_streamz": "heavy, top through streamz",
    "ticker": "tickers",
    "ticker_rows": "tickers as rows",
    "trades": "trades",
    "mixed": "mixed",
}
FLOORS = {"heavy_streamz": "heavy_top", "ticker_rows": "ticker", "mixed": "books"}
"""The floor of a work that has none of its own."""

STEPS = {
    "receive": "receive",
    "json": "+ json",
    "orjson": "+ orjson",
    "msgspec": "+ msgspec, typed",
    "books": "+ dict books",
}
CALLS = {
    "call": "engine.call, nothing to do",
    "df of numbers": ".df of 5,000 tickers",
    "df of trades": ".df of 5,000 trades (texts too)",
    "df of a book": ".df of a book, 5,000 levels a side",
}


def report(figures: dict[str, Any], *, markdown: bool) -> str:
    """Return all tables."""
    draw = _markdown if markdown else _text
    parts = [", ".join(f"{name} {value}" for name, value in figures["machine"].items())]
    runs = figures["runs"]
    if runs:
        parts += [_main(runs, figures["peers"], draw), _steps(runs, draw)]
    if figures.get("latency"):
        parts.append(_latency(figures["latency"], figures.get("browser"), draw))
    if figures.get("frames"):
        parts.append(_frames(figures["frames"], runs, draw))
    if figures.get("readers"):
        parts.append(readers(figures["readers"], markdown=markdown))
    return "\n\n".join([*parts, "\n".join(figures["notes"])])


Draw = Callable[[Row, list[Row]], str]


def _main(runs: dict[str, Runs], peers: dict[str, Any], draw: Draw) -> str:
    head = ["work", "floor websockets", "floor picows", *PEERS, "ours, base", "of floor", "ours, [fast]", "of floor"]
    rows = []
    for work, name in WORKS.items():
        if not any(f"ours {library} {work}" in runs for library in ("websockets", "picows")):
            continue
        least = FLOORS.get(work, work)
        floors = [runs.get(f"floor {library} {least}") for library in ("websockets", "picows")]
        row = [name, *(_figure(each) if least == work else "" for each in floors)]
        row += [_peer(peers.get(peer), work) for peer in PEERS]
        for library, floor in zip(("websockets", "picows"), floors, strict=True):
            mine = runs.get(f"ours {library} {work}")
            row += [_figure(mine), _ratios(mine, floor)]
        rows.append(row)
    return "CPU of the whole process a message, µs (thousand messages a second)\n\n" + draw(head, rows)


def _steps(runs: dict[str, Runs], draw: Draw) -> str:
    rows: list[Row] = []
    raw = runs.get("floor raw receive")
    if raw:
        rows.append(["bare socket, frames not cut", _figure(raw), ""])
    for step, name in STEPS.items():
        row = [_figure(runs.get(f"floor {library} {step}")) for library in ("websockets", "picows")]
        rows.append([name, *row])
    mine = [runs.get(f"ours {library} decode") for library in ("websockets", "picows")]
    rows.append(["ours: receive and decode", *map(_figure, mine)])
    floors = [runs.get(f"floor {library} msgspec") for library in ("websockets", "picows")]
    rows.append(["of the floor's typed msgspec", *(_ratios(*pair) for pair in zip(mine, floors, strict=True))])
    return "Steps of the floor, as above\n\n" + draw(["step", "websockets", "picows"], rows)


def _latency(latency: dict[str, Runs], browser: dict[str, Any] | None, draw: Draw) -> str:
    rows: list[Row] = []
    for key, runs in latency.items():
        values = [statistics.median(run[name] for run in runs) for name in ("p50_us", "p99_us", "cpu_us")]
        rows.append([key, *(f"{value:,.0f}" for value in values)])
    if browser and "skipped" not in browser:
        pictures = f"{browser['pictures']} pictures, {browser['pictures_per_second']:.1f} a second"
        rows.append([f"to the page ({pictures})", f"{browser['p50_us']:,.0f}", f"{browser['p99_us']:,.0f}", ""])
    title = "From the server's send, one message a write, µs"
    return f"{title}\n\n" + draw(["2,000 messages a second", "p50", "p99", "CPU a message"], rows)


def _frames(frames: dict[str, Any], runs: dict[str, Runs], draw: Draw) -> str:
    rows = []
    for name, idle in frames["idle"].items():
        flood = frames["flood"][name]
        numbers = [idle["p50_us"], idle["p99_us"], idle["cpu_us"], flood["p50_us"], flood["p99_us"]]
        rows.append([CALLS[name], *(f"{number:,.0f}" for number in numbers)])
    lines = [
        "Wall time of one call, µs",
        "",
        draw(["call", "idle p50", "p99", "CPU", "flood p50", "p99"], rows),
        "",
        f"import to first row of a frame: {frames['first_row_ms']:.0f} ms, CPU {frames['first_row_cpu_ms']:.0f} ms",
        f"import beyond pandas and streamz: {frames['import_ms']:.1f} ms; ks.Client: {frames['first_use_ms']:.0f} ms",
    ]
    if books := runs.get("ours websockets books"):
        lines.append(f"book.mid: {statistics.median(run['mid_ns'] for run in books):.0f} ns")
    return "\n".join(lines)


def readers(figures: dict[str, Any], *, markdown: bool = False) -> str:
    """Return the tables of :mod:`benchmarks.readers`."""
    draw = _markdown if markdown else _text
    messages = [[name, f"{each['cpu_us']:.2f}", f"{each['ratio']:.2f}"] for name, each in figures["readers"].items()]
    calls = [
        [name, *(f"{each[key]:,.0f}" for key in ("p50_us", "p99_us", "cpu_us"))] for name, each in figures["df"].items()
    ]
    taken = ", ".join(f"{name} {each / 1e6:.1f} MB" for name, each in figures["memory"].items())
    return "\n\n".join(
        (
            "CPU of the whole process a trade, µs",
            draw(["read by", "a message", "of no sink"], messages),
            "One `.df` of trades, µs",
            draw(["of", "p50", "p99", "CPU"], calls),
            f"memory of {figures['rows']:,} trades: {taken}",
        )
    )


def _figure(runs: Runs | None) -> str:
    if not runs:
        return "-"
    cpu, speed = (statistics.median(run[name] for run in runs) for name in ("cpu_us", "per_second"))
    return f"{cpu:.2f} ({speed / 1000:,.0f}k)" if cpu < 100 else f"{cpu:,.0f} ({speed / 1000:,.1f}k)"


def _ratios(mine: Runs | None, floor: Runs | None) -> str:
    """Return the medians of the rounds' ratios, CPU and wall, and the ratio of the runs that cost least."""
    if not mine or not floor:
        return "-"
    pairs = list(zip(mine, floor, strict=True))
    cpu = statistics.median(one["cpu_us"] / least["cpu_us"] for one, least in pairs)
    wall = statistics.median(least["per_second"] / one["per_second"] for one, least in pairs)
    least = min(run["cpu_us"] for run in mine) / min(run["cpu_us"] for run in floor)
    return f"{cpu:.2f} ({wall:.2f}), least {least:.2f}"


def _peer(runs: dict[str, Runs] | None, work: str) -> str:
    found = (runs or {}).get(work)
    if not found:
        return "-"
    wrong = "" if all(run.get("checked", True) for run in found) else " wrong"
    return _figure(found) + wrong


def _text(head: Row, rows: list[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for first, *others in (head, *rows):
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _markdown(head: Row, rows: list[Row]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
