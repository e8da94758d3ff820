"""Which symbol is kept by which worker: few moves, even load. Pure.

A symbol costs its messages a second. Those that no worker keeps go first, the costliest to the worker with least to
do. Then, as long as the busiest and the idlest worker are further apart than :data:`TOLERANCE` of the mean, a symbol
of the busiest goes to the idlest: the one whose cost is nearest to half their difference, and never so much that the
idlest would then be about as far ahead. What is even enough stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

TOLERANCE = 0.25
"""By how much of the mean load the busiest worker may be ahead of the idlest."""

OVERSHOOT = 0.75
"""What a move may take at most of the difference of two workers: it leaves at most half of it, the other way round."""

SILENT = 0.1
"""Messages a second that a symbol counts as at least: its place on a connection costs something too."""


class Move(Struct, frozen=True):
    """A symbol gets another worker; ``source`` is empty where none keeps it."""

    symbol: str
    source: str
    target: str


def moves(rates: Mapping[str, float], placed: Mapping[str, str], workers: Sequence[str]) -> list[Move]:
    """Return what must move: of each symbol at most one move.

    ``rates``: messages a second of every symbol; ``placed``: who keeps it now, perhaps one that is no more among the
    ``workers``. Without workers nothing moves.
    """
    if not workers:
        return []
    costs = {symbol: max(rate, SILENT) for symbol, rate in rates.items()}
    homes: dict[str, dict[str, float]] = {worker: {} for worker in workers}
    homeless = []
    for symbol in costs:
        if (home := homes.get(placed.get(symbol, ""))) is not None:
            home[symbol] = costs[symbol]
        else:
            homeless.append(symbol)
    _house(homeless, costs, homes)
    _level(homes)
    return [
        Move(symbol, source, worker)
        for worker, home in homes.items()
        for symbol in home
        if (source := _source(placed, homes, symbol)) != worker
    ]


def _house(homeless: list[str], costs: Mapping[str, float], homes: dict[str, dict[str, float]]) -> None:
    loads = {worker: sum(home.values()) for worker, home in homes.items()}
    for symbol in sorted(homeless, key=lambda each: (-costs[each], each)):
        worker = min(homes, key=lambda each: (loads[each], len(homes[each])))
        homes[worker][symbol] = costs[symbol]
        loads[worker] += costs[symbol]


def _level(homes: dict[str, dict[str, float]]) -> None:
    """Let symbols of the busiest go to the idlest. It ends: each move makes the sum of the squared loads smaller."""
    loads = {worker: sum(home.values()) for worker, home in homes.items()}
    allowed = TOLERANCE * sum(loads.values()) / len(homes)
    while True:
        busiest, idlest = max(loads, key=loads.__getitem__), min(loads, key=loads.__getitem__)
        apart = loads[busiest] - loads[idlest]
        fitting = [each for each, cost in homes[busiest].items() if cost <= OVERSHOOT * apart]
        if apart <= allowed or not fitting:
            return
        symbol = min(fitting, key=lambda each: (abs(apart / 2 - homes[busiest][each]), each))
        homes[idlest][symbol] = homes[busiest].pop(symbol)
        for worker in (busiest, idlest):
            loads[worker] = sum(homes[worker].values())


def _source(placed: Mapping[str, str], homes: Mapping[str, object], symbol: str) -> str:
    source = placed.get(symbol, "")
    return source if source in homes else ""
