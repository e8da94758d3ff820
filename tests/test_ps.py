"""``ks.ps()`` lists what runs, ``ks.stop(...)`` ends some of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.messages.spot import CallAuction
from kucoin_stream.streams import origin
from tests.conftest import until

TYPES = {
    "kind": "str", "name": "str", "topics": "str", "cell": "str", "since": "datetime64[ns, UTC]", "status": "str",
    "received": "Int64", "rate": "float64", "inbox": "Int64", "peak": "Int64", "dropped": "Int64", "errors": "Int64",
    "cost_us": "float64", "load": "float64", "stalled": "float64", "memory": "Int64",
}  # fmt: skip


@pytest.fixture
def in_cell() -> Iterator[None]:
    token = origin.cell.set("In [7]")
    yield
    origin.cell.reset(token)


def rows(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["kind"], table["name"], strict=True))


def test_nothing_runs_at_first(client: ks.Client) -> None:
    table = client.ps()
    assert (list(table.columns), len(table), table.index.name) == (list(TYPES), 0, "id")
    assert str(table["since"].dtype) == "datetime64[ns, UTC]"
    assert str(table["received"].dtype) == "Int64"


def test_without_a_client_there_is_nothing_and_none_is_made() -> None:
    assert ks.ps().empty
    assert ks.ps().empty


@pytest.mark.usefixtures("in_cell")
def test_every_kind_is_listed_with_its_cell(client: ks.Client, tmp_path: Path) -> None:
    trades = client.trades("BTC-USDT", "ETH-USDT")
    book = client.book("BTC-USDT").wait()
    view = book.widget()
    prices = trades.map(lambda trade: trade.price)
    sink = prices.sink(id)
    kept = book.stream.filter(bool)
    trades.errors.sink(id)
    frame = trades.frame()
    with client.record(tmp_path / "day.kcs", book):
        until(lambda: trades.received > 2 and len(frame) > 2 and trades.statistics()["busy"])
        table = client.ps()
    assert rows(table) == {
        ("feed", "spot.trades BTC-USDT, ETH-USDT"),
        ("frame", "BTC-USDT"),
        ("frame", "BTC-USDT, ETH-USDT trades"),
        ("view", "ladder BTC-USDT"),
        ("sink", "<sink: id>"),
        ("stream", "changes of BTC-USDT"),
        ("branch", str(kept)),
        ("errors", "errors of spot.trades BTC-USDT, ETH-USDT"),
        ("recording", "day.kcs"),
    }
    assert set(table["cell"]) == {"In [7]"}
    assert {name: str(dtype) for name, dtype in table.dtypes.items() if name in list(TYPES)[6:]} == dict(
        list(TYPES.items())[6:]
    )
    feed = table[table["kind"] == "feed"].iloc[0]
    assert feed["topics"] == "/market/match:BTC-USDT, /market/match:ETH-USDT"
    assert (feed["received"] > 2, feed["rate"] > 0, feed["cost_us"] > 0, feed["errors"]) == (True, True, True, 0)
    view.stop()
    sink.destroy()
    assert client.ps()["kind"].isin(["view", "recording"]).sum() == 0


def test_a_view_has_pictures_and_their_cost(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    view = book.widget()

    def row() -> Any:
        return client.ps().query("kind == 'view'").iloc[0]

    until(lambda: row()["received"] > 2 and row()["rate"] > 0)
    assert 0 < row()["cost_us"] < 1e6
    assert (row()["errors"], row()["status"]) == (0, "live")
    pace = view.pace
    assert pace.pictures >= row()["received"] - 1
    view.stop()


def test_the_rate_of_a_fresh_frame_is_that_of_what_comes(client: ks.Client) -> None:
    feed = client.feed("spot.call_auction", "BTC-USDT")
    client.engine.call(feed._inlet.recent.messages.extend, [CallAuction("BTC-USDT")] * 200)
    frame = feed.frame()
    assert len(frame) == 200
    row = client.ps().query("kind == 'frame'").iloc[0]
    assert (row["received"], row["rate"]) == (200, 0.0)


class Counted:
    """Something whose counter is read."""

    reads = 0

    @property
    def received(self) -> int:
        self.reads += 1
        return 10 * self.reads


def test_what_lives_is_sampled_until_it_is_gone_and_only_branches_are_listed_as_such() -> None:
    counted = Counted()
    origin.note(counted, "frame")
    known = origin.origin(counted)
    assert known is not None
    origin.sample_all()
    assert [each.received for each in known.samples][:2] == [10, 20]
    assert counted in dict(origin.living())
    assert counted not in dict(origin.living("branch"))
    del counted
    assert known not in [each for _, each in origin.living()]
    assert known.number not in origin._living


def test_counters_of_a_slow_reader_are_seen(connect: Callable[..., ks.Client]) -> None:
    client = connect(inbox_size=5)
    feed = client.level2("BTC-USDT")
    gate = threading.Event()
    feed.sink(lambda message: gate.wait(20))
    until(lambda: feed.dropped > 3 and feed.statistics()["inbox"])  # one long read may be dropped as a whole
    counters = feed.statistics()
    (branch,) = counters["branches"]
    assert 0 < branch["inbox"] <= branch["peak"] <= 5
    assert counters["dropped"] >= branch["dropped"] > 3
    row = client.ps().query("kind == 'sink'").iloc[0]
    assert row["inbox"] > 0
    assert row["peak"] <= 5
    assert row["dropped"] > 3
    gate.set()


MEANT: dict[str, tuple[Callable[[dict[str, Any]], Any], set[str]]] = {
    "an object": (lambda given: given["trades"], {"book", "ticker", "view"}),
    "a view": (lambda given: given["view"], {"book", "ticker", "trades"}),
    "a name": (lambda _: "spot.trades BTC-USDT", {"book", "ticker", "view"}),
    "a topic": (lambda _: "/market/ticker:ETH-USDT", {"book", "trades", "view"}),
    "a symbol": (lambda _: "BTC-USDT", {"ticker"}),
    "a pattern": (lambda _: "*ETH*", {"book", "trades", "view"}),
    "a row as pandas has it": (
        lambda given: given["client"].ps().query("kind == 'feed'").index[-1],
        {"book", "trades", "view"},
    ),
    "a row": (lambda given: int(given["client"].ps().query("kind == 'feed'").index[-1]), {"book", "trades", "view"}),
}


@pytest.mark.parametrize(("meant", "left"), MEANT.values(), ids=MEANT)
def test_only_what_is_meant_ends(client: ks.Client, meant: Callable[[dict[str, Any]], Any], left: set[str]) -> None:
    book = client.book("BTC-USDT").wait()
    given: dict[str, Any] = {"client": client, "book": book, "view": book.widget()}
    given |= {"trades": client.trades("BTC-USDT"), "ticker": client.ticker("ETH-USDT")}
    client.stop(meant(given))
    names = {"BTC-USDT": "book", "ladder BTC-USDT": "view", "spot.trades BTC-USDT": "trades"}
    names["spot.ticker ETH-USDT"] = "ticker"
    assert {names[each] for each in client.ps()["name"]} == left
    given["view"].stop()


def test_a_sink_or_a_node_ends_alone(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT")
    sink, node = feed.sink(id), feed.map(id)
    client.stop(sink, node)
    assert list(client.ps()["kind"]) == ["feed"]
    assert feed.status == "live"


def test_a_symbol_ends_no_feed_that_has_others(client: ks.Client) -> None:
    both, one = client.trades("BTC-USDT", "ETH-USDT"), client.trades("ETH-USDT")
    client.stop("ETH-USDT")
    assert (both.status, one.status) == ("live", "stopped")
    client.stop("/market/match:*")
    assert both.status == "stopped"


@pytest.mark.parametrize("what", ["ETH-USDT", "no*", 10**9, True, 1.5])
def test_what_does_not_run_cannot_be_stopped(client: ks.Client, what: Any) -> None:
    feed = client.trades("BTC-USDT")
    with pytest.raises(ks.errors.UsageError, match=r"nothing that runs"):
        client.stop(what)
    assert feed.status == "live"


@pytest.mark.usefixtures("_default")
def test_the_front_door_has_both() -> None:
    client = ks.connect("sim")
    feed = ks.trades("BTC-USDT")
    assert list(ks.ps()["kind"]) == ["feed"]
    ks.stop("spot.trades*")
    assert (feed.status, ks.ps().empty) == ("stopped", True)
    assert ks.connect("sim") is client
    ks.stop()
    assert feed.status == "stopped: by ks.stop()"
