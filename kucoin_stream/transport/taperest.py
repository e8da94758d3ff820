"""Answers REST calls from a tape."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Raw, Struct

from kucoin_stream.errors import ResponseError, UnreachableError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.topic import FUTURES
from kucoin_stream.recording.lines import Answer, Book, Market
from kucoin_stream.recording.reader import Tape
from kucoin_stream.settings import Settings
from kucoin_stream.transport.rest import Rest, _data

T = TypeVar("T")

_WINDOW = frozenset({"startAt", "endAt", "from", "to"})  # a replay asks at another time than the recording did
_NOT_FOUND = "404000"
_SOON = 30 * 10**9  # ns: an answer that comes within it is the one that was waited for when it was recorded
_MOMENT = 2 * 10**9  # ns: a sync without a change asks after 1.5 s


class _Asked(NamedTuple):
    market: Market
    call: str
    answer: asyncio.Future[Answer]


class Answers:
    """The REST answers of a tape, and the calls that wait for them. Lives on the loop thread."""

    def __init__(self, tape: Tape, position_ns: Callable[[], int]) -> None:
        self.tape = tape
        self._position_ns = position_ns
        self._waiting: list[_Asked] = []
        self._books: dict[str, Book] = {}  # by topic, the last ones that the tape came to

    async def ask(self, market: Market, call: str, *, anywhere: bool = False) -> Answer:
        """Return the answer to a call: one that comes soon, when the tape comes to it, or else the last one.

        Of bars all that the tape has gone by; where it has gone by none, the next answer, however far that is.

        ``anywhere``: at once, wherever it is. Raises :class:`ResponseError` where the tape has none.
        """
        position_ns = self._position_ns()
        if (book := self._begun_with(call, position_ns)) is not None:
            return book_answer(market, call, book)
        found = [each for each in self.tape.answers() if each.market == market and _key(each.call) == _key(call)]
        passed = [each for each in found if each.t <= position_ns]
        ahead = [each for each in found if each.t > position_ns]
        soon = any(not each.made and each.t <= position_ns + _SOON for each in ahead)
        if found and anywhere:
            return (ahead or passed)[0]
        if passed and not soon:
            return _joined(passed) if _is_bars(call) else passed[-1]
        if not ahead and not (_is_book(call) and self.tape.has_books(position_ns)):
            raise ResponseError(call.partition("?")[0], 404, _NOT_FOUND, "no answer to this is on the tape")
        asked = _Asked(market, call, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        try:
            return await asked.answer
        finally:
            self._waiting.remove(asked)

    def reached(self, answer: Answer) -> None:
        """Give those who wait the answer that the tape has come to: the same call first, else one like it."""
        like = [each for each in self._of(answer.market) if _key(each.call) == _key(answer.call)]
        same = [each for each in like if each.call == answer.call]
        for each in same or like:
            each.answer.set_result(answer)

    def reached_book(self, book: Book) -> None:
        """Give those who wait for a snapshot of this book one, and those who ask within the next moment."""
        self._books[book.topic] = book
        for each in [each for each in self._waiting if not each.answer.done() and _asks_for(each.call, book)]:
            each.answer.set_result(book_answer(each.market, each.call, book))

    def _begun_with(self, call: str, position_ns: int) -> Book | None:
        books = [book for book in self._books.values() if _asks_for(call, book)]
        return next((book for book in books if 0 <= position_ns - book.t <= _MOMENT), None)

    def _of(self, market: Market) -> Iterator[_Asked]:
        return (each for each in self._waiting if each.market == market and not each.answer.done())


class TapeRest(Rest):
    """The REST side of a tape. Lives on the loop thread."""

    def __init__(self, answers: Answers, market: Market, settings: Settings, clock: Callable[[], float]) -> None:
        super().__init__(f"tape:{market}", settings)
        self._answers = answers
        self._market: Market = market
        self._clock = clock

    @property
    def signed(self) -> bool:
        """Whether the recording was made with an API key."""
        return self._answers.tape.signed

    def now(self) -> float:
        """Return the tape's time in Unix seconds."""
        return self._clock()

    async def server_time(self) -> float:
        """Return the tape's time in Unix seconds."""
        return self._clock()

    async def check_key(self) -> None:
        """Do nothing: a tape asks for no key."""

    async def symbols(self) -> list[SymbolInfo]:
        """Return the spot symbols, or only those of its topics where the tape has no list."""
        try:
            return await super().symbols()
        except ResponseError:
            return [SymbolInfo(symbol) for symbol in sorted(self._named(futures=False))]

    async def contracts(self) -> list[ContractInfo]:
        """Return the contracts, or only those of its topics where the tape has no list."""
        try:
            return await super().contracts()
        except ResponseError:
            return [ContractInfo(symbol) for symbol in sorted(self._named(futures=True))]

    def _named(self, *, futures: bool) -> set[str]:
        parsed = []
        for topic in self._answers.tape.topics:
            with contextlib.suppress(KeyError):  # of a kind not known here
                parsed.append(topics.parse(topic))
        return {
            argument.partition("_")[0]
            for row, argument in parsed
            if row.by_symbol and not row.private and (row.connection in FUTURES) is futures
        }

    async def _request(self, kind: type[T], method: str, path: str, signed: bool) -> T:  # noqa: ARG002
        call = f"{method} {path}"
        listed = "symbols" in path or "contracts" in path
        answer = await self._answers.ask(self._market, call, anywhere=listed)
        if not answer.status:
            raise UnreachableError("tape", answer.error)
        body = answer.text.encode() or bytes(answer.body)
        return _data(kind, call.partition("?")[0], answer.status, body, str)


def _key(call: str) -> str:
    """Return a call without what says when it was made."""
    parts = urlsplit(call)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _WINDOW]
    return f"{parts.path}?{urlencode(sorted(query))}"


_BAR_PATHS = frozenset({"/api/v1/market/candles", "/api/v1/kline/query"})
_BOOK_PATHS = frozenset(seed.path for feed in FEEDS.values() for seed in feed.seeds)


def _is_book(call: str) -> bool:
    return urlsplit(call).path.partition(" ")[2] in _BOOK_PATHS


def _is_bars(call: str) -> bool:
    return urlsplit(call).path.partition(" ")[2] in _BAR_PATHS


def _joined(answers: list[Answer]) -> Answer:
    """Return all bars of some answers as one; of two for the same time, series take that with more volume."""
    rows: list[Raw] = []
    for answer in answers:
        with contextlib.suppress(msgspec.MsgspecError):  # an error, or no JSON
            rows += msgspec.json.decode(answer.body, type=_Rows).data
    return msgspec.structs.replace(answers[-1], status=200, body=Raw(encode({"code": "200000", "data": rows})))


class _Rows(Struct):
    data: list[Raw]


def _asks_for(call: str, book: Book) -> bool:
    return _is_book(call) and dict(parse_qsl(urlsplit(call).query)).get("symbol") == book.symbol


def book_answer(market: Market, call: str, book: Book) -> Answer:
    """Return what the exchange would have answered at the time of ``book``: the fields of all three kinds of book."""
    data = {"sequence": book.sequence, "symbol": book.symbol, "time": book.t // 1_000_000, "ts": book.t}
    body = {"code": "200000", "data": {**data, "bids": book.bids, "asks": book.asks}}
    return Answer(book.t, market, call, 200, Raw(encode(body)))
