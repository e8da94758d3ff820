"""Tables of the account without sockets: what is asked when, what is shown meanwhile, and what the rows look like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from kucoin_stream.errors import KucoinStreamError, RefusedError, RemoteProtocolError, ResponseError, UnreachableError
from kucoin_stream.frames import fetching
from kucoin_stream.frames.account import calls, spot_calls
from kucoin_stream.frames.account.frames import LiveBalances, LiveFills, LiveOrders, LivePositions
from kucoin_stream.frames.account.futures_calls import FuturesCalls
from kucoin_stream.frames.account.keeper import AccountKeeper
from kucoin_stream.frames.account.keepers import BalanceKeeper, FillKeeper, OrderKeeper, PositionKeeper
from kucoin_stream.market.account.order import Order
from kucoin_stream.protocol.events import Disconnected, Gap, Refused, Restarted
from kucoin_stream.protocol.messages import account, decode, futures_account
from kucoin_stream.transport.engine import Engine

ORDERS, STOPS, BALANCE = "/spotMarket/tradeOrdersV2", "/spotMarket/advancedOrders", "/account/balance"
WALLET, POSITIONS = "/contractAccount/wallet", "/contract/positionAll"
NOW_MS = 1_730_000_000_000
NOW_NS = NOW_MS * 1_000_000


def order(number: int = 1, **fields: Any) -> dict[str, Any]:
    """An open spot order as a call lists it."""
    said = {"id": f"o{number}", "symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "9", "size": "10"}
    said |= {"dealSize": "0", "remainSize": "10", "active": True, "clientOid": "me"}
    return said | {"createdAt": NOW_MS + number, "lastUpdatedAt": NOW_MS + number} | fields


def event(kind: str, status: str, number: int = 1, filled: int = 0, **fields: Any) -> account.Order:
    """What the stream says of one."""
    said = {"orderId": f"o{number}", "symbol": "BTC-USDT", "side": "buy", "orderType": "limit", "price": "9"}
    said |= {"originSize": "10", "filledSize": str(filled), "remainSize": str(10 - filled), "canceledSize": "0"}
    said |= {"type": kind, "status": status, "ts": NOW_NS + 10_000_000, "orderTime": NOW_MS + number}
    return decode(account.Order, msgspec.json.encode(said | fields))


class Answers:
    """Answers signed calls, each path from a list whose last answer repeats."""

    def __init__(self, answers: Mapping[str, list[Any]]) -> None:
        self.answers = {path: [*each] for path, each in answers.items()}
        self.asked: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.held = ""
        self.waiting = False
        self.free = asyncio.Event()
        self.free.set()

    def hold(self, path: str = "") -> None:
        """Let calls of ``path``, or all, wait until ``free`` is set."""
        self.held = path
        self.free.clear()

    def now(self) -> float:
        return time.time() + self.clock_offset

    async def get(self, kind: Any, path: str, query: Any = None, *, signed: bool = False) -> Any:
        assert signed
        self.asked.append(path)
        self.queries.append(dict(query or {}))
        if self.held in (path, ""):
            self.waiting = not self.free.is_set()
            await self.free.wait()
        answers = self.answers.get(path)
        if answers is None:
            raise ResponseError(f"GET {path}", 404, "404000", "Url Not Found")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return decode(kind, msgspec.json.encode(answer))

    @property
    def clock_offset(self) -> float:
        """The exchange's clock stands at the test's now."""
        return NOW_MS / 1000 - time.time()

    def count(self, path: str) -> int:
        return self.asked.count(path)


class Exchange:
    """An engine without thread and sockets: acknowledges nothing by itself."""

    running = False
    ended = ""
    target = SimpleNamespace(mode="live", badge="")
    settings = SimpleNamespace(inbox_size=100)

    def __init__(self, spot: Mapping[str, list[Any]], futures: Mapping[str, list[Any]] | None = None) -> None:
        self.rest, self.futures_rest = Answers(spot), Answers(futures or {})
        self.contracts = {"XBTUSDTM": SimpleNamespace(settle_currency="USDT")}
        self.pool = self
        self.attached: list[str] = []
        self.post = self.call = lambda function, *args: function(*args)

    def attach(self, topics: Any, keeper: Any) -> None:
        self.attached += topics

    def detach(self, topics: Any, keeper: Any) -> None:
        self.attached = [each for each in self.attached if each not in topics]

    def active(self, topic: str) -> bool:
        return False

    def on_end(self, method: Any) -> None:
        """Never ends."""

    def join(self, key: object, make: Callable[[], Any]) -> Any:
        return make()

    def leave(self, key: object) -> None:
        """Nothing is shared."""


def engine(spot: Mapping[str, list[Any]], futures: Mapping[str, list[Any]] | None = None) -> Any:
    return cast(Engine, Exchange(spot, futures))


ACTIVE = {"/api/v1/hf/orders/active/symbols": [{"symbols": ["BTC-USDT"]}]}
LISTED = ACTIVE | {"/api/v1/hf/orders/active": [[order()]], "/api/v1/hf/orders/done": [{"items": []}]}


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(limited())


async def until(condition: Callable[[], Any]) -> None:
    while not condition():  # noqa: ASYNC110  a condition of the code under test
        await asyncio.sleep(0)


async def idle() -> None:
    """Let all tasks go as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


