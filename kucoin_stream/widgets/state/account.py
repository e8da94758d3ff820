"""The account: balances by value, open orders, positions with their profit, the last fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.columns import ROW_PX, Cell, Column, Row, amount, live, live_head, plain, table
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject, finite, word_of

GAP_PX = 6  # between two sections


class AccountSubject(Subject, Protocol):
    """The account: its parts, each with rows (structs) and a status of its own."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of ``balances``, ``orders``, ``positions``, ``fills`` there are; none without a key."""

    @property
    def prices(self) -> Mapping[str, float]:
        """US dollars by currency."""

    def part_status(self, part: str) -> str:
        """Say how one part fares."""

    def part_version(self, part: str) -> object:
        """Return something that changes with its rows."""

    def part_rows(self, part: str) -> Sequence[Any]:
        """Return its rows."""


class Section(Struct, frozen=True):
    """One part, ready to be shown."""

    name: str
    status: str
    rows: tuple[Row, ...]
    hidden: int  # rows that there is no room for

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its rows."""
        return COLUMNS[self.name]


class AccountPicture(Struct, frozen=True):
    """All that one drawing shows. ``worth`` and ``unrealised`` are in US dollars, where that is known."""

    caption: Caption
    sections: tuple[Section, ...]
    worth: float | None
    unrealised: float | None
    orders: int | None
    positions: int | None


COLUMNS: dict[str, tuple[Column, ...]] = {
    "balances": (
        Column("currency", 44, 9, "left"), Column("account", 46, 12, "left"), Column("total", 74, 15),
        Column("value USD", 76, 14), Column("available", 84, 15), Column("in orders", 76, 14),
    ),
    "orders": (
        Column("symbol", 68, 12, "left"), Column("side", 38, 7, "left"), Column("price", 62, 13),
        Column("remaining", 66, 13), Column("filled", 40, 8), Column("status", 66, 13), Column("type", 50, 10),
    ),
    "positions": (
        Column("symbol", 68, 12, "left"), Column("side", 42, 8, "left"), Column("profit", 62, 19),
        Column("lots", 40, 11), Column("return", 72, 10), Column("entry", 66, 13), Column("mark", 66, 13),
    ),
    "fills": (
        Column("symbol", 68, 12, "left"), Column("side", 38, 7, "left"), Column("price", 62, 13),
        Column("size", 50, 13), Column("time UTC", 54, 10), Column("fee", 84, 19),
    ),
}  # fmt: skip
"""By section, the most important columns first."""

EMPTY = {
    "balances": "no balance",
    "orders": "no open order",
    "positions": "no open position",
    "fills": "no fill yet",
}


class AccountPainter(Painter[AccountSubject, AccountPicture]):
    """Draws the sections that there are, with at most ``rows`` in each. What has not changed is kept.

    A section grows as high as its rows have been, and never shrinks: what is below it does not jump up and down.
    """

    def __init__(self, subject: AccountSubject, rows: int = 5) -> None:
        super().__init__(subject)
        self.rows = given.whole("rows", rows, 1, 100)
        self._known: dict[str, tuple[object, Sequence[Any], Section]] = {}
        self._drawn: dict[str, tuple[Section, str]] = {}
        self._room: dict[str, int] = {}  # rows

    def picture(self, at: float) -> AccountPicture:
        """Read the parts that have changed."""
        subject, prices = self.subject, self.subject.prices
        parts = {part: self._part(part, prices) for part in subject.parts}
        balances, positions = parts.get("balances"), parts.get("positions")
        return AccountPicture(
            caption=self.caption(at),
            sections=tuple(section for _, section in parts.values()),
            worth=None if balances is None else _sum(_value(each, prices) for each in balances[0]),
            unrealised=None if positions is None else _unrealised(positions[0], prices),
            orders=len(parts["orders"][0]) if "orders" in parts else None,
            positions=None if positions is None else len(positions[0]),
        )

    def _part(self, part: str, prices: Mapping[str, float]) -> tuple[Sequence[Any], Section]:
        """Return the rows that count, sorted, and the section; from the last time where nothing has changed."""
        subject = self.subject
        priced = id(prices) if part == "balances" else None
        version = subject.part_version(part), subject.part_status(part), priced
        known = self._known.get(part)
        if known is None or known[0] != version:
            rows = _CHOSEN[part](subject.part_rows(part), prices)
            shown = rows[: self.rows]
            cells = tuple(_CELLS[part](row, prices) for row in shown)
            section = Section(part, subject.part_status(part), cells, len(rows) - len(shown))
            known = self._known[part] = (version, rows, section)
        return known[1], known[2]

    def html(self, picture: AccountPicture) -> str:
        """Render the sections one below the other."""
        p = picture
        facts = "".join(html.fact(name, value, _LIVE_TONE[tone]) for name, value, tone in _facts(p))
        body = "".join(self._section(section) for section in p.sections)
        return html.frame(p.caption, label=_label(p), facts=facts, body=body, height=self._height(), foot=_foot(p))

    def static_html(self, picture: AccountPicture) -> str:
        """Render each section as a table."""
        p = picture
        facts = "".join(html.static_fact(name, value) for name, value, _ in _facts(p))
        body = "".join(
            f'<div style="padding:2px 6px"><b>{section.name}</b> <span style="color:{html.GREY}">'
            f"{html.escape(_said(section))}</span></div>"
            + (table(section.columns, section.rows) if section.rows else "")
            for section in p.sections
        )
        body = body or f'<div style="height:{self._height()}px"></div>'
        return html.static_frame(p.caption, facts=facts, body=body, foot=_foot(p))

    def text(self, picture: AccountPicture, width: int = 80) -> str:
        """Render each section as lines."""
        p = picture
        lines = [text.head(p.caption, width), text.fit("   ".join(f"{n} {v}" for n, v, _ in _facts(p)), width)]
        for section in p.sections:
            lines.append(text.both(section.name, _said(section), width))
            lines.append(plain(section.columns, [column.name for column in section.columns], width))
            lines += [plain(section.columns, [cell.text for cell in row], width) for row in section.rows]
            lines += [" " * width] * (self.rows - len(section.rows))
        lines.append(text.foot(p.caption, _foot(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self._height(), notice=message)

    def _section(self, section: Section) -> str:
        """Return a section's HTML, from the last time where it has not changed."""
        known = self._drawn.get(section.name)
        if known is None or known[0] is not section:
            colour = html.tone(word_of(section.status)).colour
            self._room[section.name] = max(len(section.rows), self._room.get(section.name, 0))
            head = live_head(section.columns) if section.rows else ""
            rows = "".join(live(section.columns, row) for row in section.rows)
            made = (
                f'<div style="height:{self._high(section.name)}px;margin-bottom:{GAP_PX}px;overflow:hidden">'
                f'<div style="display:flex;gap:8px;height:{ROW_PX}px;white-space:nowrap"><b>{section.name}</b>'
                f'<span style="margin-left:auto;overflow:hidden;text-overflow:ellipsis;font-size:11px">'
                f'<span style="color:{colour}">●</span> {html.escape(_said(section))}</span></div>'
                f"{head}{rows}</div>"
            )
            known = self._drawn[section.name] = (section, made)
        return known[1]

    def _height(self) -> int:
        parts = self.subject.parts
        return sum(self._high(part) + GAP_PX for part in parts) if parts else (self.rows + 2) * ROW_PX

    def _high(self, part: str) -> int:
        """Return the height of a section in px: its title alone as long as it has had no rows."""
        rows = self._room.get(part, 0)
        return (rows + 2 if rows else 1) * ROW_PX


