import asyncio
import json
import re
from decimal import Decimal
from itertools import pairwise

import pytest
import websockets
from sim_clients import FuturesBook, ObuBook, ask, best, classic, data, ended, levels, pro, receive, rest, until

from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.conversation import Abort, Close, Send, SessionLimits, Subscribed, Unsubscribed
from kucoin_stream.simulator.market import Refusal
from kucoin_stream.simulator.pro.session import ProSession

T0 = 1_795_305_600_000_000_000  # ns; the beginning of an hour
MS = 1_000_000
TIME_US = 1_790_113_111_261_396
S, INT, N, B = str, int, (int, float), bool
MARKETS = [("SPOT", "BTC-USDT"), ("SPOT", "ETH-USDT"), ("FUTURES", "XBTUSDTM"), ("FUTURES", "XBTUSDM")]

LEVELS, FUNDING = [[S]], {"s": S, "fr": S, "ft": INT, "lfr": S, "nt": INT, "gl": INT, "fc": S, "ff": S}
BOOK = {"a": LEVELS, "b": LEVELS, "s": S, "C": INT, "M": INT, "O": INT}
TRADE = {"s": S, "E": INT, "M": INT, "S": S, "p": S, "q": S, "ti": S}
KLINE = dict.fromkeys("socchlvai", S) | {"O": INT, "C": INT, "S": B}

# ``d`` by ``T``, with the types of protocol.md 6.5.
FRAMES = {
    "ticker.SPOT": dict.fromkeys("saAbBlqS", S) | {"E": INT, "M": INT},
    "ticker.FUTURES": dict.fromkeys("saAbBlqS", S) | {"E": INT, "M": INT},
    "trade.SPOT": TRADE,
    "trade.FUTURES": TRADE | {"rpi": B},
    "kline.SPOT": KLINE,
    "kline.FUTURES": KLINE,
    "obu.SPOT": BOOK,
    "obu.FUTURES": BOOK,
    "mark-price": {"s": S, "mp": S, "ip": S, "oi": S, "ts": INT},
    "funding-fee": FUNDING,
    "funding-fee-all-symbols": [FUNDING],
}