def acked(kept: AccountKeeper, *topics: str) -> None:
    for topic in topics or kept.topics:
        kept.news(Restarted(topic))
        kept.flush()


def push(kept: AccountKeeper, *messages: Any) -> None:
    kept.pending += messages
    kept.flush()


class Reader:
    """Reads the changes."""

    def __init__(self, kept: AccountKeeper) -> None:
        self.seen: list[Any] = []
        kept.inlet.grow(cast(Any, self))

    def take(self, messages: list[Any]) -> None:
        self.seen += messages

    def tell(self, news: Any) -> None:
        self.seen.append(type(news).__name__)


def shown(kept: AccountKeeper) -> list[tuple[str, str]]:
    return [(row.order_id, row.status) for row in kept.rows()]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FIRST", 0.001)


def test_the_calls_are_made_once_all_topics_are_acknowledged() -> None:
    async def main() -> None:
        exchange = engine(LISTED)
        kept = OrderKeeper(exchange, ["spot"], 10)
        reader = Reader(kept)
        acked(kept, ORDERS)
        await asyncio.sleep(0)
        assert (kept.status, exchange.rest.asked) == ("syncing", [])
        acked(kept, STOPS)
        await until(lambda: kept.status == "live")
        assert shown(kept) == [("o1", "open")]
        assert [type(each) for each in reader.seen] == [Order]
        assert exchange.rest.count("/api/v1/stop-order") == 1

    run(main)


def test_what_finished_in_the_stream_before_the_list_came_stays_finished() -> None:
    async def main() -> None:
        exchange = engine(LISTED)
        exchange.rest.hold()
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        push(kept, event("filled", "done", filled=10))
        exchange.rest.free.set()
        await until(lambda: kept.status == "live")
        assert shown(kept) == [("o1", "filled")]

    run(main)


def test_a_failing_call_is_the_status_and_is_made_again() -> None:
    busy = ResponseError("GET /api/v1/hf/orders/active/symbols", 429, "429000", "Too many requests")

    async def main() -> None:
        exchange = engine(LISTED | {"/api/v1/hf/orders/active/symbols": [busy, busy, {"symbols": ["BTC-USDT"]}]})
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        await until(lambda: "429000" in kept.status)
        assert kept.status.startswith("syncing: GET /api/v1/hf/orders/active/symbols: HTTP 429")
        await until(lambda: kept.status == "live")
        assert exchange.rest.count("/api/v1/hf/orders/active/symbols") == 3

    run(main)


@pytest.mark.parametrize(
    ("error", "margin"),
    [
        (ResponseError("GET", 400, "400100", "no margin here"), "live"),
        (ResponseError("GET", 404, "", "an answer that is not JSON"), "live"),
        (ResponseError("GET", 429, "429000", "too many"), "syncing"),
        (ResponseError("GET", 403, "", "forbidden from here"), "syncing"),  # a page of Cloudflare's, for 30 s
        (ResponseError("GET", 200, "230005", "system busy"), "syncing"),
        (UnreachableError("tcp", "no answer"), "syncing"),
        (RemoteProtocolError("not JSON"), "syncing"),
    ],
)
def test_a_kind_of_account_that_is_not_there_has_nothing_and_other_errors_count(
    error: KucoinStreamError, margin: str
) -> None:
    async def main() -> None:
        exchange = engine({"/api/v1/accounts": [[]], "/api/v3/margin/accounts": [error]})
        kept = BalanceKeeper(exchange, ["spot"])
        acked(kept)
        await until(lambda: kept.status != "syncing")
        assert kept.status.partition(":")[0] == margin
        kept.close()

    run(main)


