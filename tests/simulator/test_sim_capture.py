import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.capture import CHUNK, CaptureMarket
from kucoin_stream.simulator.market import RestError

CAPTURE = Path(__file__).parents[2].parent / "shared" / "captures" / "spot_2021.jsonl.gz"
real = pytest.mark.skipif(not CAPTURE.exists(), reason="no capture beside the repository")
LEVEL2 = "/market/level2:A-B"


def level2(sequence, side="bids", price="1", size="5"):
    change = [price, size, str(sequence)]
    changes = {"asks": [], "bids": []} | {side: [change]}
    data = {"symbol": "A-B", "changes": changes, "sequenceStart": sequence, "sequenceEnd": sequence}
    return {"type": "message", "topic": LEVEL2, "subject": "trade.l2update", "data": data}


def push(path, data, argument="A-B"):
    return {"type": "message", "topic": f"{path}:{argument}", "subject": "", "data": data}


SNAPSHOT = {"time": 1000, "sequence": "12", "bids": [["1", "5"], ["0.9", "2"]], "asks": [["1.1", "1"]]}
SYMBOLS = [{"symbol": "A-B", "market": "B"}, {"symbol": "C-B", "market": "B"}]
TICKER = {"sequence": "13", "price": "1", "size": "2", "bestBid": "1", "bestBidSize": "5", "time": 1003}
TRADE = {"sequence": "13", "price": "1", "size": "2", "side": "buy", "time": "1003000000000", "tradeId": "x"}
BAR = {"symbol": "A-B", "candles": ["960", "1", "1", "1", "1", "2", "2"], "time": 1}
LINES = [
    {"t": 1000.0, "kind": "rest", "url": "https://k/api/v1/symbols", "message": {"code": "200000", "data": SYMBOLS}},
    {"t": 1000.5, "kind": "ws", "dir": "out", "message": {"id": 1, "type": "subscribe", "topic": LEVEL2}},
    {"t": 1000.6, "kind": "ws", "dir": "in", "message": {"id": "1", "type": "ack"}},
    {"t": 1001.0, "kind": "ws", "dir": "in", "message": level2(11)},
    {"t": 1001.5, "kind": "ws", "dir": "in", "message": level2(12, "asks", "0", "0")},
    {
        "t": 1001.6,
        "kind": "rest",
        "url": "https://k/api/v3/market/orderbook/level2?symbol=A-B",
        "message": {"code": "200000", "data": SNAPSHOT},
    },
    {"t": 1002.0, "kind": "ws", "dir": "in", "message": level2(13, "bids", "1", "0")},
    {"t": 1003.0, "kind": "ws", "dir": "in", "message": push("/market/ticker", TICKER)},
    {"t": 1003.0, "kind": "ws", "dir": "in", "message": push("/market/match", TRADE)},
    {"t": 1003.5, "kind": "ws", "dir": "in", "message": push("/market/candles", BAR, "A-B_1min")},
    {"t": 1004.0, "kind": "ws", "dir": "in", "message": level2(14, "bids", "1.05", "3")},
]  # fmt: skip
ALL = {LEVEL2, "/market/ticker:A-B", "/market/match:A-B", "/market/candles:A-B_1min"}
SECOND = 10**9


@pytest.fixture(params=["small.jsonl", "small.jsonl.gz"])
def path(tmp_path, request):
    path = tmp_path / request.param
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def started(path, **options):
    market = CaptureMarket(path, **options)
    market.start(0)
    return market


def sequences(pushes):
    return [json.loads(push.text)["data"].get("sequenceEnd", push.topic) for push in pushes]


