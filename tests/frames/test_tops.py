"""The best prices of a book over time: what pictures read of them, and their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kucoin_stream as ks
from kucoin_stream.frames.base import LiveFrame
from tests.conftest import until


def test_few_rows_are_copied_without_the_loop_thread_and_are_the_same(client: ks.Client) -> None:
    tops = client.book("BTC-USDT").tops()
    until(lambda: len(tops) > 20)
    tops.stop()
    many, few = tops.arrays(1000), tops.arrays(20)
    assert few.keys() <= many.keys()
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][-20:])


@pytest.mark.parametrize(
    "make",
    [
        lambda client: (of := client.book("BTC-USDT"), of.tops()),
        lambda client: (of := client.books("BTC-USDT", "ETH-USDT"), *of.books.values()),
        lambda client: (of := client.trades("BTC-USDT"), of.map(str).sink_to_frame()),
    ],
    ids=["best prices of a book", "books", "a node's frame of a feed"],
)
def test_what_has_ended_with_its_source_runs_no_more(
    client: ks.Client, make: Callable[[ks.Client], tuple[Any, ...]]
) -> None:
    source, *others = make(client)
    names = {each.title for each in (source, *others)}
    assert len(client.ps()) >= 2
    source.stop()
    assert all(each._over for each in others if isinstance(each, LiveFrame))
    assert names.isdisjoint(client.ps()["name"])


def test_books_have_ended_once_each_of_them_has(client: ks.Client) -> None:
    books = client.books("BTC-USDT", "ETH-USDT")
    books["BTC-USDT"].stop()
    assert not books._over
    books["ETH-USDT"].stop()
    assert client.ps().empty
