"""Other people's recordings: every capture that is here imports, and its tape gives what the capture holds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.recording.captures import convert
from kucoin_stream.recording.info import describe
from kucoin_stream.recording.reader import Tape
from kucoin_stream.verify import _best, _differences, read
from tests.conftest import SHARED

CAPTURES = sorted((SHARED / "captures").glob("*.jsonl.gz"))
EQUAL = {"ANKR-BTC": 79, "BCHSV-USDT": 277, "CAPP-BTC": 51, "COV-BTC": 30, "EQZ-BTC": 27, "NRG-BTC": 34}
"""Tickers of spot_2021 that have a book to be compared with."""

pytestmark = pytest.mark.skipif(not CAPTURES, reason="the captures of real traffic are not here")


def records(capture: Path) -> list[dict[str, Any]]:
    with gzip.open(capture) as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_what_is_said_of_an_imported_capture_is_true(capture, tmp_path):
    path = tmp_path / "imported.kcs"
    taken = records(capture)
    received = [each for each in taken if each["kind"] == "ws" and each["dir"] == "in"]
    topics = {each["message"]["topic"] for each in received if each["message"].get("type") == "message"}
    answers = [each for each in taken if each["kind"] == "rest" and "/bullet-" not in each["url"]]
    assert convert(capture, path) == len(received)
    with Tape(path) as tape:
        assert (tape.messages, tape.topics, len(tape.answers())) == (len(received), topics, len(answers))
        assert (tape.start_ns, tape.end_ns) == (int(taken[0]["t"] * 1e9), int(taken[-1]["t"] * 1e9))
        assert tape.ended
        assert tape.damage == []
        text = describe(tape, count=True)
    assert f"messages {len(received):,}, " in text
    assert f"{path.stat().st_size:,} bytes" in text
    pushes = sum(each["message"].get("type") == "message" for each in received)
    assert f"{pushes:,} on spotPublicV1#1" in text


def test_books_of_an_imported_capture_are_those_that_verify_finds(spot_capture, tmp_path):
    path = tmp_path / "2021.kcs"
    convert(spot_capture, path)
    references = read(spot_capture)
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        books = {symbol: client.book(symbol) for symbol in references}
        tops: dict[str, dict[Any, Any]] = {symbol: {} for symbol in references}
        for symbol, book in books.items():
            book.stream.sink(lambda top, seen=tops[symbol]: seen.update({getattr(top, "sequence", None): top}))
        client.replay.play()
        client.replay.wait(60)
        for symbol, reference in references.items():
            book = books[symbol]
            assert (symbol, book.status, book.sequence, book.gap_count) == (symbol, "live", reference.sequence, 0)
            assert _differences(book, reference)[1] == 0
    comparable = {
        symbol: [(best, tops[symbol][at]) for at, best in reference.tickers if at in tops[symbol]]
        for symbol, reference in references.items()
    }
    assert {symbol: len(each) for symbol, each in comparable.items()} == EQUAL
    assert [pair for each in comparable.values() for pair in each if pair[0] != _best(pair[1])] == []


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_every_push_of_a_capture_is_played(capture, tmp_path):
    path = tmp_path / "imported.kcs"
    convert(capture, path)
    expected: dict[str, int] = {}
    for each in records(capture):
        if each["kind"] == "ws" and each["dir"] == "in" and each["message"].get("type") == "message":
            topic = each["message"]["topic"]
            expected[topic] = expected.get(topic, 0) + 1
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        kinds = {"match": client.trades, "ticker": client.ticker, "level2": client.spot.level2}
        feeds = {
            topic: kinds[topic.split("/")[2].partition(":")[0]](topic.partition(":")[2])
            for topic in expected
            if "candles" not in topic
        }
        client.replay.play()
        client.replay.wait(60)
        assert {topic: feed.received for topic, feed in feeds.items()} == {topic: expected[topic] for topic in feeds}
