"""Other people's KuCoin clients, from their registries and unmodified but for URLs, on the built-in exchange."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Drive, Exchange

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]


def test_ccxt_follows_the_market_and_trades(drive: Drive, exchange: Exchange) -> None:
    seen = drive("ccxt_pro.py")
    spot = [f"{row['baseCurrency']}/{row['quoteCurrency']}" for row in exchange.get("/api/v2/symbols")]
    contracts = ["BTC/USDT:USDT", "BTC/USD:BTC", "ETH/USDT:USDT"]
    named = {"BCHSV/USDT": "BSV/USDT"}
    assert set(seen["markets"]) >= {*(named.get(name, name) for name in spot), *contracts}
    assert (seen["ticker"], seen["trade"], seen["bar"]) == (True, ["amount", "id", "price", "side"], True)
    assert seen["history"] == 100
    assert seen["book"]["equal"]
    assert seen["book"]["levels"] > 1000
    trading = seen["trading"]
    assert trading["same_order"]
    assert (trading["filled"], trading["fills"]) == (0.01, pytest.approx(0.01))
    assert trading["bought"] == pytest.approx(0.01)
    assert trading["spent"] == pytest.approx(trading["cost"])
    assert seen["futures"] == {
        "same_order": True, "contracts": 3, "side": "long", "flat": True, "uncrossed": True,
    }  # fmt: skip


def test_cryptofeed_keeps_the_book_and_hears_of_every_trade_once(drive: Drive) -> None:
    seen = drive("cryptofeed_client.py")
    assert "BTC-USDT" in seen.pop("bars")  # the other symbol trades seldom
    assert seen.pop("levels") > 1000
    assert seen == {"equal": True, "uncrossed": True, "doubles": 0}


def test_kucoins_own_sdk_can_read_what_it_is_sent(drive: Drive) -> None:
    seen = drive("universal_sdk.py")
    assert seen["missing"] == []
    assert (seen["dealt"], seen["status"]) == ("0.01", "done")
    assert seen["levels"] > 1000


def test_python_kucoin_trades_and_listens(drive: Drive) -> None:
    contracts = ["XBTUSDTM", "ETHUSDTM", "XBTUSDM"]
    assert drive("python_kucoin.py") == {"missing": [], "dealt": "0.01", "active": False, "contracts": contracts}


def test_ccxt_far_and_wide_raises_nothing_and_reads_nothing_strange(drive: Drive) -> None:
    """Some 190 calls: REST of spot, margin and futures, the unified calls, classic and Pro sockets."""
    assert drive("ccxt_wide.py") == {"failed": {}, "strange": [], "moved": "ok"}


def test_kucoins_older_sdk_finds_futures_on_a_host_of_their_own(drive: Drive) -> None:
    assert drive("old_futures_sdk.py") == {
        "contracts": True, "symbol": "XBTUSDTM", "book": [20, "XBTUSDTM"], "bars": 500,
        "kept": ["open", True, 1000.0, 2], "cancelled": True, "position": [2, True], "flat": [0, False],
        "spent": True, "fills": ["sell", "buy"], "missing": [],
    }  # fmt: skip


def test_kucoins_own_sdk_for_node(drive: Drive, exchange: Exchange) -> None:
    symbols = [row["symbol"] for row in exchange.get("/api/v2/symbols")]
    contracts = [row["symbol"] for row in exchange.get("/futures/api/v1/contracts/active")]
    assert drive("universal_sdk.js") == {
        "missing": [], "dealt": "0.001", "status": "done", "symbols": symbols, "contracts": contracts,
    }  # fmt: skip


def test_ccxt_for_node_watches_all_that_it_can(drive: Drive) -> None:
    lives = [["open", "closed", 0.01], ["open", "closed", 2]]
    assert drive("ccxt.js") == {"failed": {}, "uncrossed": [True, True], "lives": lives}


def test_kucoins_older_sdks_for_node(drive: Drive) -> None:
    assert drive("old_node_sdks.js") == {
        "missing": [], "refused": [], "active": True, "bought": 2, "dirty": False, "uncrossed": True,
    }  # fmt: skip


def test_tardis_finds_books_without_gaps(drive: Drive) -> None:
    spot = ["book_change", "book_ticker", "snapshot", "trade"]
    futures = sorted([*spot, "derivative_ticker"])
    assert drive("tardis.js") == {
        "spot": {"wrong": [], "seen": {"BTC-USDT": spot, "ETH-USDT": spot}},
        "futures": {"wrong": [], "seen": {"XBTUSDTM": futures, "ETHUSDTM": futures}},
    }


def test_pybotters_keeps_its_stores(drive: Drive) -> None:
    assert drive("pybotters_client.py") == {"wrong": [], "bids": {"spot": 50, "futures": 50}}
