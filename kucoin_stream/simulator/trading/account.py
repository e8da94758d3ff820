"""The account of the exchange: its money, its orders on both markets, and what is pushed about them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from decimal import Decimal

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import Market, Push, RestError
from kucoin_stream.simulator.trading.amounts import ZERO
from kucoin_stream.simulator.trading.dead_man import DeadMan
from kucoin_stream.simulator.trading.futures import FuturesDesk
from kucoin_stream.simulator.trading.futures_pushes import FuturesPushes
from kucoin_stream.simulator.trading.ids import Ids
from kucoin_stream.simulator.trading.ledger import ISOLATED, Holding, Ledger, Moved, insufficient
from kucoin_stream.simulator.trading.loans import CROSS
from kucoin_stream.simulator.trading.margin import Margin
from kucoin_stream.simulator.trading.margin_keeper import MarginKeeper
from kucoin_stream.simulator.trading.margin_pushes import MarginPushes
from kucoin_stream.simulator.trading.news import News
from kucoin_stream.simulator.trading.oco import Ocos
from kucoin_stream.simulator.trading.outbox import Outbox
from kucoin_stream.simulator.trading.pro_pushes import ProPushes
from kucoin_stream.simulator.trading.spot import SpotDesk
from kucoin_stream.simulator.trading.spot_pushes import SpotPushes

DEBT_PERIOD = 4 * SECOND  # ns; protocol.md 4.16
FUTURES = "futures"
MOVES_KEPT = 10_000
START: tuple[tuple[str, str, str], ...] = (
    ("main", "USDT", "10000"),
    ("main", "KCS", "100"),
    ("trade", "USDT", "100000"),
    ("trade", "BTC", "2"),
    ("trade", "ETH", "20"),
    ("trade", "SOL", "100"),
    ("trade", "XRP", "10000"),
    ("trade", "KCS", "1000"),
    ("margin", "USDT", "20000"),
    ("margin", "BTC", "0.5"),
    (f"{ISOLATED}BTC-USDT", "USDT", "10000"),
    (f"{ISOLATED}BTC-USDT", "BTC", "0.1"),
    (FUTURES, "USDT", "50000"),
    (FUTURES, "XBT", "1"),
)
"""What an account begins with: account type, currency, amount."""


class Account:
    """The one account of an exchange. Times are ns since 1970, and never go back."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.ids = Ids()
        self.outbox = Outbox()
        self.news: list[News] = []  # who is told of what happens
        self.moves: deque[Moved] = deque(maxlen=MOVES_KEPT)  # of the ledger, the last ones
        self.ledger = Ledger(self._moved)
        self.margin = Margin(market, self.ledger)
        self.spot = SpotDesk(market, self.ledger, self.ids, self.news)
        self.spot.allowance = self.margin.allowance
        pushes = MarginPushes(self.margin, self.outbox)
        self.keeper = MarginKeeper(market, self.margin, self.spot, self.ledger, pushes)
        self.ocos = Ocos(self.spot)
        self.dead_man = DeadMan(self.spot)
        self.futures = FuturesDesk(market, self.ids, self.news)
        self._next_debt_ns = 0
        for account, currency, amount in START:
            self._put(currency, Decimal(amount), account, 0)
        self.news += [
            self.margin.loans,  # before those who show them
            SpotPushes(self.spot, self.outbox),
            pushes,
            FuturesPushes(self.futures, self.outbox),
            ProPushes(self.spot, self.futures, self.outbox),
        ]

    def __repr__(self) -> str:
        return f"<Account {self.spot!r} {self.futures!r}>"

    def advance(self, now_ns: int) -> None:
        """Let happen what time alone brings about; the market is there already."""
        self.dead_man.look(now_ns)
        self.spot.expire(now_ns)
        self.futures.expire(now_ns)
        self.futures.advance(now_ns)
        self.keeper.advance(now_ns)
        if now_ns >= self._next_debt_ns:
            self._next_debt_ns = now_ns + DEBT_PERIOD
            if self.margin.owes:
                for each in self.news:
                    each.debt(now_ns)

    def deposit(self, currency: str, amount: Decimal, account: str, now_ns: int) -> None:
        """Add to an account: ``main``, ``trade``, ``margin``, ``isolated/{symbol}`` or ``futures``.

        A negative amount is taken away; :class:`RestError` where it is not there.
        """
        self._check(account)
        self._put(currency, amount, account, now_ns)

    def transfer(self, currency: str, amount: Decimal, source: str, target: str, now_ns: int) -> None:
        """Move money between two accounts; what spot calls BTC is XBT on futures."""
        self._check(target)
        margin = source == CROSS or source.startswith(ISOLATED)
        if margin and amount > self.margin.transferable(source, _name(currency, source), now_ns):
            raise insufficient()
        self.deposit(_name(currency, source), -amount, source, now_ns)
        self.deposit(_name(currency, target), amount, target, now_ns)

    def balances(self) -> dict[str, dict[str, Holding]]:
        """Return everything there is, by account and currency; of futures ``hold`` is what margin binds."""
        found = {name: dict(self.ledger.all(name)) for name in self.ledger.accounts()}
        wallets = [self.futures.wallet(currency) for currency in self.futures.currencies()]
        found[FUTURES] = {
            each.currency: Holding(each.available, max(ZERO, each.balance - each.available)) for each in wallets
        }
        return found

    def want(self, topics: Collection[str]) -> None:
        """Learn which topics somebody reads."""
        self.outbox.wanted = topics

    def pushes(self) -> list[Push]:
        """Return what is to be pushed since the last call."""
        return self.outbox.take()

    def _put(self, currency: str, amount: Decimal, account: str, now_ns: int) -> None:
        if account == FUTURES:
            self.futures.pay(currency, amount, now_ns)
        else:
            event = "deposit" if account == "main" and amount > 0 else "transfer"
            self.ledger.change(account, currency, amount, event=event, time_ns=now_ns)

    def _check(self, account: str) -> None:
        isolated = account.startswith(ISOLATED) and self._market.has_symbol(account.removeprefix(ISOLATED))
        if account not in ("main", "trade", "margin", FUTURES) and not isolated:
            raise RestError(400, "400100", f"account type {account} is not supported")

    def _moved(self, moved: Moved) -> None:
        if moved.time_ns:  # what there was from the start is no entry
            self.moves.append(moved)
        for each in self.news:
            each.balance(moved)


def _name(currency: str, account: str) -> str:
    names = {"BTC": "XBT"} if account == FUTURES else {"XBT": "BTC"}
    return names.get(currency, currency)
