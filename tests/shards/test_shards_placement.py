"""Where symbols are placed: each exactly once, evenly, and nothing moves without a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.shards.placement import OVERSHOOT, SILENT, TOLERANCE, Move, moves


def after(placed: dict[str, str], found: list[Move]) -> dict[str, str]:
    return placed | {move.symbol: move.target for move in found}


def loads(rates: dict[str, float], placed: dict[str, str], workers: list[str]) -> dict[str, float]:
    sums = dict.fromkeys(workers, 0.0)
    for symbol, worker in placed.items():
        sums[worker] += max(rates[symbol], SILENT)
    return sums


def test_four_equal_symbols_are_shared_by_two_workers():
    found = moves(dict.fromkeys("abcd", 1.0), {}, ["one", "two"])
    assert found == [Move("a", "", "one"), Move("c", "", "one"), Move("b", "", "two"), Move("d", "", "two")]


@pytest.mark.parametrize(
    ("rates", "placed", "workers", "expected"),
    [
        ({"a": 1, "b": 1}, {}, [], []),  # nobody is there
        ({"a": 1, "b": 1}, {"a": "one", "b": "two"}, ["one", "two"], []),  # even
        ({"a": 1, "b": 1, "c": 1}, {"a": "one", "b": "one", "c": "two"}, ["one", "two"], []),  # as even as can be
        ({"a": 9, "b": 1}, {"a": "one", "b": "two"}, ["one", "two"], []),  # one symbol cannot be shared
        ({"a": 9, "b": 1}, {"a": "one", "b": "gone"}, ["one", "two"], [Move("b", "", "two")]),  # its worker is gone
        ({"a": 1, "b": 1}, {"a": "one", "b": "one"}, ["one", "two"], [Move("a", "one", "two")]),  # one joined
        ({"a": 50, "b": 40, "c": 3}, {"a": "one", "b": "one", "c": "two"}, ["one", "two"], [Move("b", "one", "two")]),
        ({"a": 10, "b": 11}, {"a": "one", "b": "two"}, ["one", "two"], []),  # within tolerance
    ],
)
def test_what_moves(rates, placed, workers, expected):
    assert moves(rates, placed, workers) == expected


def test_a_worker_that_joins_gets_its_share_and_only_that_many_move():
    rates = {f"s{number}": 1.0 for number in range(200)}
    placed = {symbol: ("one", "two")[number % 2] for number, symbol in enumerate(rates)}
    found = moves(rates, placed, ["one", "two", "three"])
    assert {move.target for move in found} == {"three"}
    assert 50 <= len(found) <= 67


symbols = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.floats(0, 1e4), max_size=40)
names = st.lists(st.sampled_from(["one", "two", "three", "four", "five"]), unique=True, max_size=5)


@given(symbols, names, st.data())
def test_every_symbol_is_placed_once_evenly_and_stays(rates, workers, data):
    homes = st.sampled_from(["", "gone", *workers])
    placed = {symbol: data.draw(homes) for symbol in rates}
    found = moves(rates, placed, workers)
    assert len({move.symbol for move in found}) == len(found)
    if not workers:
        assert found == []
        return
    new = after(placed, found)
    assert new.keys() == rates.keys()
    assert set(new.values()) <= set(workers)
    for move in found:  # from where it was, to somewhere else
        assert move.source == (placed[move.symbol] if placed[move.symbol] in workers else "")
        assert move.source != move.target
    assert moves(rates, new, workers) == []  # no reason, no move
    sums = loads(rates, new, workers)
    apart, mean = max(sums.values()) - min(sums.values()), sum(sums.values()) / len(workers)
    largest = max((max(rate, SILENT) for rate in rates.values()), default=0.0)
    assert apart <= max(TOLERANCE * mean, largest / OVERSHOOT) * (1 + 1e-9)


@given(symbols, st.lists(st.sampled_from(["one", "two", "three"]), unique=True, min_size=2))
def test_a_lost_worker_moves_its_own_symbols_unless_that_leaves_others_uneven(rates, workers):
    placed = after({}, moves(rates, {}, workers))
    found = moves(rates, placed, workers[1:])
    orphans = {symbol for symbol, worker in placed.items() if worker == workers[0]}
    assert orphans <= {move.symbol for move in found}
