"""Feeds by family: every row under its plain name, and spot or futures by the form of the symbol."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.namespaces import Namespace
from kucoin_stream.protocol.topics import CATALOGUE


class Asked:
    """Notes what is asked for."""

    def feed(self, topic: str, *arguments: str, interval: str | None = None, **options: Any) -> Any:
        return topic, arguments, interval, options


def test_every_public_row_has_a_name_in_a_namespace() -> None:
    client = ks.Client("sim")
    spaces = {"spot": client.spot, "margin": client.margin, "futures": client.futures}
    spaces |= {"pro_spot": client.pro, "pro_futures": client.pro}
    for row in CATALOGUE:
        if not row.private:
            family, _, name = row.name.partition(".")
            assert name in dir(spaces[family]), row.name
            assert row.name in (getattr(spaces[family], name).__doc__ or "")


@pytest.mark.parametrize(
    ("symbols", "row"),
    [
        (("BTC-USDT",), "pro_spot.trades"),
        (("XBTUSDTM", "ETHUSDTM"), "pro_futures.trades"),
        (("XBTMZ26",), "pro_futures.trades"),
    ],
)
def test_the_form_of_the_symbol_says_which_market_is_meant(symbols: tuple[str, ...], row: str) -> None:
    assert Namespace(Asked(), "pro_spot", "pro_futures").trades(*symbols, news=True) == (
        row,
        symbols,
        None,
        {"news": True},
    )


def test_both_markets_in_one_feed_are_refused() -> None:
    with pytest.raises(UsageError, match="make a feed of each"):
        Namespace(Asked(), "pro_spot", "pro_futures").trades("BTC-USDT", "XBTUSDTM")


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean trades"):
        Namespace(Asked(), "futures").trade  # noqa: B018


@pytest.mark.parametrize("name", ["spot", "margin", "futures", "pro", "account"])
def test_a_namespace_can_be_copied(name: str) -> None:
    space = getattr(ks.Client("sim"), name)
    assert repr(copy.copy(space)) == repr(space)


@pytest.mark.parametrize("name", ["book", "books", "history", "kline_updates", "klines", "record", "ticker", "trades"])
def test_the_front_door_takes_what_the_client_takes(name: str) -> None:
    ours, theirs = inspect.signature(getattr(ks, name)), inspect.signature(getattr(ks.Client, name))
    given = [(each.name, each.kind, each.default) for each in ours.parameters.values()]
    assert given == [(each.name, each.kind, each.default) for each in list(theirs.parameters.values())[1:]]
