import json
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.envelope import Envelope
from kucoin_stream.protocol.topics import parse
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.listings import LISTINGS

T0 = 1_795_305_600_000_000_000  # ns, the beginning of an hour
MS = 1_000_000
SYMBOLS = [listing.symbol for listing in LISTINGS]
PATHS = (
    "/market/ticker",
    "/market/level2",
    "/market/match",
    "/spotMarket/level1",
    "/spotMarket/level2Depth5",
    "/spotMarket/level2Depth50",
    "/market/snapshot",
    "/indicator/markPrice",
)


def topics_of(symbol, *more):
    return {f"{path}:{symbol}" for path in PATHS} | {f"/market/candles:{symbol}_1min", *more}


def run(market, seconds, wanted, step_ms=10, begin=T0):
    """Advance in steps and return the decoded pushes."""
    pushes = []
    for now in range(begin, begin + int(seconds * 1000) * MS + 1, step_ms * MS):
        pushes += [json.loads(push.text) | {"_to": push.topic} for push in market.advance(now, wanted)]
    return pushes


def of(pushes, path):
    return [push["data"] for push in pushes if push["topic"].startswith(path + ":")]


class PlainBook:
    """The algorithm of protocol.md 5.2, as plainly as can be."""

    def __init__(self, snapshot):
        self.last = int(snapshot["sequence"])
        self.asks = {Decimal(price): Decimal(size) for price, size in snapshot["asks"]}
        self.bids = {Decimal(price): Decimal(size) for price, size in snapshot["bids"]}

    def apply(self, data):
        assert data["sequenceStart"] <= self.last + 1
        for side, levels in (("asks", self.asks), ("bids", self.bids)):
            for price, size, sequence in data["changes"][side]:
                if int(sequence) <= self.last or Decimal(price) == 0:
                    continue
                levels[Decimal(price)] = Decimal(size)
                if Decimal(size) == 0:
                    del levels[Decimal(price)]
        self.last = max(self.last, data["sequenceEnd"])

    def top(self):
        ask, bid = min(self.asks), max(self.bids)
        return ask, self.asks[ask], bid, self.bids[bid]


def started(symbol, seed=0, **options):
    market = GeneratedMarket([symbol], seed=seed, **options)
    market.start(T0)
    return market


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), symbol=st.sampled_from(SYMBOLS), merge=st.sampled_from([1, 1, 4]))
def test_increments_on_a_snapshot_make_every_later_snapshot(seed, symbol, merge):
    market = started(symbol, seed, rate=3.0, merge=merge)
    topics = {f"/market/level2:{symbol}"}
    book = PlainBook(market.book(symbol, None))
    for second in range(1, 6):
        for data in of(run(market, 0.5, topics, begin=T0 + second * 500 * MS), "/market/level2"):
            book.apply(data)
        assert max(book.bids) < min(book.asks)
        if merge == 1:  # else the market may be ahead of what it has pushed
            later = PlainBook(market.book(symbol, None))
            assert (book.last, book.asks, book.bids) == (later.last, later.asks, later.bids)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), symbol=st.sampled_from(SYMBOLS))
def test_tickers_equal_the_book_at_their_sequence_and_it_never_crosses(seed, symbol):
    market = started(symbol, seed, rate=3.0)
    book = PlainBook(market.book(symbol, None))
    tops = {book.last: book.top()}
    pushes = run(market, 5, topics_of(symbol))
    for data in of(pushes, "/market/level2"):
        book.apply(data)
        tops[book.last] = book.top()
        assert max(book.bids) < min(book.asks)
    tickers = of(pushes, "/market/ticker")
    assert tickers
    for data in tickers:
        shown = tuple(Decimal(data[name]) for name in ("bestAsk", "bestAskSize", "bestBid", "bestBidSize"))
        assert shown == tops[int(data["sequence"])]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), merge=st.sampled_from([1, 3]))
def test_sequences_have_no_hole(seed, merge):
    market = started("BTC-USDT", seed, merge=merge)
    messages = of(run(market, 3, topics_of("BTC-USDT")), "/market/level2")
    assert all(after["sequenceStart"] == before["sequenceEnd"] + 1 for before, after in pairwise(messages))
    sizes = {data["sequenceEnd"] - data["sequenceStart"] + 1 for data in messages}
    assert sizes == {1} if merge == 1 else max(sizes) == merge