def test_after_a_disconnection_it_is_stale_then_asks_again_and_finds_out_what_it_missed() -> None:
    async def main() -> None:
        done = order(1, active=False, dealSize="10", remainSize="0")
        exchange = engine(LISTED | {"/api/v1/hf/orders/active": [[order(1), order(2)], [order(3)]]})
        exchange.rest.answers["/api/v1/hf/orders/o1"] = [done]  # of o2 there is nothing to be learnt
        before = {"createdAt": NOW_MS - 90_000, "lastUpdatedAt": NOW_MS - 90_000}
        missed = {"active": False, "dealSize": "10", "remainSize": "0"}
        finished = [order(4, **missed), order(0, **(missed | before))]
        exchange.rest.answers["/api/v1/hf/orders/done"] = [{"items": finished}]
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        await until(lambda: kept.status == "live")
        reader = Reader(kept)
        for topic in (ORDERS, STOPS):
            kept.news(Disconnected(topic, "gone"))
            kept.flush()
        assert kept.status == "stale: gone"
        acked(kept)
        assert kept.status == "resyncing"
        await until(lambda: kept.status == "live")
        assert shown(kept) == [("o1", "filled"), ("o2", "done"), ("o3", "open"), ("o4", "filled")]
        changes = [(each.order_id, each.status) if isinstance(each, Order) else each for each in reader.seen]
        assert changes[:4] == ["Disconnected", "Disconnected", "Restarted", "Restarted"]
        assert changes[4:] == [("o3", "open"), ("o4", "filled"), ("o1", "filled"), ("o2", "done")]

    run(main)


def test_a_call_that_fails_half_way_costs_no_change() -> None:
    async def main() -> None:
        exchange = engine(LISTED | {"/api/v1/hf/orders/active": [[order(1)], [order(2)]]})
        exchange.rest.answers["/api/v1/hf/orders/o1"] = [UnreachableError("tcp", "no answer"), order(1, active=False)]
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        await until(lambda: kept.status == "live")
        reader = Reader(kept)
        kept.news(Gap(ORDERS, "one is missing"))
        await until(lambda: kept.status == "live")
        assert [(each.order_id, each.status) for each in reader.seen if isinstance(each, Order)] == [
            ("o2", "open"),
            ("o1", "cancelled"),
        ]

    run(main)


def test_an_order_that_the_stream_explains_meanwhile_is_not_given_up() -> None:
    async def main() -> None:
        exchange = engine(LISTED | {"/api/v1/hf/orders/active": [[order(1)], []]})
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        await until(lambda: kept.status == "live")
        kept.news(Gap(ORDERS, "one is missing"))
        exchange.rest.hold("/api/v1/hf/orders/o1")
        await until(lambda: exchange.rest.waiting)
        push(kept, event("match", "open", filled=4, tradeId="1", matchSize="4", matchPrice="9"))
        exchange.rest.free.set()
        await until(lambda: kept.status == "live")
        assert shown(kept) == [("o1", "partly filled")]

    run(main)


def test_a_call_of_the_lost_connection_changes_nothing_any_more() -> None:
    async def main() -> None:
        exchange = engine(LISTED)
        exchange.rest.hold()
        kept = OrderKeeper(exchange, ["spot"], 10)
        acked(kept)
        await until(lambda: exchange.rest.asked)
        kept.news(Disconnected(ORDERS, "gone"))
        exchange.rest.free.set()
        await idle()
        assert (kept.status, kept.rows()) == ("syncing: gone", [])

    run(main)


