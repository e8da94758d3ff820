"""What private readers get, over real sockets; the house's own messages must be able to read all of it."""

import asyncio
import contextlib
import json
from decimal import Decimal

import msgspec
import pytest
import websockets
from sim_clients import ask, classic, data, ended, headers, now_ms, pro, receive, rest, sign, until

from kucoin_stream.errors import StoppedError
from kucoin_stream.protocol.messages import account, futures_account, pro_account, wsapi
from kucoin_stream.simulator import GeneratedMarket, RestError, Simulator

ORDERS, ORDERS_V1, BALANCE = "/spotMarket/tradeOrdersV2", "/spotMarket/tradeOrders", "/account/balance"
FAR = {"price": "70000", "size": "0.01"}


@pytest.fixture
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=4)) as sim:
        yield sim


async def do(deed, *arguments, **options):
    """Do something with the account off this loop, as another thread would."""
    return await asyncio.to_thread(deed, *arguments, **options)


@contextlib.asynccontextmanager
async def reader(sim, *topics, futures=False):
    async with classic(sim, sim.futures_url if futures else sim.url, private=True) as websocket:
        for topic in topics:
            answer = await ask(websocket, id="1", type="subscribe", topic=topic, privateChannel=True, response=True)
            assert answer["type"] == "ack"
        yield websocket


@contextlib.asynccontextmanager
async def pro_reader(sim, *channels):
    token = (await data(sim, "/api/v2/bullet-private", "POST", signed=True))["token"]
    async with pro(f"{sim.pro_private_url}?token={token}") as websocket:
        for channel in channels:
            assert (await ask(websocket, id="1", action="SUBSCRIBE", **channel))["result"] is True
        yield websocket


async def pushed(websocket, kind, ends):
    """Read frames up to the one that ``ends`` says, and decode their data as the house does."""
    found = []
    while True:
        frame = await receive(websocket)
        if "data" not in frame and "d" not in frame:
            continue
        found.append((frame, msgspec.convert(frame.get("data", frame.get("d")), kind, strict=False)))
        if ends(found[-1][1]):
            return found


def done(order):
    return order.status == "done"


def test_an_orders_life_is_told_in_order_and_by_frames_of_the_private_kind(sim):
    async def scenario():
        async with reader(sim, ORDERS) as websocket:
            name = await do(sim.account.place, "BTC-USDT", "buy", **FAR, clientOid="mine")
            await do(sim.account.cancel, name)
            found = await pushed(websocket, account.Order, done)
            assert [(order.type, order.status) for _, order in found] == [
                ("received", "new"), ("open", "open"), ("canceled", "done"),
            ]  # fmt: skip
            frame, last = found[-1]
            assert (frame["channelType"], len(frame["userId"]), frame["subject"]) == ("private", 24, "orderChange")
            assert (last.order_id, last.client_oid, last.canceled_size, last.remain_size) == (name, "mine", 0.01, 0)
            assert "size" not in found[0][0]["data"]

    asyncio.run(scenario())


def test_the_old_topic_lacks_the_arrival(sim):
    async def scenario():
        async with reader(sim, ORDERS_V1) as websocket:
            await do(sim.account.place, "BTC-USDT", "buy", funds=100)
            found = [order for _, order in await pushed(websocket, account.Order, done)]
            assert {order.type for order in found[:-1]} == {"match"}
            assert (found[-1].type, found[-1].status, found[0].liquidity) == ("filled", "done", "taker")
            assert found[-1].origin_funds == 100

    asyncio.run(scenario())


def test_balances_follow_hold_and_fill_and_agree_with_rest(sim):
    async def scenario():
        async with reader(sim, BALANCE) as websocket:
            await do(sim.account.place, "BTC-USDT", "sell", size="0.00001")
            found = await pushed(websocket, account.Balance, lambda balance: balance.currency == "USDT")
            assert [(each.currency, each.relation_event) for _, each in found] == [
                ("BTC", "trade.hold"), ("BTC", "trade.setted"), ("USDT", "trade.setted"),
            ]  # fmt: skip
            last = found[-1][1]
            assert last.total == last.available + last.hold
            assert last.relation_context.trade_id
            rows = await data(sim, "/api/v1/accounts?currency=USDT&type=trade", signed=True)
            assert float(rows[0]["balance"]) == last.total
            await do(sim.account.deposit, "KCS", 5, "main")
            (deposit,) = await pushed(websocket, account.Balance, lambda _: True)
            assert (deposit[1].relation_event, deposit[1].available_change) == ("main.deposit", 5)

    asyncio.run(scenario())


