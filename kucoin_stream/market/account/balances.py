"""The balances of an account: a call's list, which has no time, and the stream, which has.

The stream is complete from its restart on. So what it said since then is newer than any list made since, and what it
did not mention is as the list says.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from kucoin_stream.market.account.joining import in_ns
from kucoin_stream.market.account.newest import Newest
from kucoin_stream.market.account.order import Market
from kucoin_stream.protocol.messages import account, futures_account, rest_account
from kucoin_stream.protocol.messages.units import Holding

_OLD_NAMES = {"trade_hf": "trade"}  # protocol.md 4.14


class Balance(Struct, frozen=True, gc=False):
    """What an account holds of a currency.

    ``account``: ``main``, ``trade``, ``margin``, ``isolated_BTC-USDT`` and so on, ``futures``. ``total`` is
    ``available + hold``; of futures, the wallet without unrealised profit, with what positions and orders bind.
    ``equity`` is of futures only. ``updated_ns`` is missing until the stream tells of a change.
    """

    account: str
    currency: str
    market: Market
    total: Holding | None = None
    available: Holding | None = None
    hold: Holding | None = None
    equity: Holding | None = None
    updated_ns: int | None = None


class Balances:
    """Balances by account and currency. Lives on the loop thread."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Newest[Balance]] = {}
        self._heard: set[tuple[str, str]] = set()  # in the stream, since it restarted

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[Balance]:
        """Return the balances by account and currency."""
        return [row.value for _, row in sorted(self._rows.items()) if row.value is not None]

    def restart(self, market: Market) -> None:
        """Note that the stream of a market begins (again): what happened before may have gone unseen."""
        self._heard = {key for key in self._heard if (row := self._rows[key].value) and row.market != market}

    def take(self, message: account.Balance | futures_account.Wallet) -> list[Balance]:
        """Take what the stream says; return the balance where that is news."""
        balance, identity = pushed_balance(message)
        version = (message.version or 0) if isinstance(message, futures_account.Wallet) else 0
        stamp = None if balance.updated_ns is None else (balance.updated_ns, version)
        key = balance.account, balance.currency
        if not self._rows.setdefault(key, Newest()).offer(balance, stamp, (identity, balance)):
            return []
        self._heard.add(key)
        return [balance]

    def seed(self, market: Market, listed: Iterable[Balance]) -> list[Balance]:
        """Take a complete list of a market's balances; return those that changed."""
        rows = {(balance.account, balance.currency): balance for balance in listed}
        for key, row in self._rows.items():
            if row.value is not None and row.value.market == market and key not in rows:
                rows[key] = structs.replace(row.value, total=0.0, available=0.0, hold=0.0, equity=None)
        return [changed for key, balance in rows.items() if key not in self._heard for changed in self._put(balance)]

    def _put(self, balance: Balance) -> list[Balance]:
        row = self._rows.setdefault((balance.account, balance.currency), Newest())
        known = row.value
        if known is not None and structs.replace(balance, updated_ns=known.updated_ns) == known:
            return []
        row.value = balance
        return [balance]


def pushed_balance(message: account.Balance | futures_account.Wallet) -> tuple[Balance, object]:
    """Return what a push says, and what tells it from all others (protocol.md 4.14, 4.32)."""
    if isinstance(message, futures_account.Wallet):
        balance = Balance(
            "futures",
            message.currency,
            "futures",
            total=message.wallet_balance,
            available=message.available_balance,
            hold=message.hold_balance,
            equity=message.equity,
            updated_ns=in_ns(message.timestamp_ms),
        )
        return balance, (message.version, message.available_balance)
    kind = (message.relation_event or "").partition(".")[0]
    balance = Balance(
        _OLD_NAMES.get(kind, kind) or "other",
        message.currency,
        "spot",
        total=message.total,
        available=message.available,
        hold=message.hold,
        updated_ns=in_ns(message.time_ms),
    )
    return balance, (message.account_id, message.relation_event_id)


def spot_balance(answer: rest_account.SpotAccount) -> Balance:
    """Return what a call says of a main or trading account."""
    kind = _OLD_NAMES.get(answer.type, answer.type)
    return Balance(kind, answer.currency, "spot", answer.balance, answer.available, answer.holds)


def margin_balance(kind: str, answer: rest_account.MarginAccount) -> Balance:
    """Return what a call says of a margin account; ``kind`` is ``margin`` or ``isolated_{symbol}``."""
    return Balance(kind, answer.currency, "spot", answer.total, answer.available, answer.hold)


def futures_balance(answer: rest_account.FuturesAccount) -> Balance:
    """Return what a call says of the futures account."""
    return Balance(
        "futures",
        answer.currency,
        "futures",
        total=answer.margin_balance,
        available=answer.available_balance,
        hold=answer.frozen_funds,
        equity=answer.account_equity,
    )
