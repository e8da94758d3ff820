"""Several who move one tape at the same time: each call comes to its end before the next one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import StoppedError
from kucoin_stream.transport.replay import Deck
from tests.transport.test_replay import BASE, SECOND, SYMBOL, minute, write

BEGIN = BASE * SECOND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A minute with a trade each second, whose sequence is the second."""
    write(tmp_path / "minute.kcs", minute(0, 60))
    return tmp_path / "minute.kcs"


class Played:
    """A tape and the rows of its trades. ``on`` has a coroutine run on the loop thread, so that all is in one order."""

    def __init__(self, client: ks.Client) -> None:
        assert client.engine.deck is not None
        self.client, self.deck = client, client.engine.deck
        self.frame = client.trades(SYMBOL).frame()

    def on(self, function: Any) -> Any:
        return self.client.engine.call(function, self.deck, timeout=20.0)

    def place(self) -> tuple[float, int]:
        """Return where the tape is, in seconds, and the newest trade."""
        newest = self.frame._table.copy(1)[0]["sequence"]
        return (self.deck.position_ns - BEGIN) / SECOND, int(newest[-1]) if len(newest) else 0

    async def seek(self, second: float) -> tuple[float, int]:
        await self.deck.seek(BEGIN + int(second * SECOND))
        return self.place()

    async def step(self, count: int) -> tuple[float, int]:
        await self.deck.step(count)
        return self.place()


@pytest.fixture
def played(path: Path) -> Iterator[Played]:
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        yield Played(client)


@pytest.mark.parametrize("places", [(30.5, 10.5), (10.5, 30.5), (59.5, 0.0, 59.5)])
def test_seeks_at_the_same_time_come_to_their_places_one_after_the_other(played: Played, places: Any) -> None:
    async def together(_: Deck) -> list[tuple[float, int]]:
        return await asyncio.gather(*map(played.seek, places))

    assert played.on(together) == [(place, int(place)) for place in places]
    assert played.place() == (places[-1], int(places[-1]))


def test_steps_and_seeks_at_the_same_time_take_turns(played: Played) -> None:
    async def together(_: Deck) -> list[tuple[float, int]]:
        return await asyncio.gather(played.step(20), played.seek(5.5), played.step(2), played.seek(40.5))

    assert played.on(together) == [(20.0, 20), (5.5, 5), (7.0, 7), (40.5, 40)]


def test_seeks_of_two_threads_leave_the_tape_where_it_says(played: Played) -> None:
    def wind(*places: int) -> None:
        for place in places:
            played.client.replay.seek(BASE + place)

    threads = [Thread(target=wind, args=(50, 3, 41, 7)), Thread(target=wind, args=(12, 58, 2, 33))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    place, newest = played.place()
    assert place == newest
    assert place in {7, 33}


def test_play_during_a_seek_plays_on_from_where_that_ends(played: Played) -> None:
    async def together(deck: Deck) -> tuple[float, int]:
        sought, _ = await asyncio.gather(played.seek(30.5), deck.play())
        return sought

    assert played.on(together) == (30.5, 30)
    played.client.replay.wait(10)
    assert played.place() == (60.0, 60)


@pytest.mark.parametrize(
    "move", [lambda played: played.seek(30.5), lambda played: played.step(30)], ids=["seek", "step"]
)
def test_a_pause_ends_what_is_under_way_where_the_tape_is(played: Played, move: Any) -> None:
    async def together(deck: Deck) -> tuple[float, int]:
        moving = asyncio.ensure_future(move(played))
        await asyncio.sleep(5.5)  # in the time of the tape: no time at all
        deck.pause()
        moved: tuple[float, int] = await moving
        return moved

    assert played.on(together) == (5.0, 5)
    assert not played.client.replay.playing
    played.client.replay.play()
    played.client.replay.wait(10)
    assert played.place() == (60.0, 60)  # what was given up is no place to stop any more


def test_a_seek_that_is_given_up_stands_still(played: Played) -> None:
    async def given_up(deck: Deck) -> bool:
        moving = asyncio.ensure_future(played.seek(59.5))
        await asyncio.sleep(5.5)  # in the time of the tape: no time at all
        moving.cancel()
        await asyncio.wait([moving])
        return moving.cancelled() and not deck.playing

    assert played.on(given_up)
    assert played.place() == (5.0, 5)


def test_the_end_of_the_client_ends_the_seek_under_way_and_those_that_wait(played: Played) -> None:
    async def ended(deck: Deck) -> list[Any]:
        moves = [asyncio.ensure_future(each) for each in (played.seek(59.5), played.seek(3.0), deck.play())]
        await asyncio.sleep(0)
        deck.eject()
        return await asyncio.gather(*moves, return_exceptions=True)

    assert [type(each) for each in played.on(ended)] == [StoppedError] * 3
    assert played.place() == (0.0, 0)


@pytest.mark.parametrize("second", [0.5, 1.0, 2.5])
def test_a_seek_from_between_two_lines_plays_none_beyond_its_goal(path: Path, second: float) -> None:
    with ks.Client(path, speed=0.001) as client:
        client.replay.pause()
        played = Played(client)
        client.replay.play()

        async def waiting(_: Deck) -> tuple[float, int]:
            for _ in range(5):  # turns, in which the tape comes to wait for the time of the first trade
                await asyncio.sleep(0)
            return await played.seek(second)

        assert played.on(waiting) == (second, int(second))
