"""A client of everything that a fault can break, what the exchange says of the same, and the faults themselves."""

import asyncio
import contextlib
import time

from hypothesis import strategies as st
from sim_clients import data

import kucoin_stream as ks
from kucoin_stream.settings import Limits
from kucoin_stream.simulator import RestError
from kucoin_stream.simulator.market import Refusal

SPOT, FUTURES = "ETH-USDT", "ETHUSDTM"
SECOND = 1_000_000_000
QUIET_NS = 8 * SECOND // 10  # of a second: klines come then, and nothing is left to be pushed
PATIENCE = 40.0  # seconds
HASTE = {
    "ping_interval": 0.3, "pong_timeout": 0.25, "welcome_timeout": 0.5, "ack_timeout": 0.5, "request_timeout": 2.0,
    "open_timeout": 1.0, "close_timeout": 0.2, "reconnect_delay": 0.02, "reconnect_delay_max": 0.5,
    "limits": Limits(connections_per_minute=10_000),
}  # fmt: skip
"""The client's own times, shortened: on Pro it pings once a second all the same."""

# -- faults --------------------------------------------------------------------------------------------------------

LEVEL2 = ["/market/level2", "/contractMarket/level2", f"obu.SPOT:{SPOT}_increment@10ms"]
FEEDS = [
    "/market/level2",
    "/contractMarket/level2",
    "/market/candles",
    "/account/balance",
    "/contract/positionAll",
    "/spotMarket/tradeOrdersV2",
]  # not of Pro, where a refusal has no code that says whether it may pass
CALLS = [
    "/api/v1/bullet", "/api/v1/market/candles", "/api/v3/market/orderbook", "/api/v1/market/orderbook",
    "/api/v1/accounts", "/api/v1/hf/orders", "/api/v1/hf/fills", "/futures/api/v1/bullet", "/futures/api/v1/level2",
    "/futures/api/v1/kline", "/futures/api/v1/orders", "/futures/api/v1/positions", "/",
]  # fmt: skip
HTML = "<html>not here, not now</html>"
ANSWERS = [
    (401, "", HTML), (429, "429000", None), (451, "", HTML), (500, "500000", None), (503, "", HTML),
]  # fmt: skip


def _faults(name, *arguments):
    return st.tuples(st.just(name), *arguments)


def _rule(name, *values):
    return _faults("rule", st.just(name), st.sampled_from(values))


BOOKS = st.sampled_from([SPOT, FUTURES])
FAULTS = st.one_of(
    *(_faults(name, BOOKS, st.integers(1, 4)) for name in ("gap", "duplicate", "reorder", "old_snapshot")),
    _faults("cross", BOOKS),
    *(_faults(name) for name in ("kill", "bye", "garbage", "half_open", "pause")),
    _faults("rest", st.sampled_from(CALLS), st.sampled_from(ANSWERS), st.integers(1, 3)),
    _faults("silence", st.sampled_from(LEVEL2)),
    _faults("refuse", st.sampled_from(FEEDS), st.sampled_from([(500, "system error"), (509, "service busy")])),
    _rule("turn_away", Refusal(509, "service busy, please retry later"), Refusal(401, "token is expired")),
    _rule("welcome", False),
    _rule("late_welcome", 0.05, 0.8),
    _rule("late_acks", 0.05, 0.8),
    _rule("slow_rest", 0.05, 2.3),
    _rule("slow_frames", 0.01, 0.05),
    _rule("mute_pongs", True),
    _rule("mute_acks", True),
    _rule("clock_offset", -20.0, 20.0),
    _faults("market order", BOOKS, st.sampled_from(["buy", "sell"])),
    _faults("limit order", BOOKS),
    _faults("cancel"),
)


class Trouble:
    """Does to an exchange what the strategies say."""

    def __init__(self, sim):
        self.sim = sim
        self.orders = []  # ids, with their symbols

    def do(self, name, *arguments):
        faults = self.sim.faults
        match name:
            case "rest":
                path, (status, code, body), times = arguments
                faults.rest(path, status, code, "for a test", times=times, body=body)
            case "rule":
                setattr(faults, *arguments)
            case "refuse":
                faults.refuse(arguments[0], *arguments[1])
            case "pause":  # long enough for the client to notice what is missing
                until = time.monotonic() + 1.0
                while time.monotonic() < until:
                    self.move(0.1)
            case "market order":
                symbol, side = arguments
                self.place(symbol, side, size="0.01" if symbol == SPOT else 2)
            case "limit order":
                self.place(*arguments, "buy", price="1000", size="0.01" if arguments[0] == SPOT else 2)
            case "cancel":
                if self.orders:
                    with contextlib.suppress(RestError):  # filled
                        self.sim.account.cancel(self.orders[-1][0])
            case _:
                getattr(faults, name)(*arguments)

    def place(self, symbol, side, **given):
        leverage = {} if symbol == SPOT else {"leverage": 5}
        with contextlib.suppress(RestError):  # such as a position that would be closed and opened at once
            self.orders.append((self.sim.account.place(symbol, side, **given, **leverage), symbol))

    def move(self, seconds, pause=0.02):
        """Let the market go on; the client has its own clock, and needs some of it."""
        self.sim.advance(seconds)
        time.sleep(pause)


def until(wrong, what):
    """Wait until nothing is wrong any more."""
    deadline = time.monotonic() + PATIENCE
    while found := wrong():
        assert time.monotonic() < deadline, f"{what}: {found}"
        time.sleep(0.01)


