"""Classic futures: messages as documented and as other years wrote them, and the catalogue against the index."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.messages.futures import (
    BookChange,
    BookDepth,
    Candle,
    FundingRate,
    KlineUpdate,
    MarkPrice,
    Snapshot,
    Ticker,
    TickerV1,
    Trade,
)
from kucoin_stream.protocol.topics import FUTURES_INTERVALS, INTERVALS, Connection
from tests.protocol.payloads import SHARED
from tests.protocol.test_messages import CLASSIC, receive

# -- the catalogue -----------------------------------------------------------------------------------------------

PLACEHOLDERS = {"s": "symbol", "f": "symbol", "type": "interval", "market": "market"}


def protocol() -> str:
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    return file.read_text(encoding="utf-8")


def index() -> dict[str, tuple[str, set[str], bool]]:
    """Return path -> (section, subjects, whether it is private) of protocol.md 4.0."""
    rows = {}
    for line in protocol().split("### 4.0 Index")[1].split("### 4.1 ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.fullmatch(r"4\.\d+", cells[0]):
            continue
        written = re.findall(r"`([^`]+)`", cells[1])
        stem = re.match(r"(.*?)(Depth5)?:|", written[0])[1] or ""
        for each in written:
            path = re.sub(r"\[?,.*$", "", each.replace("…Depth50", f"{stem}Depth50"))  # {s},… and {s}[,{s}…]
            path = re.sub(r"{(\w+)}", lambda match: f"{{{PLACEHOLDERS[match[1]]}}}", path)
            subjects = {"" if name == "the symbol" else name for name in re.findall(r"`([^`]+)`", cells[2])}
            rows[path] = (cells[0], subjects, cells[3] == "priv")
    return rows


DEPRECATED = {"orderMargin.change", "availableBalance.change", "withdrawHold.change"}  # in 4.32, not in the index


def test_paths_and_subjects_are_those_of_the_index_both_ways():
    ours: dict[str, tuple[str, set[str], bool]] = {}
    for row in CLASSIC:
        _, subjects, _ = ours.setdefault(row.path, (row.section, set(), row.private))
        subjects.update(set(row.subjects) - DEPRECATED)
    theirs = index()
    assert ours.keys() - theirs.keys() == set()
    assert theirs.keys() - ours.keys() == set()
    assert ours == theirs


def test_names_are_unique_and_so_are_path_and_subject():
    assert len({row.name for row in CLASSIC}) == len(CLASSIC)
    told = [(row.path, subject) for row in CLASSIC for subject in row.subjects or ("",)]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_connection_of_a_row(row):
    assert row.private == row.connection.value.endswith("PrivateV1") == row.name.startswith("account.")
    of_futures = row.path.startswith(("/contract/", "/contractMarket/", "/contractAccount/"))
    assert ("futures" in row.connection.value) == of_futures
    assert len({each.connection for each in CLASSIC if each.stem == row.stem and each.private == row.private}) == 1


def test_only_increments_are_incremental():
    assert [row.name for row in CLASSIC if row.incremental] == ["spot.level2", "futures.level2"]


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_what_is_conflated_is_told_apart_by_nothing_but_its_symbol(row):
    if row.overflow == "conflate" and row.argument not in {"", "{market}"} and row.name != "spot.snapshot":
        assert "symbol" in row.payload.__struct_fields__


def test_intervals_of_futures():
    text = protocol().split("### 4.24 Futures candles")[1]
    assert list(FUTURES_INTERVALS) == re.search(r"`type`: `([^`]+)`", text)[1].split()
    assert INTERVALS.items() - FUTURES_INTERVALS.items() == {("6hour", 21600)}


@pytest.mark.parametrize(
    ("name", "intervals"),
    [
        ("spot.klines", INTERVALS),
        ("futures.klines", FUTURES_INTERVALS),
        ("pro_futures.klines", FUTURES_INTERVALS),
        ("pro_spot.klines", INTERVALS),
        ("futures.trades", {}),
        ("spot.trades", {}),
    ],
)
def test_intervals_of_a_row(name, intervals):
    assert topics.intervals(topics.find(name)) == intervals


@pytest.mark.parametrize(
    ("wire", "subject", "name", "argument"),
    [
        ("/contractMarket/ticker:XBTUSDTM", "ticker", "futures.ticker_v1", "XBTUSDTM"),
        ("/contractMarket/ticker:XBTUSDTM", "tickerV2", "futures.ticker_v1", "XBTUSDTM"),  # the path is enough
        ("/contractMarket/ticker:XBTUSDTM", "", "futures.ticker_v1", "XBTUSDTM"),
        ("/contractMarket/limitCandle:XBTUSDTM_1min", "candle.stick", "futures.klines", "XBTUSDTM_1min"),
        ("/contract/instrument:XBTUSDTM", "mark.index.price", "futures.mark_price", "XBTUSDTM"),
        ("/contract/instrument:XBTUSDTM", "funding.rate", "futures.funding_rate", "XBTUSDTM"),
        ("/contract/instrument:XBTUSDTM", None, "futures.mark_price", "XBTUSDTM"),
        ("/contract/announcement", "funding.begin", "futures.funding_settlement", ""),
        ("/contract/announcement:XBTUSDTM", "funding.end", "futures.funding_settlement", "XBTUSDTM"),
        ("/contractMarket/tradeOrders", "orderChange", "account.futures_orders", ""),
        ("/contractMarket/tradeOrders:XBTUSDTM", "symbolOrderChange", "account.futures_symbol_orders", "XBTUSDTM"),
        ("/contract/position:XBTUSDTM", "position.change", "account.futures_position", "XBTUSDTM"),
        ("/contract/positionAll", "position.change", "account.futures_positions", ""),
        ("/contract/positionAll", "position.settlement", "account.futures_positions_settlement", ""),
        ("/contract/position:A", "position.adjustRiskLimit", "account.futures_position_risk_limit", "A"),
        ("/contractAccount/wallet", "withdrawHold.change", "account.futures_withdraw_hold", ""),
        ("/contractAccount/wallet", None, "account.futures_wallet", ""),
        ("/contract/marginMode", "user.config", "account.margin_mode", ""),
        ("/contract/crossLeverage", "user.config", "account.cross_leverage", ""),
        ("/margin/position", "position.status", "account.margin_status", ""),
    ],
)
def test_a_pushed_topic_and_its_subject_are_recognised(wire, subject, name, argument):
    row, found = topics.parse(wire, subject)
    assert (row.name, found) == (name, argument)
    assert row.wire(found) == wire


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_every_subject_of_a_row_leads_to_it(row):
    argument = {"{symbol}": "BTC-USDT", "{symbol}_{interval}": "A-B_1min", "{market}": "USDS", "": ""}[row.argument]
    for subject in row.subjects or ("BTC-USDT",):
        assert topics.parse(row.wire(argument), subject) == (row, argument)


@pytest.mark.parametrize("row", [row for row in CLASSIC if [r.path for r in CLASSIC].count(row.path) > 1])
@pytest.mark.parametrize("subject", ["", "level2", "Position.change"])
def test_an_unknown_subject_of_a_shared_path_is_a_key_error(row, subject):
    with pytest.raises(KeyError):
        topics.parse(row.wire("XBTUSDTM" if row.argument else ""), subject)


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_rows_of_one_path_are_one_command(row):
    twins = [each for each in CLASSIC if each.path == row.path]
    assert len({(each.connection, each.private, each.list_limit, each.section) for each in twins}) == 1


def test_connections_of_the_names():
    kinds = {row.name.partition(".")[0]: set() for row in CLASSIC}
    for row in CLASSIC:
        kinds[row.name.partition(".")[0]].add(row.connection)
    assert kinds == {
        "spot": {Connection.SPOT_PUBLIC},
        "margin": {Connection.SPOT_PUBLIC},
        "futures": {Connection.FUTURES_PUBLIC},
        "account": {Connection.SPOT_PRIVATE, Connection.FUTURES_PRIVATE},
    }


# -- messages ----------------------------------------------------------------------------------------------------

TICKER = {
    "symbol": "XBTUSDTM", "sequence": 1709284589209, "bestBidSize": 713, "bestBidPrice": "88987.4",
    "bestAskPrice": "88987.5", "bestAskSize": 1037, "ts": 1731665526461000000,
}  # fmt: skip
TOP = Ticker("XBTUSDTM", 1709284589209, 88987.4, 713.0, 88987.5, 1037.0, 1731665526461000000)


def of(topic: str, data: Any, subject: str = "") -> Any:
    """Return the payload of a push."""
    return receive(encode({"topic": topic, "type": "message", "subject": subject, "sn": 5, "data": data})).data


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"bestBidPrice": 88987.4, "bestAskPrice": 88987.5}, {}),
        ({"bestBidSize": "713", "bestAskSize": "1037", "sequence": "1709284589209"}, {}),
        ({"ts": "1731665526461000000"}, {}),
        ({"bestBidPrice": None, "bestBidSize": None}, {"best_bid_price": None, "best_bid_size": None}),
        ({"bestAskPrice": ..., "bestAskSize": ...}, {"best_ask_price": None, "best_ask_size": None}),
        ({"sequence": ...}, {"sequence": None}),
        ({"new": [{}]}, {}),
        ({"bestBidPrice": "8.89874E+4"}, {}),
        ({"symbol": ...}, {}),
        ({"bestBidPrice": "nan"}, None),
        ({"bestBidPrice": -1}, None),
        ({"ts": 2**63}, None),
    ],
)
def test_ticker_in_one_year_and_another(change, expected):
    data = {key: value for key, value in (TICKER | change).items() if value is not ...}
    if expected is None:
        with pytest.raises(RemoteProtocolError, match="tickerV2:XBTUSDTM"):
            of("/contractMarket/tickerV2:XBTUSDTM", data)
        return
    wanted = {name: getattr(TOP, name) for name in TOP.__struct_fields__} | expected
    assert of("/contractMarket/tickerV2:XBTUSDTM", data) == Ticker(**wanted)


@pytest.mark.parametrize(
    ("topic", "data", "payload"),
    [
        (
            "/contractMarket/ticker:XBTUSDTM",
            {
                "symbol": "XBTUSDTM", "sequence": 1793133570931, "side": "sell", "size": 1, "price": "90147.7",
                "bestBidSize": 2186, "bestBidPrice": "90147.7", "bestAskPrice": "90147.8", "tradeId": "1793133570931",
                "bestAskSize": 275, "ts": 1731679215637000000,
            },
            TickerV1(
                "XBTUSDTM", 1793133570931, "sell", 90147.7, 1.0, "1793133570931", 90147.7, 2186.0, 90147.8, 275.0,
                1731679215637000000,
            ),
        ),
        (
            "/contractMarket/level2:XBTUSDTM",
            {"sequence": 1747821025244, "change": "83614,buy,12", "timestamp": 1790113097240},
            BookChange(1747821025244, "83614,buy,12", 1790113097240, "XBTUSDTM"),
        ),
        (
            "/contractMarket/level2Depth50:ETHUSDTM",
            {"sequence": 7, "asks": [["2749.69", 44]], "bids": [], "timestamp": 1790114460610, "ts": 1790114460610},
            BookDepth([(2749.69, 44.0)], [], 7, 1790114460610, 1790114460610, "ETHUSDTM"),
        ),
        (
            "/contractMarket/level2Depth5:ETHUSDTM",
            {"asks": None, "bids": [["9988", "56"], [9987.0, 1]], "ts": 1653992298695},
            BookDepth(None, [(9988.0, 56.0), (9987.0, 1.0)], None, None, 1653992298695, "ETHUSDTM"),
        ),
        (
            "/contractMarket/limitCandle:XBTUSDTM_1min",
            {
                "symbol": "XBTUSDTM", "time": 1731898208357,
                "candles": ["1731898200", "90638.6", "90638.7", "90638.9", "90638.5", "1903.4106", "21"],
            },
            KlineUpdate(
                "XBTUSDTM",
                Candle(1731898200, open=90638.6, close=90638.7, high=90638.9, low=90638.5, turnover=1903.4106,
                       volume=21.0),
                1731898208357, "1min",
            ),
        ),
        (
            "/contractMarket/execution:XBTUSDTM",
            {
                "symbol": "XBTUSDTM", "sequence": 1794100537695, "side": "buy", "size": 2, "price": "90503.9",
                "takerOrderId": "247822202957807616", "makerOrderId": "247822167163555840",
                "tradeId": "1794100537695", "ts": 1731898619520000000,
            },
            Trade(
                "XBTUSDTM", "buy", 90503.9, 2.0, 1731898619520000000, "1794100537695", 1794100537695,
                maker_order_id="247822167163555840", taker_order_id="247822202957807616",
            ),
        ),
        (
            "/contractMarket/snapshot:XBTUSDTM",
            {
                "highPrice": 91512.8, "lastPrice": 90326.7, "lowPrice": None, "price24HoursBefore": 89880.4,
                "priceChg": -446.3, "priceChgPct": -0.0049, "symbol": "XBTUSDTM", "ts": 1731900415023929239,
                "turnover": 526928331.0482177734, "volume": 5834.46, "fundingRate": -2.0E-6,
            },
            Snapshot(
                "XBTUSDTM", last_price=90326.7, high_price=91512.8, price_24_hours_before=89880.4, price_chg=-446.3,
                price_chg_pct=-0.0049, volume=5834.46, turnover=526928331.0482177734, funding_rate=-2e-6,
                ts_ns=1731900415023929239,
            ),
        ),
    ],
)  # fmt: skip
def test_message(topic, data, payload):
    assert of(topic, data) == payload


@pytest.mark.parametrize("period", [1, "1", ..., None])
def test_a_funding_rate_says_which_one_it_is(period):
    data = {"period": period, "granularity": 28800000, "fundingRate": "-7.6E-5", "timestamp": 1790114460000}
    data = {key: value for key, value in data.items() if value is not ...}
    expected = FundingRate(-0.000076, 28800000, 1 if period in (1, "1") else None, 1790114460000, "XBTUSDTM")
    assert of("/contract/instrument:XBTUSDTM", data, "funding.rate") == expected


def test_a_contract_without_an_index_price():
    payload = of("/contract/instrument:XBTUSDTM", {"markPrice": 5, "indexPrice": None}, "mark.index.price")
    assert payload == MarkPrice(5.0, symbol="XBTUSDTM")