def test_messages_fall_due_at_the_recorded_spacing(path):
    market = started(path, begin="told")
    assert market.advance(5 * SECOND, ALL) == []
    market.begin(10 * SECOND)
    assert sequences(market.advance(10 * SECOND, ALL)) == [11]
    assert sequences(market.advance(10 * SECOND + SECOND // 2, ALL)) == [12]
    assert sequences(market.advance(11 * SECOND, {"/market/match:A-B"})) == []
    assert sequences(market.advance(12 * SECOND, {"/market/match:A-B"})) == ["/market/match:A-B"]
    assert not market.finished
    assert sequences(market.advance(99 * SECOND, {LEVEL2})) == [14]
    assert market.finished
    assert market.advance(100 * SECOND, ALL) == []


def test_ten_times_the_speed_is_a_tenth_of_the_time(path):
    market = started(path, speed=10, begin="told")
    market.begin(0)
    assert sequences(market.advance(SECOND // 10, {LEVEL2})) == [11, 12, 13]


def test_the_greatest_speed_hands_out_chunks(path):
    market = started(path, speed="max", begin="told")
    assert not market.unpaced
    market.begin(0)
    assert market.unpaced
    market.book("A-B", 20)
    assert len(market.advance(0, ALL)) == 7 < CHUNK
    assert market.finished
    assert not market.unpaced


def test_the_greatest_speed_waits_for_somebody_to_ask_for_the_book(path):
    market = started(path, speed="max", begin="told")
    market.begin(0)
    assert sequences(market.advance(SECOND, ALL)) == [11, 12]
    assert not market.unpaced
    assert market.advance(SECOND + SECOND // 2, ALL) == []
    assert market.book("A-B", None) == SNAPSHOT
    assert market.unpaced
    assert len(market.advance(SECOND + SECOND // 2, ALL)) == 5
    assert market.finished


def test_the_greatest_speed_does_not_wait_for_ever_nor_for_what_nobody_wants(path):
    market = started(path, speed="max", begin="told")
    market.begin(0)
    assert len(market.advance(SECOND, {LEVEL2})) == 2
    assert len(market.advance(2 * SECOND, {LEVEL2})) == 2
    assert market.finished
    unwatched = started(path, speed="max", begin="told")
    unwatched.begin(0)
    assert len(unwatched.advance(SECOND, {"/market/match:A-B"})) == 1
    assert unwatched.finished


def test_it_begins_when_subscriptions_have_been_quiet(path):
    market = started(path)
    assert market.advance(SECOND, ()) == []
    assert market.advance(2 * SECOND, {LEVEL2}) == []
    assert market.advance(2 * SECOND + 4 * 10**8, ALL) == []
    assert market.advance(2 * SECOND + 8 * 10**8, ALL) == []
    assert sequences(market.advance(2 * SECOND + 9 * 10**8, ALL)) == [11]


def test_it_begins_with_so_many_topics(path):
    market = started(path, begin=4)
    assert market.advance(SECOND, {LEVEL2}) == []
    assert sequences(market.advance(SECOND, ALL)) == [11]


def test_its_clock_is_the_recorded_one(path):
    market = started(path, begin="told")
    assert market.time_ns(77) == 1001 * SECOND
    market.begin(SECOND)
    assert market.time_ns(2 * SECOND) == 1002 * SECOND
    assert market.time_ns(99 * SECOND) == 1004 * SECOND


def test_the_book_is_the_recorded_one_and_then_the_kept_one(path):
    market = started(path, begin="told")
    assert market.book("A-B", None) == SNAPSHOT
    assert market.book("A-B", 1)["bids"] == [["1", "5"]]
    market.begin(0)
    market.advance(SECOND // 2, ())
    assert market.book("A-B", None) == SNAPSHOT
    market.advance(SECOND, ())
    assert market.book("A-B", None) == {
        "time": 1_002_000,
        "sequence": "13",
        "bids": [["0.9", "2"]],
        "asks": [["1.1", "1"]],
    }
    market.advance(9 * SECOND, ())
    assert market.book("A-B", 1)["bids"] == [["1.05", "3"]]


def test_a_symbol_without_recorded_book_is_an_honest_error(path):
    market = started(path)
    with pytest.raises(RestError, match="no order book of C-B"):
        market.book("C-B", 20)


def test_what_was_pushed_answers_rest(path):
    market = started(path, begin="told")
    assert market.trades("A-B") == []
    assert market.candles("A-B", "1min", 0, 2000) == []
    assert market.all_tickers() == []
    market.begin(0)
    market.advance(9 * SECOND, ())
    trade = {"sequence": "13", "price": "1", "size": "2", "side": "buy", "time": 1_003_000_000_000}
    assert market.trades("A-B") == [trade]
    assert market.candles("A-B", "1min", 0, 2000) == [BAR["candles"]]
    assert market.candles("A-B", "1min", 961, 2000) == []
    assert market.all_tickers()[0]["last"] == "1"
    assert market.stats("A-B")["buy"] == "1"
    assert market.level1("A-B")["bestBid"] == "1.05"


def test_the_symbols_are_the_recorded_ones(path):
    market = started(path)
    assert market.symbols() == market.symbols_v1() == SYMBOLS
    assert market.has_symbol("C-B")
    assert not market.has_symbol("X-B")
    assert market.markets() == ["B"]


@pytest.mark.parametrize(
    "content", ["", "not JSON\n", '{"t":1,"kind":"ws","message":{"type":"ack","id":"1"}}\n', '{"kind":"other"}\n']
)
def test_a_file_that_is_no_capture_is_refused_in_words(tmp_path, content):
    path = tmp_path / "broken.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"broken\.jsonl"):
        CaptureMarket(path).start(0)


@pytest.mark.parametrize("speed", [1.0, "max"])
def test_a_message_of_another_form_is_sent_but_not_kept(tmp_path, speed):
    odd = {"type": "message", "topic": LEVEL2, "subject": "trade.l2update", "data": {"sequence": 13}}
    failed = {"t": 1, "kind": "rest", "url": "https://k/api/v1/symbols", "message": {"code": "500000", "msg": "no"}}
    lines = [failed, *LINES[:6], {"t": 1001.7, "kind": "ws", "dir": "in", "message": odd}]
    path = tmp_path / "odd.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    market = started(path, speed=speed, begin="told")
    market.begin(0)
    assert sequences(market.advance(SECOND, {LEVEL2})) == [11, 12, LEVEL2]
    with pytest.raises(RestError, match="no order book"):
        market.book("A-B", None)


def test_a_missing_file_or_a_wrong_option_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match="absent"):
        CaptureMarket(tmp_path / "absent.jsonl").start(0)
    with pytest.raises(UsageError, match="speed"):
        CaptureMarket("x", speed=0)
    with pytest.raises(UsageError, match="begin"):
        CaptureMarket("x", begin="soon")


@real
def test_the_capture_replays_into_books_that_equal_every_ticker():
    market = started(CAPTURE, speed="max", begin="told")
    lines = [json.loads(line) for line in gzip.decompress(CAPTURE.read_bytes()).splitlines()]
    recorded = [line["message"] for line in lines if line["kind"] == "ws" and line["message"].get("type") == "message"]
    symbols = sorted({message["topic"].split(":")[1] for message in recorded if "level2" in message["topic"]})
    books = {symbol: plain(market.book(symbol, None)) for symbol in symbols}  # so that nothing waits for it
    tops = {symbol: {book["last"]: top(book)} for symbol, book in books.items()}
    market.begin(0)
    sent = []
    while not market.finished:
        chunk = market.advance(0, {message["topic"] for message in recorded})
        sent += [json.loads(push.text) for push in chunk]
        for message in (json.loads(push.text) for push in chunk):
            if message["topic"].startswith("/market/level2:"):
                book = books[message["data"]["symbol"]]
                follow(book, message["data"])
                tops[message["data"]["symbol"]][book["last"]] = top(book)
        for symbol, book in books.items():
            served = plain(market.book(symbol, None))
            assert served == book
    assert sent == recorded
    equal = dict.fromkeys(symbols, 0)
    for message in recorded:
        symbol = message["topic"].split(":")[1]
        if message["topic"].startswith("/market/ticker:") and int(message["data"]["sequence"]) in tops.get(symbol, {}):
            data = message["data"]
            shown = tuple(Decimal(data[name]) for name in ("bestAsk", "bestAskSize", "bestBid", "bestBidSize"))
            assert shown == tops[symbol][int(data["sequence"])]
            equal[symbol] += 1
    expected = {"ANKR-BTC": 79, "BCHSV-USDT": 277, "CAPP-BTC": 51, "COV-BTC": 30, "EQZ-BTC": 27, "NRG-BTC": 34}
    assert equal == expected


def plain(snapshot):
    sides = {side: {Decimal(price): Decimal(size) for price, size in snapshot[side]} for side in ("asks", "bids")}
    return {"last": int(snapshot["sequence"]), **sides}


def follow(book, data):
    if data["sequenceEnd"] <= book["last"]:
        return
    assert data["sequenceStart"] == book["last"] + 1
    for side in ("asks", "bids"):
        for price, size, _ in data["changes"][side]:
            if Decimal(price):
                book[side][Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del book[side][Decimal(price)]
    book["last"] = data["sequenceEnd"]


def top(book):
    ask, bid = min(book["asks"]), max(book["bids"])
    return ask, book["asks"][ask], bid, book["bids"][bid]
