import asyncio
import json
from decimal import Decimal
from itertools import pairwise

import pytest
from sim_clients import FuturesBook, ask, classic, data, levels, rest, until

from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.futures.topics import check_futures_topic
from kucoin_stream.simulator.market import Refusal

T0 = 1_795_305_600_000_000_000  # ns; a settlement of funding: 0, 8 or 16 h UTC
MS = 1_000_000
S, INT, N = str, int, (int, float)
CONTRACTS = ["XBTUSDTM", "ETHUSDTM", "XBTUSDM"]
PRICES = {"bestBidSize": INT, "bestBidPrice": S, "bestAskPrice": S, "bestAskSize": INT}
TRADE = {"symbol": S, "sequence": INT, "side": S, "size": INT, "price": S, "tradeId": S, "ts": INT}
DEPTH = {"sequence": INT, "asks": [[S, INT]], "bids": [[S, INT]], "timestamp": INT, "ts": INT}
GRID = {"granularity": INT, "timestamp": INT}

# Path and subject of what is pushed, with the types of protocol.md 4.20 to 4.28.
FRAMES = {
    ("/contractMarket/tickerV2", "tickerV2"): {"symbol": S, "sequence": INT, **PRICES, "ts": INT},
    ("/contractMarket/ticker", "ticker"): {**TRADE, **PRICES},
    ("/contractMarket/level2", "level2"): {"sequence": INT, "change": S, "timestamp": INT},
    ("/contractMarket/level2Depth5", "level2"): DEPTH,
    ("/contractMarket/level2Depth50", "level2"): DEPTH,
    ("/contractMarket/limitCandle", "candle.stick"): {"symbol": S, "candles": [S], "time": INT},
    ("/contractMarket/execution", "match"): {**TRADE, "takerOrderId": S, "makerOrderId": S},
    ("/contract/instrument", "mark.index.price"): {"markPrice": N, "indexPrice": N} | GRID,
    ("/contract/instrument", "funding.rate"): {"fundingRate": N} | GRID,
    ("/contract/announcement", "funding.begin"): {"symbol": S, "fundingTime": INT, "fundingRate": N, "timestamp": INT},
    ("/contract/announcement", "funding.end"): {"symbol": S, "fundingTime": INT, "fundingRate": N, "timestamp": INT},
    ("/contractMarket/snapshot", "snapshot.24h"): dict.fromkeys(
        ("highPrice", "lastPrice", "lowPrice", "price24HoursBefore", "priceChg", "priceChgPct", "turnover", "volume",
         "fundingRate"), N,
    ) | {"symbol": S, "ts": INT},
}  # fmt: skip


def fits(value, kind):
    """Whether a JSON value has the types said; a list of one kind stands for any number, of several for a row."""
    if isinstance(kind, dict):
        return set(value) == set(kind) and all(fits(value[name], kind[name]) for name in kind)
    if isinstance(kind, list):
        row = kind * len(value) if len(kind) == 1 else kind
        return isinstance(value, list) and len(value) == len(row) and all(map(fits, value, row))
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def topics_of(symbol):
    paths = {path for path, _ in FRAMES} - {"/contractMarket/limitCandle", "/contract/announcement"}
    return {f"{path}:{symbol}" for path in paths} | {f"/contractMarket/limitCandle:{symbol}_1min"}


def started(symbols=("BTC-USDT", "ETH-USDT"), begin=T0, **options):
    market = GeneratedMarket(symbols, **options)
    market.start(begin)
    return market


def run(market, seconds, wanted, step_ms=20, begin=T0):
    wanted = frozenset(wanted)
    frames = []
    for now in range(begin, begin + int(seconds * 1000) * MS + 1, step_ms * MS):
        frames += [json.loads(push.text) for push in market.advance(now, wanted)]
    return frames