# -- what is shown of each part ------------------------------------------------------------------------------------


def _balances(rows: Sequence[Any], prices: Mapping[str, float]) -> list[Any]:
    """Return those that are not zero: by value; those without one behind them, by size."""
    return sorted(
        (each for each in rows if finite(each.total) or finite(each.equity)),
        key=lambda each: (-(_value(each, prices) or -1.0), -(finite(each.total) or 0.0), each.currency, each.account),
    )


def _orders(rows: Sequence[Any], _: Mapping[str, float]) -> list[Any]:
    return [each for each in reversed(rows) if not each.finished]


def _positions(rows: Sequence[Any], _: Mapping[str, float]) -> list[Any]:
    held = [each for each in rows if finite(each.size)]
    return sorted(held, key=lambda each: (-abs(finite(each.unrealised_pnl) or 0.0), each.symbol))


def _fills(rows: Sequence[Any], _: Mapping[str, float]) -> list[Any]:
    return list(reversed(rows))


_CHOSEN: dict[str, Callable[[Sequence[Any], Mapping[str, float]], list[Any]]] = {
    "balances": _balances,
    "orders": _orders,
    "positions": _positions,
    "fills": _fills,
}


def _balance_cells(row: Any, prices: Mapping[str, float]) -> Row:
    value = _value(row, prices)
    return (
        Cell(row.currency),
        Cell(row.account, "muted"),
        Cell(amount(finite(row.total))),
        Cell("–" if value is None else f"{_shown(value, 2):,.2f}" if abs(value) < 1e12 else amount(value)),
        Cell(amount(finite(row.available))),
        Cell(amount(finite(row.hold))),
    )


