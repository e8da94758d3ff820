"""The way of every row of the catalogue to the wire and back. Its index is compared in tests/frames/test_schema.py."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.topics import CATALOGUE, INTERVALS
from tests.protocol.payloads import SHARED

ARGUMENTS = {"{symbol}": "BTC-USDT", "{symbol}_{interval}": "BTC-USDT_1min", "{market}": "USDS", "": ""} | {
    "{account}": "UNIFIED", "{account}/{symbol}": "UNIFIED/BTC-USDT"
}  # fmt: skip


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_row_goes_to_the_wire_and_back(row):
    argument = ARGUMENTS[row.argument]
    assert topics.parse(row.wire(argument), *row.subjects[:1]) == (row, argument)


@pytest.mark.parametrize(
    ("wire", "name", "argument"),
    [
        ("/market/ticker:all", "spot.all_tickers", ""),
        ("/market/ticker:ALL-USDT", "spot.ticker", "ALL-USDT"),
        ("/market/snapshot:KCS-BTC", "spot.snapshot", "KCS-BTC"),
        ("/market/snapshot:BTC", "spot.market_snapshot", "BTC"),
        ("/market/snapshot:Layer 1", "spot.market_snapshot", "Layer 1"),
        ("/market/snapshot:VR&AR", "spot.market_snapshot", "VR&AR"),
        ("/market/candles:BCHSV-USDT_12hour", "spot.klines", "BCHSV-USDT_12hour"),
        ("/spotMarket/level2Depth5:BTC-USDT", "spot.depth5", "BTC-USDT"),
        ("/callauction/level2Depth50:BTC-USDT", "spot.call_auction_book", "BTC-USDT"),
    ],
)
def test_pushed_topic_is_recognised(wire, name, argument):
    row, found = topics.parse(wire)
    assert (row.name, found) == (name, argument)


def test_a_market_with_a_dash_is_decoded_alike():
    row, argument = topics.parse("/market/snapshot:BRC-20")  # told from a symbol by nothing but a list of markets
    assert (row.payload, argument) == (topics.find("spot.market_snapshot").payload, "BRC-20")


@pytest.mark.parametrize("wire", ["", ":", "/market", "/market/tickers:A", "/market/level3:A", "market/ticker:A"])
def test_unknown_topic(wire):
    with pytest.raises(KeyError):
        topics.parse(wire)


@given(st.text(max_size=30))
def test_any_text_is_a_topic_or_a_key_error(text):
    try:
        row, _ = topics.parse(text)
    except KeyError:
        return
    assert text.startswith(row.stem)


@given(st.lists(st.from_regex(r"[A-Z0-9]{2,6}-[A-Z]{3,4}", fullmatch=True), min_size=1, max_size=5))
def test_a_list_on_the_wire_is_joined_by_commas(symbols):
    row = topics.find("spot.ticker")
    assert topics.parse(row.wire(",".join(symbols))) == (row, ",".join(symbols))


def test_unknown_name_lists_what_there_is():
    with pytest.raises(UsageError, match=r"no such topic 'spot.trade'; there are: spot.ticker, .*spot.trades"):
        topics.find("spot.trade")


def test_intervals_are_those_of_the_protocol():
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    text = file.read_text(encoding="utf-8").split("### 4.8 Candles")[1]
    assert list(INTERVALS) == re.search(r"`type`: `([^`]+)`", text)[1].split()


UNITS = {"min": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 30 * 86400}


@pytest.mark.parametrize(("interval", "seconds"), INTERVALS.items())
def test_interval_in_seconds(interval, seconds):
    count, unit = re.fullmatch(r"(\d+)([a-z]+)", interval).groups()
    assert seconds == int(count) * UNITS[unit]
