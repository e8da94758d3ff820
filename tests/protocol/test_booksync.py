"""The sequence of one book: what follows from each change, snapshot and moment (protocol.md 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kucoin_stream.protocol import booksync
from kucoin_stream.protocol.booksync import BookGap, BookSync, RequestSnapshot, Restart
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Changes


def delta(start: int, end: int) -> BookDelta:
    """Return a run of changes, one for each sequence, each at its own price."""
    return BookDelta("BTC-USDT", Changes([], [(float(each), 1.0, each) for each in range(start, end + 1)]), start, end)


def snapshot(sequence: int) -> BookSnapshot:
    return BookSnapshot(sequence)


def new() -> BookSync:
    sync = BookSync(quiet=1.5)
    sync.connected(0.0)
    return sync


def live_at(sequence: int) -> BookSync:
    """Return a book that is live at ``sequence`` since second 0; ticket 1 is used."""
    sync = new()
    assert sync.receive_delta(delta(sequence, sequence), 0.0) == [RequestSnapshot(1)]
    assert sync.receive_snapshot(snapshot(sequence), 1, 0.0) == [Restart(snapshot(sequence))]
    return sync


# -- changes of a live book --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "expected", "sequence"),
    [
        pytest.param((11, 11), [delta(11, 11)], 11, id="next in line"),
        pytest.param((11, 14), [delta(11, 14)], 14, id="a run that is next in line"),
        pytest.param((8, 12), [delta(11, 12)], 12, id="overlaps: only what is new passes"),
        pytest.param((10, 11), [delta(11, 11)], 11, id="overlaps by one"),
        pytest.param((7, 10), [], 10, id="wholly known"),
        pytest.param((10, 10), [], 10, id="a duplicate"),
        pytest.param((1, 2), [], 10, id="long known"),
        pytest.param(
            (12, 13), [BookGap("sequence 11 to 11 missing", 1), RequestSnapshot(2)], None, id="one is missing"
        ),
        pytest.param(
            (20, 20), [BookGap("sequence 11 to 19 missing", 9), RequestSnapshot(2)], None, id="many are missing"
        ),
    ],
)
def test_delta_of_a_live_book(received, expected, sequence):
    sync = live_at(10)
    assert sync.receive_delta(delta(*received), 1.0) == expected
    assert sync.sequence == sequence
    assert sync.live is (sequence is not None)


@pytest.mark.parametrize("received", [(11, 11), (11, 14), (8, 12), (10, 10), (12, 13), (11, 10)])
def test_the_short_way_takes_only_what_is_next_in_line_and_as_the_long_way_would(received):
    sync, other = live_at(10), live_at(10)
    if sync.follow([delta(*received)]):
        assert other.receive_delta(delta(*received), 1.0) == [delta(*received)]
        assert sync.sequence == other.sequence == received[1]
    else:
        assert received not in {(11, 11), (11, 14)}
        assert sync.sequence == 10


def test_the_short_way_ends_at_the_first_message_that_is_not_next_in_line():
    sync = live_at(10)
    assert sync.follow([delta(11, 11), delta(12, 14), delta(16, 16), delta(15, 15)]) == 2
    assert sync.sequence == 14


def test_the_short_way_is_closed_without_a_book_and_while_a_snapshot_is_on_its_way():
    assert not new().follow([delta(1, 1)])
    sync = live_at(10)
    sync.refresh()
    assert not sync.follow([delta(11, 11)])


def test_changes_swapped_on_the_way_are_a_gap():
    sync = live_at(10)
    assert sync.receive_delta(delta(12, 12), 1.0) == [BookGap("sequence 11 to 11 missing", 1), RequestSnapshot(2)]
    assert sync.receive_delta(delta(11, 11), 1.0) == []


# -- the first snapshot ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("buffered", "at", "expected", "sequence"),
    [
        pytest.param([(11, 11)], 10, [Restart(snapshot(10)), delta(11, 11)], 11, id="meets the buffer"),
        pytest.param(
            [(11, 11), (12, 14)], 10, [Restart(snapshot(10)), delta(11, 11), delta(12, 14)], 14, id="replayed"
        ),
        pytest.param([(9, 9), (10, 10)], 10, [Restart(snapshot(10))], 10, id="newer than the buffer"),
        pytest.param([(9, 9), (10, 10)], 15, [Restart(snapshot(15))], 15, id="much newer than the buffer"),
        pytest.param([(8, 12)], 10, [Restart(snapshot(10)), delta(11, 12)], 12, id="cuts a message in two"),
        pytest.param([(12, 12)], 10, [], None, id="too old: 11 is known to nobody"),
        pytest.param(
            [(11, 11), (13, 13)],
            10,
            [Restart(snapshot(10)), delta(11, 11), BookGap("sequence 12 to 12 missing", 1), RequestSnapshot(2)],
            None,
            id="a hole in the buffer",
        ),
    ],
)
def test_first_snapshot(buffered, at, expected, sequence):
    sync = new()
    assert sync.receive_delta(delta(*buffered[0]), 0.0) == [RequestSnapshot(1)]
    for each in buffered[1:]:
        assert sync.receive_delta(delta(*each), 0.1) == []
    assert sync.receive_snapshot(snapshot(at), 1, 0.2) == expected
    assert sync.sequence == sequence


def test_after_a_hole_in_the_buffer_what_came_behind_it_is_kept():
    sync = new()
    for each in (11, 13, 14):
        sync.receive_delta(delta(each, each), 0.0)
    actions = sync.receive_snapshot(snapshot(10), 1, 0.1)
    assert actions[2:] == [BookGap("sequence 12 to 12 missing", 1), RequestSnapshot(2)]
    expected = [Restart(snapshot(12)), delta(13, 13), delta(14, 14)]
    assert sync.receive_snapshot(snapshot(12), 2, 10.1) == expected


def test_worked_example_of_the_documents():
    sync = new()
    changes = Changes(asks=[(3988.59, 3.0, 16), (3988.61, 0.0, 19), (3988.62, 8.0, 15)], bids=[(3988.50, 44.0, 18)])
    assert sync.receive_delta(BookDelta("BTC-USDT", changes, 15, 19), 0.0) == [RequestSnapshot(1)]
    assert sync.receive_snapshot(snapshot(16), 1, 0.1) == [
        Restart(snapshot(16)),
        BookDelta("BTC-USDT", Changes(asks=[(3988.61, 0.0, 19)], bids=[(3988.50, 44.0, 18)]), 17, 19),
    ]
    assert sync.sequence == 19


# -- a quiet symbol ----------------------------------------------------------------------------------------------


def test_a_quiet_symbol_gets_its_snapshot_without_a_change():
    sync = new()
    assert sync.next_tick() == 1.5
    assert sync.tick(1.4) == []
    assert sync.tick(1.5) == [RequestSnapshot(1)]
    assert sync.next_tick() is None
    assert sync.receive_snapshot(snapshot(10), 1, 2.0) == [Restart(snapshot(10))]
    assert sync.receive_delta(delta(11, 11), 60.0) == [delta(11, 11)]


@pytest.mark.parametrize("sequence", [0, -1])
def test_a_quiet_symbol_that_was_never_traded(sequence):
    sync = new()
    sync.tick(1.5)
    assert sync.receive_snapshot(snapshot(sequence), 1, 2.0) == [Restart(snapshot(sequence))]
    assert sync.live


def test_a_change_during_a_quiet_symbols_request_is_kept():
    sync = new()
    sync.tick(1.5)
    assert sync.receive_delta(delta(11, 11), 1.6) == []
    assert sync.receive_snapshot(snapshot(10), 1, 2.0) == [Restart(snapshot(10)), delta(11, 11)]


def test_quiet_seconds_count_from_the_connection():
    sync = new()
    sync.disconnected()
    assert sync.next_tick() is None
    sync.connected(20.0)
    assert sync.next_tick() == 21.5


# -- snapshots that do not help ----------------------------------------------------------------------------------


def failing(sync: BookSync, how: str, ticket: int, now: float) -> None:
    if how == "too old":
        assert sync.receive_snapshot(snapshot(10), ticket, now) == []
    else:
        sync.snapshot_failed(ticket, now)


@pytest.mark.parametrize("how", ["too old", "failed"])
def test_a_snapshot_that_does_not_help_is_asked_for_again_ever_more_slowly(how):
    sync = new()
    sync.receive_delta(delta(100, 100), 0.0)
    now, waits = 0.0, []
    for ticket in range(1, 9):
        failing(sync, how, ticket, now)
        waits.append(sync.next_tick() - now)
        assert sync.receive_delta(delta(100 + ticket, 100 + ticket), now) == []  # does not hurry it
        now = sync.next_tick()
        assert sync.tick(now - 0.01) == []
        assert sync.tick(now) == [RequestSnapshot(ticket + 1)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert sync.receive_snapshot(snapshot(99), 9, now)[0] == Restart(snapshot(99))
    assert sync.sequence == 108


def test_hours_of_failures_are_survived():
    sync = new()
    now = 1.5
    sync.tick(now)
    for ticket in range(1, 3000):
        sync.snapshot_failed(ticket, now)
        now = sync.next_tick()
        assert sync.tick(now) == [RequestSnapshot(ticket + 1)]
    assert sync.receive_snapshot(snapshot(10), 3000, now) == [Restart(snapshot(10))]


def test_answers_to_older_questions_are_not_taken():
    sync = new()
    sync.receive_delta(delta(11, 11), 0.0)
    sync.disconnected()
    sync.connected(5.0)
    sync.receive_delta(delta(51, 51), 5.1)
    assert sync.receive_snapshot(snapshot(50), 1, 5.2) == []
    sync.snapshot_failed(1, 5.2)
    assert sync.next_tick() is None
    assert sync.receive_snapshot(snapshot(50), 2, 5.3) == [Restart(snapshot(50)), delta(51, 51)]
    assert sync.receive_snapshot(snapshot(40), 2, 5.4) == []
    assert sync.sequence == 51


def test_the_buffer_is_bounded(monkeypatch):
    monkeypatch.setattr(booksync, "BUFFER_LIMIT", 10)
    sync = new()
    for each in range(1, 25):
        sync.receive_delta(delta(each, each), 0.0)
    assert sync.receive_snapshot(snapshot(0), 1, 0.1) == []  # what it would need is gone
    sync.tick(10.0)
    actions = sync.receive_snapshot(snapshot(22), 2, 10.0)
    assert actions == [Restart(snapshot(22)), delta(23, 23), delta(24, 24)]


# -- losing a book -----------------------------------------------------------------------------------------------


def lose(sync: BookSync, how: str, now: float) -> list[object]:
    if how == "gap":
        return list(sync.receive_delta(delta(sync.sequence + 2, sync.sequence + 2), now))
    return list(sync.lost("crossed book", now))


@pytest.mark.parametrize(
    ("how", "gap"),
    [("gap", BookGap("sequence 11 to 11 missing", 1)), ("crossed", BookGap("crossed book", None))],
)
def test_a_lost_book_is_asked_for_at_once_when_it_was_right_for_long(how, gap):
    sync = live_at(10)
    assert lose(sync, how, 10.1) == [gap, RequestSnapshot(2)]
    assert not sync.live
    restarted = sync.receive_snapshot(snapshot(30), 2, 10.2)
    assert restarted == [Restart(snapshot(30))]
    assert sync.sequence == 30


@pytest.mark.parametrize("how", ["gap", "crossed"])
def test_a_book_lost_again_and_again_is_asked_for_ever_more_slowly(how):
    sync = live_at(10)
    assert lose(sync, how, 0.0)[1:] == [RequestSnapshot(2)]
    sync.receive_snapshot(snapshot(50), 2, 0.0)
    now, waits = 0.0, []
    for ticket in range(3, 7):
        assert [type(each) for each in lose(sync, how, now)] == [BookGap]
        waits.append(sync.next_tick() - now)
        now = sync.next_tick()
        assert sync.tick(now) == [RequestSnapshot(ticket)]
        sync.receive_snapshot(snapshot(100 * ticket), ticket, now)
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert lose(sync, how, now + 10.1)[1:] == [RequestSnapshot(7)]


def test_after_a_gap_the_change_behind_it_is_replayed():
    sync = live_at(10)
    assert sync.receive_delta(delta(12, 12), 20.0) == [BookGap("sequence 11 to 11 missing", 1), RequestSnapshot(2)]
    assert sync.receive_delta(delta(13, 13), 20.1) == []
    assert sync.receive_snapshot(snapshot(11), 2, 20.2) == [Restart(snapshot(11)), delta(12, 12), delta(13, 13)]


def test_disconnected_forgets_and_asks_nothing():
    sync = live_at(10)
    sync.disconnected()
    assert (sync.live, sync.sequence, sync.refreshing, sync.next_tick()) == (False, None, False, None)
    assert sync.tick(1000.0) == []
    sync.connected(1000.0)
    assert sync.receive_delta(delta(11, 11), 1000.5) == [RequestSnapshot(2)]  # changes were missed, whatever it says
    assert sync.next_tick() is None


def test_changes_that_overtake_the_acknowledgement():
    sync = live_at(10)
    sync.disconnected()
    assert sync.receive_delta(delta(51, 51), 5.0) == [RequestSnapshot(2)]
    sync.connected(5.1)
    assert sync.next_tick() is None
    assert sync.receive_snapshot(snapshot(50), 2, 5.2) == [Restart(snapshot(50)), delta(51, 51)]


def test_an_acknowledgement_that_comes_after_the_snapshot_changes_nothing():
    sync = live_at(10)
    sync.connected(0.1)
    assert sync.next_tick() is None
    assert not sync.refreshing


# -- refreshing a book that is right -----------------------------------------------------------------------------


def run(sync: BookSync, sequences: Sequence[int]) -> None:
    for each in sequences:
        assert sync.receive_delta(delta(each, each), 1.0) == [delta(each, each)]


@pytest.mark.parametrize(
    ("seen", "at", "expected", "sequence"),
    [
        pytest.param(
            [11, 12, 13], 12, [Restart(snapshot(12)), delta(13, 13)], 13, id="what came meanwhile is replayed"
        ),
        pytest.param([11, 12, 13], 13, [Restart(snapshot(13))], 13, id="as new as the book"),
        pytest.param([11, 12], 20, [Restart(snapshot(20))], 20, id="newer than the book"),
        pytest.param([], 10, [Restart(snapshot(10))], 10, id="nothing came meanwhile"),
        pytest.param(
            [11, 12], 10, [Restart(snapshot(10)), delta(11, 11), delta(12, 12)], 12, id="as old as the request"
        ),
    ],
)
def test_refresh_of_a_live_book(seen, at, expected, sequence):
    sync = live_at(10)
    assert sync.refresh() == [RequestSnapshot(2)]
    assert sync.live
    run(sync, seen)
    assert sync.receive_snapshot(snapshot(at), 2, 2.0) == expected
    assert (sync.sequence, sync.refreshing) == (sequence, False)


@pytest.mark.parametrize("seen", [[], [11, 12]])
def test_a_refresh_older_than_the_request_leaves_the_book_live_and_is_repeated(seen):
    sync = live_at(10)
    sync.refresh()
    run(sync, seen)
    assert sync.receive_snapshot(snapshot(9), 2, 2.0) == []
    assert sync.live
    run(sync, [10 + len(seen) + 1])
    assert sync.tick(sync.next_tick()) == [RequestSnapshot(3)]
    assert sync.receive_snapshot(snapshot(10), 3, 9.0)[0] == Restart(snapshot(10))
    assert sync.sequence == 10 + len(seen) + 1


def test_a_refresh_is_asked_for_once():
    sync = live_at(10)
    assert sync.refresh() == [RequestSnapshot(2)]
    assert sync.refresh() == []
    sync.snapshot_failed(2, 5.0)
    assert sync.refresh() == []
    assert new().refresh() == []


def test_a_gap_during_a_refresh_makes_its_answer_void():
    sync = live_at(10)
    sync.refresh()
    assert sync.receive_delta(delta(13, 13), 20.0) == [BookGap("sequence 11 to 12 missing", 2), RequestSnapshot(3)]
    assert sync.receive_snapshot(snapshot(11), 2, 20.1) == []
    assert sync.receive_snapshot(snapshot(12), 3, 20.2) == [Restart(snapshot(12)), delta(13, 13)]


def test_a_sequence_that_goes_back_for_long_is_a_gap_and_one_late_message_is_not():
    sync = live_at(1000)
    assert sync.receive_delta(delta(5, 5), 1.0) == []
    assert sync.receive_delta(delta(6, 6), 9.9) == []
    assert sync.receive_delta(delta(7, 7), 10.1) == [BookGap("the sequence went back"), RequestSnapshot(2)]
    sync = live_at(1000)
    for second in range(0, 60, 5):  # known changes between new ones are only late
        assert sync.receive_delta(delta(5, 5), second) == []
        assert sync.follow([delta(1001 + second // 5, 1001 + second // 5)])


def test_a_book_that_is_not_live_cannot_be_lost():
    assert new().lost("crossed book", 1.0) == []