def of(frames, path, subject=None):
    return [
        frame["data"]
        for frame in frames
        if frame["topic"].partition(":")[0] == path and subject in (None, frame["subject"])
    ]


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_every_frame_has_the_fields_and_types_of_the_reference(symbol):
    begin = T0 - 2000 * MS
    frames = run(started(begin=begin, rate=3.0), 15, {*topics_of(symbol), "/contract/announcement"}, begin=begin)
    seen = set()
    for frame in frames:
        path, subject = frame["topic"].partition(":")[0], frame["subject"]
        period = {"period": INT} if subject == "funding.rate" and frame["data"]["granularity"] == 60_000 else {}
        assert fits(frame["data"], FRAMES[path, subject] | period), frame
        assert frame["type"] == "message"
        if path.startswith("/contractMarket/level2Depth"):
            assert frame["sn"] == frame["data"]["ts"] == frame["data"]["timestamp"]
            assert frame["sn"] % 100 == 0
        elif path.startswith("/contractMarket/") and path.rpartition("/")[2] not in ("limitCandle", "snapshot"):
            assert frame["sn"] == frame["data"]["sequence"]
        seen.add((path, subject))
    assert seen == set(FRAMES)


def test_the_frames_are_like_the_recorded_ones(payloads):
    begin = T0 - 2000 * MS
    frames = run(started(begin=begin, rate=3.0), 3, topics_of("XBTUSDTM"), begin=begin)
    ours = {(frame["topic"].partition(":")[0], frame["subject"]): frame for frame in frames}
    compared = 0
    for family in ("ticker_v2", "ticker_v1", "level2", "level2_depth5", "level2_depth50", "candles", "execution",
                   "mark_index_price", "funding_rate", "snapshot"):  # fmt: skip
        for example in payloads(f"futures_{family}"):
            mine = ours.get((example["topic"].partition(":")[0], example.get("subject")))
            if mine is None or "XBTUSDTM" not in example["topic"]:
                continue
            for name in example["data"].keys() & mine["data"].keys():
                theirs = example["data"][name]
                kind = N if isinstance(theirs, N) else type(theirs)
                assert isinstance(mine["data"][name], kind), (family, name)
                compared += 1
            assert example["data"].keys() - mine["data"].keys() <= {"makerUserId", "takerUserId", "period"}, family
    assert compared > 50


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_increments_depths_tickers_and_rest_agree_at_equal_sequences(symbol):
    market = started(rate=3.0)
    book = FuturesBook(market.futures.book(symbol, None))
    frames = run(market, 4, topics_of(symbol))
    at = {book.last: (dict(book.asks), dict(book.bids))}
    for change in of(frames, "/contractMarket/level2"):
        book.apply(change)
        at[book.last] = (dict(book.asks), dict(book.bids))
        assert max(book.bids) < min(book.asks)
    for count in (5, 50):
        shown = of(frames, f"/contractMarket/level2Depth{count}")
        assert len(shown) == 40
        for depth in shown:
            asks, bids = at[depth["sequence"]]
            assert levels(depth["asks"]) == dict(sorted(asks.items())[:count])
            assert levels(depth["bids"]) == dict(sorted(bids.items(), reverse=True)[:count])
    for top in of(frames, "/contractMarket/tickerV2"):
        asks, bids = at[top["sequence"]]
        assert (Decimal(top["bestAskPrice"]), top["bestAskSize"]) == min(asks.items())
        assert (Decimal(top["bestBidPrice"]), top["bestBidSize"]) == max(bids.items())
    later = FuturesBook(market.futures.book(symbol, None))
    assert (book.last, book.asks, book.bids) == (later.last, later.asks, later.bids)


def test_index_and_mark_follow_the_spot_middle_and_the_contract_stays_near():
    market = started()
    for second in range(1, 60):
        (price, *_) = of(
            run(market, 1, {"/contract/instrument:XBTUSDTM"}, 100, T0 + second * 1000 * MS),
            "/contract/instrument", "mark.index.price",
        )[-1:]  # fmt: skip
        top = market.level1("BTC-USDT")
        middle = (float(top["bestBid"]) + float(top["bestAsk"])) / 2
        assert abs(price["indexPrice"] / middle - 1) < 2e-4
        assert abs(price["markPrice"] / price["indexPrice"] - 1) < 5e-4
        assert abs(float(market.futures.ticker("XBTUSDTM")["bestBidPrice"]) / middle - 1) < 1e-3


