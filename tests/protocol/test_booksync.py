"""The sequence of one book: what follows from each change, snapshot and moment (protocol.md 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kucoin_stream.protocol import booksync
from kucoin_stream.protocol.booksync import (
    BookGap,
    BookSync,
    PushedBookSync,
    ReplacedBookSync,
    RequestSnapshot,
    Restart,
    Resubscribe,
)
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


FAR = 99_999_999_999_999  # of a change that no other will ever reach


@pytest.mark.parametrize(
    ("received", "sequences"),
    [
        pytest.param([FAR, 11, 12], [12], id="it comes first"),
        pytest.param([11, FAR, 12, 13, 14], [None, 14], id="it comes between: what is behind it is the new beginning"),
    ],
)
def test_a_change_with_a_sequence_far_ahead_does_not_outdate_every_snapshot(received, sequences):
    sync = new()
    for each in received:
        sync.receive_delta(delta(each, each), 0.0)
    for ticket, sequence in enumerate(sequences, 1):
        sync.receive_snapshot(snapshot(11), ticket, 1.0)
        assert sync.sequence == sequence


def test_a_live_book_that_a_far_sequence_ended_is_back_with_the_next_snapshot():
    sync = live_at(10)
    sync.receive_delta(delta(FAR, FAR), 20.0)
    sync.receive_delta(delta(11, 11), 20.1)
    assert sync.receive_snapshot(snapshot(10), 2, 20.2) == [Restart(snapshot(10)), delta(11, 11)]


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


@pytest.mark.parametrize("sync", [new(), live_at(10)])
def test_where_snapshots_are_fetched_one_in_the_stream_is_passed_over(sync):
    before = sync.sequence
    assert sync.receive(snapshot(50), 0.5) == []
    assert sync.sequence == before


@pytest.mark.parametrize("received", [(11, 11), (8, 12), (7, 10), (12, 13)])
def test_what_was_pushed_is_told_apart(received):
    one, other = live_at(10), live_at(10)
    assert one.receive(delta(*received), 1.0) == other.receive_delta(delta(*received), 1.0)


# -- snapshots in the stream -------------------------------------------------------------------------------------


def pushed() -> PushedBookSync:
    sync = PushedBookSync()
    sync.connected(0.0)
    return sync


def pushed_at(sequence: int) -> PushedBookSync:
    """Return a book that is live at ``sequence`` since second 0."""
    sync = pushed()
    assert sync.receive(snapshot(sequence), 0.0) == [Restart(snapshot(sequence))]
    return sync


def of_pro(start: int, end: int) -> BookDelta:
    """Return changes as they are made of a Pro frame: each under the frame's last sequence."""
    changes = [(float(each), 1.0, end) for each in range(start, end + 1)]
    return BookDelta("BTC-USDT", Changes([], changes), start, end)


def cut(start: int, end: int, known: int) -> BookDelta:
    """Return ``of_pro(start, end)`` as it passes behind ``known``: with all of its entries."""
    return BookDelta("BTC-USDT", of_pro(start, end).changes, known + 1, end)


@pytest.mark.parametrize(
    ("received", "expected", "sequence"),
    [
        pytest.param([of_pro(11, 11)], [of_pro(11, 11)], 11, id="O == last + 1"),
        pytest.param([of_pro(11, 14)], [of_pro(11, 14)], 14, id="O == last + 1, a run"),
        pytest.param([of_pro(8, 12)], [cut(8, 12, 10)], 12, id="O <= last + 1 <= C: all entries"),
        pytest.param([of_pro(10, 11)], [cut(10, 11, 10)], 11, id="overlaps by one"),
        pytest.param([of_pro(7, 10)], [], 10, id="C <= last"),
        pytest.param([of_pro(10, 10)], [], 10, id="a duplicate"),
        pytest.param([of_pro(12, 13)], [BookGap("sequence 11 to 11 missing", 1), Resubscribe()], None, id="a gap"),
        pytest.param([snapshot(10)], [Restart(snapshot(10))], 10, id="a snapshot of the same"),
        pytest.param([snapshot(30)], [Restart(snapshot(30))], 30, id="a newer snapshot restarts without a gap"),
        pytest.param([snapshot(9)], [BookGap("the sequence went back"), Resubscribe()], None, id="an older snapshot"),
        pytest.param(
            [snapshot(12), of_pro(11, 11), of_pro(12, 13)], [Restart(snapshot(12)), cut(12, 13, 12)], 13,
            id="a snapshot ahead of its changes",
        ),
    ],
)  # fmt: skip
def test_a_live_book_with_snapshots_in_the_stream(received, expected, sequence):
    sync = pushed_at(10)
    assert [action for each in received for action in sync.receive(each, 1.0)] == expected
    assert sync.sequence == sequence


