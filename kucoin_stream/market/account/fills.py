"""The fills of an account: each once, however often the stream and a call's list say it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from kucoin_stream.market.account.joining import completed, in_ns
from kucoin_stream.market.account.order import Market
from kucoin_stream.protocol.messages import account, futures_account, rest_account
from kucoin_stream.protocol.messages.units import Fee, MarketSize, Price


class Fill(Struct, frozen=True, gc=False):
    """A fill of an order: ``size`` in the base currency, of futures in lots.

    ``fee`` is there once a call said it: the stream does not. With both sides of a trade ours, each order has its own.
    """

    time_ns: int
    symbol: str
    side: str
    market: Market
    price: Price | None = None
    size: MarketSize | None = None
    fee: Fee | None = None
    fee_currency: str | None = None
    liquidity: str | None = None
    order_id: str = ""
    trade_id: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.order_id, self.trade_id

    def joined(self, other: Fill) -> Fill:
        """Return what this and another message of the same fill say together; the later time is the finer one."""
        together = structs.replace(completed(self, other), time_ns=max(self.time_ns, other.time_ns))
        return self if together == self else together


class Fills:
    """The newest ``maxlen`` fills. Lives on the loop thread."""

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self.changes = 0  # fills added or completed
        self._fills: dict[tuple[str, str], Fill] = {}
        self._floor: tuple[int, tuple[str, str]] | None = None  # what is older was forgotten

    def __len__(self) -> int:
        return min(len(self._fills), self.maxlen)

    def rows(self) -> list[Fill]:
        """Return the fills, oldest first."""
        return sorted(self._fills.values(), key=_age)[-self.maxlen :]

    def symbols(self, market: Market) -> set[str]:
        """Return the symbols of a market's fills."""
        return {fill.symbol for fill in self._fills.values() if fill.market == market}

    def take(self, fills: Iterable[Fill]) -> list[Fill]:
        """Take fills from the stream or a list; return those that were not known."""
        fresh = []
        for fill in fills:
            known = self._fills.get(fill.key)
            if known is None:
                if self._floor is not None and _age(fill) <= self._floor:
                    continue
                self._fills[fill.key] = fill
                fresh.append(fill)
            elif (joined := known.joined(fill)) is not known:
                self._fills[fill.key] = joined
            else:
                continue
            self.changes += 1
        if len(self._fills) >= 2 * self.maxlen:
            self._forget()
        return fresh

    def _forget(self) -> None:
        oldest_first = sorted(self._fills.values(), key=_age)
        kept = oldest_first[-self.maxlen :]
        self._floor = _age(oldest_first[-self.maxlen - 1])
        self._fills = {fill.key: fill for fill in kept}


def _age(fill: Fill) -> tuple[int, tuple[str, str]]:
    return fill.time_ns, fill.key


def pushed_fill(message: account.Order | futures_account.Order) -> list[Fill]:
    """Return the fill that a change of an order tells of, if it does (protocol.md 4.13, 4.30)."""
    if message.type != "match" or message.trade_id is None:
        return []
    return [
        Fill(
            message.ts_ns,
            message.symbol,
            message.side,
            "spot" if isinstance(message, account.Order) else "futures",
            price=message.match_price,
            size=message.match_size,
            liquidity=message.liquidity,
            order_id=message.order_id,
            trade_id=message.trade_id,
        )
    ]


def listed_fill(answer: rest_account.SpotFill | rest_account.FuturesFill) -> Fill:
    """Return what a call says of a fill."""
    time_ns = in_ns(answer.created_at_ms) or 0
    market: Market = "spot"
    if isinstance(answer, rest_account.FuturesFill):
        time_ns, market = answer.trade_time_ns or time_ns, "futures"
    return Fill(
        time_ns,
        answer.symbol,
        answer.side,
        market,
        price=answer.price,
        size=answer.size,
        fee=answer.fee,
        fee_currency=answer.fee_currency,
        liquidity=answer.liquidity,
        order_id=answer.order_id,
        trade_id=answer.trade_id,
    )