def fits(value, kind):
    if isinstance(kind, dict):
        return set(value) == set(kind) and all(fits(value[name], kind[name]) for name in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and all(fits(item, kind[0]) for item in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def topics_of(kind, symbol):
    plain = {f"{channel}.{kind}:{symbol}" for channel in ("ticker", "trade")} | {f"kline.{kind}:{symbol}_1min"}
    books = {f"obu.{kind}:{symbol}_{depth}" for depth in ("1", "5", "50", "increment", "increment@10ms")}
    single = {f"mark-price:{symbol}", f"funding-fee:{symbol}", "funding-fee-all-symbols"}
    return plain | books | (single if kind == "FUTURES" else set())


def started(**options):
    market = GeneratedMarket(["BTC-USDT", "ETH-USDT"], **options)
    market.start(T0)
    return market


def run(market, seconds, wanted, step_ms=20, begin=T0):
    wanted = frozenset(wanted)
    pushes = []
    for now in range(begin, begin + int(seconds * 1000) * MS + 1, step_ms * MS):
        pushes += market.advance(now, wanted)
    return pushes


def of(pushes, topic):
    return [json.loads(push.text) for push in pushes if push.topic == topic]


@pytest.mark.parametrize(("kind", "symbol"), MARKETS)
def test_every_frame_has_the_fields_and_types_of_the_reference(kind, symbol):
    seen = set()
    for push in run(started(rate=3.0), 61.5, topics_of(kind, symbol), 100):
        frame = json.loads(push.text)
        assert fits(frame["d"], FRAMES[frame["T"]]), frame
        assert frame["T"] == push.topic.partition(":")[0]
        assert isinstance(frame["P"], int)
        assert ("dp" in frame) == ("t" in frame) == (frame["T"].startswith("obu"))
        assert re.match(r'\{"T":"[^"]+", "', push.text)  # a space after commas, at the top
        if frame["T"].startswith("obu"):
            assert all(len(level) == 2 for level in frame["d"]["a"] + frame["d"]["b"])
            assert 0 <= frame["P"] - frame["d"]["M"] <= 100 * MS or frame["dp"] in ("5", "50")
        seen.add(push.topic)
    assert seen == topics_of(kind, symbol)


def test_the_frames_are_like_the_recorded_ones(payloads):
    pushes = [push for each in MARKETS[::2] for push in run(started(), 61.5, topics_of(*each), 100)]
    ours = {(frame["T"], frame.get("dp")): frame for frame in (json.loads(push.text) for push in pushes)}
    compared = 0
    for family in ("ticker", "trade", "kline", "orderbook_obu", "mark_price", "funding_fee", "funding_fee_all_symbols"):
        for example in payloads(f"pro_{family}"):
            mine = ours.get((example["T"], example.get("dp")))
            if mine is None:
                continue
            theirs, here = (frame["d"][0] if isinstance(frame["d"], list) else frame["d"] for frame in (example, mine))
            assert theirs.keys() <= here.keys(), family
            for name in theirs:
                assert isinstance(here[name], type(theirs[name])), (family, name)
            assert example.keys() == mine.keys()
            compared += 1
    assert compared >= 10


@pytest.mark.parametrize(("kind", "symbol"), MARKETS)
def test_all_depths_agree_with_the_increments_at_equal_sequences(kind, symbol):
    market = started(rate=5.0)
    seed = market.book(symbol, None) if kind == "SPOT" else market.futures.book(symbol, None)
    book = ObuBook(seed)
    pushes = run(market, 5, topics_of(kind, symbol))
    at = {book.last: (dict(book.asks), dict(book.bids))}
    for frame in of(pushes, f"obu.{kind}:{symbol}_increment"):
        before = book.last
        book.apply(frame["d"])
        assert frame["d"]["O"] == before + 1  # fillers have no frame: the next one's range includes them
        at.update(dict.fromkeys(range(before + 1, book.last), at[before]))
        at[book.last] = (dict(book.asks), dict(book.bids))
        assert max(book.bids) < min(book.asks)
    for count in (1, 5, 50):
        frames = of(pushes, f"obu.{kind}:{symbol}_{count}")
        assert frames
        for frame in frames:
            assert (frame["t"], frame["d"]["O"]) == ("snapshot", frame["d"]["C"])
            asks, bids = at.get(frame["d"]["C"], (book.asks, book.bids))
            assert levels(frame["d"]["a"]) == best(asks, False, count)
            assert levels(frame["d"]["b"]) == best(bids, True, count)
    assert len(of(pushes, f"obu.{kind}:{symbol}_50")) == 50  # every 100 ms, changed or not


@pytest.mark.parametrize(("kind", "symbol"), MARKETS)
def test_ten_ms_deltas_on_their_snapshot_are_the_best_500_levels(kind, symbol):
    market = started(rate=5.0)
    topic = f"obu.{kind}:{symbol}_increment@10ms"
    snapshot = json.loads(market.opening(topic, T0).text)
    assert (snapshot["t"], snapshot["d"]["O"]) == ("snapshot", snapshot["d"]["C"])
    book = ObuBook(snapshot["d"])
    assert len(book.asks) == min(
        500,
        len(market.book(symbol, None)["asks"]) if kind == "SPOT" else len(market.futures.book(symbol, None)["asks"]),
    )
    for second in range(10):
        frames = of(run(market, 0.99, {topic}, 10, T0 + second * 1000 * MS), topic)
        assert len({frame["P"] // (10 * MS) for frame in frames}) == len(frames)  # at most one in 10 ms
        for frame in frames:
            assert frame["t"] == "delta"
            assert frame["d"]["O"] == book.last + 1
            assert list(levels(frame["d"]["a"])) == sorted(levels(frame["d"]["a"]))
            book.apply(frame["d"])
            assert max(len(book.asks), len(book.bids)) <= 500
        later = ObuBook(market.book(symbol, None) if kind == "SPOT" else market.futures.book(symbol, None))
        if frames and frames[-1]["d"]["C"] == later.last:
            assert (book.asks, book.bids) == (best(later.asks, False), best(later.bids, True))


def test_levels_leave_and_enter_the_window():
    market = started(rate=5.0)
    topic = "obu.SPOT:BTC-USDT_increment@10ms"
    book = ObuBook(json.loads(market.opening(topic, T0).text)["d"])
    full = set()
    for frame in of(run(market, 20, {topic}), topic):
        book.apply(frame["d"])
        full.add((len(book.asks), len(book.bids)))
    assert full == {(500, 500)}  # 5000 levels are behind them


def test_tickers_come_with_trades_and_klines_end_once():
    market = started(rate=3.0)
    pushes = run(market, 130, {"ticker.SPOT:BTC-USDT", "trade.SPOT:BTC-USDT", "kline.SPOT:BTC-USDT_1min"}, 500)
    tickers, trades = of(pushes, "ticker.SPOT:BTC-USDT"), of(pushes, "trade.SPOT:BTC-USDT")
    assert [(frame["d"]["l"], frame["d"]["q"], frame["d"]["S"]) for frame in tickers] == [
        (frame["d"]["p"], frame["d"]["q"], frame["d"]["S"].upper()) for frame in trades
    ]
    assert all(after["d"]["E"] > before["d"]["E"] for before, after in pairwise(tickers))
    bars = [frame["d"] for frame in of(pushes, "kline.SPOT:BTC-USDT_1min")]
    assert all(bar["C"] - bar["O"] == 60 for bar in bars)
    ends = [bar["O"] for bar in bars if bar["S"]]
    assert ends == sorted({bar["O"] for bar in bars})[:-1]
    volumes = {bar["O"]: Decimal(bar["v"]) for bar in bars}
    assert volumes[T0 // 10**9] == sum(
        Decimal(frame["d"]["q"]) for frame in trades if frame["d"]["M"] < T0 + 60 * 10**9
    )


def test_a_retail_filter_adds_a_third_element():
    (frame, *_) = of(run(started(), 0.5, {"obu.FUTURES:XBTUSDTM_5_rpi"}), "obu.FUTURES:XBTUSDTM_5_rpi")
    assert all(len(level) == 3 for level in frame["d"]["a"] + frame["d"]["b"])


# -- a session, without sockets ------------------------------------------------------------------------------------


def opened(host="spot", check=lambda topic: None, **limits):
    return ProSession(host, "e8e4", check, now=0.0, limits=SessionLimits(**({"frames": 300, "topics": 600} | limits)))


def plain(outputs):
    return [json.loads(output.text) if isinstance(output, Send) else output for output in outputs]


def request(action="SUBSCRIBE", channel="obu", kind="SPOT", symbol="BTC-USDT", request_id="p1", **others):
    fields = {"id": request_id, "action": action, "channel": channel, "tradeType": kind, "symbol": symbol} | others
    return {name: value for name, value in fields.items() if value is not None}


DONE = {"id": "p1", "result": True}
INVALID = {"id": "p1", "result": False, "message": "invalid request data"}


def reason(text):
    return {"id": "p1", "result": False, "reason": text}


@pytest.mark.parametrize(
    ("host", "frame", "expected"),
    [
        ("spot", request(depth="5"), [Subscribed(("obu.SPOT:BTC-USDT_5",)), DONE]),
        ("spot", request("subscribe", depth="1"), [Subscribed(("obu.SPOT:BTC-USDT_1",)), DONE]),
        ("spot", request(channel="ticker"), [Subscribed(("ticker.SPOT:BTC-USDT",)), DONE]),
        (
            "spot",
            request(channel="ticker", symbol=None, symbols=["BTC-USDT", "ETH-USDT"]),
            [Subscribed(("ticker.SPOT:BTC-USDT", "ticker.SPOT:ETH-USDT")), DONE],
        ),
        ("spot", request(channel="kline", interval="1min"), [Subscribed(("kline.SPOT:BTC-USDT_1min",)), DONE]),
        ("spot", request(channel="callAuctionInfo"), [Subscribed(("callAuctionInfo.SPOT:BTC-USDT",)), DONE]),
        ("spot", request(channel="trade", symbol="NOTHING"), [Subscribed(("trade.SPOT:NOTHING",)), DONE]),
        ("futures", request(channel="mark-price", kind="FUTURES"), [Subscribed(("mark-price:BTC-USDT",)), DONE]),
        (
            "futures",
            request(channel="funding-fee", kind="FUTURES", symbol=None, symbols=["A", "B"]),
            [Subscribed(("funding-fee:A", "funding-fee:B")), DONE],
        ),
        (
            "futures",
            request(channel="funding-fee-all-symbols", kind="FUTURES", symbol=None),
            [Subscribed(("funding-fee-all-symbols",)), DONE],
        ),
        (
            "futures",
            request(kind="FUTURES", depth="5", rpiFilter=1),
            [Subscribed(("obu.FUTURES:BTC-USDT_5_rpi",)), DONE],
        ),
        ("spot", request("UNSUBSCRIBE", depth="5"), [DONE]),
        ("spot", request(depth="20"), [INVALID]),
        ("spot", request(), [INVALID]),
        ("spot", request(channel="nothing"), [INVALID]),
        ("spot", request(channel="orderAll"), [INVALID]),
        ("spot", request(channel="kline", interval="7min"), [INVALID]),
        ("spot", request("DANCE", depth="5"), [INVALID]),
        ("spot", request(kind=None, depth="5"), [INVALID]),
        ("spot", request(depth=5), [INVALID]),
        (
            "futures",
            request(depth="5"),
            [reason('topic Obu type = "public_spot" not allowed in current environment')],
        ),
        (
            "spot",
            request(channel="mark-price", kind="FUTURES"),
            [reason('topic Mark-price type = "public_futures" not allowed in current environment')],
        ),
        ("spot", request(depth="5", symbols=["BTC-USDT"]), [reason("symbols are not supported for topic obu")]),
        ("spot", request(symbol=None, depth="5"), [reason("missing `symbol` for topic: Obu")]),
        (
            "private",
            request(channel="position", kind="UNIFIED", symbol=None),
            [reason("missing `symbol` for topic: Position")],
        ),
        (
            "private",
            request(channel="orderAll", kind="UNIFIED", symbol=None),
            [Subscribed(("orderAll.UNIFIED",)), DONE],
        ),
        (
            "private",
            request(channel="order", kind="SPOT"),
            [Subscribed(("order.SPOT:BTC-USDT",)), DONE],
        ),
        (
            "private",
            request(channel="balance", kind=None, symbol=None, accountType="FUNDING"),
            [Subscribed(("balance.FUNDING",)), DONE],
        ),
        ("private", request(channel="balance", kind="UNIFIED", symbol=None), [INVALID]),
        ("private", request(channel="ticker"), [INVALID]),
        ("spot", {"id": "p1", "type": "ping"}, [{"type": "pong", "id": "p1", "ts": TIME_US * 1000}]),
        (
            "spot",
            {"id": "p1", "op": "ping", "timestamp": 1771580331000},
            [{"type": "pong", "id": "p1", "ts": TIME_US * 1000}],
        ),
    ],
)
def test_a_request_and_its_answer(host, frame, expected):
    assert plain(opened(host).receive(json.dumps(frame), 1.0, TIME_US)) == expected


def test_an_answer_has_a_space_after_commas():
    (_, done) = opened().receive(json.dumps(request(depth="5")), 1.0, TIME_US)
    assert done.text == '{"id":"p1", "result":true}'
    assert opened().welcome().text == '{"sessionId":"e8e4", "message":"welcome", "pingInterval":18000}'


@pytest.mark.parametrize("frame", ["not JSON", "", "[1]", b"\xff", "{" * 3000])
def test_what_is_not_json_is_not_answered(frame):
    session = opened()
    assert session.receive(frame, 1.0, TIME_US) == []
    assert not session.closed


def test_the_same_subscription_twice_is_one_stream():
    session = opened()
    frame = json.dumps(request(depth="5"))
    assert plain(session.receive(frame, 1.0, TIME_US)) == [Subscribed(("obu.SPOT:BTC-USDT_5",)), DONE]
    assert plain(session.receive(frame, 1.0, TIME_US)) == [DONE]
    gone = json.dumps(request("UNSUBSCRIBE", depth="5"))
    assert plain(session.receive(gone, 1.0, TIME_US)) == [Unsubscribed(("obu.SPOT:BTC-USDT_5",)), DONE]


def test_two_pings_within_a_second_end_the_session():
    session = opened()
    ping = json.dumps({"id": "1", "type": "ping"})
    assert len(session.receive(ping, 1.0, TIME_US)) == len(session.receive(ping, 2.0, TIME_US)) == 1
    assert session.receive(ping, 2.9, TIME_US) == [Abort()]
    assert session.closed


def test_more_than_300_frames_in_10_s_end_the_session():
    session = opened()
    frame = json.dumps(request(channel="trade"))
    for n in range(300):
        assert session.receive(frame, n * 0.03, TIME_US)[-1] != Abort()
    assert session.receive(frame, 9.5, TIME_US) == [Abort()]


def test_topics_of_a_connection_are_limited_by_symbol():
    session = opened(topics=2)
    many = json.dumps(request(channel="ticker", symbol=None, symbols=["A", "B", "C"]))
    (answer,) = plain(session.receive(many, 1.0, TIME_US))
    assert answer == reason("exceed max subscription count limitation of 2 per session")


def test_a_silent_client_is_cut_off_only_without_subscriptions():
    session = opened()
    assert session.deadline == 60.0
    session.receive(json.dumps(request(channel="trade")), 10.0, TIME_US)
    assert session.tick(70.0) == []
    assert session.tick(200.0) == []
    assert session.deadline == 260.0
    session.receive(json.dumps(request("UNSUBSCRIBE", "trade")), 210.0, TIME_US)
    assert session.deadline == 270.0
    assert session.tick(270.0) == [Abort()]


def test_a_life_ends_however_busy():
    session = opened(life=50.0)
    session.receive(json.dumps(request(channel="trade")), 49.0, TIME_US)
    assert session.deadline == 50.0
    assert session.tick(50.0) == [Close()]


def test_a_fault_refuses_by_name():
    session = opened(check=lambda topic: Refusal(404, f"no {topic}"))
    assert plain(session.receive(json.dumps(request(channel="trade")), 1.0, TIME_US)) == [
        reason("no trade.SPOT:BTC-USDT")
    ]


# -- over real sockets ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=5, rate=3.0)) as sim:
        yield sim


def url_of(sim, kind):
    return sim.pro_spot_url if kind == "SPOT" else sim.pro_futures_url


async def snapshot_of(sim, kind, symbol):
    """The whole book by classic REST: its sequence is the same one."""
    if kind == "SPOT":
        return await data(sim, f"/api/v3/market/orderbook/level2?symbol={symbol}", signed=True)
    return await data(sim, f"/api/v1/level2/snapshot?symbol={symbol}", base=sim.futures_url)


@pytest.mark.parametrize(("kind", "symbol"), MARKETS)
def test_a_ten_ms_book_over_the_wire_equals_a_later_rest_snapshot(sim, kind, symbol):
    async def scenario():
        async with pro(url_of(sim, kind)) as websocket:
            answer = await ask(websocket, **request(kind=kind, symbol=symbol, depth="increment@10ms"))
            assert answer == DONE
            begun = asyncio.get_running_loop().time()
            first = await receive(websocket)
            assert asyncio.get_running_loop().time() - begun > 0.4
            assert (first["t"], first["dp"]) == ("snapshot", "increment@10ms")
            book, equal = ObuBook(first["d"]), 0
            while equal < 3:
                later = ObuBook(await snapshot_of(sim, kind, symbol))
                while book.last < later.last:
                    frame = (await receive(websocket))["d"]
                    if frame["C"] > later.last:
                        break
                    book.apply(frame)
                if book.last == later.last:
                    assert (book.asks, book.bids) == (best(later.asks, False), best(later.bids, True))
                    equal += 1
                else:
                    book.apply(frame)

    asyncio.run(scenario())


@pytest.mark.parametrize(("kind", "symbol"), MARKETS)
def test_an_increment_book_seeded_by_the_unified_call_equals_a_later_one(sim, kind, symbol):
    async def scenario():
        path = f"/api/ua/v1/market/orderbook?tradeType={kind}&symbol={symbol}&limit=FULL"
        async with pro(url_of(sim, kind)) as websocket:
            await ask(websocket, **request(kind=kind, symbol=symbol, depth="increment"))
            frame = await receive(websocket)
            book = ObuBook(await data(sim, path, signed=True))
            assert frame["d"]["O"] <= book.last + 1
            equal = 0
            while equal < 3:
                later = ObuBook(await data(sim, path, signed=True))
                while frame["d"]["C"] <= later.last:
                    book.apply(frame["d"])
                    frame = await receive(websocket)
                assert (book.asks, book.bids) == (later.asks, later.bids)
                equal += 1

    asyncio.run(scenario())


def test_classic_and_pro_tell_the_same_story(sim):
    async def scenario():
        async with classic(sim, sim.futures_url) as one, pro(sim.pro_futures_url) as other:
            topic = "/contractMarket/level2:XBTUSDTM"
            await ask(one, id="1", type="subscribe", topic=topic, response=True)
            await ask(other, **request(kind="FUTURES", symbol="XBTUSDTM", depth="increment"))
            seed = await snapshot_of(sim, "FUTURES", "XBTUSDTM")
            books = FuturesBook(seed), ObuBook(seed)
            for _ in range(100):
                books[1].apply((await receive(other))["d"])
            while books[0].last < books[1].last:
                books[0].apply((await until(one, lambda frame: frame["type"] == "message"))["data"])
            assert (books[0].last, books[0].asks, books[0].bids) == (books[1].last, books[1].asks, books[1].bids)

    asyncio.run(scenario())


def test_all_frames_are_binary_and_written_with_a_space_after_commas(sim):
    async def scenario():
        async with pro(sim.pro_spot_url) as websocket:
            await websocket.send(json.dumps(request(depth="5")))
            await websocket.send(json.dumps({"id": "2", "type": "ping"}))
            for _ in range(10):
                frame = await websocket.recv()
                assert isinstance(frame, bytes)
                assert re.match(rb'\{"\w+":("[^"]*"|true|\d+), "', frame)

    asyncio.run(scenario())


def test_resubscribing_brings_a_fresh_snapshot_and_a_duplicate_none(sim):
    async def scenario():
        asked = {"kind": "SPOT", "symbol": "BTC-USDT", "depth": "increment@10ms"}
        async with pro(sim.pro_spot_url) as websocket:
            await ask(websocket, **request(**asked))
            assert (await receive(websocket))["t"] == "snapshot"
            await ask(websocket, **request(**asked))
            frames = [await receive(websocket) for _ in range(30)]
            assert {frame["t"] for frame in frames} == {"delta"}
            await ask(websocket, **request("UNSUBSCRIBE", **asked))
            await ask(websocket, **request(**asked))
            book = ObuBook((await until(websocket, lambda frame: frame.get("t") == "snapshot"))["d"])
            for _ in range(30):
                book.apply((await receive(websocket))["d"])

    asyncio.run(scenario())


def test_a_second_reader_joins_a_running_window(sim):
    async def scenario():
        asked = {"kind": "FUTURES", "symbol": "XBTUSDTM", "depth": "increment@10ms"}
        async with pro(sim.pro_futures_url) as one, pro(sim.pro_futures_url) as other:
            books = []
            for websocket in (one, other):
                await ask(websocket, **request(**asked))
                books.append(ObuBook((await receive(websocket))["d"]))
                for _ in range(20):
                    books[-1].apply((await receive(websocket))["d"])
            while books[0].last != books[1].last:
                late = books[0].last > books[1].last
                books[late].apply((await receive((one, other)[late]))["d"])
            assert (books[0].asks, books[0].bids) == (books[1].asks, books[1].bids)

    asyncio.run(scenario())


def test_funding_comes_right_after_subscribing(sim):
    async def scenario():
        async with pro(sim.pro_futures_url) as websocket:
            await ask(websocket, **request(channel="funding-fee", kind="FUTURES", symbol="ETHUSDTM"))
            assert (await receive(websocket))["d"]["s"] == "ETHUSDTM"
            await ask(websocket, **request(channel="funding-fee-all-symbols", kind="FUTURES", symbol=None))
            assert [row["s"] for row in (await receive(websocket))["d"]] == ["XBTUSDTM", "ETHUSDTM", "XBTUSDM"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tradeType=SPOT&symbol=NOTHING&limit=20", "900001"),
        ("tradeType=FUTURES&symbol=BTC-USDT&limit=20", "100003"),
        ("tradeType=MARGIN&symbol=BTC-USDT&limit=20", "400100"),
        ("tradeType=SPOT&symbol=BTC-USDT&limit=50", "400100"),
    ],
)
def test_the_unified_book_refuses(sim, query, code):
    status, answer = asyncio.run(rest(sim, f"/api/ua/v1/market/orderbook?{query}", signed=True))
    assert (status, answer["code"]) == (400, code)


def test_the_unified_book_needs_a_signature(sim):
    status, answer = asyncio.run(rest(sim, "/api/ua/v1/market/orderbook?tradeType=SPOT&symbol=BTC-USDT&limit=20"))
    assert (status, answer["code"]) == (400, "400001")


def test_too_many_pings_and_silence_end_a_connection_abnormally():
    async def scenario(sim):
        async with pro(sim.pro_spot_url) as websocket:
            assert (await ended(websocket))[0] == 1006
        async with pro(sim.pro_spot_url) as websocket:
            await websocket.send(json.dumps({"id": "1", "type": "ping"}))
            await websocket.send(json.dumps({"id": "2", "type": "ping"}))
            assert (await ended(websocket))[0] == 1006

    with Simulator(GeneratedMarket(["BTC-USDT"]), idle_timeout=0.4) as sim:
        asyncio.run(scenario(sim))


def test_faults_reach_pro_too():
    async def scenario(sim):
        faults = sim.faults
        async with pro(sim.pro_spot_url) as websocket:
            faults.mute_acks = True
            await websocket.send(json.dumps(request(channel="ticker", symbol="NOTHING")))
            assert (await ask(websocket, id="after", type="ping"))["type"] == "pong"  # so it is served by now
            faults.inject("text")
            assert await websocket.recv() == "text"
            faults.clear()
            faults.refuse("trade.SPOT", 404, "no trades today")
            assert await ask(websocket, **request(channel="trade")) == reason("no trades today")
            faults.refuse("obu.SPOT:BTC-USDT_5", 404, "no depth")
            assert await ask(websocket, **request(depth="5")) == reason("no depth")
            assert sim.subscriptions == {"ticker.SPOT:NOTHING"}
            await ask(websocket, **request(depth="increment@10ms"))
            last = (await receive(websocket))["d"]["C"]
            faults.gap("BTC-USDT", 2)
            while (frame := await receive(websocket))["d"]["O"] == last + 1:
                last = frame["d"]["C"]
            faults.kill()
            assert (await ended(websocket))[0] == 1006
        faults.clear()
        faults.welcome = False
        async with websockets.connect(sim.pro_spot_url) as websocket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(websocket.recv(), 0.2)
        faults.clear()
        faults.turn_away = Refusal(509, "service busy, please retry later")
        async with websockets.connect(sim.pro_spot_url) as websocket:
            assert json.loads(await websocket.recv())["code"] == 509
            assert await ended(websocket) == (1000, "Bye")

    with Simulator(GeneratedMarket(["BTC-USDT"], rate=5.0)) as sim:
        asyncio.run(scenario(sim))