@pytest.mark.parametrize(
    ("early", "at", "expected", "sequence"),
    [
        pytest.param([], 10, [Restart(snapshot(10))], 10, id="first of all, as it should be"),
        pytest.param([of_pro(9, 10)], 10, [Restart(snapshot(10))], 10, id="C <= snapshot: dropped"),
        pytest.param([of_pro(11, 12)], 10, [Restart(snapshot(10)), of_pro(11, 12)], 12, id="meets the buffer"),
        pytest.param([of_pro(9, 12)], 10, [Restart(snapshot(10)), cut(9, 12, 10)], 12, id="cuts a message in two"),
        pytest.param([of_pro(12, 12)], 10, [], None, id="older than the buffer"),
        pytest.param(
            [of_pro(11, 11), of_pro(13, 13)], 10,
            [Restart(snapshot(10)), of_pro(11, 11), BookGap("sequence 12 to 12 missing", 1), Resubscribe()], None,
            id="a hole in the buffer",
        ),
    ],
)  # fmt: skip
def test_changes_that_come_before_the_first_snapshot_in_the_stream(early, at, expected, sequence):
    sync = pushed()
    for each in early:
        assert sync.receive(each, 0.1) == []
    assert sync.receive(snapshot(at), 0.2) == expected
    assert sync.sequence == sequence
    assert sync.live is not sync.refreshing


def test_the_short_way_ends_at_a_snapshot():
    sync = pushed_at(10)
    assert sync.follow([of_pro(11, 12), snapshot(12), of_pro(13, 13)]) == 1
    assert sync.follow([snapshot(12)]) == 0
    assert sync.follow([of_pro(13, 13)]) == 1
    assert not pushed().follow([snapshot(12)])


def test_a_snapshot_that_is_not_pushed_is_asked_for_again_ever_more_slowly():
    sync = pushed()
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(sync.next_tick() - now)
        assert sync.receive(of_pro(11, 11), now) == []  # does not hurry it
        assert sync.tick(sync.next_tick() - 0.01) == []
        now = sync.next_tick()
        assert sync.tick(now) == [Resubscribe()]
        sync.connected(now)  # the ack of it
    assert waits == [10.0, 10.0, 20.0, 40.0, 80.0, 80.0]
    assert sync.receive(snapshot(50), now + 6.2) == [Restart(snapshot(50))]
    assert sync.next_tick() is None
    assert sync.receive(of_pro(52, 52), now + 60.0)[1:] == [Resubscribe()]
    assert sync.next_tick() == now + 70.0  # the first wait again


def test_the_wait_for_a_snapshot_counts_from_the_acknowledgement():
    sync = PushedBookSync()
    assert sync.next_tick() is None
    assert sync.receive(of_pro(11, 11), 5.0) == []  # overtakes it
    assert sync.next_tick() == 15.0
    sync.connected(6.0)
    assert sync.next_tick() == 16.0
    sync.receive(snapshot(10), 7.0)
    sync.connected(8.0)  # comes after the snapshot
    assert (sync.next_tick(), sync.sequence) == (None, 11)


