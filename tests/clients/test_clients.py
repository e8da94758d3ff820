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