def test_stop_orders_and_margin_debts_are_told(sim):
    async def scenario():
        async with reader(sim, "/spotMarket/advancedOrders") as websocket:
            stop = {"size": "0.001", "stop": "loss", "stopPrice": "1"}
            await do(sim.account.cancel, await do(sim.account.place, "BTC-USDT", "sell", **stop))
            await do(sim.account.place, "BTC-USDT", "sell", **stop | {"stop": "entry"})
            found = [each for _, each in await pushed(websocket, account.StopOrder, lambda each: each.trigger_success)]
            assert [each.type for each in found] == ["open", "cancel", "open", "triggered"]
        async with reader(sim, "/margin/position", "/margin/isolatedPosition:BTC-USDT") as websocket:
            debt = {"funds": 50, "autoBorrow": True}
            for name, amount in (("margin", -20_000), ("isolated/BTC-USDT", -10_000)):
                await do(sim.account.deposit, "USDT", amount, name)
            await do(sim.account.place, "BTC-USDT", "buy", **debt, tradeType="MARGIN_TRADE")
            frame = await until(websocket, lambda frame: frame["subject"] == "debt.ratio")
            assert msgspec.convert(frame["data"], account.DebtRatio, strict=False).debt_ratio > 0
            await do(sim.account.place, "BTC-USDT", "buy", **debt, tradeType="MARGIN_TRADE", isIsolated=True)
            frame = await until(
                websocket, lambda frame: frame["subject"] == "positionChange" and frame["data"]["status"] == "DEBT"
            )
            isolated = msgspec.convert(frame["data"], account.IsolatedPosition, strict=False)
            assert (isolated.tag, isolated.status_biz_type) == ("BTC-USDT", "TRADE_AUTO_BORROW")

    asyncio.run(scenario())


def test_futures_orders_positions_and_wallets_are_told(sim):
    async def scenario():
        symbol = "/contractMarket/tradeOrders:XBTUSDTM"
        async with (
            reader(sim, symbol, futures=True) as orders,
            reader(sim, "/contract/positionAll", futures=True) as positions,
            reader(sim, "/contractAccount/wallet", futures=True) as wallets,
        ):
            await do(sim.account.place, "XBTUSDTM", "sell", price=90000, size=1)
            await do(sim.account.place, "XBTUSDTM", "buy", size=2, leverage=5)
            found = await pushed(orders, futures_account.Order, done)
            assert (found[0][0]["subject"], found[0][0]["topic"]) == ("symbolOrderChange", symbol)
            assert [each.type for _, each in found if each.side == "sell"] == ["open"]
            assert [each.type for _, each in found][-2:] == ["match", "filled"]
            found = await pushed(positions, futures_account.Position, lambda each: each.change_reason[0] == "m")
            assert [each.current_qty for _, each in found][-2:] == [2, None]
            assert found[-1][1].mark_price > 0
            frame = await receive(wallets)
            wallet = msgspec.convert(frame["data"], futures_account.Wallet, strict=False)
            assert (frame["subject"], wallet.currency) == ("walletBalance.change", "USDT")
            assert wallet.isolated_order_margin > 0
            assert [(await receive(wallets))["subject"] for _ in range(3)] == [
                "orderMargin.change", "availableBalance.change", "walletBalance.change",
            ]  # fmt: skip

    asyncio.run(scenario())


def test_margin_mode_and_leverage_are_told_under_one_subject(sim):
    async def scenario():
        calls = (
            ("/api/v2/position/changeMarginMode", {"symbol": "XBTUSDTM", "marginMode": "CROSS"}),
            ("/api/v2/changeCrossUserLeverage", {"symbol": "XBTUSDTM", "leverage": "8"}),
        )
        async with reader(sim, "/contract/marginMode", "/contract/crossLeverage", futures=True) as websocket:
            for path, body in calls:
                await post(sim, path, body, sim.futures_url)
            frames = [await receive(websocket) for _ in calls]
            assert [frame["subject"] for frame in frames] == ["user.config"] * 2
            assert [frame["data"] for frame in frames] == [
                {"XBTUSDTM": "CROSS"}, {"XBTUSDTM": {"leverage": "8"}},
            ]  # fmt: skip

    asyncio.run(scenario())


