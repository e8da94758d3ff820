"""The order flow of one generated symbol: seeded events on one ladder. Pure; time is virtual.

Theory of operation. A fair price wanders (a random walk in logarithms, drawn gently to where it began), or keeps close
to an ``anchor`` where one is set. Events come at random times, more of them in a burst; each takes one sequence
number. A share of them touches nothing visible (the filler that KuCoin sends as price 0). Where the fair price has
passed the best level, that level is hit or withdrawn; else a trade nibbles at the best level, or an order is placed,
changed or withdrawn, mostly near the top. New orders are placed around the fair price and never across the other side,
so the book follows it and never crosses. What users rest in the ladder is theirs: the flow trades with it like with
anything else, but neither changes nor withdraws it.
"""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

from kucoin_stream.simulator.ladder import Ladder, Side
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.moods import Moods

SECOND = 1_000_000_000  # ns
_REACH = 0.08  # how far the book reaches from the middle, as a share of the price
_MEMORY = 86_400.0  # seconds in which a deviation from the first price fades to 1/e
FEWEST = 10  # levels of its own that a side always keeps
_BASIS_MEMORY = 60.0  # seconds in which the distance to an anchor fades to 1/e
_BASIS_SIGMA = 1.5e-5  # standard deviation of that distance's change in one second, as a share of the price


class Change(NamedTuple):
    """A level's new size at ``sequence``; price 0 and size 0: nothing visible."""

    side: Side
    price: int
    size: int
    sequence: int
    time_ns: int


class Fill(NamedTuple):
    """A trade. ``side`` is the taker's; ``number`` is in a space of its own."""

    side: str
    price: int
    size: int
    number: int
    time_ns: int