# -- what the client shows -----------------------------------------------------------------------------------------


class Shown:
    """The live frames of a client with a key, and of one without."""

    def __init__(self, signed, public):
        account = signed.account
        self.frames = {
            "book": signed.book(SPOT),
            "pro book": signed.book(SPOT, source="pro"),
            "futures book": signed.book(FUTURES),
            "bars": signed.klines(SPOT, "1min", history=5),
            "futures bars": signed.klines(FUTURES, "1min", history=5),
            "balances": account.balances(),
            "orders": account.orders(),
            "fills": account.fills(),
            "positions": account.positions(),
            "public book": public.book(SPOT, source="classic"),
            "public pro book": public.book(SPOT, source="pro"),
            "public futures book": public.book(FUTURES),
        }

    def __getitem__(self, name):
        return self.frames[name]

    def troubles(self):
        """What is not right, and why."""
        right = {name: "partial" if name == "public book" else "live" for name in self.frames}
        return {name: frame.status for name, frame in self.frames.items() if frame.status != right[name]}


def clients(sim):
    """Two clients, not opened."""
    known = sim.credentials
    signed = ks.Client(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase, **HASTE)
    return signed, ks.Client(sim.url, **HASTE)


# -- and what is true ----------------------------------------------------------------------------------------------


def differences(shown, sim, placed):
    """What the client shows that is not so; nothing where all is right."""
    if troubles := shown.troubles():
        return troubles
    pairs = {**_books(shown, sim), **_bars(shown, sim), **_account(shown, sim, placed)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _books(shown, sim):
    pairs = {}
    for name in (name for name in shown.frames if name.endswith("book")):
        symbol = FUTURES if "futures" in name else SPOT
        true = sim.market.futures.book(symbol, None) if symbol == FUTURES else sim.market.book(symbol, None)
        for side in ("asks", "bids"):
            frame = getattr(shown[name], side)
            levels = list(zip(frame["price"], frame["size"], strict=True))
            expected = [(float(price), float(size)) for price, size in true[side]]
            if "pro" in name:
                expected = expected[:500]
            if name == "public book":  # it is right as far as it goes, which is some way
                expected = expected[: max(20, len(levels))]
            pairs[f"{name} {side}"] = levels, expected
        if "pro" not in name:  # of a Pro book what happened beyond its window is not told
            pairs[f"{name} sequence"] = shown[name].sequence, int(true["sequence"])
    return pairs


def _bars(shown, sim):
    columns = ["open", "close", "high", "low", "volume"]
    spot, futures = (shown[name].df.tail(3)[columns] for name in ("bars", "futures bars"))
    first, last = (int(spot.index[at].timestamp()) for at in (0, -1))
    true = sim.market.candles(SPOT, "1min", first, last + 1)[::-1]
    first_ms, last_ms = (int(futures.index[at].timestamp()) * 1000 for at in (0, -1))
    contract = sim.market.futures.candles(FUTURES, "1min", first_ms, last_ms + 1)
    return {
        "bars": (spot.to_numpy().tolist(), [[float(value) for value in row[1:6]] for row in true]),
        "futures bars": (
            futures.to_numpy().tolist(),
            [[float(row[at]) for at in (1, 4, 2, 3, 5)] for row in contract],  # open, high, low, close, volume
        ),
    }


def _account(shown, sim, placed):
    money, held = shown["balances"].df, sim.account.balances()
    trade = {name: (row["available"], row["hold"]) for name, row in money.loc["trade"].iterrows()}
    wallet = {name: round(row["total"], 6) for name, row in money.loc["futures"].iterrows()}
    futures = {name: round(float(each.available + each.hold), 6) for name, each in held["futures"].items()}
    positions = shown["positions"].df
    fills = shown["fills"].df
    return {
        "balances": (trade, {name: (float(each.available), float(each.hold)) for name, each in held["trade"].items()}),
        "futures wallet": (wallet, {name: futures[name] for name in wallet}),
        "positions": (
            {symbol: row["size"] for symbol, row in positions.iterrows()},
            {row["symbol"]: float(row["currentQty"]) for row in _listed(sim, "/api/v1/positions", futures=True)},
        ),
        "fills": (
            sorted(str(trade_id) for trade_id in fills["trade_id"]),
            sorted(str(row["tradeId"]) for row in _fills(sim)),
        ),
        **{f"order {order_id}": _order(shown, sim, order_id, symbol) for order_id, symbol in placed},
    }  # fmt: skip


def _order(shown, sim, order_id, symbol):
    rows = shown["orders"].df
    row = rows.loc[order_id] if order_id in rows.index else {"status": "", "filled_size": None}
    if symbol == SPOT:
        true = _listed(sim, f"/api/v1/hf/orders/{order_id}?symbol={SPOT}")
        active, filled = true["active"], float(true["dealSize"])
    else:
        true = _listed(sim, f"/api/v1/orders/{order_id}", futures=True)
        active, filled = true["isActive"], float(true["filledSize"])
    return (row["status"] in ("open", "partly filled", "received"), row["filled_size"]), (active, filled)


def _fills(sim):
    spot = _listed(sim, f"/api/v1/hf/fills?symbol={SPOT}&limit=100")["items"]
    return [*spot, *_listed(sim, "/api/v1/fills?pageSize=100", futures=True)["items"]]


def _listed(sim, path, *, futures=False):
    return asyncio.run(data(sim, path, base=sim.futures_url if futures else None, signed=True))
