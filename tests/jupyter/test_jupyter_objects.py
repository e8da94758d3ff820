"""Tab behind live objects, with Jedi and without: all their names are there, and asking for them does nothing."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

import kucoin_stream as ks
from kucoin_stream.transport.rest import Rest
from tests.streams.test_nodes import OURS

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

HAVE: list[tuple[str, set[str]]] = [
    ("ks.", set(ks.__all__)),
    ("client.", {"book", "trades", "history", "rest", "orders", "account", "futures", "pro", "record"}),
    ("client.futures.", {"mark_price", "funding_rate", "level2", "trades"}),
    ("client.pro.", {"ticker", "level2", "funding_rate"}),
    ("client.rest.", {"spot_market", "futures_market"}),
    ("client.rest.spot_market.", {"get_klines", "get_ticker"}),
    ("client.orders.", {"arm", "disarm", "spot_order", "futures_orders", "uta_amend"}),
    ("client.account.", {"orders", "fills", "balances", "positions", "pro", "feed"}),
    ("book.", {"mid", "spread_bps", "imbalance", "bids", "df", "stream", "widget", "stop"}),
    ("bars.", {"df", "returns", "missing_bars", "head"}),
    ("trades.", {"map", "filter", "sink", "frame", "to_dataframe", "threaded"} | set(OURS)),
    ("values.", {"map", "sink", "to_dataframe"} | set(OURS)),
    ("frame.", {"df", "ohlcv", "vwap", "tick_bars", "to_parquet"}),
    ("df.kucoin.", {"mid", "microprice", "imbalance", "sweep", "vwap", "ohlcv"}),
]


@pytest.fixture
def complete(cell: Any, client: ks.Client) -> Any:
    _ = client.contracts  # known once they were asked for
    cell(
        "import kucoin_stream as ks\nclient = ks.connect('sim')\nbook = ks.book('BTC-USDT').wait()\n"
        "bars = ks.klines('BTC-USDT', '1min', 20)\ntrades = ks.trades('BTC-USDT')\n"
        "values = trades.map(lambda trade: trade.price)\nframe = trades.frame()\ndf = frame.df"
    )

    def completions(text: str, jedi: bool) -> list[str]:
        completer = cell.shell.Completer
        completer.use_jedi = jedi
        with provisionalcompleter():
            found = [each.text for each in completer.completions(text, len(text))]
        return [each.rpartition(".")[2] for each in found]

    return completions


@pytest.mark.parametrize("jedi", [pytest.param(True, marks=pytest.mark.slow), False], ids=["with Jedi", "without"])
def test_every_name_is_there_and_asking_does_nothing(
    complete: Any, jedi: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    for name in ("_call", "send"):  # the two ways to the exchange
        monkeypatch.setattr(Rest, name, lambda *args, **_: calls.append(args))
    running, threads = list(ks.ps().index), set(threading.enumerate())
    missing = {text: there - set(complete(text, jedi)) for text, there in HAVE}
    assert {text: names for text, names in missing.items() if names} == {}
    assert calls == []
    assert list(ks.ps().index) == running
    assert {each.name for each in set(threading.enumerate()) - threads if "kucoin" in each.name} == set()


@pytest.mark.parametrize("jedi", [True, False], ids=["with Jedi", "without"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ks.book("BTC-U', ["BTC-USDT"]),
        ('ks.book("btc-u', ["BTC-USDT"]),
        ('client.klines("BTC-USDT", "1mi', ["1min"]),
        ('frames = [ks.trades("ETH-U', ["ETH-USDT"]),
        ('client.futures.mark_price("XBTUSDT', ["XBTUSDTM"]),
        ('client.spot.klines("BTC-USDT", interval="1mo', ["1month"]),
        ('client.history("BTC-USDT", "1w', ["1week"]),
        ('client.orders.spot_order("BTC-U', ["BTC-USDT"]),
    ],
)
def test_symbols_and_intervals_within_quotes(complete: Any, text: str, expected: list[str], jedi: bool) -> None:
    assert complete(text, jedi) == expected