def _order_cells(row: Any, _: Mapping[str, float]) -> Row:
    size, filled = finite(row.size), finite(row.filled_size)
    price = finite(row.price) if row.price else finite(row.stop_price)
    share = f"{(filled or 0.0) / size:.0%}" if size else "–"
    return (
        Cell(row.symbol),
        _side(row.side),
        Cell(amount(price) if price else "market"),
        Cell(amount(finite(row.remaining))),
        Cell(share),
        Cell(row.status),
        Cell(row.type or "", "muted"),
    )


def _position_cells(row: Any, _: Mapping[str, float]) -> Row:
    profit, gain = finite(row.unrealised_pnl), _shown(finite(row.return_on_equity), 4)
    long = (finite(row.size) or 0.0) > 0
    return (
        Cell(row.symbol),
        Cell("▲ long" if long else "▼ short", "up" if long else "down"),
        Cell(f"{amount(profit, sign=True)} {row.settle_currency or ''}".strip(), _tone(profit)),
        Cell(amount(abs(finite(row.size) or 0.0))),
        Cell("–" if gain is None else f"{gain:{'+' if gain else ''},.2%}", _tone(gain)),
        Cell(amount(finite(row.entry_price))),
        Cell(amount(finite(row.mark_price))),
    )


def _fill_cells(row: Any, _: Mapping[str, float]) -> Row:
    fee = finite(row.fee)
    return (
        Cell(row.symbol),
        _side(row.side),
        Cell(amount(finite(row.price))),
        Cell(amount(finite(row.size))),
        Cell(html.clock(row.time_ns / 1e9)[:8], "muted"),
        Cell("–" if fee is None else f"{amount(fee)} {row.fee_currency or ''}".strip(), "muted"),
    )


_CELLS: dict[str, Callable[[Any, Mapping[str, float]], Row]] = {
    "balances": _balance_cells,
    "orders": _order_cells,
    "positions": _position_cells,
    "fills": _fill_cells,
}


def _side(side: str) -> Cell:
    return Cell("▲ buy", "up") if side == "buy" else Cell("▼ sell", "down") if side == "sell" else Cell(side)


def _shown(value: float | None, decimals: int) -> float | None:
    """Return ``value`` as it is shown; what is rounded to zero has neither sign nor colour."""
    return None if value is None else round(value, decimals) + 0.0


def _tone(value: float | None) -> Any:
    return "" if not value else "up" if value > 0 else "down"


def _value(balance: Any, prices: Mapping[str, float]) -> float | None:
    """Return what a balance is worth in US dollars; of futures with the unrealised profit."""
    equity = finite(balance.equity)
    held, price = finite(balance.total) if equity is None else equity, finite(prices.get(balance.currency))
    return None if held is None or price is None else finite(held * price)


def _profit_usd(position: Any, prices: Mapping[str, float]) -> float | None:
    price = finite(prices.get(position.settle_currency or ""))
    profit = finite(position.unrealised_pnl)
    return None if profit is None or price is None else finite(profit * price)


def _unrealised(positions: Sequence[Any], prices: Mapping[str, float]) -> float | None:
    return _sum(_profit_usd(each, prices) for each in positions) if positions else 0.0


def _sum(values: Any) -> float | None:
    known = [each for each in values if each is not None]
    return finite(sum(known)) if known else None


# -- words ---------------------------------------------------------------------------------------------------------

_LIVE_TONE = {"": "", "up": html.UP_TEXT, "down": html.DOWN_TEXT}


def _facts(p: AccountPicture) -> list[tuple[str, str, str]]:
    """Return name, value and tone of what the line under the title says."""
    if not p.sections:
        return []
    worth, unrealised = _shown(p.worth, 2), _shown(p.unrealised, 2)
    profit = "–" if unrealised is None else f"{unrealised:{'+' if unrealised else ''},.2f} USD"
    return [
        ("worth", "–" if worth is None else f"≈ {worth:,.2f} USD", ""),
        *([] if p.positions is None else [("unrealised", profit, str(_tone(unrealised)))]),
        ("open orders", "–" if p.orders is None else str(p.orders), ""),
    ]


def _said(section: Section) -> str:
    """Return a section's status, and what there is besides the rows."""
    if section.hidden:
        return f"{section.status} · and {section.hidden:,} more"
    return section.status if section.rows else f"{section.status} · {EMPTY[section.name]}"


def _foot(p: AccountPicture) -> str:
    return "sizes of futures in lots" if any(section.name == "positions" for section in p.sections) else ""


def _label(p: AccountPicture) -> str:
    said = ", ".join(f"{name} {value}" for name, value, _ in _facts(p))
    return f"{p.caption.badge} {p.caption.title}: {p.caption.status}, {said}".strip(" ,")
