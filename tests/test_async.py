"""The async face: the same feeds and live frames in coroutines, on any loop."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.asynchronous import in_thread
from kucoin_stream.errors import NotReadyError, RefusedError, StoppedError, UsageError
from kucoin_stream.market.book import Top
from kucoin_stream.opening import Opening
from kucoin_stream.protocol.events import Gap, Refused
from kucoin_stream.protocol.lifecycle import KINDS
from kucoin_stream.protocol.messages import spot
from kucoin_stream.simulator import Simulator
from kucoin_stream.streams.source import LiveSource
from tests.conftest import until


async def come(condition: Callable[[], Any], timeout: float = 10.0) -> None:
    """Wait in a coroutine until ``condition()`` is true."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.005)


async def first(readable: Any, count: int) -> list[Any]:
    """Return the first messages of an ``async for``."""
    seen: list[Any] = []
    async for message in readable:
        seen.append(message)
        if len(seen) == count:
            break
    return seen


def signed(sim: Simulator, **options: Any) -> ks.Client:
    known = sim.credentials
    return ks.Client(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase, **options)


# -- what a user writes ------------------------------------------------------------------------------------------


def test_trades_the_book_its_changes_and_rest_in_one_coroutine(sim: Simulator) -> None:
    async def main() -> tuple[Any, ...]:
        async with ks.Client(sim.url) as client:
            trades = await first(client.trades("BTC-USDT", "ETH-USDT"), 3)
            book = await client.book("BTC-USDT")
            tops = await first(book, 3)
            bars = await client.klines("BTC-USDT", "1min", history=20)
            stats = await asyncio.to_thread(client.rest.spot_market.get_klines, "BTC-USDT", "1min")
            return trades, book.mid, tops, len(bars), list(stats.columns)

    trades, mid, tops, bars, columns = asyncio.run(main())
    assert {type(each) for each in trades} == {spot.Trade}
    assert mid > 0
    assert [type(each) for each in tops] == [Top] * 3
    assert tops[0].sequence < tops[1].sequence < tops[2].sequence
    assert bars >= 20
    assert "close" in columns


def test_events_and_the_account(sim: Simulator) -> None:
    async def main() -> tuple[list[Any], list[str]]:
        async with signed(sim) as client:
            reading = aiter(client.events.only("open", "update"))
            orders = await client.account.orders()
            feed = await client.ticker("BTC-USDT")
            events = [await anext(reading) for _ in range(3)]
            await reading.aclose()
            return events, [orders.status, feed.status]

    events, statuses = asyncio.run(main())
    assert {type(each) for each in events} <= set(KINDS)
    assert events[0].event == "open"
    assert statuses == ["live", "live"]


def test_a_frame_of_a_feed_is_read_like_the_feed(sim: Simulator) -> None:
    async def main() -> list[Any]:
        async with ks.Client(sim.url) as client:
            frame = await client.level2("BTC-USDT").frame()
            return await first(frame, 5)

    assert {type(each) for each in asyncio.run(main())} == {spot.BookDelta}  # no news among them


def test_other_live_frames_are_read_by_their_changes(sim: Simulator) -> None:
    async def main() -> tuple[list[Any], list[Any]]:
        async with ks.Client(sim.url) as client:
            status = asyncio.create_task(first(client.status(), 1))
            await asyncio.sleep(0)
            book = await client.book("BTC-USDT")
            return await first(book.tops(), 2), await status

    tops, events = asyncio.run(main())
    assert [type(each) for each in tops] == [Top, Top]
    assert type(events[0]) in KINDS


def test_a_tape_is_read_like_an_exchange(sim: Simulator, tmp_path: Path) -> None:
    async def record() -> list[Any]:
        async with ks.Client(sim.url) as client:
            with client.record(tmp_path / "day.kcs"):
                return await first(client.trades("BTC-USDT"), 5)

    async def play() -> list[Any]:
        async with ks.Client(tmp_path / "day.kcs", speed="max") as client:
            return await first(client.trades("BTC-USDT"), 5)

    assert asyncio.run(play_after(record, play)) == [True] * 5


async def play_after(record: Callable[[], Any], play: Callable[[], Any]) -> list[bool]:
    recorded, played = await record(), await play()
    return [one.trade_id == other.trade_id for one, other in zip(recorded, played, strict=True)]


