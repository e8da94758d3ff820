"""Self-trade rules: what becomes of an order that would trade with another one of the account (protocol.md 7.6). Pure.

``CN`` cancels the new order there, ``CO`` the old ones that it meets, ``CB`` the first of them and the new one; ``DC``
takes the size of the smaller one off both, which ends that one. Without a rule, the two trade with each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kucoin_stream.simulator.trading.orders import Order
from kucoin_stream.simulator.trading.pit import Level, Pit

O = TypeVar("O", bound=Order)  # noqa: E741


@dataclass(slots=True)
class Meeting(Generic[O]):
    """What a new order takes of others, and what it does to the account's own orders: lots to take off each.

    ``reduced`` is what it loses itself; ``ends`` says whether what is left of it is cancelled.
    """

    levels: list[Level] = field(default_factory=list)
    against: list[tuple[O, int]] = field(default_factory=list)
    reduced: int = 0
    ends: bool = False


def meet(pit: Pit[O], order: O, left: int, *, by_funds: bool = False) -> Meeting[O]:
    """Let an order with a rule meet the book, in thought. ``left`` is lots, or, ``by_funds``, ticks times lots."""
    meeting: Meeting[O] = Meeting()
    for price, lots in pit.offers(order.side, order.price):
        unit = price if by_funds else 1
        own = pit.own(order.side, price)
        taken = min(lots - sum(each.left for each in own), left // unit)
        if taken:
            meeting.levels.append(Level(price, taken))
            left -= taken * unit
        if left < unit:
            break
        left -= unit * _clash(meeting, order.stp, own, left // unit)
        if meeting.ends or left < unit:
            break
    return meeting


def _clash(meeting: Meeting[O], rule: str, own: list[O], left: int) -> int:
    """Note what the rule says where own orders are met; return the lots that the new one loses by it."""
    if not own:
        return 0
    if rule == "DC":
        before = meeting.reduced
        for each in own:
            part = min(each.left, left - (meeting.reduced - before))
            if part:
                meeting.against.append((each, part))
                meeting.reduced += part
        return meeting.reduced - before
    hit = {"CO": own, "CB": own[:1]}.get(rule, [])
    meeting.against += [(each, each.left) for each in hit]
    meeting.ends = rule != "CO"
    return 0
