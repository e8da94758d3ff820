"""``client.account`` on the built-in exchange: what a user's cells see of orders, fills, balances and positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.account import Account
from kucoin_stream.errors import RefusedError, UnknownSymbolError, UsageError
from kucoin_stream.protocol.topics import CATALOGUE
from kucoin_stream.simulator import Simulator
from kucoin_stream.transport.venue import of_region
from tests.conftest import until

Connect = Callable[..., ks.Client]
FRAMES = ["balances", "fills", "orders", "positions"]
NEEDS_A_KEY = r"account streams need an API key; pass key=, secret=, passphrase= to ks\.connect\(\)"


class Asked:
    """A client that notes what feed is asked for, in the EU and without a key."""

    class engine:
        signed = True
        venue = of_region("EU")

    def feed(self, topic: str, *arguments: str, interval: str | None = None, **options: Any) -> Any:
        return topic, arguments

    def instrument(self, symbol: str) -> Any:
        raise UnknownSymbolError(symbol)


def alone() -> Any:
    return Account(Asked())  # type: ignore[arg-type]


# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in CATALOGUE if row.private], ids=lambda row: row.name)
def test_every_private_feed_has_a_plain_name(row: Any) -> None:
    family, _, name = row.name.partition(".")
    account = alone()
    space = account.pro if family == "pro_account" else account.feed
    assert name in dir(space)
    assert getattr(space, name)() == (row.name, ())
    assert name in dir(account)
    if name not in FRAMES and name not in dir(account.feed if family == "pro_account" else ()):
        assert getattr(account, name)() == (row.name, ())


def test_completion_lists_the_frames_and_the_feeds() -> None:
    account = alone()
    assert {*FRAMES, "feed", "pro", "stop_orders", "futures_wallet", "executions", "leverage"} <= {*dir(account)}
    assert repr(account).startswith("<account: balances, fills, orders, positions; feeds: ")


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean positions"):
        _ = alone().position


# -- what is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FRAMES)
def test_without_a_key_the_cell_says_what_to_pass(connect: Connect, name: str) -> None:
    account = connect(key=False).account
    with pytest.raises(UsageError, match=NEEDS_A_KEY):
        getattr(account, name)()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda account: account.orders("swap"), "market='swap': write 'spot', 'futures', or nothing for both"),
        (lambda account: account.orders(maxlen=0), "maxlen=0: a whole number from 1"),
        (lambda account: account.fills(maxlen=True), "maxlen=True: a whole number from 1"),
        (lambda account: account.fills(symbols=["BTC-USDT", "XBTUSDTM"]), "make a frame of each"),
        (lambda account: account.fills("spot", symbols="XBTUSDTM"), "XBTUSDTM is a symbol of futures"),
        (lambda account: account.fills(symbols="BTC-USTD"), "BTC-USTD"),
        (lambda account: account.orders("futures"), "KuCoin EU offers classic spot and margin only"),
        (lambda account: account.positions(), "KuCoin EU offers classic spot and margin only"),
        (lambda account: account.fills(symbols="XBTUSDTM"), "KuCoin EU offers classic spot and margin only"),
    ],
)
def test_a_wrong_call_says_what_to_write(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call(alone())
    assert message in str(caught.value)


def test_where_there_are_no_futures_both_means_spot() -> None:
    assert alone()._markets(None) == ("spot",)


# -- the exchange --------------------------------------------------------------------------------------------------


def live(frame: Any) -> Any:
    until(lambda: frame.status == "live", f"{frame!r} is live")
    return frame


def statuses(orders: Any) -> dict[str, str]:
    return orders.df["status"].to_dict()


@pytest.fixture
def price(client: ks.Client) -> float:
    """A price far below the market, which a buy order waits at."""
    return round(client.book("BTC-USDT").wait().best_bid * 0.5, 1)


def test_orders_are_listed_then_followed(client: ks.Client, sim: Simulator, price: float) -> None:
    before = sim.account.place("BTC-USDT", "buy", price=price, size="0.001", clientOid="mine")
    orders = live(client.account.orders())
    assert statuses(orders) == {before: "open"}
    row = orders.df.loc[before]
    assert (row["symbol"], row["side"], row["type"], row["market"]) == ("BTC-USDT", "buy", "limit", "spot")
    assert (row["price"], row["size"], row["filled_size"], row["remaining"]) == (price, 0.001, 0, 0.001)
    assert row["client_oid"] == "mine"
    after = sim.account.place("BTC-USDT", "buy", price=price, size="0.001")
    sim.account.cancel(before)
    until(lambda: statuses(orders) == {before: "cancelled", after: "open"})
    bought = sim.account.place("BTC-USDT", "buy", size="0.001")
    until(lambda: statuses(orders).get(bought) == "filled")
    assert orders.df.loc[bought, "filled_size"] == 0.001
    assert orders.df.index.tolist() == [before, after, bought]


def test_a_stop_order_is_a_row_until_it_is_cancelled(client: ks.Client, sim: Simulator, price: float) -> None:
    orders = live(client.account.orders("spot"))
    stop = sim.account.place("BTC-USDT", "sell", price=price, size="0.001", stop="loss", stopPrice=str(price))
    until(lambda: statuses(orders).get(stop) == "stop")
    assert orders.df.loc[stop, "stop_price"] == price
    again = live(client.account.orders("spot", maxlen=7))
    assert statuses(again) == {stop: "stop"}
    sim.account.cancel(stop)
    until(lambda: statuses(orders)[stop] == "cancelled")


def test_fills_are_told_once_with_or_without_a_list(client: ks.Client, sim: Simulator) -> None:
    earlier = sim.account.place("BTC-USDT", "buy", size="0.001")
    fills = live(client.account.fills(symbols="BTC-USDT"))
    assert fills.df["order_id"].unique().tolist() == [earlier]
    assert fills.df["fee"].gt(0).all()
    seen: list[Any] = []
    fills.stream.sink(seen.append)
    later = sim.account.place("BTC-USDT", "buy", size="0.002")
    sim.account.place("ETH-USDT", "buy", size="0.01")
    until(lambda: later in {*fills.df["order_id"]})
    until(lambda: seen)
    df = fills.df
    assert df[["order_id", "trade_id"]].duplicated().sum() == 0
    assert df.groupby("order_id")["size"].sum().round(8).to_dict() == {earlier: 0.001, later: 0.002}
    assert {each.order_id for each in seen} == {later}
    assert df["time"].is_monotonic_increasing


def test_balances_are_those_of_the_exchange(client: ks.Client, sim: Simulator) -> None:
    balances = live(client.account.balances("spot"))

    def agree() -> bool:
        ours = balances.df["total"].to_dict()
        theirs = {
            (account.replace("/", "_"), currency): float(holding.total)
            for account, currencies in sim.account.balances().items()
            if account != "futures"
            for currency, holding in currencies.items()
        }
        return theirs == pytest.approx(ours)

    assert agree()
    sim.account.place("BTC-USDT", "buy", size="0.001")
    sim.account.deposit("USDT", 50, account="main")
    until(agree, "the stream's balances are those of the exchange")
    row = balances.df.loc["main", "USDT"]
    assert row["available"] + row["hold"] == pytest.approx(row["total"])


def test_a_position_opens_moves_with_the_mark_price_and_closes(client: ks.Client, sim: Simulator) -> None:
    positions = live(client.account.positions())
    assert positions.df.empty
    seen: list[Any] = []
    positions.stream.sink(seen.append)
    sim.account.place("XBTUSDTM", "buy", size=2)
    until(lambda: len(positions) == 1)
    row = positions.df.loc["XBTUSDTM"]
    assert (row["size"], row["settle_currency"]) == (2, "USDT")
    again = live(client.account.positions())
    assert again.df.loc["XBTUSDTM", "size"] == 2
    sim.account.place("XBTUSDTM", "sell", size=2)
    until(lambda: positions.df.empty)
    until(lambda: seen and seen[-1].size == 0)
    futures = live(client.account.fills("futures"))
    assert futures.df["side"].tolist()[:1] == ["buy"]
    assert futures.df["size"].sum() == 4


def test_futures_orders_and_the_wallet(client: ks.Client, sim: Simulator) -> None:
    orders, wallet = live(client.account.orders("futures")), live(client.account.balances("futures"))
    before = wallet.df.loc[("futures", "USDT")]
    mark = client.book("XBTUSDTM").wait().best_bid
    waiting = sim.account.place("XBTUSDTM", "buy", price=round(mark * 0.5), size=1)
    until(lambda: statuses(orders) == {waiting: "open"})
    until(lambda: wallet.df.loc[("futures", "USDT"), "available"] < before["available"])
    assert statuses(live(client.account.orders("futures", maxlen=7))) == {waiting: "open"}
    sim.account.cancel(waiting)
    until(lambda: statuses(orders) == {waiting: "cancelled"})


def test_what_happens_while_the_connection_is_lost_is_found_out(connect: Connect, sim: Simulator, price: float) -> None:
    client = connect(reconnect_delay=0.3)
    waiting = sim.account.place("BTC-USDT", "buy", price=price, size="0.001")
    orders, fills = live(client.account.orders()), live(client.account.fills(symbols="BTC-USDT"))
    seen: list[Any] = []
    orders.stream.sink(seen.append)
    sim.faults.kill()
    until(lambda: orders.status.startswith("stale: "))
    sim.account.cancel(waiting)
    bought = sim.account.place("BTC-USDT", "buy", size="0.001")
    live(orders)
    assert statuses(orders)[waiting] == "cancelled"
    live(fills)
    assert {*fills.df["order_id"]} == {bought}
    until(lambda: any(getattr(each, "status", "") == "cancelled" for each in seen))
    assert {"Disconnected", "Restarted"} <= {type(each).__name__ for each in seen}


def test_an_order_that_came_and_went_while_the_connection_was_lost_is_found(
    connect: Connect, sim: Simulator, price: float
) -> None:
    client = connect(reconnect_delay=0.3)
    sim.account.place("BTC-USDT", "buy", price=price, size="0.001")
    orders = live(client.account.orders())
    sim.faults.kill()
    until(lambda: orders.status.startswith("stale: "))
    spot, futures = sim.account.place("BTC-USDT", "buy", size="0.001"), sim.account.place("XBTUSDTM", "buy", size=1)
    live(orders)
    assert {statuses(orders).get(spot), statuses(orders).get(futures)} == {"filled"}


def test_one_market_refused_is_partial_and_alone_raises_in_the_cell(client: ks.Client, sim: Simulator) -> None:
    sim.faults.refuse("/contractAccount/wallet", 403, "no permission")
    balances = client.account.balances()
    until(lambda: balances.status.startswith("partial: futures refused: 403"))
    assert {*balances.wait().df["market"]} == {"spot"}
    with pytest.raises(RefusedError, match="403"):
        client.account.balances("futures")


def test_a_call_that_fails_is_the_status_and_is_made_again(client: ks.Client, sim: Simulator) -> None:
    sim.faults.rest("/api/v1/accounts", 500, "500000", "Internal Server Error", times=1)
    balances = client.account.balances("spot")
    until(lambda: "500000" in balances.status)
    assert len(live(balances).df) > 0


def test_a_frame_and_a_feed_share_the_subscription(client: ks.Client, sim: Simulator, price: float) -> None:
    feed = client.account.feed.orders()
    orders = live(client.account.orders("spot"))  # the topic was active before
    seen: list[Any] = []
    feed.sink(seen.append)
    placed = sim.account.place("BTC-USDT", "buy", price=price, size="0.001")
    until(lambda: statuses(orders) == {placed: "open"})
    until(lambda: [each.order_id for each in seen] == [placed, placed])  # received, then open
    orders.stop()
    sim.account.cancel(placed)
    until(lambda: [each.status for each in seen][-1] == "done")
    assert orders.df["status"].tolist() == ["open"]  # what was stopped stays as it was


def test_frames_of_one_kind_share_what_is_kept_and_what_is_stopped_stays_readable(
    client: ks.Client, sim: Simulator
) -> None:
    one, two = live(client.account.balances()), live(client.account.balances())
    assert one._keeper is two._keeper
    one.stop()
    assert one.status == "stopped"
    assert two.status == "live"
    assert len(one.df) == len(two.df) > 0


def test_a_frame_has_a_picture_and_says_what_is_simulated(client: ks.Client) -> None:
    balances = live(client.account.balances())
    text = balances.widget().text()
    assert "USDT" in text
    assert "balances" in text
    assert "live" in repr(balances)


def test_no_secret_is_shown(client: ks.Client, sim: Simulator) -> None:
    orders = live(client.account.orders())
    shown = f"{orders!r} {client.account!r} {orders.df.attrs} {orders.stream!r}"
    for secret in (sim.credentials.key, sim.credentials.secret, sim.credentials.passphrase):
        assert secret not in shown