@pytest.mark.parametrize("library", ["uvloop", "anyio"])
def test_other_loops(sim: Simulator, library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")

    async def main() -> tuple[float, list[Any]]:
        async with ks.Client(sim.url) as client:
            book = await client.book("BTC-USDT")
            return book.mid, await first(client.trades("BTC-USDT"), 2)

    runner: Callable[..., Any] = __import__(library).run
    mid, trades = runner(main()) if library == "uvloop" else runner(main)
    assert mid > 0
    assert [type(each) for each in trades] == [spot.Trade] * 2


# -- opening and closing -----------------------------------------------------------------------------------------


class Held:
    """Holds the opening of clients until the loop, or the test, lets it go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()
        self.opened: list[Any] = []
        genuine = Opening.open

        def held(opening: Opening) -> Any:
            self.begun.set()
            assert self.gate.wait(20)
            self.opened.append(genuine(opening))
            return self.opened[-1]

        monkeypatch.setattr(Opening, "open", held)


def test_opening_leaves_the_loop_free(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)

    async def main() -> str:
        async def let_go() -> None:
            await come(held.begun.is_set)
            held.gate.set()  # a loop that stands still never comes here

        async with asyncio.TaskGroup() as group:
            group.create_task(let_go())
            async with ks.Client(sim.url) as client:
                return client.target.mode

    assert asyncio.run(main()) == "url"


def test_who_is_cancelled_while_it_opens_leaves_nothing_behind(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    client = ks.Client(sim.url)

    async def main() -> None:
        async with client:
            pytest.fail("it was cancelled before")

    async def cancelled() -> None:
        task = asyncio.create_task(main())
        await come(held.begun.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not held.opened  # at once

    asyncio.run(cancelled())
    held.gate.set()
    until(lambda: client._ended, "the client ended")
    until(lambda: not held.opened[0].engine.running, "its thread ended")


def test_what_stands_in_the_way_is_raised(sim: Simulator) -> None:
    async def main() -> None:
        async with ks.Client(sim.url, key="1", secret="2", passphrase="3"):
            pytest.fail("the key is wrong")

    with pytest.raises(ks.errors.ResponseError):
        asyncio.run(main())


def test_closing_is_waited_for_even_where_the_task_is_cancelled(sim: Simulator) -> None:
    client = ks.Client(sim.url)

    async def main() -> None:
        async with client:
            engine.append(client.engine)
            await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.create_task(main())
        await come(lambda: engine)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not engine[0].running

    engine: list[Any] = []
    asyncio.run(cancelled())


def test_a_function_without_undo_is_waited_for() -> None:
    gate, ended = threading.Event(), threading.Event()

    def wait() -> None:
        gate.wait(10)
        ended.set()

    async def main() -> bool:
        task = asyncio.create_task(in_thread(wait))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ended.is_set()

    assert asyncio.run(main())


def test_calls_do_not_wait_for_acks_in_a_coroutine(sim: Simulator) -> None:
    async def main() -> list[str]:
        async with ks.Client(sim.url) as client:
            sim.faults.late_welcome = 0.5
            feed, book = client.trades("BTC-USDT"), client.book("BTC-USDT")
            before = [feed.status, book.status]
            with pytest.raises(NotReadyError, match=r"within 0\.05 s; it is waiting"):
                await feed.ready(0.05)
            await asyncio.gather(feed.ready(), book.ready())
            return [*before, feed.status, book.status]

    statuses = asyncio.run(main())
    assert statuses[0] == "waiting"
    assert statuses[1].startswith("syncing")
    assert statuses[2] == "live"


def test_the_same_client_waits_for_acks_outside_of_its_loop(sim: Simulator) -> None:
    async def main() -> tuple[str, bool, bool]:
        async with ks.Client(sim.url) as client:
            feed = await asyncio.to_thread(client.trades, "BTC-USDT")
            there = await asyncio.to_thread(lambda: client.engine.may_wait)
            return feed.status, client.engine.may_wait, there

    assert asyncio.run(main()) == ("live", False, True)


# -- one reader, many readers ------------------------------------------------------------------------------------


class Numbers:
    """A source of numbers, put by hand."""

    def __init__(self, client: ks.Client, limit: int = 1000, *, news: bool = False, **options: Any) -> None:
        self.engine = client.engine
        options = {"overflow": "mark"} | options
        self.source: LiveSource[int] = LiveSource(self.engine, title="numbers", limit=limit, news=news, **options)

    def put(self, *numbers: Any) -> None:
        self.engine.call(self._put, numbers)

    def _put(self, numbers: tuple[Any, ...]) -> None:
        inlet = self.source._inlet
        inlet.pending.extend(each for each in numbers if isinstance(each, int))
        for news in numbers:
            if not isinstance(news, int):
                inlet.news(news)
        inlet.flush()

    @property
    def readers(self) -> int:
        return self.engine.call(lambda: len(self.source._inlet.branches))


def test_each_reader_gets_everything_in_order_from_its_beginning(client: ks.Client) -> None:
    async def main() -> list[list[int]]:
        numbers = Numbers(client)
        one, two = aiter(numbers.source), aiter(numbers.source)
        numbers.put(0, 1)
        three = aiter(numbers.source)
        numbers.put(*range(2, 600))
        return [await first(one, 600), await first(two, 600), await first(three, 598)]

    assert asyncio.run(main()) == [list(range(600)), list(range(600)), list(range(2, 600))]


def test_many_messages_that_wait_let_others_have_a_turn(client: ks.Client) -> None:
    async def main() -> int:
        numbers = Numbers(client, 10_000)
        reading, turns = aiter(numbers.source), []

        async def other() -> None:
            while True:
                turns.append(reading.received)
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        numbers.put(*range(1000))
        await first(reading, 1000)
        task.cancel()
        return len(turns)

    assert asyncio.run(main()) >= 4


@pytest.mark.parametrize(
    ("overflow", "seen", "dropped"),
    [("mark", [0, 1, 2, 3, 5], 1), ("conflate", [0, 1, 2, 3, 4, 5], 0)],
)
def test_back_pressure_ends_in_the_readers_own_inbox(
    client: ks.Client, overflow: Any, seen: list[int], dropped: int
) -> None:
    """What a slow reader has no room for is left out by the policy of the topic; another reader gets it all."""

    async def main() -> None:
        numbers = Numbers(client, 4, overflow=overflow)
        slow, fast = aiter(numbers.source), aiter(numbers.source)
        numbers.put(0, 1, 2, 3)
        assert await first(fast, 4) == [0, 1, 2, 3]
        numbers.put(4)
        assert await anext(fast) == 4
        assert slow.waiting == 4
        got: list[int] = []
        task = asyncio.create_task(read(slow, asyncio.Event(), got))
        await come(lambda: got == seen[:-1] and not slow._seat._full)
        numbers.put(5)
        await come(lambda: got == seen)
        await slow.aclose()
        assert await task == got
        assert (slow.dropped, fast.dropped, numbers.source.dropped) == (dropped, 0, dropped)

    asyncio.run(main())


@pytest.mark.parametrize("news", [True, False])
def test_news_come_in_order_where_they_are_wanted(client: ks.Client, news: bool) -> None:
    async def main() -> list[Any]:
        numbers = Numbers(client, news=news)
        reading = aiter(numbers.source)
        numbers.put(1, Gap("t", "lost"))
        numbers.put(2)
        return [await anext(reading) for _ in range(3 if news else 2)]

    assert asyncio.run(main()) == ([1, Gap("t", "lost"), 2] if news else [1, 2])


def test_a_hole_of_a_slow_reader_is_news(client: ks.Client) -> None:
    async def main() -> list[Any]:
        numbers = Numbers(client, 2, news=True)
        reading = aiter(numbers.source)
        numbers.put(1, 2)
        numbers.put(3)
        return [await anext(reading) for _ in range(3)]

    assert asyncio.run(main()) == [1, 2, Gap("numbers", "the reader was too slow", 1)]


async def by_break(reading: AsyncIterator[Any]) -> None:
    async for _ in reading:
        break


async def by_aclose(reading: Any) -> None:
    async with aclosing(reading):
        assert await anext(reading) == 1
    with pytest.raises(StopAsyncIteration):
        await anext(reading)


async def by_cancelling(reading: Any) -> None:
    async def read() -> None:
        async for _ in reading:
            pass

    task = asyncio.create_task(read())
    await come(lambda: reading.received)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("leave", [by_break, by_aclose, by_cancelling])
def test_who_leaves_frees_the_branch(client: ks.Client, leave: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    async def main() -> Numbers:
        numbers = Numbers(client)
        reading = aiter(numbers.source)
        numbers.put(1)
        assert numbers.readers == 1
        await leave(reading)
        return numbers

    numbers = asyncio.run(main())
    gc.collect()
    until(lambda: numbers.readers == 0)


def test_break_unsubscribes_what_nobody_else_holds(client: ks.Client) -> None:
    async def main() -> None:
        async for _ in client.trades("BTC-USDT"):
            break

    asyncio.run(main())
    gc.collect()
    until(lambda: client.statistics()["topics"] == 0)


def test_a_reader_of_a_loop_that_was_closed_harms_nobody(client: ks.Client) -> None:
    numbers = Numbers(client)

    async def begin() -> Any:
        return aiter(numbers.source)

    reading = asyncio.run(begin())
    numbers.put(1)
    numbers.put(2)
    reading.wake()
    assert reading.waiting == 0
    assert numbers.readers == 0
    assert client.statistics()["errors"] == 0


def test_two_tasks_cannot_share_an_iterator(client: ks.Client) -> None:
    async def main() -> None:
        numbers = Numbers(client)
        reading = aiter(numbers.source)
        waiting = asyncio.ensure_future(anext(reading))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="its own 'async for'"):
            await anext(reading)
        numbers.put(1)
        assert await waiting == 1

    asyncio.run(main())


# -- ends --------------------------------------------------------------------------------------------------------


async def read(readable: Any, begun: asyncio.Event, seen: list[Any] | None = None) -> list[Any]:
    seen = [] if seen is None else seen
    async for message in readable:
        seen.append(message)
        begun.set()
    return seen


async def ends(readable: Any, end: Callable[[], Any]) -> list[Any]:
    begun = asyncio.Event()
    task = asyncio.create_task(read(readable, begun))
    await begun.wait()
    await asyncio.to_thread(end)
    return await asyncio.wait_for(task, 10)


def test_stop_ends_the_iteration(sim: Simulator) -> None:
    async def main() -> None:
        async with ks.Client(sim.url) as client:
            feed, book, bars = client.level2("BTC-USDT"), client.book("ETH-USDT"), client.level2("SOL-USDT").frame()
            for each in (feed, book, bars):
                assert await ends(each, each.stop)
            feed.start()
            assert await first(feed, 2)
            with pytest.raises(StoppedError, match="ETH-USDT is stopped"):
                await book

    asyncio.run(main())


def test_the_end_of_the_client_is_raised(sim: Simulator) -> None:
    async def main() -> None:
        async with ks.Client(sim.url) as client:
            for each in (client.level2("BTC-USDT"), client.book("BTC-USDT"), client.events):
                tasks.append(asyncio.create_task(read(each, asyncio.Event())))
            await come(lambda: client.statistics()["messages"] > 5)
        for task in tasks:
            with pytest.raises(StoppedError, match="is stopped: closed"):
                await task

    tasks: list[asyncio.Task[Any]] = []
    asyncio.run(main())


@pytest.mark.parametrize("news", [True, False])
def test_a_refusal_is_raised_and_with_news_told_before(sim: Simulator, news: bool) -> None:
    sim.faults.refuse("/market/match:BTC-USDT")

    async def main() -> list[Any]:
        seen: list[Any] = []
        async with ks.Client(sim.url) as client:
            feed = client.trades("BTC-USDT", news=news)
            with pytest.raises(RefusedError, match="404 topic does not exist"):
                await read(feed, asyncio.Event(), seen)
            with pytest.raises(RefusedError):
                await feed
        return seen

    assert [type(each) for each in asyncio.run(main())] == ([Refused] if news else [])


def test_a_refused_book_is_raised(sim: Simulator) -> None:
    sim.faults.refuse("/market/level2:BTC-USDT")

    async def main() -> None:
        async with signed(sim) as client:
            with pytest.raises(RefusedError):
                await client.book("BTC-USDT")

    asyncio.run(main())


def test_waiting_has_the_users_own_limit(sim: Simulator) -> None:
    async def main() -> None:
        async with ks.Client(sim.url) as client:
            sim.faults.welcome = False
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.book("BTC-USDT")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(awaited(client.trades("BTC-USDT")), 0.05)

    async def awaited(what: Awaitable[Any]) -> Any:
        return await what

    asyncio.run(main())
