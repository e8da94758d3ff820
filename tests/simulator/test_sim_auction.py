"""A call auction: what is shown of it, and how the symbol opens."""

import json
from decimal import Decimal

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import decode, pro, spot
from kucoin_stream.simulator.auction import Auction, Estimate
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.listings import LISTINGS
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.topics import check_topic
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.tickets import SpotTicket

T0 = 1_795_307_183_200_000_000  # ns
SECOND = 1_000_000_000
SYMBOL = "KCS-BTC"
BOOK, DATA = f"/callauction/level2Depth50:{SYMBOL}", f"/callauction/callauctionData:{SYMBOL}"
PRO, MATCH = f"callAuctionInfo.SPOT:{SYMBOL}", f"/market/match:{SYMBOL}"


@pytest.fixture
def market():
    market = GeneratedMarket([SYMBOL], seed=4, rate=20.0, auctions={SYMBOL: 5.0})
    market.start(T0)
    return market


def run(market, seconds, begin=0):
    said = {topic: [] for topic in (BOOK, DATA, PRO, MATCH)}
    for step in range(begin * 10, (begin + seconds) * 10):
        for topic, text in market.advance(T0 + (step + 1) * SECOND // 10, frozenset(said)):
            said[topic].append(json.loads(text))
    return said


@pytest.mark.parametrize(
    ("asks", "bids", "expected"),
    [
        ([], [], Estimate(0, 0)),
        ([(11, 5)], [(10, 5)], Estimate(0, 0)),
        ([(10, 5)], [(10, 3)], Estimate(10, 3)),
        ([(10, 5), (12, 5)], [(12, 7), (11, 1)], Estimate(12, 7)),
        ([(9, 2), (10, 2)], [(11, 4)], Estimate(10, 4)),
    ],
)
def test_the_price_at_which_most_trades(asks, bids, expected):
    auction = Auction(LISTINGS[0], 0, T0, T0)
    for side, levels in (("asks", asks), ("bids", bids)):
        for price, lots in levels:
            auction.ladder.set(side, price, lots)
    assert auction.estimate() == expected


def test_it_is_shown_every_tenth_of_a_second_and_nothing_trades(market):
    said = run(market, 4)
    assert {topic: len(frames) for topic, frames in said.items()} == {BOOK: 40, DATA: 40, PRO: 40, MATCH: 0}
    last = decode(spot.CallAuction, json.dumps(said[DATA][-1]["data"]).encode())
    shown = decode(pro.CallAuction, json.dumps(said[PRO][-1]["d"]).encode())
    assert float(last.estimated_price) == float(shown.estimated_price)
    book = said[BOOK][-1]["data"]
    assert Decimal(book["bids"][0][0]) > Decimal(book["asks"][0][0])  # they gather across each other
    assert market.trades(SYMBOL) == []


def test_it_ends_with_one_trade_at_its_price_and_the_symbol_opens(market):
    before = run(market, 4)
    price = market.auction(SYMBOL, T0 + 5 * SECOND - 1)
    estimate = price.data(0)
    after = run(market, 6, begin=4)
    first = after[MATCH][0]["data"]
    assert (first["price"], first["size"]) == (estimate["estimatedPrice"], estimate["estimatedSize"])
    assert len(after[MATCH]) > 1
    assert before[MATCH] == []
    assert market.auction(SYMBOL, T0 + 5 * SECOND) is None


def test_accounts_wait_until_it_is_over(market):
    account = Account(market)
    with pytest.raises(RestError, match="call auction"):
        account.spot.place(SpotTicket(symbol=SYMBOL, side="buy", type="market", size="1"), T0)
    run(market, 6)
    assert account.spot.place(SpotTicket(symbol=SYMBOL, side="buy", type="market", size="1"), T0 + 6 * SECOND).filled


def test_the_symbol_says_when_it_opens(market):
    (row,) = market.symbols()
    assert row["callauctionIsEnabled"]
    assert row["tradingStartTime"] == (T0 + 5 * SECOND) // 1_000_000


def test_its_topics_can_be_subscribed(market):
    assert [check_topic(topic, market) for topic in (BOOK, DATA)] == [None, None]


def test_an_auction_of_an_unknown_symbol_is_refused():
    with pytest.raises(UsageError, match="NO-SUCH"):
        GeneratedMarket(auctions={"NO-SUCH": 5.0})
