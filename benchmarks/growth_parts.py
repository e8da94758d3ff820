"""What :mod:`benchmarks.growth` measures: one function for each thing that grows, which returns rows of the table.

``law`` takes the figures that the arithmetic of :mod:`benchmarks.growth_law` needs, by the names of ``Law``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.growth_law import Line, knee, line, plane, touched
from benchmarks.growth_run import LEVELS, Client, Figures, Rounds, Row, alone, client, exchange
from benchmarks.process import ask

SYMBOLS = (10, 100, 1000)
COUNT = 20_000  # messages of a flood
ONE = 10**6  # topics on a connection: all on one
KINDS = {"level2": "a change of a book", "ticker": "a ticker in a frame", "trades": "a trade in a frame"}

LawFigures = dict[str, float]


def flooded(client: Client, kind: str, active: int, count: int = COUNT) -> Figures:
    """Have a client take a flood as fast as it reads; return CPU in µs a message and thousand messages a second."""
    took = client.tell("flood", kind=kind, count=count, active=active)
    return {"us": took["cpu"] / count * 1e6, "k/s": count / took["wall"] / 1e3, "ms": took["cpu"] * 1e3}


def symbols(rounds: int, law: LawFigures) -> list[Row]:
    """Messages; symbols that speak, by kind; symbols that are silent; connections and memory of books."""
    seen = Rounds()
    with ExitStack() as stack:
        clients = {number: alone(stack, number) for number in SYMBOLS}
        law["process_bytes"] = statistics.median(each.tell("memory")["bytes"] for each in clients.values())
        for number, each in clients.items():
            _open(seen, each, number)
        for _ in range(rounds):
            for kind in KINDS:
                for number, each in clients.items():
                    took = flooded(each, kind, number)
                    seen.note(kind, number, took["us"])
                    seen.note(f"{kind} k/s", number, took["k/s"])
            for number, each in clients.items():
                seen.note("silent", number, flooded(each, "level2", min(SYMBOLS))["us"])
            for number, each in clients.items():
                seen.note("idle", number, each.tell("idle", seconds=1.0)["cpu"] * 1e3)
            for count in (COUNT // 4, COUNT, 2 * COUNT, 4 * COUNT):
                seen.note("messages", count, flooded(clients[100], "level2", 100, count)["ms"])
    law["ticker"], law["trade"] = seen.median("ticker", 1000), seen.median("trades", 1000)
    law["book_bytes"] = seen.line("memory").slope * 1e6  # with its levels, which levels() takes off
    return [
        seen.row("messages", "CPU of 100 books", "messages", "ms"),
        *(
            seen.row(kind, f"CPU of {name}", "symbols, all speak", "us", _ratios(seen, kind))
            for kind, name in KINDS.items()
        ),
        Row("changes that a client reads", "symbols, all speak", seen.points("level2 k/s"), "k/s"),
        seen.row("silent", "CPU of a change of a book", "symbols, 10 speak", "us", _ratios(seen, "silent")),
        seen.row("idle", "CPU while all are silent", "symbols", "ms/s"),
        seen.row("memory", "memory of books, 200 levels", "symbols", "MB"),
        Row("connections of books", "symbols", seen.points("connections"), ""),
    ]


def _open(seen: Rounds, each: Client, number: int) -> None:
    opened = each.tell("open", kind="level2", symbols=number)
    seen.note("memory", number, opened["bytes"] / 1e6)
    seen.note("connections", number, opened["connections"])
    for kind in ("ticker", "trades"):
        each.tell("open", kind=kind, symbols=number)
    for kind in KINDS:
        flooded(each, kind, number)  # what is imported and compiled first


def _ratios(seen: Rounds, what: str) -> str:
    least = min(SYMBOLS)
    ratios = ", ".join(f"{seen.ratio(what, number, least):.2f}" for number in SYMBOLS[1:])
    bend = knee(seen.points(what))
    return f"of that of {least}: {ratios}; {f'knee by {bend:,.0f}' if bend else 'no knee'}"


def levels(rounds: int, law: LawFigures) -> list[Row]:
    """Levels of a book: CPU of a change, and memory."""
    seen, books = Rounds(), 100
    with ExitStack() as stack:
        clients = {2 * each: alone(stack, books, each) for each in (10, 100, 1000)}
        for number, each in clients.items():
            seen.note("memory", number, each.tell("open", kind="level2", symbols=books)["bytes"] / books / 1e3)
            flooded(each, "level2", books)
        for _ in range(rounds):
            for number, each in clients.items():
                seen.note("cpu", number, flooded(each, "level2", books)["us"])
    law["level_bytes"] = seen.line("memory").slope * 1e3
    if "book_bytes" in law:
        law["book_bytes"] -= 2 * LEVELS * law["level_bytes"]
    return [
        seen.row("cpu", "CPU of a change of a book", "levels of a book", "us"),
        seen.row("memory", "memory of a book, of 100", "levels of a book", "kB", "what the first book imports, too"),
    ]


def rows(law: LawFigures) -> list[Row]:
    """Memory of a frame of trades."""
    points, told = [], []
    with ExitStack() as stack:
        each = alone(stack, 100)
        each.tell("open", kind="trades", symbols=100)
        for number in range(0, 5 * COUNT, COUNT):
            memory = each.tell("memory")
            points.append((float(number), memory["bytes"] / 1e6))
            told.append((float(number), memory["told"] / 1e6))
            flooded(each, "trades", 100)
    found = line(points)
    law["row_bytes"] = found.slope * 1e6
    remark = f"{found.slope * 1e6:.0f} B a trade; frame.memory tells {line(told).slope * 1e6:.0f}"
    return [Row("memory of a process", "rows of trades", points, "MB", found, remark)]


def pace(rounds: int, law: LawFigures) -> list[Row]:
    """What a read of a socket costs, a book that it touches, and a change: floods of few and of many to a write."""
    seen, tick, writes, sizes = Rounds(), 0.004, 150, (1, 4, 16, 64, 256)
    grid = [(size, active) for size in sizes for active in SYMBOLS]
    with ExitStack() as stack:
        each = alone(stack, max(SYMBOLS), topics=ONE)
        each.tell("open", kind="level2", symbols=max(SYMBOLS))
        flooded(each, "level2", max(SYMBOLS))
        for _ in range(rounds):
            for size, active in grid:
                flood = {"kind": "level2", "count": writes * size, "active": active, "each": size, "tick": tick}
                seen.note(f"{active:,}", size, each.tell("flood", **flood)["cpu"] / writes * 1e6)
    wanted = [seen.median(f"{active:,}", size) for size, active in grid]
    costs, r2 = split([(1.0, touched(size, active), float(size)) for size, active in grid], wanted)
    law["read"], law["book"], law["change"] = costs
    remark = "{:.0f} us a read + {:.1f} a book touched + {:.1f} a change, R2 {:.3f}".format(*costs, r2)
    remarks = {max(SYMBOLS): remark}
    return [
        seen.row(f"{active:,}", f"CPU of a write, {active:,} speak", "changes a write", "us", remarks.get(active, ""))
        for active in SYMBOLS
    ]


def split(rows: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """Return the cost of each column where relative errors count, and R2 of the values."""
    weighted = [tuple(x / value for x in row) for row, value in zip(rows, values, strict=True)]
    costs, _ = plane(weighted, [1.0] * len(values))
    told = [sum(cost * x for cost, x in zip(costs, row, strict=True)) for row in rows]
    left = sum((one - other) ** 2 for one, other in zip(told, values, strict=True))
    return costs, 1 - left / (statistics.pvariance(values) * len(values))


def connections(rounds: int) -> list[Row]:
    """The same hundred books over more and more connections."""
    seen, books, rate = Rounds(), 100, 5000
    flood = {"kind": "level2", "count": rate, "active": books, "each": 20, "tick": 20 / rate}
    with ExitStack() as stack:
        clients = {-(-books // topics): alone(stack, books, topics=topics) for topics in (100, 25, 10, 4)}
        for number, each in clients.items():
            opened = each.tell("open", kind="level2", symbols=books)
            assert opened["connections"] == number
            seen.note("memory", number, opened["bytes"] / 1e6)
            flooded(each, "level2", books)
        for _ in range(rounds):
            for number, each in clients.items():
                seen.note("fast", number, flooded(each, "level2", books)["us"])
            for number, each in clients.items():
                seen.note("slow", number, each.tell("flood", **flood)["cpu"] / rate * 1e6)
            for number, each in clients.items():
                seen.note("idle", number, each.tell("idle", seconds=1.0)["cpu"] * 1e3)
    return [
        seen.row("fast", "CPU of a change of 100 books", "connections", "us"),
        seen.row("slow", f"the same, {rate:,} changes a second", "connections", "us"),
        seen.row("idle", "CPU while all are silent", "connections", "ms/s"),
        seen.row("memory", "memory of 100 books", "connections", "MB"),
    ]


def widgets(rounds: int) -> list[Row]:
    """Ladders in view, each of a book that changes 100 times a second."""
    seen, counts, seconds = Rounds(), (0, 1, 4, 16, 64), 1.5
    most = max(counts)
    flood = {"kind": "level2", "count": int(100 * seconds) * most, "active": most, "each": most, "tick": 0.01}
    with ExitStack() as stack:
        each = alone(stack, most)
        each.tell("open", kind="level2", symbols=most)
        each.tell("draw", widgets=most)
        for _ in range(rounds):
            for number in counts:
                each.tell("draw", widgets=number)
                before = each.tell("pictures")["pictures"]
                seen.note("cpu", number, each.tell("flood", **flood)["cpu"] / seconds * 1e3)
                seen.note("drawn", number, (each.tell("pictures")["pictures"] - before) / seconds)
    drawn = seen.line("drawn").slope
    remark = f"{seen.line('cpu').slope / drawn * 1e3:,.0f} us a picture"
    return [
        seen.row("cpu", "CPU of ladders", "ladders in view", "ms/s", remark),
        seen.row("drawn", "pictures drawn", "ladders in view", "/s"),
    ]


def notebooks(rounds: int) -> list[Row]:
    """Clients of one exchange, ten books and 1,000 changes a second each."""
    seen, seconds = Rounds(), 2.0
    for number in (1, 2, 4, 8):
        with ExitStack() as stack:
            _notebooks(seen, stack, number, rounds, seconds)
    return [
        seen.row("client", "CPU of a change, each client", "notebooks, 10 books each", "us"),
        seen.row("server", "CPU of the built-in exchange", "notebooks", "ms/s"),
        seen.row("memory", "memory of all clients", "notebooks", "MB"),
    ]


def _notebooks(seen: Rounds, stack: ExitStack, number: int, rounds: int, seconds: float) -> None:
    count = int(1000 * seconds)
    heard = {"kind": "level2", "count": count, "active": 10}
    url = stack.enter_context(exchange(10))
    first, *others = clients = [stack.enter_context(client(url)) for _ in range(number)]
    crew = stack.enter_context(ThreadPoolExecutor(number))
    list(crew.map(lambda each: each.tell("open", kind="level2", symbols=10), clients))
    for _ in range(rounds):
        before = ask(url, "/growth/cpu")
        listening = [crew.submit(each.tell, "listen", seconds=seconds, **heard) for each in others]
        time.sleep(0.2)  # until all listen
        took = [first.tell("flood", each=4, tick=0.004, **heard), *(each.result() for each in listening)]
        seen.note("client", number, statistics.fmean(each["cpu"] for each in took) / count * 1e6)
        seen.note("server", number, (ask(url, "/growth/cpu") - before) * 1e3 / seconds)
    seen.note("memory", number, sum(each.tell("memory")["bytes"] for each in clients) / 1e6)


def start(kind: str, name: str) -> list[Row]:
    """Seconds from the first call to the last symbol, by KuCoin's limits on commands."""
    points = []
    for number in SYMBOLS:
        with ExitStack() as stack:
            opened = alone(stack, number, topics=0).tell("open", kind=kind, symbols=number)
            points.append((float(number), opened["wall"]))
    found: Line = line(points)
    return [Row(name, "symbols", points, "s", found, f"{found.slope * 1e3:.2f} ms a symbol")]