def test_a_lost_message_is_made_good_by_the_calls() -> None:
    async def main() -> None:
        exchange = engine({"/api/v1/accounts": [[{"currency": "USDT", "type": "trade", "balance": "5"}]]})
        kept = BalanceKeeper(exchange, ["spot"])
        acked(kept)
        await until(lambda: kept.status == "live")
        kept.news(Gap(BALANCE, "a message that cannot be read", 1))
        assert kept.status == "resyncing"
        await until(lambda: kept.status == "live")
        assert exchange.rest.count("/api/v1/accounts") == 2

    run(main)


def test_one_market_refused_leaves_the_other_and_both_refused_leave_nothing() -> None:
    async def main() -> None:
        exchange = engine({"/api/v1/accounts": [[]]})
        kept = BalanceKeeper(exchange, ["spot", "futures"])
        kept.news(Refused(WALLET, 403, "no permission"))
        acked(kept, BALANCE)
        await until(lambda: kept.status == "partial: futures refused: 403 no permission")
        frame = LiveBalances(exchange, ["spot", "futures"])
        for topic in (WALLET, BALANCE):
            frame._keeper.news(Refused(topic, 403, "no permission"))
        with pytest.raises(RefusedError, match="balances refused: 403 no permission"):
            _ = frame.df

    run(main)


def test_a_market_stays_refused_through_a_reconnection_until_it_is_served() -> None:
    async def main() -> None:
        kept = OrderKeeper(engine(LISTED), ["spot"], 10)
        kept.news(Refused(STOPS, 403, "no permission"))
        acked(kept, ORDERS)
        kept.news(Disconnected(ORDERS, "gone"))
        acked(kept, ORDERS)
        await idle()
        assert kept.status == "refused: 403 no permission"
        acked(kept, STOPS)  # somebody else asked again
        await until(lambda: kept.status == "live")

    run(main)


def test_the_worst_of_both_markets_is_the_status() -> None:
    async def main() -> None:
        exchange = engine({"/api/v1/accounts": [[]]}, {"/api/v1/account-overview": [{"currency": "USDT"}]})
        kept = BalanceKeeper(exchange, ["spot", "futures"])
        acked(kept, BALANCE)
        await idle()
        assert kept.status == "syncing"
        acked(kept, WALLET)
        await until(lambda: kept.status == "live")
        kept.news(Disconnected(WALLET, "gone"))
        assert kept.status == "stale: gone"

    run(main)


def test_a_currency_that_is_not_told_just_now_does_not_become_nought() -> None:
    async def main() -> None:
        overview = {"currency": "USDT", "marginBalance": 6.5}
        blocked = ResponseError("GET /api/v1/account-overview", 200, "200002", "too frequent")
        exchange = engine({}, {"/api/v1/account-overview": [overview, blocked]})
        kept = BalanceKeeper(exchange, ["futures"])
        acked(kept)
        await until(lambda: kept.status == "live")
        kept.news(Gap(WALLET, "one is missing"))
        await until(lambda: "200002" in kept.status)
        assert [row.total for row in kept.rows()] == [6.5]
        kept.close()

    run(main)


def test_a_kept_table_that_is_closed_leaves_the_pool_and_asks_no_more() -> None:
    async def main() -> None:
        exchange = engine({"/api/v1/accounts": [UnreachableError("tcp", "no answer")]})
        kept = BalanceKeeper(exchange, ["spot"])
        acked(kept)
        await until(lambda: "no answer" in kept.status)
        kept.close()
        await asyncio.sleep(0)
        assert exchange.attached == []
        assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()

    run(main)


# -- calls ---------------------------------------------------------------------------------------------------------


def test_every_page_of_futures_orders_is_asked_for() -> None:
    async def main() -> None:
        rows = [{"id": str(number), "symbol": "XBTUSDTM", "side": "buy", "isActive": True} for number in range(3)]
        pages = [{"items": [row], "currentPage": at + 1, "totalPage": 3} for at, row in enumerate(rows)]
        exchange = engine({}, {"/api/v1/orders": [*pages], "/api/v1/stopOrders": [{"items": [], "totalPage": 0}]})
        found = await FuturesCalls(exchange.futures_rest, {}).open_orders()
        assert [each.order_id for each in found.orders] == ["0", "1", "2"]
        assert found.complete
        assert [query["currentPage"] for query in exchange.futures_rest.queries] == ["1", "2", "3", "1"]
        assert exchange.futures_rest.queries[0]["status"] == "active"

    run(main)