async def post(sim, path, body, base=None):
    import aiohttp

    text = json.dumps(body)
    sent = headers(sim.credentials, "POST", path, body=text) | {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post((base or sim.url) + path, headers=sent, data=text) as got,
    ):
        return json.loads(await got.text())


PRO = [
    ({"channel": "orderAll", "tradeType": "UNIFIED"}, pro_account.Order, "orderAll.UNIFIED"),
    ({"channel": "order", "tradeType": "SPOT", "symbol": "BTC-USDT"}, pro_account.Order, "order.SPOT"),
    ({"channel": "execution", "tradeType": "SPOT"}, pro_account.Execution, "execution.SPOT"),
    ({"channel": "execution.lite", "tradeType": "UNIFIED"}, pro_account.ExecutionLite, "execution.lite.UNIFIED"),
    ({"channel": "balance", "accountType": "SPOT"}, pro_account.Balance, "balance.SPOT"),
    ({"channel": "position", "tradeType": "FUTURES", "symbol": "XBTUSDTM"}, pro_account.Position, "position.FUTURES"),
    ({"channel": "positionAll", "tradeType": "UNIFIED"}, pro_account.Position, "positionAll.UNIFIED"),
    ({"channel": "balance", "accountType": "FUTURES"}, pro_account.Balance, "balance.FUTURES"),
]


@pytest.mark.parametrize(("channel", "kind", "tag"), PRO)
def test_every_pro_channel_is_told(sim, channel, kind, tag):
    async def scenario():
        async with pro_reader(sim, channel) as websocket:
            await do(sim.account.place, "BTC-USDT", "buy", funds=50)
            await do(sim.account.place, "XBTUSDTM", "buy", size=1)
            ((frame, _),) = await pushed(websocket, kind, lambda _: True)
            assert frame["T"] == tag
            assert frame["P"] > 1_700_000_000_000_000_000

    asyncio.run(scenario())


def test_the_last_fill_of_a_pro_order_is_its_end(sim):
    async def scenario():
        async with pro_reader(sim, {"channel": "orderAll", "tradeType": "UNIFIED"}) as websocket:
            await do(sim.account.place, "BTC-USDT", "buy", size="0.00001")
            found = [order for _, order in await pushed(websocket, pro_account.Order, lambda each: each.status == 3)]
            assert [(order.event, order.status) for order in found] == [("OPEN", 2), ("FILL", 3)]
            assert (found[-1].last_fill_size, found[-1].liquidity, found[-1].remaining_size) == (1e-5, "TAKER", 0)

    asyncio.run(scenario())


def test_only_private_sessions_that_asked_are_told(sim):
    async def scenario():
        async with classic(sim, sim.url) as public, reader(sim, ORDERS) as orders, reader(sim, BALANCE) as balances:
            answer = await ask(public, id="1", type="subscribe", topic=ORDERS, response=True)
            assert (answer["code"], answer["data"]) == (403, "login is required")
            await do(sim.account.place, "BTC-USDT", "buy", **FAR)
            assert (await receive(orders))["topic"] == ORDERS
            assert (await receive(balances))["topic"] == BALANCE
            assert await ask(public, id="2", type="ping") | {"timestamp": 0} == {
                "id": "2",
                "type": "pong",
                "timestamp": 0,
            }

    asyncio.run(scenario())


def test_a_users_trade_is_a_public_one(sim):
    async def scenario():
        topic = "/market/match:BTC-USDT"
        async with reader(sim, topic) as websocket, reader(sim, "/market/level2:BTC-USDT") as book:
            await do(sim.account.place, "BTC-USDT", "buy", size="0.00012345")
            size = lambda frame: frame["type"] == "message" and frame["data"]["size"]  # noqa: E731
            await until(websocket, lambda frame: size(frame) == "0.00012345")
            last = 0
            for _ in range(30):
                frame = await until(book, lambda frame: frame["type"] == "message")
                assert last in (0, frame["data"]["sequenceStart"] - 1)
                last = frame["data"]["sequenceEnd"]

    asyncio.run(scenario())


