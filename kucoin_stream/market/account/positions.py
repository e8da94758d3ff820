"""The futures positions of an account: full states, the parts that a moving mark price changes, and settlements.

A position is its newest full state, with the newest part laid over it where that is newer. The stream is complete from
its restart on: what it said in full since then is newer than any list made since. A position that a list does not have
and the stream did not mention is closed.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from kucoin_stream.market.account.joining import in_ns
from kucoin_stream.market.account.newest import Newest
from kucoin_stream.protocol.messages import futures_account
from kucoin_stream.protocol.messages.units import Ratio, Settled, SignedLots, SignedPrice, Times

_PARTIAL = "markPriceChange"
_NOT_MARKED = {"symbol", "position_side", "change_reason"}  # of a part: whose it is, not what changed

Key = tuple[str, str]
"""Symbol and position side: ``BOTH``, or ``LONG`` and ``SHORT`` in hedge mode."""


class Position(Struct, frozen=True, gc=False):
    """A futures position as it is now: ``size`` in lots, negative when short, 0 when closed.

    Money is in ``settle_currency``; ``return_on_equity`` is a fraction. ``funding_fee`` is the last one settled while
    this frame was kept, negative when paid.
    """

    symbol: str
    position_side: str
    size: SignedLots = 0.0
    entry_price: SignedPrice | None = None
    mark_price: SignedPrice | None = None
    value: Settled | None = None
    unrealised_pnl: Settled | None = None
    realised_pnl: Settled | None = None
    return_on_equity: Ratio | None = None
    leverage: Times | None = None
    margin_mode: str | None = None
    margin: Settled | None = None
    maintenance_margin: Settled | None = None
    liquidation_price: SignedPrice | None = None
    risk_limit_level: int | None = None
    settle_currency: str | None = None
    funding_fee: Settled | None = None
    funding_time_ns: int | None = None
    opened_ns: int | None = None
    updated_ns: int | None = None


class _Row:
    """What is known of one position."""

    __slots__ = ("full", "funding", "part")

    def __init__(self) -> None:
        self.full: Newest[futures_account.Position] = Newest()
        self.part: Newest[futures_account.Position] = Newest()
        self.funding: Newest[futures_account.PositionSettlement] = Newest()

    def position(self, key: Key) -> Position | None:
        state, part, funding = self.full.value, self.part.value, self.funding.value
        if state is None:
            return None
        if part is not None and (part.current_timestamp_ms or 0) > (state.current_timestamp_ms or 0):
            state = structs.replace(state, **_marked(part))
        return _position(key, state, funding)


class Positions:
    """Positions by symbol and side, in the order in which they were first seen. Lives on the loop thread."""

    def __init__(self) -> None:
        self._rows: dict[Key, _Row] = {}
        self._heard: set[Key] = set()  # in full in the stream, since it restarted

    def __len__(self) -> int:
        return len(self.rows())

    def rows(self) -> list[Position]:
        """Return the open positions."""
        known = [row.position(key) for key, row in self._rows.items()]
        return [position for position in known if position is not None and position.size]

    def restart(self) -> None:
        """Note that the stream begins (again): what happened before may have gone unseen."""
        self._heard.clear()

    def take(
        self, message: futures_account.Position | futures_account.PositionSettlement | futures_account.RiskLimit
    ) -> list[Position]:
        """Take what the stream says; return the positions that it changed. What names no symbol changes none."""
        if not message.symbol:
            return []
        match message:
            case futures_account.Position():
                return self._changed(message)
            case futures_account.PositionSettlement():
                return self._settled(message)
            case futures_account.RiskLimit():
                return self._limited(message)

    def seed(self, listed: Iterable[futures_account.Position]) -> list[Position]:
        """Take a complete list; return the positions that changed."""
        states = {_key(state): state for state in listed}
        changed = []
        for key in [*self._rows, *(key for key in states if key not in self._rows)]:
            if key in self._heard:
                continue
            row = self._rows.setdefault(key, _Row())
            before = row.position(key)
            row.full.value = states.get(key) or futures_account.Position(key[0], position_side=key[1], current_qty=0.0)
            after = row.position(key)
            if after is not None and after != before and (after.size or (before is not None and before.size)):
                changed.append(after)
        return changed

    def _changed(self, state: futures_account.Position) -> list[Position]:
        partial = state.change_reason == _PARTIAL
        changed = []
        for key in (self._keys(state.symbol) if partial and state.position_side is None else []) or [_key(state)]:
            row = self._rows.setdefault(key, _Row())
            newest = row.part if partial else row.full
            stamp = None if state.current_timestamp_ms is None else (state.current_timestamp_ms, 0)
            if not newest.offer(state, stamp, state):  # several fills may change it in one millisecond
                continue
            if not partial:
                self._heard.add(key)
            changed += _there(row.position(key))
        return changed

    def _settled(self, settlement: futures_account.PositionSettlement) -> list[Position]:
        changed = []
        for key in self._keys(settlement.symbol):
            row = self._rows[key]
            stamp = (settlement.funding_time_ms, settlement.ts_ns or 0)
            if row.funding.offer(settlement, stamp, settlement.settle_currency):
                changed += _there(row.position(key))
        return changed

    def _limited(self, limit: futures_account.RiskLimit) -> list[Position]:
        changed = []
        for key in self._keys(limit.symbol) if limit.success and limit.risk_limit_level is not None else []:
            row = self._rows[key]
            if (state := row.full.value) is not None and state.risk_limit_level != limit.risk_limit_level:
                row.full.value = structs.replace(state, risk_limit_level=limit.risk_limit_level)
                changed += _there(row.position(key))
        return changed

    def _keys(self, symbol: str) -> list[Key]:
        return [key for key in self._rows if key[0] == symbol]


def _key(state: futures_account.Position) -> Key:
    return state.symbol, state.position_side or "BOTH"


def _there(position: Position | None) -> list[Position]:
    return [] if position is None else [position]


def _marked(part: futures_account.Position) -> dict[str, object]:
    """Return what a part says (protocol.md 4.33)."""
    return {
        name: value
        for name in part.__struct_fields__
        if name not in _NOT_MARKED and (value := getattr(part, name)) is not None
    }


def _position(
    key: Key, state: futures_account.Position, funding: futures_account.PositionSettlement | None
) -> Position:
    return Position(
        *key,
        size=0.0 if state.is_open is False else state.current_qty or 0.0,
        entry_price=state.avg_entry_price,
        mark_price=state.mark_price,
        value=state.mark_value,
        unrealised_pnl=state.unrealised_pnl,
        realised_pnl=state.realised_pnl,
        return_on_equity=state.unrealised_roe_pcnt,
        leverage=state.leverage if state.leverage is not None else state.real_leverage,
        margin_mode=state.margin_mode,
        margin=state.pos_margin,
        maintenance_margin=state.pos_maint,  # maint_margin is the position's margin with its unrealised profit
        liquidation_price=state.liquidation_price,
        risk_limit_level=state.risk_limit_level,
        settle_currency=state.settle_currency,
        funding_fee=funding.funding_fee if funding else None,
        funding_time_ns=in_ns(funding.funding_time_ms) if funding else None,
        opened_ns=in_ns(state.opening_timestamp_ms),
        updated_ns=in_ns(state.current_timestamp_ms),
    )