class OrderFlow:
    """Events of one symbol from ``start_ns`` on. ``rate`` multiplies their frequency."""

    def __init__(self, listing: Listing, seed: int, start_ns: int, rate: float = 1.0) -> None:
        self.listing = listing
        self.ladder = Ladder(listing.price_scale, listing.size_scale)
        self._random = Random(f"{seed}/{listing.symbol}")
        self._moods = Moods(f"{seed}/{listing.symbol}/moods", start_ns / SECOND)
        self._pace = listing.pace * rate
        self._origin = self._fair = listing.ticks + self._random.random()
        self._sigma = listing.volatility / math.sqrt(60)  # of one second
        self.anchor: float | None = None  # ticks; whoever sets it keeps it up to date
        self.basis = 0.0  # distance of the fair price from the anchor, as a share of it
        self.reserved: dict[tuple[Side, int], int] = {}  # lots that users rest, by side and price
        self.now_ns = start_ns
        span = max(_REACH * self._fair, 1.3 * listing.gap * listing.levels)
        self._curve = (span / listing.gap - listing.levels) / listing.levels**2
        self.sequence = self._random.randrange(10**9, 2 * 10**10)
        self.trade_number = self._random.randrange(listing.trades_from, 20 * listing.trades_from)
        self._populate()
        self.last = Fill("buy", listing.ticks, max(1, round(listing.lots)), self.trade_number, start_ns)
        self._schedule()

    @property
    def fair(self) -> float:
        """The fair price in ticks."""
        return self._fair

    @property
    def middle(self) -> float:
        """The middle of best bid and best ask, in ticks."""
        return (self.ladder.level("asks", 0)[0] + self.ladder.level("bids", 0)[0]) / 2

    @property
    def next_ns(self) -> int:
        """When the next event is due."""
        return self._next_ns

    def skip(self, to_ns: int) -> None:
        """Let nothing happen until ``to_ns``: the machine was asleep."""
        self.now_ns = max(self.now_ns, to_ns)
        self._schedule()

    def step(self) -> tuple[Change, Fill | None]:
        """Perform the event due at :attr:`next_ns` and schedule the one after it."""
        self._wander((self._next_ns - self.now_ns) / SECOND)
        self.now_ns = self._next_ns
        self.sequence += 1
        outcome = self._event()
        self._schedule()
        return outcome

    def take(self, side: Side, price: int, lots: int, time_ns: int) -> tuple[Change, Fill]:
        """Let a user's order take ``lots`` of the level at ``price``."""
        self.sequence += 1
        return self._trade(side, price, lots, self.trade_number + 1, max(time_ns, self.now_ns))

    def rest(self, side: Side, price: int, lots: int, time_ns: int) -> Change:
        """Add what a user rests at ``price``, or, where ``lots`` is negative, take it away."""
        self.sequence += 1
        key, size = (side, price), self.ladder.size(side, price) + lots
        self.reserved[key] = self.reserved.get(key, 0) + lots
        if not self.reserved[key]:
            del self.reserved[key]
        self.ladder.set(side, price, size)
        return Change(side, price, size, self.sequence, max(time_ns, self.now_ns))

    def cross(self, time_ns: int) -> Change:
        """Put a bid of a typical size a gap above the best ask, as no sane book has it."""
        self.sequence += 1
        price = self.ladder.level("asks", 0)[0] + self.listing.gap
        size = max(1, round(self.listing.lots)) + self.reserved.get(("bids", price), 0)
        self.ladder.set("bids", price, size)
        return Change("bids", price, size, self.sequence, max(time_ns, self.now_ns))

    def trade_unseen(self, price: int, lots: int, time_ns: int, taker: str = "buy") -> tuple[Change, Fill]:
        """Trade outside the book: at the price of a call auction, or with what is hidden."""
        self.sequence += 1
        self.trade_number += 1
        self.last = Fill(taker, price, lots, self.trade_number, time_ns)
        return Change("bids", 0, 0, self.sequence, time_ns), self.last

    def takeable(self, side: Side) -> int:
        """Return how many of the best levels a user may take: the last ones stay, so that no side is ever empty."""
        return max(0, self._count(side) - FEWEST)

    def _schedule(self) -> None:
        self._moods.look(self.now_ns / SECOND)
        self._next_ns = self.now_ns + 1 + int(self._random.expovariate(self._pace * self._moods.pace) * SECOND)

    def _wander(self, seconds: float) -> None:
        noise = math.sqrt(seconds) * self._random.gauss(0.0, 1.0) + self._moods.drift * seconds
        if self.anchor is not None:
            self.basis += _BASIS_SIGMA * noise - self.basis * min(1.0, seconds / _BASIS_MEMORY)
            self._fair = self.anchor * (1.0 + self.basis)
            return
        pull = math.log(self._origin / self._fair) * min(1.0, seconds / _MEMORY)
        self._fair *= math.exp(pull + self._sigma * noise)

    def _event(self) -> tuple[Change, Fill | None]:
        random = self._random
        side: Side = "asks" if random.random() < 0.5 else "bids"
        if random.random() < self.listing.fillers:
            return Change(side, 0, 0, self.sequence, self.now_ns), None
        for passed in ("asks", "bids"):
            if self._passed(passed) and self._count(passed) > FEWEST:
                price, size = self.ladder.level(passed, 0)
                return self._hit(passed, price, size) if random.random() < 0.35 else (self._set(passed, price, 0), None)
        if random.random() < 0.6 and (wide := self._wide()) is not None:
            return self._set(wide, self._price(wide, 0), self._lots(1.0)), None
        choice = random.random()
        if choice < 0.10:
            return self._nibble(side)
        if choice < 0.45:
            return self._resize(side), None
        scarce = self.ladder.count(side) / self.listing.levels
        if self._count(side) > FEWEST and random.random() < 0.5 * scarce:
            return self._withdraw(side), None
        return self._place(side), None

    def _passed(self, side: Side) -> bool:
        best = self.ladder.level(side, 0)[0]
        return best < self._fair - 0.5 if side == "asks" else best > self._fair + 0.5

    def _wide(self) -> Side | None:
        """The side whose best level lies too far from the fair price, if one does."""
        limit = 1 + self.listing.gap // 2
        ask, bid = self.ladder.level("asks", 0)[0] - self._fair, self._fair - self.ladder.level("bids", 0)[0]
        if max(ask, bid) <= limit:
            return None
        return "asks" if ask > bid else "bids"

    def _nibble(self, side: Side) -> tuple[Change, Fill | None]:
        price, size = self.ladder.level(side, 0)
        taken = min(size, self._lots(0.4))
        if taken == size and self._count(side) <= FEWEST:
            taken = max(1, size // 2)
            if taken == size:
                return self._place(side), None
        return self._hit(side, price, taken)

    def _hit(self, side: Side, price: int, taken: int) -> tuple[Change, Fill]:
        return self._trade(side, price, taken, self.trade_number + self._random.randrange(1, 4), self.now_ns)

    def _trade(self, side: Side, price: int, taken: int, number: int, time_ns: int) -> tuple[Change, Fill]:
        """Take of a level: first what was there of the flow's own, which users have joined, then what users rest."""
        size = self.ladder.size(side, price) - taken
        if self.reserved.get((side, price), 0) > size:
            self.reserved[side, price] = size
            if not size:
                del self.reserved[side, price]
        self.trade_number = number
        self.last = Fill("buy" if side == "asks" else "sell", price, taken, number, time_ns)
        self.ladder.set(side, price, size)
        return Change(side, price, size, self.sequence, time_ns), self.last

    def _resize(self, side: Side) -> Change:
        price, _ = self.ladder.level(side, self._index(side))
        return self._set(side, price, self._lots(1.0))

    def _withdraw(self, side: Side) -> Change:
        index = -1 if self._random.random() < 0.2 else int(self.ladder.count(side) * self._random.random() ** 2)
        return self._set(side, self.ladder.level(side, index)[0], 0)

    def _place(self, side: Side) -> Change:
        offset = self._offset(self.listing.levels * self._random.random() ** 3) + self._jitter()
        return self._set(side, self._price(side, offset), self._lots(1.0))

    def _count(self, side: Side) -> int:
        """How many levels a side has that are not users'."""
        count = self.ladder.count(side)
        return count - sum(owner == side for owner, _ in self.reserved) if self.reserved else count

    def _set(self, side: Side, price: int, size: int) -> Change:
        if self.reserved:
            size += self.reserved.get((side, price), 0)
        self.ladder.set(side, price, size)
        return Change(side, price, size, self.sequence, self.now_ns)

    def _index(self, side: Side) -> int:
        return int(self.ladder.count(side) * self._random.random() ** 4)

    def _price(self, side: Side, offset: int) -> int:
        """A free price ``offset`` ticks from the fair one, short of the other side."""
        if side == "bids":
            ask = self.ladder.best("asks")
            price = math.floor(self._fair) - offset
            return max(1, price if ask is None else min(price, ask - 1))
        bid = self.ladder.best("bids")
        price = math.floor(self._fair) + 1 + offset
        return price if bid is None else max(price, bid + 1)

    def _offset(self, rank: float) -> int:
        """How far from the middle, in ticks, the level of that rank is expected."""
        return int(self.listing.gap * (rank + self._curve * rank * rank))

    def _jitter(self) -> int:
        return int(self._random.expovariate(2.0 / self.listing.gap))

    def _lots(self, scale: float) -> int:
        return max(1, round(self.listing.lots * scale * self._random.lognormvariate(-0.5, 1.0)))

    def _populate(self) -> None:
        for side in ("asks", "bids"):
            rank = 0.0
            while self.ladder.count(side) < self.listing.levels:
                deep = 1.0 + rank / self.listing.levels
                self.ladder.set(side, self._price(side, self._offset(rank) + self._jitter()), self._lots(deep))
                rank += 1.0