def test_a_pushed_book_lost_again_and_again_is_subscribed_ever_more_slowly():
    sync = pushed_at(10)
    assert sync.receive(of_pro(12, 12), 0.0) == [BookGap("sequence 11 to 11 missing", 1), Resubscribe()]
    now, waits = 0.0, []
    for at in (20, 30, 40, 50, 60, 70):
        assert sync.receive(snapshot(at), now) == [Restart(snapshot(at))]
        assert sync.receive(of_pro(at + 2, at + 2), now) == [BookGap(f"sequence {at + 1} to {at + 1} missing", 1)]
        waits.append(sync.next_tick() - now)
        now = sync.next_tick()
        assert sync.tick(now) == [Resubscribe()]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    sync.receive(snapshot(80), now)
    assert sync.lost("crossed book", now + 10.1) == [BookGap("crossed book"), Resubscribe()]


def test_a_pushed_snapshot_that_is_too_old_is_followed_by_another_try():
    sync = pushed()
    sync.receive(of_pro(100, 100), 0.0)
    now, waits = 0.0, []
    for _ in range(4):
        sync.receive(of_pro(100, 100), now)  # before each snapshot, as after a sequence that began anew
        assert sync.receive(snapshot(5), now) == []
        waits.append(sync.next_tick() - now)
        now = sync.next_tick()
        assert sync.tick(now) == [Resubscribe()]
    assert waits == [0.25, 0.5, 1.0, 2.0]
    assert sync.receive(snapshot(5), now) == [Restart(snapshot(5))]  # the buffer began anew with the subscription
    assert sync.receive(of_pro(6, 7), now) == [of_pro(6, 7)]


def test_a_pushed_book_is_forgotten_with_the_connection():
    sync = pushed_at(10)
    sync.disconnected()
    assert (sync.live, sync.refreshing, sync.next_tick()) == (False, False, None)
    assert sync.tick(1000.0) == []
    sync.connected(1000.0)
    assert sync.next_tick() == 1010.0
    assert sync.receive(snapshot(3), 1001.0) == [Restart(snapshot(3))]  # older, and right


def test_a_pushed_book_that_goes_back_for_long_is_subscribed_anew():
    sync = pushed_at(1000)
    assert sync.receive(of_pro(5, 5), 1.0) == []
    assert sync.receive(of_pro(6, 6), 11.1) == [BookGap("the sequence went back"), Resubscribe()]


def test_a_book_that_joins_a_topic_received_before_asks_for_the_snapshot_that_went_by():
    sync = PushedBookSync()
    assert sync.joined(5.0) == [Resubscribe()]
    assert sync.next_tick() == 15.0
    assert sync.receive(snapshot(10), 6.0) == [Restart(snapshot(10))]
    assert sync.joined(7.0) == []
    fetching = BookSync(quiet=1.5)
    assert fetching.joined(5.0) == []
    assert fetching.next_tick() == 6.5
    assert ReplacedBookSync().joined(5.0) == []


def test_a_pushed_book_is_never_refreshed():
    sync = pushed_at(10)
    assert sync.refresh() == []
    assert (sync.live, sync.refreshing) == (True, False)


# -- every push is a snapshot ------------------------------------------------------------------------------------


def test_a_replaced_book_takes_every_push_and_asks_for_nothing():
    sync = ReplacedBookSync()
    sync.connected(0.0)
    assert (sync.live, sync.next_tick()) == (False, None)
    for sequence in (10, 10, 12, 11, 0, 0):
        assert sync.follow([snapshot(sequence)]) == 0
        assert sync.receive(snapshot(sequence), 1.0) == [Restart(snapshot(sequence))]
        assert (sync.live, sync.sequence) == (True, sequence)
    assert sync.receive(delta(1, 1), 2.0) == []
    assert sync.refresh() == []
    assert sync.lost("crossed book", 2.0) == [BookGap("crossed book")]
    assert (sync.live, sync.next_tick()) == (False, None)
    assert sync.receive(snapshot(13), 3.0) == [Restart(snapshot(13))]
    sync.disconnected()
    assert not sync.live