# -- the WS API ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def gateway(sim, generation=1):
    from urllib.parse import urlencode

    account, stamp = sim.credentials, str(now_ms())
    passphrase = sign(account.passphrase, account.secret)
    if generation == 2:
        async with websockets.connect(sim.wsapi_v2_url) as websocket:
            frame = {
                "id": "1", "op": "auth", "kc-api-key": account.key, "kc-api-timestamp": stamp,
                "kc-api-sign": sign(f"{stamp}POST/api/websocket/users/verify", account.secret),
                "kc-api-passphrase": passphrase,
            }  # fmt: skip
            await websocket.send(json.dumps(frame))
            answer = await receive(websocket)
            assert answer.get("data") == "welcome", answer
            yield websocket
        return
    query = {"apikey": account.key, "timestamp": stamp, "sign": sign(account.key + stamp, account.secret)}
    async with websockets.connect(f"{sim.wsapi_url}?{urlencode(query | {'passphrase': passphrase})}") as websocket:
        await websocket.send(sign(await websocket.recv(), account.secret))
        assert (await receive(websocket))["data"] == "welcome"
        yield websocket


async def operate(websocket, operation, args):
    await websocket.send(json.dumps({"id": "7", "op": operation, "args": args}))
    answer = await receive(websocket)
    assert (answer["id"], answer["op"]) == ("7", operation)
    if answer["code"] != "200000":
        return answer["code"]
    msgspec.convert(answer["data"], wsapi.RESULTS[operation], strict=False)
    assert answer["userRateLimit"]["remaining"] < answer["userRateLimit"]["limit"]
    return answer["data"]


SPOT = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", **FAR}
FUTURES = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "price": "70000", "size": 1, "leverage": 3}


def test_spot_orders_are_placed_changed_and_cancelled_over_the_ws_api(sim):
    async def scenario():
        async with gateway(sim) as websocket, reader(sim, ORDERS) as orders:
            placed = await operate(websocket, "spot.order", SPOT | {"clientOid": "a"})
            assert placed["clientOid"] == "a"
            assert (await receive(orders))["data"]["orderId"] == placed["orderId"]
            new = await operate(websocket, "spot.modify", {"symbol": "BTC-USDT", "clientOid": "a", "newPrice": "70001"})
            assert new["clientOid"] == "a"
            gone = await operate(websocket, "spot.cancel", {"symbol": "BTC-USDT", "orderId": new["newOrderId"]})
            assert gone == {"orderId": new["newOrderId"]}
            sync = await operate(websocket, "spot.sync_order", SPOT | {"clientOid": "b"})
            assert (sync["status"], sync["remainSize"]) == ("open", "0.01")
            gone = await operate(websocket, "spot.sync_cancel", {"symbol": "BTC-USDT", "clientOid": "b"})
            assert (gone["clientOid"], gone["canceledSize"], gone["status"]) == ("b", "0.01", "done")
            margin = await operate(websocket, "margin.order", SPOT | {"clientOid": "c"})
            assert await operate(websocket, "margin.cancel", {"symbol": "BTC-USDT", "clientOid": "c"}) == {
                "clientOid": "c"
            }
            assert margin["borrowSize"] == "0"

    asyncio.run(scenario())


def test_futures_orders_are_placed_and_cancelled_over_the_ws_api(sim):
    async def scenario():
        async with gateway(sim) as websocket:
            placed = await operate(websocket, "futures.order", FUTURES | {"clientOid": "a"})
            gone = await operate(websocket, "futures.cancel", {"orderId": placed["orderId"]})
            assert gone == {"cancelledOrderIds": [placed["orderId"]]}
            batch = [FUTURES | {"clientOid": "b"}, FUTURES | {"clientOid": "c", "symbol": "X"}]
            made = await operate(websocket, "futures.multi_order", batch)
            assert [each["code"] for each in made] == ["200000", "100003"]
            names = {"clientOidsList": [{"symbol": "XBTUSDTM", "clientOid": "b"}]}
            (gone,) = await operate(websocket, "futures.multi_cancel", names)
            assert (gone["orderId"], gone["code"], gone["msg"]) == (made[0]["orderId"], "200", "success")

    asyncio.run(scenario())