def test_the_story_of_a_contract_does_not_depend_on_who_listens_or_how_often_it_is_asked():
    listened, ignored = started(), started()
    run(listened, 5, topics_of("XBTUSDTM"), step_ms=7)
    for market in (listened, ignored):
        market.advance(T0 + 5_000 * MS, ())
    assert listened.futures.book("XBTUSDTM", None) == ignored.futures.book("XBTUSDTM", None)
    assert listened.futures.trades("XBTUSDM") == ignored.futures.trades("XBTUSDM")
    other = started(seed=1)
    assert other.futures.book("XBTUSDTM", None) != started().futures.book("XBTUSDTM", None)


def test_klines_count_lots_and_their_turnover_is_of_the_multiplier():
    market = started(rate=3.0)
    frames = run(market, 20, topics_of("XBTUSDTM") | {"/contractMarket/execution:XBTUSDM"})
    trades = of(frames, "/contractMarket/execution")
    trades = [trade for trade in trades if trade["symbol"] == "XBTUSDTM"]
    assert all(after["sequence"] > before["sequence"] for before, after in pairwise(trades))
    (bar,) = market.futures.candles("XBTUSDTM", "1min", T0 // MS, T0 // MS + 60_000)
    assert bar[5] == sum(trade["size"] for trade in trades)
    assert bar[6] == pytest.approx(sum(trade["size"] * float(trade["price"]) for trade in trades) * 0.001)
    candles = of(frames, "/contractMarket/limitCandle")[-1]["candles"]
    assert int(candles[0]) == bar[0] // 1000
    assert float(candles[5]) == pytest.approx(int(candles[6]) * 0.001 * bar[4], rel=1e-3)


def test_a_contract_is_listed_where_its_underlying_is():
    assert [row["symbol"] for row in started(["ETH-USDT"]).futures.contracts(T0)] == ["ETHUSDTM"]
    assert started(["KCS-BTC"]).futures.contracts(T0) == []


@pytest.mark.parametrize(
    ("topic", "refusal"),
    [
        ("/contractMarket/level2:XBTUSDTM", None),
        ("/contractMarket/level2:UNKNOWN", None),
        ("/contractMarket/limitCandle:XBTUSDTM_1min", None),
        ("/contract/announcement", None),
        ("/contract/announcement:XBTUSDTM", None),
        (
            "/contractMarket/limitCandle:XBTUSDTM_6hour",
            Refusal(400, "topic /contractMarket/limitCandle:XBTUSDTM_6hour is invalid"),
        ),
        ("/contractMarket/level2", Refusal(400, "topic /contractMarket/level2 is invalid")),
        ("/contractMarket/level3:XBTUSDTM", Refusal(404, "topic does not exist")),
        ("/market/level2:BTC-USDT", Refusal(404, "topic does not exist")),
    ],
)
def test_a_topic_and_why_it_is_not_served(topic, refusal):
    assert check_futures_topic(topic) == refusal


# -- over real sockets ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=3, rate=3.0)) as sim:
        yield sim


def subscribe(topic, request="1", kind="subscribe"):
    return {"id": request, "type": kind, "topic": topic, "response": True}


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_a_book_followed_over_the_wire_equals_a_later_snapshot(sim, symbol):
    async def scenario():
        path = f"/api/v1/level2/snapshot?symbol={symbol}"
        async with classic(sim, sim.futures_url) as websocket:
            topic = f"/contractMarket/level2:{symbol}"
            assert (await ask(websocket, **subscribe(topic)))["type"] == "ack"
            frames = [await until(websocket, lambda frame: frame["type"] == "message")]
            book = FuturesBook(await data(sim, path, base=sim.futures_url))
            frames += [await until(websocket, lambda frame: frame["type"] == "message") for _ in range(10)]
            later = FuturesBook(await data(sim, path, base=sim.futures_url))
            while frames[-1]["data"]["sequence"] < later.last:
                frames.append(await until(websocket, lambda frame: frame["type"] == "message"))
            for frame in frames:
                if frame["data"]["sequence"] <= later.last:
                    book.apply(frame["data"])
            assert (book.asks, book.bids) == (later.asks, later.bids)

    asyncio.run(scenario())


def test_tokens_of_spot_and_futures_are_not_interchangeable(sim):
    import websockets

    async def scenario():
        spot = (await data(sim, "/api/v1/bullet-public", "POST"))["token"]
        futures = await data(sim, "/api/v1/bullet-public", "POST", base=sim.futures_url)
        endpoint = futures["instanceServers"][0]["endpoint"]
        assert endpoint.endswith("/futures/endpoint")
        for url in (f"{endpoint}?token={spot}", f"{endpoint.replace('/futures', '')}?token={futures['token']}"):
            async with websockets.connect(url) as websocket:
                assert json.loads(await websocket.recv()) == {"type": "error", "code": 401, "data": "token is invalid"}

    asyncio.run(scenario())


def test_unknown_contracts_are_acked_and_silent_and_lists_pushed_one_by_one(sim):
    async def scenario():
        async with classic(sim, sim.futures_url) as websocket:
            topic = "/contractMarket/level2Depth5:XBTUSDTM,NOTHING,ETHUSDTM"
            assert await ask(websocket, **subscribe(topic)) == {"id": "1", "type": "ack"}
            seen = {(await until(websocket, lambda frame: frame["type"] == "message"))["topic"] for _ in range(10)}
            assert seen == {"/contractMarket/level2Depth5:XBTUSDTM", "/contractMarket/level2Depth5:ETHUSDTM"}
            assert (await ask(websocket, **subscribe("/market/ticker:BTC-USDT")))["code"] == 404

    asyncio.run(scenario())


def test_the_funding_rate_comes_right_after_subscribing(sim):
    async def scenario():
        async with classic(sim, sim.futures_url) as websocket:
            await ask(websocket, **subscribe("/contract/instrument:XBTUSDTM"))
            frame = await until(websocket, lambda frame: frame.get("subject") == "funding.rate")
            known = await data(sim, "/api/v1/funding-rate/XBTUSDTM/current", base=sim.futures_url)
            assert frame["data"]["fundingRate"] == pytest.approx(known["value"], abs=3e-5)
            await until(websocket, lambda frame: frame.get("subject") == "mark.index.price")

    asyncio.run(scenario())


def test_private_topics_need_a_private_token(sim):
    async def scenario():
        async with classic(sim, sim.futures_url) as public, classic(sim, sim.futures_url, private=True) as private:
            for topic in ("/contractMarket/tradeOrders", "/contract/position:XBTUSDTM", "/contractAccount/wallet"):
                refused = await ask(public, **subscribe(topic))
                assert (refused["code"], refused["data"]) == (403, "login is required")
                assert (await ask(private, **subscribe(topic)))["type"] == "ack"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/timestamp", INT),
        ("/api/v1/status", {"status": S, "msg": S}),
        ("/api/v1/ticker?symbol=XBTUSDM", {**TRADE, **PRICES}),
        ("/api/v1/allTickers", [{**TRADE, **PRICES}]),
        (
            "/api/v1/level2/depth20?symbol=XBTUSDTM",
            {"sequence": INT, "symbol": S, "bids": [[N]], "asks": [[N]], "ts": INT},
        ),
        (
            "/api/v1/level2/depth100?symbol=XBTUSDTM",
            {"sequence": INT, "symbol": S, "bids": [[N]], "asks": [[N]], "ts": INT},
        ),
        (
            "/api/v1/trade/history?symbol=XBTUSDTM",
            [
                {
                    "sequence": INT,
                    "contractId": INT,
                    "tradeId": S,
                    "makerOrderId": S,
                    "takerOrderId": S,
                    "ts": INT,
                    "size": INT,
                    "price": S,
                    "side": S,
                }
            ],
        ),
        ("/api/v1/kline/query?symbol=XBTUSDTM&granularity=15", [[INT, N, N, N, N, INT, N]]),
        ("/api/v1/kline/query?symbol=.KXBTUSDT&granularity=15", [[INT, N, N, N, N, INT, N]]),
        (
            "/api/v1/mark-price/XBTUSDTM/current",
            {"symbol": S, "granularity": INT, "timePoint": INT, "value": N, "indexPrice": N},
        ),
    ],
)
def test_rest_answers_have_the_types_of_the_reference(sim, path, kind):
    answer = asyncio.run(data(sim, path, base=sim.futures_url))
    if isinstance(kind, list):
        assert answer
        assert all(fits(row, kind[0]) for row in answer)
    else:
        assert fits(answer, kind)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/ticker?symbol=NOTHING", 400, "100003"),
        ("/api/v1/ticker", 400, "400100"),
        ("/api/v1/kline/query?symbol=XBTUSDTM&granularity=7", 400, "100001"),
        ("/api/v1/market/allTickers", 404, "404000"),
        ("/api/v1/contracts/NOTHING", 400, "100003"),
    ],
)
def test_a_wrong_call_is_told_so(sim, path, status, code):
    answered, answer = asyncio.run(rest(sim, path, base=sim.futures_url))
    assert (answered, answer["code"]) == (status, code)