def test_margin_orders_are_listed_with_the_others() -> None:
    async def main() -> None:
        kept = OrderKeeper(
            engine(
                LISTED
                | {
                    "/api/v3/hf/margin/order/active/symbols": [{"symbolSize": 1, "symbols": ["ETH-USDT"]}],
                    "/api/v3/hf/margin/orders/active": [[order(2, symbol="ETH-USDT")], [order(3, symbol="ETH-USDT")]],
                }
            ),
            ["spot"],
            10,
        )
        acked(kept)
        await until(lambda: kept.status == "live")
        assert shown(kept) == [("o1", "open"), ("o2", "open"), ("o3", "open")]

    run(main)


def test_a_list_longer_than_is_asked_for_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGES", 2)

    async def main() -> None:
        page = {"items": [{"id": "1", "symbol": "XBTUSDTM", "side": "buy"}], "totalPage": 3}
        exchange = engine({}, {"/api/v1/orders": [page], "/api/v1/stopOrders": [{"items": None}]})
        assert not (await FuturesCalls(exchange.futures_rest, {}).open_orders()).complete

    run(main)


def fill(number: int) -> dict[str, Any]:
    said = {"symbol": "BTC-USDT", "orderId": "o1", "tradeId": number, "side": "buy", "price": "9", "size": "1"}
    return said | {"fee": "0.1", "feeCurrency": "USDT", "liquidity": "maker", "createdAt": NOW_MS + number}


def test_past_fills_are_asked_for_until_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spot_calls, "_CURSOR_ROWS", 2)
    pages = [{"items": [fill(9 - 2 * at), fill(8 - 2 * at)], "lastId": 80 - at} for at in range(5)]

    async def main() -> None:
        exchange = engine(ACTIVE | {"/api/v1/hf/fills": [*pages]})
        found = await spot_calls.SpotCalls(exchange.rest).fills(NOW_NS + 7_000_000, ["BTC-USDT"], [])
        assert [each.trade_id for each in found] == ["9", "8", "7", "6"]
        assert [query.get("lastId") for query in exchange.rest.queries if "tradeType" not in query] == [None, "80"]

    run(main)


def test_without_symbols_the_fills_are_of_those_with_open_orders_or_known_fills() -> None:
    async def main() -> None:
        exchange = engine(ACTIVE | {"/api/v1/hf/fills": [{"items": []}]})
        await spot_calls.SpotCalls(exchange.rest).fills(0, [], ["ETH-USDT"])
        asked = [query.get("symbol") for query in exchange.rest.queries if "tradeType" not in query]
        assert asked == [None, "BTC-USDT", "ETH-USDT"]

    run(main)


# -- frames --------------------------------------------------------------------------------------------------------


def test_orders_as_a_frame() -> None:
    async def main() -> None:
        stop = {"id": "s1", "symbol": "BTC-USDT", "side": "sell", "stop": "loss", "stopPrice": "8", "size": "1"}
        exchange = engine(LISTED | {"/api/v1/stop-order": [{"items": [stop | {"createdAt": NOW_MS}], "totalPage": 1}]})
        frame = LiveOrders(exchange, ["spot"], 10)
        acked(frame._keeper)
        await until(lambda: frame.status == "live")
        push(frame._keeper, event("match", "open", filled=4, tradeId="1", matchSize="4", matchPrice="9"))
        df = frame.df
        assert df.index.name == "order_id"
        assert df.index.tolist() == ["s1", "o1"]
        assert df.loc["o1", ["side", "type", "status", "price", "size", "filled_size", "remaining"]].tolist() == [
            "buy", "limit", "partly filled", 9.0, 10.0, 4.0, 6.0,
        ]  # fmt: skip
        assert df["stop_price"].dtype == df["filled_size"].dtype == np.dtype("float64")
        assert df["created"].dtype == df["updated"].dtype == "datetime64[ns, UTC]"
        assert df.attrs["status"] == "live"
        assert len(frame) == 2
        assert repr(frame) == "<LiveOrders spot orders | live>"
        assert frame.rows(1)["order_id"].tolist() == ["o1"]

    run(main)


