"""Bad input from the user, the network and the exchange: a clear error where it belongs, nothing else disturbed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.checks import _BESIDE, _ELSEWHERE
from kucoin_stream.errors import (
    NotReadyError,
    RefusedError,
    ResponseError,
    UnknownSymbolError,
    UnreachableError,
    UsageError,
)
from kucoin_stream.settings import Settings
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]


@pytest.mark.parametrize(
    ("symbol", "hint"),
    [
        ("BTCUSDT", "did you mean BTC-USDT?"),
        ("btc-usdt", "did you mean BTC-USDT?"),
        ("BTC/USDT", "did you mean BTC-USDT?"),
        ("BTC-USDTT", "did you mean BTC-USDT"),
        ("NOSUCH-COIN", "client.symbols lists them"),
        ("", "client.symbols lists them"),
    ],
)
@pytest.mark.parametrize("verb", ["book", "trades", "ticker", "level2"])
def test_an_unknown_symbol_raises_in_the_cell_with_the_nearest(
    client: ks.Client, verb: str, symbol: str, hint: str
) -> None:
    with pytest.raises(UnknownSymbolError, match="no such symbol") as caught:
        getattr(client, verb)(symbol)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: c.klines("BTC-USDT", "1m"), "no such interval '1m'; there are: 1min"),
        (lambda c: c.klines("BTC-USDT", "90min"), "no such interval"),
        (lambda c: c.klines("BTC-USDT", None), "klines need interval="),
        (lambda c: c.kline_updates("BTC-USDT", "1Min"), "did you mean 1min?"),
        (lambda c: c.klines("BTC-USDT", "1min", history=10_001), "a whole number from 1 to 10,000"),
        (lambda c: c.klines("BTC-USDT", "1min", history=0), "a whole number from 1 to 10,000"),
        (lambda c: c.klines("BTC-USDT", "1min", history=True), "a whole number from 1 to 10,000"),
        (lambda c: c.klines("BTC-USDT", "1min", history="500"), "a whole number from 1 to 10,000"),
        (lambda c: c.klines("BTC-USDT", "1min", history=500, maxlen=100), "a whole number from 500"),
        (lambda c: c.trades(), "needs at least one symbol"),
        (lambda c: c.feed("spot.nosuch", "BTC-USDT"), "no such topic 'spot.nosuch'; there are: spot.ticker"),
        (lambda c: c.feed("spot.all_tickers", "BTC-USDT"), "takes no argument"),
        (lambda c: c.feed("spot.trades", "BTC-USDT", interval="1min"), "has no interval"),
        (lambda c: c.feed("spot.market_snapshot", "a,b"), "write each market as an argument of its own"),
        (lambda c: c.feed("spot.market_snapshot", "a:b"), "not an argument of a topic"),
        (lambda c: c.trades("BTC-USDT,ETH-USDT"), "write each symbol as an argument of its own"),
        (lambda c: c.trades(["BTC-USDT", "ETH-USDT"]), "write each symbol as an argument of its own, not a list"),
        (lambda c: c.spot.klines("BTC-USDT", interval=["1min"]), "no such interval"),
        (lambda c: c.spot.trades("BTC-USDT", newss=True), "no option 'newss'; there are: interval, news"),
        (lambda c: c.futures.trades("BTC-USDT"), "BTC-USDT is a spot symbol; client.spot has its feeds"),
        (lambda c: c.spot.trades("XBTUSDTM"), "XBTUSDTM is a futures symbol; client.futures has its feeds"),
        (lambda c: c.trades("BTC-USDT", "XBTUSDTM"), "make a feed of each"),
        (lambda c: c.account.pro.orders(), "needs a kind of account: UNIFIED, SPOT"),
        (lambda c: c.account.pro.orders("UNIFEID"), "no such kind of account 'UNIFEID'"),
        (lambda c: c.account.pro.symbol_orders("UNIFIED"), "such as 'UNIFIED', 'XBTUSDTM'"),
        (lambda c: c.events.only("opened"), "did you mean open?"),
        (lambda c: c.trades(5), "a symbol is text"),
        (lambda c: c.trades("BTC-USDT").frame(maxlen=0), "a whole number from 1"),
    ],
)
def test_a_wrong_argument_raises_in_the_cell_with_the_next_step(
    client: ks.Client, call: Callable[[ks.Client], Any], says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        call(client)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("call", "topics"),
    [
        (lambda c: c.spot.klines("BTC-USDT", "1min"), ("/market/candles:BTC-USDT_1min",)),
        (lambda c: c.account.pro.orders("unified"), ("orderAll:UNIFIED",)),
        (lambda c: c.account.pro.symbol_orders("UNIFIED", "XBTUSDTM"), ("order:UNIFIED/XBTUSDTM",)),
        (lambda c: c.account.pro.symbol_orders("UNIFIED/XBTUSDTM"), ("order:UNIFIED/XBTUSDTM",)),
        (lambda c: c.account.pro.balances("FUNDING", "SPOT"), ("balance:FUNDING", "balance:SPOT")),
    ],
)
def test_what_is_clear_is_taken(client: ks.Client, call: Callable[[ks.Client], Any], topics: tuple[str, ...]) -> None:
    feed = call(client)
    assert (feed.topics, feed.status) == (topics, "live")


def test_the_names_of_the_other_client_are_those_of_the_readme_and_lead_to_options() -> None:
    table = (Path(__file__).parents[1] / "README.md").read_text().partition("| `kucoin-api` | here | |")[2]
    rows = [line.split("|")[1:3] for line in table.partition("\n\n")[0].splitlines()[2:]]
    told = [
        pair
        for theirs, ours in rows
        for pair in zip(*(re.findall(r"\w+", each) for each in (theirs, ours)), strict=False)
    ]
    assert dict(told) == {theirs: ours.removesuffix(" (seconds)") for theirs, ours in _ELSEWHERE.items()}
    parameters = {*inspect.signature(ks.Client).parameters} - {"target", "options"}
    assert parameters == _BESIDE
    assert {*dict(told).values()} <= {*Settings.__struct_fields__} | parameters


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": "simm"}, "no such target: 'simm'"),
        ({"target": "ftp://127.0.0.1"}, "not a REST base"),
        ({"target": "http://user:hunter2@127.0.0.1:1"}, "must not hold a user name or password"),
        ({"target": "nosuch.jsonl.gz"}, "no such capture"),
        (
            {"target": "sim", "reconnectTimeout": 3},
            "no such option 'reconnectTimeout'; did you mean reconnect_delay (",
        ),
        ({"target": "sim", "apiKey": "x"}, "no such option 'apiKey'; did you mean key?"),
        ({"target": "sim", "passphrse": "x"}, "no such option 'passphrse'; did you mean passphrase?"),
        ({"target": "sim", "speed": 10}, "speed=10 is of a tape or a capture; for a faster built-in exchange run"),
        ({"target": "http://127.0.0.1:9", "speed": "max"}, "speed='max' is of a tape or a capture"),
        ({"target": "sim", "regoin": "EU"}, "no such option 'regoin'; did you mean region?"),
        ({"target": "live", "region": "MARS"}, "no such region 'MARS'; there are: global, EU, AU"),
        ({"target": "sim", "key": "k"}, "missing: secret, passphrase"),
        ({"target": "http://192.0.2.1", "key": "k", "secret": "s", "passphrase": "p"}, "over https or to this machine"),
    ],
)
def test_a_wrong_target_or_option_raises_in_connect(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        ks.Client(**options).open()
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_rest_error_while_connecting_raises_with_status_code_and_reason(sim: Simulator) -> None:
    sim.faults.rest("/api/v2/symbols", 500, "500000", "Internal Server Error")
    with pytest.raises(ResponseError, match="GET /api/v2/symbols: HTTP 500, code 500000: Internal Server Error"):
        ks.Client(sim.url).open()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, "<html>hello</html>", "not JSON"),
        (403, "<html>", "forbidden"),
        (451, "<html>", "not offered in your region"),
    ],
)
def test_a_rest_answer_that_is_not_json_is_named(sim: Simulator, status: int, body: str, says: str) -> None:
    sim.faults.rest("/api/v2/symbols", status, body=body)
    with pytest.raises((ResponseError, ks.errors.RemoteProtocolError), match=says):
        ks.Client(sim.url).open()


def test_a_wrong_key_raises_in_connect_and_does_not_show_the_secret(sim: Simulator) -> None:
    known = sim.credentials
    with pytest.raises(ResponseError, match=r"code 40000[45]") as caught:
        ks.Client(sim.url, key=known.key, secret="not-the-secret", passphrase=known.passphrase).open()
    assert "not-the-secret" not in repr(caught.value)


def test_a_refused_token_is_the_status_and_heals_by_itself(connect: Connect, sim: Simulator) -> None:
    client = connect()
    sim.faults.rest("/api/v1/bullet-public", 401, "400003", "KC-API-KEY not exists")
    book = client.book("BTC-USDT")
    with pytest.raises(NotReadyError, match="BTC-USDT: nothing to show within"):
        book.wait(0.2)
    assert "400003" in until(lambda: client.statistics()["connections"][0]["reason"])
    assert "400003" in book.status
    sim.faults.clear()
    assert book.wait().status == "live"


def test_a_server_that_never_welcomes_is_the_status_and_heals_by_itself(connect: Connect, sim: Simulator) -> None:
    client = connect(welcome_timeout=0.1)
    sim.faults.welcome = False
    book = client.book("BTC-USDT")
    assert "no welcome" in until(lambda: client.statistics()["connections"][0]["reason"])
    assert book.status.startswith("syncing") or book.status.startswith("stale")
    sim.faults.clear()
    assert book.wait().status == "live"


def test_a_subscription_refused_at_once_raises_in_the_cell(client: ks.Client, sim: Simulator) -> None:
    sim.faults.refuse("/market/match:BTC-USDT", 404, "topic /market/match:BTC-USDT is not found")
    with pytest.raises(RefusedError, match="404 topic /market/match:BTC-USDT is not found"):
        client.trades("BTC-USDT")
    assert client.trades("ETH-USDT").status == "live"
    assert client.book("BTC-USDT").wait().status == "live"


def test_one_refused_symbol_of_a_list_leaves_the_others_subscribed(client: ks.Client, sim: Simulator) -> None:
    sim.faults.refuse("/market/match:BTC-USDT", 404, "not found")
    with pytest.raises(RefusedError, match="BTC-USDT"):
        client.trades("BTC-USDT", "ETH-USDT", "SOL-USDT")
    feed = client.trades("ETH-USDT", "SOL-USDT")
    assert feed.status == "live"


def test_a_subscription_refused_late_becomes_the_status_and_the_error_of_the_next_df(
    client: ks.Client, sim: Simulator
) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.refuse("/market/level2:BTC-USDT", 404, "no more of this")
    sim.faults.kill()
    until(lambda: book.status == "refused: 404 no more of this")
    with pytest.raises(RefusedError, match="404 no more of this"):
        _ = book.df
    with pytest.raises(RefusedError, match="404 no more of this"):
        book.wait()


GARBAGE = [
    "this is not json",
    '{"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{"chan',
    '{"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{"changes":5}}',
    '{"type":"message","topic":"/no/such/topic","data":{}}',
    '{"type":"martian"}',
    "[]",
    "",
    b"\xff\xfe\x00",
    '{"type":"message","topic":"/market/ticker:BTC-USDT","data":{"sequence":"1","bestBid":"nan"}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_frame_that_cannot_be_decoded_is_counted_and_costs_only_itself(
    client: ks.Client, sim: Simulator, garbage: str | bytes
) -> None:
    book = client.book("BTC-USDT").wait()
    seen = book.updates
    sim.faults.inject(garbage)
    until(lambda: client.statistics()["errors"] == 1, "the error counted")
    until(lambda: book.updates > seen + 3, "the book goes on")
    lost = '"changes":5' in str(garbage)  # a change of this very book, which can be known: it begins anew
    assert book.gap_count == lost
    assert book.wait().status == "live"
    assert client.statistics()["reconnects"] == 0


def test_a_symbol_list_in_the_cell_is_not_disturbed_by_a_failing_snapshot(client: ks.Client, sim: Simulator) -> None:
    sim.faults.rest("/api/v3/market/orderbook/level2", 429, "429000", "Too Many Requests", times=1)
    book = client.book("BTC-USDT")
    assert book.wait().status == "live"
    assert client.statistics()["rest_failures"] == 1


def test_nothing_there_at_all_says_at_which_stage() -> None:
    with pytest.raises(UnreachableError, match="does not accept connections") as caught:
        ks.Client("http://127.0.0.1:1").open()
    assert caught.value.stage == "tcp"
