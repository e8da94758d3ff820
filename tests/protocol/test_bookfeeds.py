"""Every kind of book becomes the same changes and snapshots, and the rules of each are a row (protocol.md 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.market.book import OrderBook, Top
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import (
    FEEDS,
    FUTURES_UNIFIED,
    FUTURES_WHOLE,
    SPOT_PUBLIC,
    SPOT_UNIFIED,
    SPOT_WHOLE,
    BookFeed,
    futures_delta,
    futures_depth,
    pro_delta,
    pro_push,
    pro_snapshot,
    spot_depth,
)
from kucoin_stream.protocol.booksync import (
    BookSync,
    PushedBookSync,
    ReplacedBookSync,
    RequestSnapshot,
    Restart,
)
from kucoin_stream.protocol.catalogue import pro as pro_catalogue
from kucoin_stream.protocol.messages import decode, encode, futures, pro, spot
from kucoin_stream.protocol.messages.futures import BookChange
from kucoin_stream.protocol.messages.mending import decode_payload
from kucoin_stream.protocol.messages.rest import BookAnswer, BookSnapshot, FuturesBook, Response, UnifiedBook
from kucoin_stream.protocol.messages.spot import BookDelta, Changes
from tests.market.reference import held
from tests.protocol.payloads import cases, loads

# -- futures: one change, as text --------------------------------------------------------------------------------


def change(text: str, sequence: int = 17) -> BookDelta:
    return futures_delta(BookChange(sequence, text, 1790113097240, "XBTUSDTM"))


def of(asks: Any = (), bids: Any = (), sequence: int = 17) -> BookDelta:
    return BookDelta("XBTUSDTM", Changes(list(asks), list(bids)), sequence, sequence, 1790113097240)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("83614,buy,12", of(bids=[(83614.0, 12.0, 17)])),
        ("90631.2,sell,2", of(asks=[(90631.2, 2.0, 17)])),
        ("0.21506,sell,0", of(asks=[(0.21506, 0.0, 17)])),
        ("39069.0,buy,23960", of(bids=[(39069.0, 23960.0, 17)])),
        ("1E-7,BUY,1e3", of(bids=[(1e-7, 1000.0, 17)])),
        ("5,Buy,1", of(bids=[(5.0, 1.0, 17)])),
        ("5,Sell,1", of(asks=[(5.0, 1.0, 17)])),
        ("0,buy,0", of()),  # a filler: only the sequence
        ("0.0,sell,7", of()),
        ("0,,0", of()),
    ],
)
def test_change_of_a_futures_book(text, expected):
    assert change(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", ",", ",,", "buy", "5", "5,buy", "5,buy,1,1", "5,buy,", ",buy,1", "5,,1", "5,bid,1", "5, buy,1", " 5,buy,1",
        "5,buy,1\n", "nan,buy,1", "5,buy,inf", "1e400,buy,1", "5,buy,1e25", "-5,buy,1", "5,buy,-1", "1_0,buy,1",
        "0x5,buy,1", "٥,buy,1", "5,buy,٥", "5.5.5,buy,1", "e,buy,1", "5,buy,+-", "--,sell,1", "5," + "9" * 41 + ",1",
        "5,buy," + "9" * 100_000, "5,\u017fell\x00,1",
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_read(text):
    with pytest.raises(RemoteProtocolError, match="not a 'price,side,size'") as caught:
        change(text)
    assert len(str(caught.value)) < 120


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        delta = change(text)
    except RemoteProtocolError:
        return
    for price, size, sequence in [*delta.changes.asks, *delta.changes.bids]:
        assert 0 < price <= 1e24
        assert 0 <= size <= 1e24
        assert sequence == 17


@given(
    st.decimals(min_value="0.00000001", max_value=10**9, allow_nan=False, places=8),
    st.sampled_from(["buy", "sell"]),
    st.integers(0, 10**12),
)
def test_prices_and_sizes_are_the_nearest_floats(price, side, size):
    expected = [(float(f"{price:f}"), float(size), 17)]
    assert change(f"{price:f},{side},{size}") == (of(bids=expected) if side == "buy" else of(asks=expected))


def test_worked_example_of_futures():
    """5.5: the book of 5.2 at sequence 16; 17 sets a bid, 18 removes an ask."""
    asks = [["3988.59", 3], ["3988.60", 47], ["3988.61", 32], ["3988.62", 8]]
    bids = [["3988.51", 56], ["3988.50", 15], ["3988.49", 100], ["3988.48", 10]]
    answer = decode(FuturesBook, encode({"sequence": 16, "symbol": "X", "asks": asks, "bids": bids, "ts": 5}))
    feed, book = FEEDS["futures.level2"], OrderBook()
    sync = feed.sync()
    pushed = [
        feed.read(BookChange(sequence, text))
        for sequence, text in (
            (16, "3988.48,buy,10"), (17, "3988.50,buy,44"), (18, "3988.61,sell,0"), (19, "0,buy,0"),
        )
    ]  # fmt: skip
    assert sync.receive(pushed[0], 0.0) == [RequestSnapshot(1)]
    assert sync.receive(pushed[1], 0.1) == []
    actions = sync.receive_snapshot(answer.snapshot(), 1, 0.2)
    assert actions == [Restart(answer.snapshot()), pushed[1]]
    book.restart(actions[0].snapshot, complete=feed.known(signed=False) is None)
    book.apply(actions[1:])
    assert sync.follow(pushed[2:]) == 2
    book.apply(pushed[2:])
    assert (book.sequence, book.partial) == (19, False)
    assert held(book) == (
        {3988.51: 56.0, 3988.50: 44.0, 3988.49: 100.0, 3988.48: 10.0},
        {3988.59: 3.0, 3988.60: 47.0, 3988.62: 8.0},
    )


# -- Pro: many changes, without sequences of their own -----------------------------------------------------------


def frame(kind: str = "delta", start: int = 17, end: int = 19, **sides: Any) -> pro.Book:
    return pro.Book("BTC-USDT", start, end, time_ns=1790114459839999999, kind=kind, **sides)


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        pytest.param(
            frame(asks=[(2.0, 1.0)], bids=[(1.0, 0.0), (0.5, 4.0)]),
            Changes([(2.0, 1.0, 19)], [(1.0, 0.0, 19), (0.5, 4.0, 19)]),
            id="both sides",
        ),
        pytest.param(
            frame(asks=[(67135.5, 1.0), (67135.5, 0.0)], bids=[]),
            Changes([(67135.5, 1.0, 19), (67135.5, 0.0, 19)], []),
            id="a price twice, in order",
        ),
        pytest.param(frame(asks=[(3.0, 1.0), (1.0, 1.0), (2.0, 0.0)]),
            Changes([(3.0, 1.0, 19), (1.0, 1.0, 19), (2.0, 0.0, 19)], []), id="in the order of the array"),
        pytest.param(frame(asks=None, bids=None), Changes([], []), id="empty"),
    ],
)  # fmt: skip
def test_changes_of_a_pro_frame(book, expected):
    delta = BookDelta("BTC-USDT", expected, 17, 19, 1790114459839)
    assert pro_delta(book) == delta
    assert pro_push(book) == delta


def test_a_price_twice_ends_as_the_last_of_the_two():
    book = OrderBook()
    book.restart(BookSnapshot(16, bids=[(1.0, 1.0)], asks=[(3.0, 1.0)]), complete=True)
    book.apply([pro_delta(frame(asks=[(2.0, 1.0), (2.0, 0.0)], bids=[(1.0, 0.0), (1.0, 5.0)]))])
    assert held(book) == ({1.0: 5.0}, {3.0: 1.0})
    assert (book.sequence, book.time_ms) == (19, 1790114459839)


@pytest.mark.parametrize("kind", ["", "Snapshot", "update", "delta\n" * 99])
def test_a_pro_frame_of_an_unknown_kind(kind):
    with pytest.raises(RemoteProtocolError, match="neither snapshot nor delta") as caught:
        pro_push(frame(kind))
    assert len(str(caught.value)) < 120


def test_a_pro_frame_that_goes_back():
    with pytest.raises(RemoteProtocolError, match="from sequence 19 back to 17"):
        pro_push(frame(start=19, end=17))


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({"asks": [(2.0, 3.0)], "bids": [(1.0, 4.0)]}, ([(1.0, 4.0)], [(2.0, 3.0)])),
        ({"asks": [], "bids": None}, (None, None)),
        ({"asks": [(2.0, 0.0, 449.0), (3.0, 5.0, 0.0)]}, (None, [(2.0, 0.0), (3.0, 5.0)])),
    ],
)
def test_snapshot_of_a_pro_frame(sides, expected):
    book = frame("snapshot", 19, 19, **sides)
    assert pro_snapshot(book) == pro_push(book) == BookSnapshot(19, *expected, 1790114459839)


def test_a_level_of_nothing_but_rpi_orders_is_no_level():
    book = OrderBook()
    asks = [(84516.4, 0.0, 449.0), (84516.5, 7.0, 2.0)]
    book.restart(pro_snapshot(frame("snapshot", asks=asks, bids=[(84516.4, 1.0, 0.0)])), complete=True)
    assert book.top() == Top(19, 84516.4, 1.0, 84516.5, 7.0)
    assert not book.top().crossed


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ((8, 10), ({99.0: 1.0}, {101.0: 1.0})),  # C <= last
        ((11, 12), ({99.0: 1.0, 98.0: 2.0}, {101.0: 1.0})),  # O == last + 1
        ((8, 12), ({99.0: 1.0, 98.0: 2.0}, {101.0: 1.0})),  # O <= last + 1 <= C: all entries
    ],
)
def test_the_rule_of_pro_deltas(delta, expected):
    feed, book = FEEDS["pro_spot.level2"], OrderBook()
    sync = feed.sync()
    sync.connected(0.0)
    snapshot = frame("snapshot", 10, 10, asks=[(101.0, 1.0)], bids=[(99.0, 1.0)])
    changes = frame("delta", *delta, bids=[(98.0, 2.0)])
    for message in (feed.read(snapshot), feed.read(changes)):
        for action in sync.receive(message, 1.0):
            if isinstance(action, Restart):
                book.restart(action.snapshot, complete=feed.known(signed=False) is None)
            else:
                book.apply([action])
    assert held(book) == expected
    assert book.sequence == sync.sequence == max(10, delta[1])


# -- depth snapshots ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (spot_depth(spot.BookDepth([(2.0, 1.0)], [(1.0, 1.0)], 7)), BookSnapshot(0, [(1.0, 1.0)], [(2.0, 1.0)], 7)),
        (spot_depth(spot.BookDepth()), BookSnapshot(0)),
        (
            futures_depth(futures.BookDepth([(2.0, 1.0)], [(1.0, 1.0)], 5, 7)),
            BookSnapshot(5, [(1.0, 1.0)], [(2.0, 1.0)], 7),
        ),
        (futures_depth(futures.BookDepth(sequence=5, ts_ms=8)), BookSnapshot(5, time_ms=8)),
        (futures_depth(futures.BookDepth()), BookSnapshot(0)),
    ],
)
def test_depth(snapshot, expected):
    assert snapshot == expected


def test_a_book_of_the_best_five_knows_no_more():
    feed, book = FEEDS["pro_spot.book5"], OrderBook()
    sync, known = feed.sync(), feed.known(signed=True)
    for sequence, best in ((10, 100), (10, 100), (12, 90)):
        asks = [(float(best + at), 1.0) for at in range(5)]
        message = feed.read(frame("snapshot", sequence, sequence, asks=asks, bids=[(1.0, 1.0)]))
        (restart,) = sync.receive(message, 0.0)
        book.restart(restart.snapshot, complete=known is None, depth=known)
        assert book.top() == Top(sequence, 1.0, 1.0, float(best), 1.0)
    assert (book.partial, book.asks.horizon, book.bids.horizon) == (True, -94.0, -float("inf"))
    assert sync.refresh() == []


# -- answers of REST calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            FuturesBook,
            {"sequence": 7, "symbol": "X", "bids": [[66968, 2]], "asks": [["66968.10", "5"]], "ts": 1729168101216999},
            BookSnapshot(7, [(66968.0, 2.0)], [(66968.1, 5.0)], 1729168101),
        ),
        (FuturesBook, {"sequence": "7", "bids": None, "asks": None, "ts": None}, BookSnapshot(7)),
        (FuturesBook, {"sequence": 0, "bids": [], "asks": []}, BookSnapshot(0, [], [])),
        (
            UnifiedBook,
            {"sequence": "7", "tradeType": "SPOT", "bids": [["1", "2"]], "asks": [["3", "4"]], "ts": "17716742078340"},
            BookSnapshot(7, [(1.0, 2.0)], [(3.0, 4.0)], 17716742),
        ),
        (UnifiedBook, {"sequence": -1, "bids": None, "asks": None}, BookSnapshot(-1)),
        (BookSnapshot, {"sequence": "7", "bids": None, "asks": [["1", "2"]]}, BookSnapshot(7, None, [(1.0, 2.0)])),
    ],
)  # fmt: skip
def test_answer(kind, data, expected):
    assert decode(kind, encode(data)).snapshot() == expected


@pytest.mark.parametrize("kind", [FuturesBook, UnifiedBook])
@pytest.mark.parametrize(
    "data", [{}, {"sequence": None}, {"sequence": 1, "bids": [[1]]}, {"sequence": 1, "asks": [["nan", 1]]}, None, []]
)
def test_answer_that_cannot_be_read(kind, data):
    with pytest.raises(RemoteProtocolError):
        decode(kind, encode(data))


def test_a_snapshot_in_a_stream_follows_on_nothing():
    snapshot = BookSnapshot(7)
    assert (snapshot.sequence_start, snapshot.sequence_end) == (None, 7)
    assert snapshot.__struct_fields__ == ("sequence", "bids", "asks", "time_ms")


# -- the table ---------------------------------------------------------------------------------------------------

ROWS = {row.name: row for row in (*topics.CATALOGUE, *pro_catalogue.ROWS)}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_feed_belongs_to_its_topic(feed: BookFeed):
    row = ROWS[feed.topic]
    assert row.by_symbol
    assert row.incremental is feed.contiguous
    assert ("futures" in row.connection.value) is (feed.market == "futures")


def test_every_topic_that_pushes_a_book_has_a_feed():
    books = {spot.BookDelta, spot.BookDepth, futures.BookChange, futures.BookDepth, pro.Book}
    assert {name for name, row in ROWS.items() if row.payload in books} == set(FEEDS)


@pytest.mark.parametrize(
    ("name", "kind", "levels", "public", "signed", "known"),
    [
        ("spot.level2", BookSync, None, SPOT_PUBLIC, SPOT_WHOLE, (100, None)),
        ("futures.level2", BookSync, None, FUTURES_WHOLE, FUTURES_WHOLE, (None, None)),
        ("pro_spot.level2", PushedBookSync, 500, None, None, (None, None)),
        ("pro_futures.level2", PushedBookSync, 500, None, None, (None, None)),
        ("pro_spot.level2_realtime", BookSync, None, None, SPOT_UNIFIED, (None, None)),
        ("pro_futures.level2_realtime", BookSync, None, FUTURES_WHOLE, FUTURES_WHOLE, (None, None)),
        ("pro_spot.book1", ReplacedBookSync, 1, None, None, (1, 1)),
        ("pro_futures.book50", ReplacedBookSync, 50, None, None, (50, 50)),
        ("spot.depth5", ReplacedBookSync, 5, None, None, (5, 5)),
        ("futures.depth50", ReplacedBookSync, 50, None, None, (50, 50)),
    ],
)
def test_rules(name, kind, levels, public, signed, known):
    feed = FEEDS[name]
    assert type(feed.sync()) is kind
    assert feed.sync() is not feed.sync()
    assert feed.levels == levels
    assert (feed.seed(signed=False), feed.seed(signed=True)) == (public, signed)
    assert (feed.known(signed=False), feed.known(signed=True)) == known
    assert feed.contiguous is (kind is not ReplacedBookSync)


def test_queries():
    assert SPOT_PUBLIC.query("BTC-USDT") == {"symbol": "BTC-USDT"}
    assert SPOT_UNIFIED.query("BTC-USDT") == {"symbol": "BTC-USDT", "tradeType": "SPOT", "limit": "FULL"}
    assert FUTURES_UNIFIED.query("XBTUSDTM") == {"symbol": "XBTUSDTM", "tradeType": "FUTURES", "limit": "FULL"}


# -- every message at hand ---------------------------------------------------------------------------------------


def pairs(levels: Any) -> list[tuple[float, float]]:
    return [(float(level[0]), float(level[1])) for level in levels]


@pytest.mark.parametrize("data", cases("futures_level2"))
def test_every_change_of_futures(data):
    wire = loads(data)["data"]
    price, side, size = wire["change"].split(",")
    entry = (float(price), float(size), wire["sequence"])
    asks, bids = ([entry], []) if side == "sell" else ([], [entry])
    delta = FEEDS["futures.level2"].read(decode(BookChange, encode(wire)))
    assert delta == BookDelta("", Changes(asks, bids), wire["sequence"], wire["sequence"], wire["timestamp"])


@pytest.mark.parametrize("data", cases("futures_level2_depth5", "futures_level2_depth50"))
def test_every_depth_of_futures(data):
    wire = loads(data)["data"]
    snapshot = FEEDS["futures.depth5"].read(decode_payload(futures.BookDepth, encode(wire)))
    assert (snapshot.sequence, snapshot.bids) == (wire.get("sequence", 0), pairs(wire["bids"]))
    assert snapshot.asks == pairs(wire["asks"])


@pytest.mark.parametrize("data", cases("spot_level2_depth5", "spot_level2_depth50"))
def test_every_depth_of_spot(data):
    wire = loads(data)["data"]
    snapshot = FEEDS["spot.depth5"].read(decode(spot.BookDepth, encode(wire)))
    assert (snapshot.bids, snapshot.asks) == (pairs(wire["bids"]), pairs(wire["asks"]))


@pytest.mark.parametrize("data", cases("pro_orderbook_obu"))
def test_every_frame_of_pro(data):
    whole = loads(data)
    wire = whole["d"]
    book = decode(pro.Book, encode(wire | {"kind": whole["t"]}))
    market = whole["T"].partition(".")[2].lower()
    name = {"increment": "level2_realtime", "increment@10ms": "level2"}.get(whole["dp"], f"book{whole['dp']}")
    message = FEEDS[f"pro_{market}.{name}"].read(book)
    time_ms = int(wire["M"]) // 1_000_000
    if whole["t"] == "snapshot":
        expected: Any = BookSnapshot(wire["C"], pairs(wire["b"]), pairs(wire["a"]), time_ms)
    else:
        asks, bids = ([(*pair, wire["C"]) for pair in pairs(wire[side])] for side in "ab")
        expected = BookDelta(wire["s"], Changes(asks, bids), wire["O"], wire["C"], time_ms)
    assert message == expected


ANSWERS: dict[str, type[BookAnswer]] = {
    "rest_futures_orderbook": FuturesBook,
    "rest_uta_orderbook": UnifiedBook,
    "rest_spot_orderbook": BookSnapshot,
}
MALFORMED = {"rest_spot_orderbook-2", "rest_spot_orderbook-4", "rest_spot_orderbook-5"}  # see test_messages.py


@pytest.mark.parametrize("data", cases(*ANSWERS))
def test_every_answer_is_a_book(data, request):
    name = request.node.callspec.id
    kind = ANSWERS[name.rpartition("-")[0]]
    answer, wire = decode(Response, data).data, loads(data)["data"]
    if name in MALFORMED:
        with pytest.raises(RemoteProtocolError):
            decode(kind, answer)
        return
    snapshot = decode(kind, answer).snapshot()
    assert snapshot.sequence == int(wire["sequence"])
    assert snapshot.time_ms == (wire["ts"] // 1_000_000 if "ts" in wire else wire.get("time"))
    book = OrderBook()
    book.restart(snapshot, complete=True)
    assert held(book) == (dict(pairs(wire["bids"])), dict(pairs(wire["asks"])))
    assert not book.top().crossed