def test_about_a_third_of_the_sequence_is_filler():
    market = started("BTC-USDT", rate=4.0)
    changes = [
        change
        for data in of(run(market, 60, {"/market/level2:BTC-USDT"}, step_ms=100), "/market/level2")
        for side in ("asks", "bids")
        for change in data["changes"][side]
    ]
    fillers = [change for change in changes if change[0] == "0"]
    assert all(size == "0" for _, size, _ in fillers)
    assert 0.32 < len(fillers) / len(changes) < 0.38


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), symbol=st.sampled_from(SYMBOLS))
def test_klines_equal_the_trades(seed, symbol):
    market = started(symbol, seed, rate=2.0)
    market.advance(T0, topics_of(symbol))
    pushes = run(market, 125, topics_of(symbol), step_ms=500, begin=T0 + 60_000 * MS)
    trades = [data for data in of(pushes, "/market/match") if int(data["time"]) // 10**9 >= T0 // 10**9 + 120]
    bars = {int(row[0]): row for row in market.candles(symbol, "1min", 0, 1 << 40)}
    for minute in {int(trade["time"]) // 10**9 // 60 * 60 for trade in trades}:
        inside = [trade for trade in trades if int(trade["time"]) // 10**9 // 60 * 60 == minute]
        prices = [Decimal(trade["price"]) for trade in inside]
        volume = sum(Decimal(trade["size"]) for trade in inside)
        turnover = sum(Decimal(trade["price"]) * Decimal(trade["size"]) for trade in inside)
        expected = [prices[0], prices[-1], max(prices), min(prices), volume, turnover]
        assert [Decimal(value) for value in bars[minute][1:]] == expected
    pushed = {int(data["candles"][0]): data["candles"] for data in of(pushes, "/market/candles")}
    for start, row in list(pushed.items())[:-1]:
        assert bars[start] == row


def test_a_kline_is_added_once_and_then_updated():
    market = started("BTC-USDT")
    topic = "/market/candles:BTC-USDT_1min"
    pushes = [push for push in run(market, 200, {topic}, step_ms=100) if push["topic"] == topic]
    verbs = [(int(push["data"]["candles"][0]), push["subject"].removeprefix("trade.candles.")) for push in pushes]
    adds = [start for start, verb in verbs if verb == "add"]
    assert adds == [T0 // 10**9 + 60 * n for n in range(len(adds))]
    assert len(adds) in (3, 4)
    assert [start for start, _ in verbs] == sorted(start for start, _ in verbs)
    assert all(push["data"]["time"] % 10**9 == 800 * MS for push in pushes)


def test_skipped_minutes_are_added_flat_before_the_next_trade():
    market = started("KCS-BTC", rate=0.05)
    topic = "/market/candles:KCS-BTC_1min"
    pushes = run(market, 3600, {topic}, step_ms=5000)
    rows = [push["data"]["candles"] for push in pushes]
    flat = [row for row in rows if row[5] == "0"]
    assert flat
    assert all(row[1] == row[2] == row[3] == row[4] and row[6] == "0" for row in flat)
    starts = [int(row[0]) for row in rows]
    assert starts == sorted(starts)
    assert all(after - before in (0, 60) for before, after in pairwise(starts))


def test_the_same_seed_tells_the_same_story():
    def story(seed):
        market = started("ETH-USDT", seed)
        return [push["data"] for push in run(market, 3, topics_of("ETH-USDT"))]

    assert story(5) == story(5)
    assert story(5) != story(6)


def test_the_story_does_not_depend_on_who_listens_or_how_often_it_is_asked():
    listened, ignored = started("ETH-USDT"), started("ETH-USDT")
    run(listened, 5, topics_of("ETH-USDT"), step_ms=7)
    ignored.advance(T0 + 5_000 * MS, ())
    listened.advance(T0 + 5_000 * MS, ())
    assert listened.book("ETH-USDT", None) == ignored.book("ETH-USDT", None)
    assert listened.trades("ETH-USDT") == ignored.trades("ETH-USDT")


def test_nothing_unwanted_is_pushed():
    market = started("BTC-USDT")
    assert {push["_to"] for push in run(market, 2, {"/market/match:BTC-USDT"})} == {"/market/match:BTC-USDT"}


@pytest.mark.parametrize("symbol", ["BTC-USDT", "SHIB-USDT", "KCS-BTC"])
def test_every_push_is_what_the_catalogue_says(symbol):
    market = started(symbol, rate=30.0)
    wanted = topics_of(symbol, "/market/ticker:all", "/market/snapshot:USDS", f"/market/candles:{symbol}_1week")
    seen = set()
    for now in range(T0, T0 + 5_000 * MS, 100 * MS):
        for push in market.advance(now, wanted):
            envelope = decode(Envelope, push.text.encode())
            assert (envelope.type, envelope.topic) == ("message", push.topic)
            row, _ = parse(push.topic)
            assert envelope.subject in (row.subjects or (symbol,))
            decode(row.payload, envelope.data)
            seen.add(push.topic)
    assert seen == wanted - (set() if symbol.endswith("USDT") else {"/market/snapshot:USDS"})


def test_all_tickers_carry_the_symbol_as_subject():
    market = GeneratedMarket(["BTC-USDT", "ETH-USDT"])
    market.start(T0)
    pushes = run(market, 2, {"/market/ticker:all"})
    assert {push["subject"] for push in pushes} == {"BTC-USDT", "ETH-USDT"}
    assert {push["topic"] for push in pushes} == {"/market/ticker:all"}


def test_a_market_snapshot_is_one_message_a_symbol():
    market = GeneratedMarket(["BTC-USDT", "ETH-BTC", "DOGE-USDT"])
    market.start(T0)
    assert set(market.markets()) >= {"USDS", "BTC", "Meme"}
    pushes = run(market, 4.1, {"/market/snapshot:USDS"})
    assert {push["data"]["data"]["symbol"] for push in pushes} == {"BTC-USDT", "DOGE-USDT"}


def test_tickers_come_at_most_every_100_ms_and_only_with_news():
    market = started("KCS-BTC")
    tickers = of(run(market, 60, topics_of("KCS-BTC"), step_ms=100), "/market/ticker")
    assert all(after["time"] - before["time"] >= 100 for before, after in pairwise(tickers))
    assert all(int(after["sequence"]) > int(before["sequence"]) for before, after in pairwise(tickers))


def test_depths_and_level1_are_cut_from_the_book():
    market = started("BTC-USDT")
    pushes = run(market, 2, topics_of("BTC-USDT"))
    book = market.book("BTC-USDT", None)
    fifty, five, top = (of(pushes, f"/spotMarket/{name}")[-1] for name in ("level2Depth50", "level2Depth5", "level1"))
    assert (len(fifty["asks"]), len(five["asks"])) == (50, 5)
    again = started("BTC-USDT")
    run(again, 1.9, ())
    assert market.book("BTC-USDT", 20)["bids"] == book["bids"][:20]
    assert market.book("BTC-USDT", 100)["asks"] == book["asks"][:100]
    assert top["asks"] == book["asks"][0]
    assert top["bids"] == book["bids"][0]


def test_book_sizes_are_thick_usual_and_thin():
    market = GeneratedMarket()
    market.start(T0)
    sizes = {symbol: len(market.book(symbol, None)["asks"]) for symbol in SYMBOLS}
    assert sizes["BTC-USDT"] > 2000
    assert sizes["ETH-USDT"] > 300
    assert sizes["KCS-BTC"] < 100


def test_prices_and_sizes_are_multiples_of_their_increments():
    market = GeneratedMarket()
    market.start(T0)
    for symbol in market.symbols():
        step, lot = Decimal(symbol["priceIncrement"]), Decimal(symbol["baseIncrement"])
        for price, size in market.book(symbol["symbol"], 50)["bids"]:
            assert Decimal(price) % step == 0
            assert Decimal(size) % lot == 0


def test_the_renamed_symbol_keeps_its_id():
    symbol = next(row for row in GeneratedMarket().symbols() if row["symbol"] == "BCHSV-USDT")
    assert symbol["name"] == "BSV-USDT"


def test_trades_have_their_own_rising_numbers():
    market = started("BTC-USDT")
    trades = of(run(market, 20, topics_of("BTC-USDT"), step_ms=100), "/market/match")
    assert all(trade["tradeId"] == trade["sequence"] for trade in trades)
    assert all(int(after["sequence"]) > int(before["sequence"]) for before, after in pairwise(trades))
    kept = market.trades("BTC-USDT")
    assert len(kept) == 100
    assert [row["sequence"] for row in kept[-5:]] == [trade["sequence"] for trade in trades[-5:]]


def test_a_sleep_is_skipped_and_not_made_up_for():
    market = started("BTC-USDT")
    before = int(market.book("BTC-USDT", 1)["sequence"])
    hour = T0 + 3_600_000 * MS
    market.advance(hour, ())
    market.advance(hour + 1000 * MS, ())
    assert int(market.book("BTC-USDT", 1)["sequence"]) - before < 100
    run(market, 60, topics_of("BTC-USDT"), step_ms=100, begin=hour)
    assert int(market.candles("BTC-USDT", "1min", 0, 1 << 40)[0][0]) >= hour // 10**9


def test_an_unknown_symbol_or_rate_is_refused():
    with pytest.raises(UsageError, match="no FOO-BAR"):
        GeneratedMarket(["FOO-BAR"])
    with pytest.raises(UsageError, match="rate"):
        GeneratedMarket(rate=0)