def test_klines_take_a_range_in_milliseconds_and_come_oldest_first(sim):
    async def scenario():
        path = "/api/v1/kline/query?symbol=ETHUSDTM&granularity=60"
        every = await data(sim, path, base=sim.futures_url)
        assert len(every) == 500
        assert all(after[0] - before[0] == 3_600_000 for before, after in pairwise(every))
        assert all(low <= min(opened, close) <= max(opened, close) <= high for _, opened, high, low, close, *_ in every)
        some = await data(sim, f"{path}&from={every[5][0]}&to={every[9][0]}", base=sim.futures_url)
        assert some == every[5:10]

    asyncio.run(scenario())


def test_contracts_tell_multiplier_tick_and_whether_they_are_inverse(sim):
    rows = {row["symbol"]: row for row in asyncio.run(data(sim, "/api/v1/contracts/active", base=sim.futures_url))}
    told = {
        name: (row["multiplier"], row["tickSize"], row["isInverse"], row["settleCurrency"])
        for name, row in rows.items()
    }
    assert told == {
        "XBTUSDTM": (0.001, 0.1, False, "USDT"),
        "ETHUSDTM": (0.01, 0.01, False, "USDT"),
        "XBTUSDM": (-1.0, 0.1, True, "XBT"),
    }
    assert 0 < rows["XBTUSDTM"]["nextFundingRateTime"] <= 28_800_000


def test_faults_reach_futures_too(sim):
    async def scenario():
        async with classic(sim, sim.futures_url) as websocket:
            sim.faults.refuse("/contractMarket/execution", 404, "topic does not exist")
            assert (await ask(websocket, **subscribe("/contractMarket/execution:XBTUSDTM")))["code"] == 404
            await ask(websocket, **subscribe("/contractMarket/level2:XBTUSDTM"))
            last = (await until(websocket, lambda frame: frame["type"] == "message"))["sn"]
            sim.faults.gap("XBTUSDTM", 3)
            while True:
                frame = await until(websocket, lambda frame: frame["type"] == "message")
                if frame["sn"] != last + 1:
                    break
                last = frame["sn"]
            assert frame["sn"] == last + 4
            sim.faults.clear()

    asyncio.run(scenario())