def test_a_stale_frame_says_so_and_is_not_ready() -> None:
    async def main() -> None:
        exchange = engine(LISTED)
        frame = LiveOrders(exchange, ["spot"], 10)
        acked(frame._keeper)
        await until(frame._ready)
        before = frame.version
        frame._keeper.news(Disconnected(ORDERS, "gone"))
        assert not frame._ready()
        assert frame.version != before
        assert frame.df.attrs["status"] == "stale: gone"

    run(main)


def test_balances_as_a_frame() -> None:
    async def main() -> None:
        listed = [
            {"currency": "USDT", "type": kind, "balance": "3", "available": "2", "holds": "1"}
            for kind in ("trade", "main")
        ]
        overview = {
            "currency": "USDT",
            "accountEquity": 7,
            "marginBalance": 6.5,
            "availableBalance": 5,
            "frozenFunds": 0,
        }
        exchange = engine({"/api/v1/accounts": [listed]}, {"/api/v1/account-overview": [overview]})
        frame = LiveBalances(exchange, ["spot", "futures"])
        acked(frame._keeper)
        await until(lambda: frame.status == "live")
        df = frame.df
        assert df.index.tolist() == [("futures", "USDT"), ("main", "USDT"), ("trade", "USDT")]
        assert df.loc[("trade", "USDT"), ["total", "available", "hold"]].tolist() == [3, 2, 1]
        assert df.loc[("futures", "USDT"), ["total", "available", "equity"]].tolist() == [6.5, 5, 7]
        assert df["updated"].isna().all()

    run(main)


def test_positions_as_a_frame() -> None:
    async def main() -> None:
        state = {"symbol": "XBTUSDTM", "currentQty": -3, "isOpen": True, "markPrice": 100.5, "currentTimestamp": NOW_MS}
        exchange = engine({}, {"/api/v1/positions": [[state]]})
        frame = LivePositions(exchange)
        reader = Reader(frame._keeper)
        acked(frame._keeper)
        await until(lambda: frame.status == "live")
        assert frame.df.loc["XBTUSDTM", ["size", "mark_price"]].tolist() == [-3, 100.5]
        closed = state | {"currentQty": 0, "isOpen": False, "currentTimestamp": NOW_MS + 1}
        push(frame._keeper, decode(futures_account.Position, msgspec.json.encode(closed)))
        assert frame.df.empty
        assert [each.size for each in reader.seen] == [-3, 0]

    run(main)


def test_fills_as_a_frame_have_each_fill_once() -> None:
    async def main() -> None:
        exchange = engine(ACTIVE | {"/api/v1/hf/fills": [{"items": [fill(2), fill(1)]}]})
        frame = LiveFills(exchange, ["spot"], ["BTC-USDT"], 100)
        reader = Reader(frame._keeper)
        exchange.rest.hold()
        acked(frame._keeper)
        push(frame._keeper, event("match", "open", filled=1, tradeId="2", matchSize="1", matchPrice="9"))
        push(frame._keeper, event("match", "open", filled=1, tradeId="9", matchSize="1", symbol="ETH-USDT"))
        exchange.rest.free.set()
        await until(lambda: frame.status == "live")
        df = frame.df
        assert df["trade_id"].tolist() == ["1", "2"]
        assert df["fee"].tolist() == [0.1, 0.1]
        assert df["time"].is_monotonic_increasing
        assert list(df.columns[:4]) == ["time", "symbol", "side", "market"]
        assert [each.trade_id for each in reader.seen] == ["2", "1"]
        assert frame.title == "BTC-USDT spot fills"
        assert (frame.note, LiveFills(exchange, ["futures"], [], 1).note) == ("", "")
        assert "symbols=" in LiveFills(exchange, ["spot", "futures"], [], 1).note

    run(main)


def test_a_push_of_another_subject_on_the_same_topic_is_not_ours() -> None:
    async def main() -> None:
        exchange = engine({})
        others = [futures_account.OrderMargin("USDT"), account.MarginStatus("LIABILITY")]
        kept: AccountKeeper
        for kept in (
            OrderKeeper(exchange, ["spot"], 1),
            FillKeeper(exchange, ["spot"], [], 1),
            BalanceKeeper(exchange, ["futures"]),
            PositionKeeper(exchange),
        ):
            push(kept, *others)
            assert kept.rows() == []

    run(main)
