"""The units of numbers, declared in their types, so that a program can read them (protocol.md 0.2, 0.3).

A type checker sees plain floats and integers, and decoding costs the same as without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, inspect

from kucoin_stream.protocol.messages import Amount, Integer, Signed

UNITS: Mapping[str, str] = {
    "quote/base": "a price: quote currency for one unit of the base currency",
    "quote": "quote currency: funds, a turnover",
    "base": "base currency: a size, a volume",
    "lots": "futures contracts of `multiplier` base coins each; of inverse contracts, of 1 USD each",
    "size": "base on spot and margin, lots on futures",
    "size_unit": "base, quote or lots: what the field `size_unit` of the same message says",
    "settle": "the contract's settlement currency",
    "currency": "the currency that the message, or the key of the map, names",
    "fee_currency": "the currency that the field `fee_currency` of the same message names",
    "account": "the currency in which KuCoin values the account; it does not say which",
    "btc": "bitcoin",
    "ratio": "a fraction: 0.01 is 1 %",
    "times": "a factor: a leverage of 5 is fivefold",
    "s": "seconds",
    "ms": "milliseconds",
    "ns": "nanoseconds",
}
"""What each unit means. A time is a Unix time; where its type declares a unit, it is a duration."""


def _unit(word: str) -> Meta:
    return Meta(extra={"unit": word})


Price = Annotated[Amount, _unit("quote/base")]
SignedPrice = Annotated[Signed, _unit("quote/base")]
Funds = Annotated[Amount, _unit("quote")]
Size = Annotated[Amount, _unit("base")]
Lots = Annotated[Amount, _unit("lots")]
SignedLots = Annotated[Signed, _unit("lots")]
MarketSize = Annotated[Amount, _unit("size")]
SignedSize = Annotated[Signed, _unit("size")]
OrderSize = Annotated[Signed, _unit("size_unit")]
Settled = Annotated[Signed, _unit("settle")]
Holding = Annotated[Signed, _unit("currency")]
Fee = Annotated[Signed, _unit("fee_currency")]
Valuation = Annotated[Signed, _unit("account")]
Bitcoin = Annotated[Signed, _unit("btc")]
Ratio = Annotated[Signed, _unit("ratio")]
Times = Annotated[Signed, _unit("times")]
Milliseconds = Annotated[Integer, _unit("ms")]
FlatLevel = Annotated[list[Amount], Meta(min_length=2, max_length=2), _unit("quote/base, base")]
"""``[price, size]``"""


def declared_unit(kind: inspect.Type) -> str:
    """Return the unit that a type declares: a word of :data:`UNITS`, one for each element of an array; else empty."""
    match kind:
        case inspect.Metadata(extra=extra, type=inner):
            return extra["unit"] if extra else declared_unit(inner)
        case inspect.UnionType(types=alternatives):
            return next(filter(None, map(declared_unit, alternatives)), "")
        case inspect.ListType(item_type=item):
            return declared_unit(item)
        case inspect.TupleType(item_types=items):
            return ", ".join(filter(None, map(declared_unit, items)))
    return ""
