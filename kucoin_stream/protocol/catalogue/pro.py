"""The Pro (V2) channels, public and private (protocol.md 6.5, 6.6), and how their topics are written.

Pro has no topic texts: a subscribe has fields, and a push says ``T``, ``dp`` and ``d``. The texts here are our own, one
for each stream: ``{channel}.{TRADETYPE}[@depth]:{symbol}[_{interval}]``, as ``obu.SPOT@increment@10ms:BTC-USDT``, and
for private channels ``{channel}:{account}[/{symbol}]``, where the account is the trade type, or that of a balance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kucoin_stream.errors import LocalProtocolError
from kucoin_stream.protocol.messages import pro, pro_account
from kucoin_stream.protocol.messages.pro import Command
from kucoin_stream.protocol.topic import Connection, Topic

_BOOK = ("symbol", "kind", "start", "end")
_ORDER = ("order_id", "event", "trade_id", "updated_ns")
_FILL = ("symbol", "order_id", "trade_id", "time_ns")


def _public(prefix: str, connection: Connection, trade_type: str) -> Iterator[Topic]:
    """Yield the channels that spot and futures both have."""
    yield Topic(
        f"{prefix}.ticker", connection, f"ticker.{trade_type}:{{symbol}}", pro.Ticker, (), "conflate", "6.5.1",
        identity=("symbol", "sequence", "time_ns"),
    )  # fmt: skip
    yield Topic(
        f"{prefix}.trades", connection, f"trade.{trade_type}:{{symbol}}", pro.Trade, (), "mark", "6.5.2", list_limit=1,
        identity=("symbol", "trade_id"),
    )  # fmt: skip
    yield Topic(
        f"{prefix}.klines", connection, f"kline.{trade_type}:{{symbol}}_{{interval}}", pro.Kline, (), "mark", "6.5.3",
        list_limit=1, identity=("symbol", "interval", "time_ns"),
    )  # fmt: skip
    for name, depth in (("book1", "1"), ("book5", "5"), ("book50", "50")):
        yield Topic(
            f"{prefix}.{name}", connection, f"obu.{trade_type}@{depth}:{{symbol}}", pro.Book, ("snapshot",),
            "conflate", "6.5.4", list_limit=1, identity=_BOOK,
        )  # fmt: skip
    yield Topic(
        f"{prefix}.level2", connection, f"obu.{trade_type}@increment@10ms:{{symbol}}", pro.Book,
        ("snapshot", "delta"), "resync", "6.5.4", list_limit=1, identity=_BOOK,
    )  # fmt: skip
    yield Topic(
        f"{prefix}.level2_realtime", connection, f"obu.{trade_type}@increment:{{symbol}}", pro.Book, ("delta",),
        "resync", "6.5.4", list_limit=1, identity=_BOOK,
    )  # fmt: skip


_SPOT, _FUTURES, _PRIVATE = Connection.SPOT_PRO, Connection.FUTURES_PRO, Connection.PRIVATE_PRO

ROWS: tuple[Topic, ...] = (
    *_public("pro_spot", _SPOT, "SPOT"),
    Topic(
        "pro_spot.call_auction", _SPOT, "callAuctionInfo.SPOT:{symbol}", pro.CallAuction, ("snapshot",), "conflate",
        "6.5.7", list_limit=1, identity=("symbol", "time_ms"),
    ),
    *_public("pro_futures", _FUTURES, "FUTURES"),
    Topic(
        "pro_futures.mark_price", _FUTURES, "mark-price.FUTURES:{symbol}", pro.MarkPrice, (), "conflate", "6.5.5",
        list_limit=1, identity=("symbol", "time_ms"),
    ),
    Topic(
        "pro_futures.funding_rate", _FUTURES, "funding-fee.FUTURES:{symbol}", pro.FundingRate, (), "conflate", "6.5.6",
        identity=("symbol", "time_ns"),
    ),
    Topic(
        "pro_futures.all_funding_rates", _FUTURES, "funding-fee-all-symbols.FUTURES", pro.FundingRate, (), "conflate",
        "6.5.6", list_limit=0, identity=("symbol", "time_ns"),
    ),
    Topic(
        "pro_account.orders", _PRIVATE, "orderAll:{account}", pro_account.Order, (), "mark", "6.6", list_limit=1,
        private=True, identity=_ORDER,
    ),
    Topic(
        "pro_account.symbol_orders", _PRIVATE, "order:{account}/{symbol}", pro_account.Order, (), "mark", "6.6",
        list_limit=1, private=True, identity=_ORDER,
    ),
    Topic(
        "pro_account.executions", _PRIVATE, "execution:{account}", pro_account.Execution, (), "mark", "6.6",
        list_limit=1, private=True, identity=_FILL,
    ),
    Topic(
        "pro_account.executions_lite", _PRIVATE, "execution.lite:{account}", pro_account.ExecutionLite, (), "mark",
        "6.6", list_limit=1, private=True, identity=_FILL,
    ),
    Topic(
        "pro_account.balances", _PRIVATE, "balance:{account}", pro_account.Balance, (), "mark", "6.6", list_limit=1,
        private=True, identity=("currency", "sequence", "updated_ns"),
    ),
    Topic(
        "pro_account.positions", _PRIVATE, "positionAll:{account}", pro_account.Position, (), "mark", "6.6",
        list_limit=1, private=True, identity=("symbol", "position_id", "updated_ns"),
    ),
    Topic(
        "pro_account.symbol_positions", _PRIVATE, "position:{account}/{symbol}", pro_account.Position, (), "mark",
        "6.6", list_limit=1, private=True, identity=("symbol", "position_id", "updated_ns"),
    ),
    Topic(
        "pro_account.liquidation_warnings", _PRIVATE, "lw:{account}", pro_account.LiquidationWarning, (), "mark",
        "6.6", list_limit=1, private=True, identity=("event", "updated_ns"),
    ),
    Topic(
        "pro_account.leverage", _PRIVATE, "leverage:{account}", pro_account.Leverage, (), "mark", "6.6", list_limit=1,
        private=True, identity=("symbol", "currency", "time_ns"),
    ),
)  # fmt: skip

_BY_STEM: Mapping[str, Topic] = {row.stem: row for row in ROWS}

_BY_PUSH: dict[tuple[str, str], Topic] = {}
"""By ``T`` without case, with its trade type where the channel is public, and ``dp``."""
for _row in ROWS:
    _type, _, _depth = _row.stem.casefold().partition("@")
    _BY_PUSH[_type, _depth] = _row
    if _row.stem.startswith(("mark-price.", "funding-fee", "callAuctionInfo.")):  # pushed without a suffix
        _BY_PUSH[_type.rpartition(".")[0], _depth] = _row
_BY_PUSH["risk", ""] = _BY_STEM["lw"]  # the other name of the same push
_BY_PUSH["markprice", ""] = _BY_STEM["mark-price.FUTURES"]  # as KuCoin's node SDK writes them (6.5.6)
_BY_PUSH["fundingfee", ""] = _BY_STEM["funding-fee.FUTURES"]


def row_of(channel: str, depth: str) -> tuple[Topic, str]:
    """Return the row of a push with ``T`` and ``dp``, and its account where it is private.

    Raises :class:`KeyError` where the catalogue has none.
    """
    text = channel.casefold()
    if (row := _BY_PUSH.get((text, depth))) is not None:
        return row, ""
    name, _, account = text.rpartition(".")
    return _BY_PUSH[name, depth], account.upper()


def topic_of(row: Topic, account: str, symbol: str, interval: str) -> str:
    """Return our text for a stream."""
    return row.wire(row.argument.format(account=account, symbol=symbol, interval=interval))


def command(action: str, topic: str, request_id: str) -> Command:
    """Return the command that subscribes or unsubscribes (``action``) a topic, or several symbols by commas (6.2)."""
    stem, _, argument = topic.partition(":")
    row = _BY_STEM.get(stem)
    if row is None:
        raise LocalProtocolError(f"no Pro topic: {topic[:100]!r}")
    symbols = argument.split(",")
    if len(symbols) > max(row.list_limit, 1):
        raise LocalProtocolError(f"{row.name} takes {row.list_limit} at a time: {topic[:100]!r}")
    if row.private:
        account, _, symbol = argument.partition("/")
        if stem == "balance":
            return Command(request_id, action=action, channel=stem, account_type=account)
        return Command(request_id, action=action, channel=stem, trade_type=account, symbol=symbol)
    kind, _, depth = stem.partition("@")
    channel, _, trade_type = kind.rpartition(".")
    symbol, interval = argument, ""
    if row.argument.endswith("{interval}"):
        symbol, _, interval = argument.rpartition("_")
    return Command(
        request_id, action=action, channel=channel, trade_type=trade_type, depth=depth, interval=interval,
        symbol="" if len(symbols) > 1 else symbol, symbols=tuple(symbols) if len(symbols) > 1 else (),
    )  # fmt: skip
