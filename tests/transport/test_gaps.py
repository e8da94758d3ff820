"""The audit of what was missed."""

from kucoin_stream.transport.gaps import MOST, Gaps, Hole


def gaps_at(*times: int) -> Gaps:
    return Gaps(iter(times).__next__)


def test_a_gap_begins_ends_and_says_what_healed_it():
    gaps = gaps_at(10, 30)
    gaps.begin("topic", "a", "connection lost")
    assert gaps.rows() == [Hole("topic", "a", 10, "connection lost")]
    gaps.heal("topic", "a", "subscribed again")
    assert gaps.rows() == [Hole("topic", "a", 10, "connection lost", None, 30, "subscribed again")]


def test_one_that_lasts_is_one_row_with_the_first_cause_and_all_that_was_missed():
    gaps = gaps_at(10, 30)
    gaps.begin("book", "a", "sequence 3 to 4 missing", 2)
    gaps.begin("book", "a", "sequence 9 missing", 1)
    gaps.begin("book", "a", "connection lost")
    gaps.heal("book", "a", "snapshot", 100)
    assert gaps.rows() == [Hole("book", "a", 10, "sequence 3 to 4 missing", 3, 30, "snapshot")]


def test_what_was_missed_may_be_known_only_at_the_end():
    gaps = gaps_at(10, 30)
    gaps.begin("book", "a", "connection lost")
    gaps.heal("book", "a", "snapshot", 100)
    assert gaps.rows()[0].missed == 100


def test_a_topic_and_its_book_are_told_apart():
    gaps = gaps_at(1, 2, 3)
    gaps.begin("topic", "a", "lost")
    gaps.begin("book", "a", "lost")
    gaps.heal("topic", "a", "subscribed again")
    assert [row.ended_ns for row in gaps.rows("a", "book")] == [None]
    assert [row.ended_ns for row in gaps.rows("a", "topic")] == [3]
    assert gaps.rows("b") == []


def test_healing_what_is_well_changes_nothing():
    gaps = gaps_at()
    gaps.heal("topic", "a", "subscribed again")
    assert gaps.rows() == []


def test_what_is_over_at_once_is_a_row_of_no_length():
    gaps = gaps_at(7)
    gaps.note("topic", "a", "a message that cannot be read", 1)
    assert gaps.rows() == [Hole("topic", "a", 7, "a message that cannot be read", 1, 7, "")]


def test_the_oldest_are_forgotten_but_counted():
    gaps = Gaps(lambda: 0)
    for number in range(MOST + 5):
        gaps.note("topic", str(number), "x")
    assert (gaps.count, len(gaps.rows()), gaps.rows()[0].topic) == (MOST + 5, MOST, "5")


def test_what_is_handed_out_changes_no_more():
    gaps = gaps_at(10, 30)
    gaps.begin("topic", "a", "connection lost")
    (row,) = gaps.rows()
    gaps.heal("topic", "a", "subscribed again")
    assert row == Hole("topic", "a", 10, "connection lost")
