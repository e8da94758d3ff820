"""An account on a market that stands still until it is told to move: orders without sockets."""

from decimal import Decimal

from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.trading.account import START, Account
from kucoin_stream.simulator.trading.news import News
from kucoin_stream.simulator.trading.tickets import FuturesTicket, SpotTicket

T0 = 1_795_307_183_250_000_000  # ns
SECOND = 1_000_000_000


class Diary(News):
    """Keeps what it is told, as short texts."""

    def __init__(self):
        self.orders, self.stops, self.moves, self.positions, self.wallets = [], [], [], [], []

    def balance(self, moved):
        self.moves.append(moved)

    def spot_order(self, order, event, time_ns, fill):
        self.orders.append(f"{event}{'' if fill is None else ' maker' if fill.maker else ' taker'}")

    futures_order = spot_order

    def spot_stop(self, stop, event, time_ns, error=""):
        self.stops.append(f"{event} {error}".strip())

    futures_stop = spot_stop

    def position(self, position, reason, time_ns):
        self.positions.append((reason, position.lots))

    def wallet(self, currency, time_ns):
        self.wallets.append(currency)


class Bench:
    """A market, an account on it, and the account's diary."""

    def __init__(self, *symbols, seed=5):
        self.market = GeneratedMarket(symbols or ("BTC-USDT", "ETH-USDT", "KCS-BTC"), seed=seed)
        self.market.start(T0)
        self.account = Account(self.market)
        self.diary = Diary()
        self.account.news.append(self.diary)
        self.now = T0

    def move(self, seconds):
        """Let time pass in small steps, as the exchange does."""
        for _ in range(int(seconds * 10)):
            self.now += SECOND // 10
            self.market.advance(self.now, frozenset())
            self.account.advance(self.now)

    def until(self, wanted, seconds=600):
        for _ in range(seconds):
            if wanted():
                return
            self.move(1)
        raise AssertionError("it never happened")

    def spot(self, **fields):
        return self.account.spot.place(SpotTicket(**{"symbol": "BTC-USDT", "side": "buy"} | fields), self.now)

    def futures(self, **fields):
        return self.account.futures.place(FuturesTicket(**{"symbol": "XBTUSDTM", "side": "buy"} | fields), self.now)

    def have(self, account, currency):
        return self.account.ledger.get(account, currency)

    def best(self, symbol, side):
        """Best price and size of a book's side, exact."""
        price, size = self.market.book(symbol, 1)[side][0]
        return Decimal(price), Decimal(size)


def began_with(account, currency):
    return sum((Decimal(amount) for where, name, amount in START if (where, name) == (account, currency)), Decimal(0))