def test_unified_orders_of_both_kinds_go_over_generation_two(sim):
    async def scenario():
        async with gateway(sim, 2) as websocket:
            spot = {"tradeType": "SPOT", "symbol": "BTC-USDT", "side": "BUY", "orderType": "LIMIT", **FAR}
            futures = spot | {"tradeType": "FUTURES", "symbol": "XBTUSDTM", "size": "1"}
            for ticket in (spot, futures):
                made = await operate(websocket, "uta.order", ticket | {"clientOid": "u"})
                assert (made["tradeType"], made["clientOid"]) == (ticket["tradeType"], "u")
                named = {"tradeType": ticket["tradeType"], "symbol": ticket["symbol"], "orderId": made["orderId"]}
                gone = await operate(websocket, "uta.cancel", named)
                assert gone["orderId"] == made["orderId"]
                assert await operate(websocket, "uta.cancel", named) == "106100"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("operation", "args", "code"),
    [
        ("spot.order", SPOT | {"size": "9999"}, "200004"),
        ("spot.order", SPOT | {"symbol": "FOO-BAR"}, "900001"),
        ("spot.order", None, "400100"),
        ("spot.cancel", {"symbol": "BTC-USDT", "orderId": "0"}, "400100"),
        ("spot.modify", {"symbol": "BTC-USDT", "orderId": "0"}, "400100"),
        ("margin.order", [], "400100"),
        ("margin.cancel", {"symbol": "BTC-USDT", "orderId": "0"}, "126043"),
        ("futures.order", FUTURES | {"size": 10**6}, "330008"),
        ("futures.order", {}, "100001"),
        ("futures.cancel", {"orderId": "0"}, "100004"),
        ("futures.multi_order", {}, "100001"),
    ],
)
def test_an_operation_that_fails_has_its_code(sim, operation, args, code):
    async def scenario():
        async with gateway(sim) as websocket:
            assert await operate(websocket, operation, args) == code

    asyncio.run(scenario())


# -- from Python, and the clock ------------------------------------------------------------------------------------


def test_the_account_is_there_from_python(sim):
    before = sim.account.balances()
    name = sim.account.place("BTC-USDT", "buy", **FAR)
    assert sim.account.balances()["trade"]["USDT"].hold == Decimal("700.7")
    sim.account.cancel(name)
    assert sim.account.balances() == before
    sim.account.deposit("SOL", "2.5")
    assert sim.account.balances()["trade"]["SOL"].total == before["trade"]["SOL"].total + Decimal("2.5")
    with pytest.raises(RestError, match="200004"):
        sim.account.deposit("SOL", -10_000)
    with pytest.raises(RestError, match="900001"):
        sim.account.place("FOO-BAR", "buy", size=1)
    assert sim.credentials.secret not in repr(sim.account)


def test_an_account_of_an_exchange_that_does_not_run_says_so():
    with pytest.raises(StoppedError):
        Simulator(GeneratedMarket(["BTC-USDT"])).account.balances()


@pytest.mark.parametrize("offset", [10, -10])
def test_a_clock_that_is_off_refuses_signatures_and_says_what_time_it_is(offset):
    async def scenario(sim):
        shown = await data(sim, "/api/v1/timestamp")
        assert abs(shown - now_ms(offset * 1000)) < 3000
        status, answer = await rest(sim, "/api/v1/accounts", signed=True)
        assert (status, answer["code"]) == (401, "400002")
        given = headers(sim.credentials, "GET", "/api/v1/accounts", shift_ms=offset * 1000)
        assert (await rest(sim, "/api/v1/accounts", given=given))[0] == 200
        with pytest.raises(AssertionError, match="400002"):
            async with gateway(sim, 2):
                pass

    with Simulator(GeneratedMarket(["BTC-USDT"]), clock_offset=offset) as sim:
        asyncio.run(scenario(sim))


def test_an_expired_classic_token_is_told_and_closed():
    async def scenario(sim):
        for base in (sim.url, sim.futures_url):
            bullet = await data(sim, "/api/v1/bullet-private", "POST", base=base, signed=True)
            async with websockets.connect(
                f"{bullet['instanceServers'][0]['endpoint']}?token={bullet['token']}"
            ) as websocket:
                assert await receive(websocket) == {"type": "error", "code": 401, "data": "token is expired"}
                assert await ended(websocket) == (1000, "Bye")

    with Simulator(GeneratedMarket(["BTC-USDT"]), token_life=0.0) as sim:
        asyncio.run(scenario(sim))
