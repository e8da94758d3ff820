"""Each region on its own hosts' routes, over TLS: which hosts are asked, for what, and with which header."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.simulator import Simulator
from tests.transport.kucoin_hosts import Hosts, kucoin_hosts

trustme = pytest.importorskip("trustme")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("*.kucoin.com", "*.kucoin.eu").configure_cert(context)
    return context, path


@pytest.fixture
def hosts(sim: Simulator, context: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.setenv("SSL_CERT_FILE", str(context[1]))
    with kucoin_hosts(sim, context[0]) as (there, proxy):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        yield there


def client_of(sim: Simulator, **options: Any) -> ks.Client:
    known = sim.credentials
    return ks.Client("live", key=known.key, secret=known.secret, passphrase=known.passphrase, **options)


def use_everything(client: ks.Client) -> None:
    """Open every kind of connection."""
    kept = [
        client.trades("BTC-USDT"), client.trades("XBTUSDTM"), client.pro.trades("BTC-USDT"),
        client.pro.trades("XBTUSDTM"), client.feed("account.orders"), client.feed("account.futures_orders"),
        client.feed("pro_account.orders", "UNIFIED"), client.book("BTC-USDT"), client.book("XBTUSDTM"),
    ]  # fmt: skip
    engine = client.engine
    numbers = [engine.call(engine.hold, key) for key in (Connection.SPOT_ORDERS, Connection.FUTURES_ORDERS)]
    engine.call(engine.pool.settled, numbers, 5.0, timeout=6.0)
    assert {each.status for each in kept[:7]} == {"live"}
    assert {book.wait().status for book in kept[7:]} == {"live"}
    assert {each["state"] for each in client.statistics()["connections"]} == {"open"}
    assert len(client.statistics()["connections"]) == 9


@pytest.mark.parametrize(("region", "site"), [("global", ""), ("AU", "australia")])
@pytest.mark.parametrize("transport", ["websockets", "picows"])
def test_global_and_australia_share_hosts_and_differ_by_a_header_of_rest(
    sim: Simulator, hosts: Hosts, region: str, site: str, transport: str
) -> None:
    if transport == "picows":
        pytest.importorskip("picows")
    with client_of(sim, region=region, transport=transport) as client:
        assert client.target.rest_url == "https://api.kucoin.com"
        use_everything(client)
    assert hosts.hosts(websocket=False) == {"api.kucoin.com", "api-futures.kucoin.com"}
    assert hosts.hosts(websocket=True) == {
        "ws-api-spot.kucoin.com", "ws-api-futures.kucoin.com", "x-push-spot.kucoin.com", "x-push-futures.kucoin.com",
        "wsapi-push.kucoin.com", "wsapi.kucoin.com",
    }  # fmt: skip
    assert {each.site for each in hosts.visits if not each.websocket} == {site}
    assert {each.site for each in hosts.visits if each.websocket} == {""}
    tokens = {(each.host, each.path) for each in hosts.visits if "bullet" in each.path}
    assert tokens == {
        ("api.kucoin.com", "/api/v1/bullet-public"), ("api.kucoin.com", "/api/v1/bullet-private"),
        ("api.kucoin.com", "/api/v2/bullet-private"), ("api-futures.kucoin.com", "/api/v1/bullet-public"),
        ("api-futures.kucoin.com", "/api/v1/bullet-private"),
    }  # fmt: skip


def test_the_eu_has_hosts_of_its_own_for_classic_spot_and_margin(sim: Simulator, hosts: Hosts) -> None:
    with client_of(sim, region="EU") as client:
        kept = client.trades("BTC-USDT"), client.margin.mark_price("USDT-BTC"), client.feed("account.orders")
        assert {each.status for each in kept} == {"live"}
        assert client.book("BTC-USDT").wait().status == "live"
        assert client.klines("BTC-USDT", "1min", history=10).wait().status == "live"
        assert client.account.orders().wait().status == "live"
    assert hosts.hosts(websocket=False) == {"api.kucoin.eu"}
    assert hosts.hosts(websocket=True) == {"ws-api-spot.kucoin.eu"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.book("XBTUSDTM"),
        lambda c: c.klines("XBTUSDTM", "1min"),
        lambda c: c.futures.trades("XBTUSDTM"),
        lambda c: c.pro.trades("BTC-USDT"),
        lambda c: c.book("BTC-USDT", source="pro"),
        lambda c: c.feed("account.futures_orders"),
        lambda c: c.feed("pro_account.orders", "UNIFIED"),
        lambda c: c.account.positions(),
        lambda c: c.account.orders("futures"),
        lambda c: c.engine.call(c.engine.hold, Connection.SPOT_ORDERS),
    ],
)
def test_what_the_eu_lacks_is_refused_in_the_cell_with_the_reason(sim: Simulator, hosts: Hosts, ask: Any) -> None:
    with (
        client_of(sim, region="EU") as client,
        pytest.raises(UsageError, match="EU offers classic spot and margin only"),
    ):
        ask(client)
    assert hosts.hosts(websocket=True) == set()


def test_an_unknown_region_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no such region 'US'; there are: global, EU, AU"):
        ks.Client("live", region="US")
