"""Where one connection's messages end and another's begin."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.pro import Book
from kucoin_stream.protocol.messages.spot import BookDelta, Changes, Trade
from kucoin_stream.protocol.seam import Item, Seam

TRADES = topics.find("spot.trades").wire("BTC-USDT")
BOOK = topics.find("spot.level2").wire("BTC-USDT")
PRO = topics.find("pro_spot.level2").wire("BTC-USDT")


def trade(number: int, more: str = "") -> Item[str]:
    return Item(Push(TRADES, Trade("BTC-USDT", "buy", 1.0, 1.0, number, str(number), number)), more)


def change(start: int, end: int, more: str = "") -> Item[str]:
    return Item(Push(BOOK, BookDelta("BTC-USDT", Changes(), start, end)), more)


def pro(start: int, end: int, kind: str = "delta") -> Item[str]:
    return Item(Push(PRO, Book("BTC-USDT", start, end, kind=kind)), "")


def numbers(items: list[Item[str]]) -> list[int]:
    return [item.push.data.sequence for item in items]


def ends(items: list[Item[str]]) -> list[tuple[int, int]]:
    return [_bounds(item.push.data) for item in items]


def _bounds(data: Any) -> tuple[int, int]:
    return (data.start, data.end) if isinstance(data, Book) else (data.sequence_start, data.sequence_end)


# -- by identity -------------------------------------------------------------------------------------------------


def test_before_the_cut_only_the_old_connection_speaks():
    seam = Seam[str]()
    assert numbers(seam.old(trade(1))) == [1]
    assert seam.fresh(trade(1)) == []
    assert seam.fresh(trade(2)) == []


def test_what_the_fresh_connection_is_ahead_comes_at_the_cut_and_the_old_one_is_heard_no_more():
    seam = Seam[str]()
    seam.old(trade(1))
    for number in (1, 2, 3):
        seam.fresh(trade(number, "fresh"))
    assert numbers(seam.cut()) == [2, 3]
    assert seam.old(trade(2)) == []
    assert numbers(seam.fresh(trade(4))) == [4]
    assert seam.done
    assert seam.unproven == []


def test_a_fresh_connection_that_lags_behind_takes_over_once_it_has_caught_up():
    seam = Seam[str]()
    for number in (1, 2):
        seam.old(trade(number))
    seam.fresh(trade(1))
    assert seam.cut() == []
    assert not seam.done
    assert numbers(seam.old(trade(3))) == [3]
    assert seam.fresh(trade(2)) == []
    assert seam.fresh(trade(3)) == []
    assert seam.done
    assert numbers(seam.fresh(trade(4))) == [4]


def test_a_topic_that_came_on_neither_has_nothing_to_prove():
    seam = Seam[str]()
    assert seam.cut() == []
    assert seam.done
    assert numbers(seam.fresh(trade(1))) == [1]
    assert seam.old(trade(1)) == []
    assert seam.unproven == []


def test_a_topic_on_which_they_never_agree_goes_over_by_force_and_says_so():
    seam = Seam[str]()
    seam.old(trade(1))
    seam.fresh(trade(7))
    seam.cut()
    assert not seam.done
    assert numbers(seam.force()) == [7]
    assert seam.done
    assert seam.unproven == [TRADES]


def test_what_the_old_one_brought_before_the_fresh_one_joined_need_not_come_again():
    seam = Seam[str]()
    for item in (trade(1), change(1, 1)):
        seam.old(item)
    seam.joined()
    assert seam.cut() == []
    assert seam.done
    assert seam.unproven == []


def test_what_came_just_before_the_ack_may_still_come_again_until_the_cut():
    seam = Seam[str]()
    seam.old(trade(1))
    seam.joined()
    assert seam.fresh(trade(1)) == []
    assert seam.cut() == []
    assert seam.done


def test_a_message_without_identity_is_known_by_all_it_says():
    seam = Seam[str]()
    topic = topics.find("account.cross_leverage").wire("")
    one, other = (Item(Push(topic, {"XBTUSDTM": {"leverage": each}}), "") for each in ("8", "5"))
    assert seam.old(one) == [one]
    assert seam.fresh(one) == []
    seam.fresh(other)
    assert seam.cut() == [other]
    assert seam.unproven == []


# -- by sequence -------------------------------------------------------------------------------------------------


def test_changes_that_the_connections_cut_differently_are_compared_by_their_last_sequence():
    seam = Seam[str]()
    seam.old(change(1, 3))
    seam.fresh(change(2, 2))
    seam.fresh(change(3, 5))
    assert ends(seam.cut()) == [(3, 5)], "what overlaps is for the book to trim"
    assert seam.unproven == []


def test_a_hole_between_the_two_is_told():
    seam = Seam[str]()
    seam.old(change(1, 3))
    seam.fresh(change(5, 6))
    assert ends(seam.cut()) == [(5, 6)]
    assert seam.unproven == [BOOK]


def test_a_snapshot_behind_the_old_connection_is_left_out_and_one_ahead_of_it_is_a_new_begin():
    seam = Seam[str]()
    seam.old(pro(8, 10))
    assert seam.fresh(pro(9, 9, "snapshot")) == []
    assert seam.cut() == [], "it has not come as far as the old one"
    assert ends(seam.fresh(pro(20, 20, "snapshot"))) == [(20, 20)]
    assert seam.unproven == []


def test_a_book_whose_snapshot_has_not_come_yet_stays_with_the_old_connection():
    seam = Seam[str]()
    seam.old(pro(1, 2))
    assert seam.cut() == []
    assert ends(seam.old(pro(3, 4))) == [(3, 4)]
    assert not seam.done


# -- any order of events -----------------------------------------------------------------------------------------

EVENTS = st.lists(st.sampled_from(["old", "fresh", "joined"]), max_size=60)


@given(EVENTS, EVENTS, st.integers(0, 5), st.sampled_from(["trades", "book"]))
def test_each_message_comes_once_in_order_and_none_is_lost(before: list[str], after: list[str], late: int, kind: str):
    """The old connection brings all from 1 on, the fresh one all from where it joined, each in its own time."""
    make = trade if kind == "trades" else lambda number: change(number, number)
    seam, delivered = Seam[str](), []
    for number in range(1, late + 1):  # before the exchange has served the fresh one
        delivered += seam.old(make(number))
    at = {"old": late + 1, "fresh": late + 1}
    for event in [*before, "joined", "fresh", *after, "old", *["fresh"] * 130, "cut", *["fresh"] * 130]:
        if event in at:
            delivered += getattr(seam, event)(make(at[event]))
            at[event] += 1
        else:
            delivered += getattr(seam, event)() or []
    came = [_bounds(item.push.data)[1] if kind == "book" else item.push.data.sequence for item in delivered]
    assert came == list(range(1, at["fresh"]))
    assert seam.done
    assert seam.unproven == []
