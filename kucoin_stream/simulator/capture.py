"""A recorded market: serves a capture as if it were the exchange. Pure, but for reading its file at the start.

Theory of operation. The stream waits until it is told to begin, or until enough is subscribed. Then its
messages fall due in recorded order: at the recorded spacing divided by ``speed``, or in chunks as fast as they
can be sent. The market's clock is the recorded one. Book snapshots answer for the position of the stream: the
recorded answer while the stream has not passed its sequence, afterwards a ladder kept from it. At full speed
the stream waits a moment before it passes a recorded book that nobody has asked for: a client asks only after
its first increment, and would else find most of the stream gone by.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.envelope import Envelope
from kucoin_stream.protocol.messages.rest import Response
from kucoin_stream.simulator.futures.market import FuturesMarket
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.market import Json, Push, RestError
from kucoin_stream.simulator.recorded import SIDES, Line, Recorded, RecordedBook, read_lines

CHUNK = 64  # messages sent at once at speed "max"
PATIENCE = 1.0  # seconds that the stream waits, at speed "max", for somebody to ask for a recorded book
QUIET = 0.5  # seconds without a new subscription that begin="subscribed" waits for
_TRADES_KEPT = 100
_BOOK_PATH = "/api/v3/market/orderbook/level2"
_SYMBOL_PATHS = ("/api/v1/symbols", "/api/v2/symbols")


class CaptureMarket:
    """Serves a capture (``.jsonl`` or ``.jsonl.gz``, one JSON object a line).

    ``speed``: 1.0 is the recorded spacing, 10 ten times as fast, ``"max"`` as fast as it can be sent.
    ``begin``: ``"told"`` waits for :meth:`begin`; ``"subscribed"`` until subscriptions have been quiet for
    0.5 s; a number until so many single-symbol topics are subscribed. The file is read by :meth:`start`.
    """

    live = False

    def __init__(
        self,
        path: str | Path,
        speed: float | Literal["max"] = 1.0,
        begin: Literal["subscribed", "told"] | int = "subscribed",
    ) -> None:
        if speed != "max" and not speed > 0:
            raise UsageError(f'speed must be above 0 or "max", not {speed}')
        if isinstance(begin, str) and begin not in ("subscribed", "told"):
            raise UsageError(f'begin must be "subscribed", "told" or a number of topics, not {begin!r}')
        self.futures = FuturesMarket()
        self._path = Path(path)
        self._speed = speed
        self._begin = begin
        self._symbols: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._stream: list[Recorded] = []
        self._books: dict[str, RecordedBook] = {}
        self._position = 0
        self._begun_ns: int | None = None
        self._subscribed: tuple[int, int] = (0, 0)  # how many topics, and since when
        self._tickers: dict[str, dict[str, Any]] = {}
        self._trades: dict[str, deque[dict[str, Any]]] = {}
        self._candles: dict[str, dict[int, list[str]]] = {}
        self._running: set[str] = set()  # symbols whose increments have begun
        self._asked: set[str] = set()  # symbols whose book was asked for
        self._waiting_ns: int | None = None  # since when the stream waits for a book to be asked for

    def __repr__(self) -> str:
        return f"<CaptureMarket {self._path.name}, {self._position} of {len(self._stream)} sent>"

    @property
    def unpaced(self) -> bool:
        """Whether the stream is running as fast as it can be sent."""
        if self._speed != "max" or self._begun_ns is None:
            return False
        return self._waiting_ns is None and not self.finished

    @property
    def finished(self) -> bool:
        """Whether the whole stream has been handed out."""
        return self._begun_ns is not None and self._position >= len(self._stream)

    def start(self, now_ns: int) -> None:  # noqa: ARG002 (a capture has its own time)
        """Read the file; raise :class:`UsageError` where it is not a capture. Does nothing the second time."""
        if self._stream:
            return
        try:
            for line in read_lines(self._path):
                self._learn(line)
        except (OSError, EOFError, ValueError, msgspec.MsgspecError, KeyError) as exc:
            raise UsageError(f"{self._path.name} is not a capture that can be read: {exc}") from exc
        if not self._stream:
            raise UsageError(f"{self._path.name} holds no pushed message")
        self._names |= {row.topic.partition(":")[2].partition("_")[0] for row in self._stream}

    def begin(self, now_ns: int) -> None:
        """Let the stream begin."""
        if self._begun_ns is None:
            self._begun_ns = now_ns

    def advance(self, now_ns: int, wanted: Collection[str]) -> list[Push]:
        """Return the pushes due, or the next chunk of them."""
        if self._begun_ns is None:
            self._consider(now_ns, len(wanted))
            if self._begun_ns is None:
                return []
        if self._speed == "max":
            end = self._position + self._room(now_ns, wanted)
        else:
            end, due_ns = self._position, self.time_ns(now_ns)
            while end < len(self._stream) and self._stream[end].time_ns <= due_ns:
                end += 1
        due = self._stream[self._position : end]
        self._position += len(due)
        for row in due:
            self._remember(row)
        return [Push(row.topic, row.text) for row in due if row.topic in wanted]

    def opening(self, topic: str, now_ns: int) -> Push | None:  # noqa: ARG002
        """Return nothing: a capture begins where its stream does."""
        return None

    def time_ns(self, now_ns: int) -> int:
        """Return the recorded time at the stream's position."""
        first, last = self._stream[0].time_ns, self._stream[-1].time_ns
        if self._begun_ns is None:
            return first
        if self._speed == "max":
            return self._stream[max(0, self._position - 1)].time_ns
        return min(last, first + int((now_ns - self._begun_ns) * self._speed))

    def has_symbol(self, symbol: str) -> bool:
        """Whether the recorded symbols answer lists the symbol."""
        return symbol in self._names

    def lists(self, symbol: str) -> bool:
        """Whether the capture has the symbol; every one may be, until it is read."""
        return not self._names or symbol in self._names

    def traded(self, symbol: str) -> Instrument | None:  # noqa: ARG002
        """Return nothing: what was recorded cannot be traded."""
        return None

    def markets(self) -> list[str]:
        """Return the markets of the recorded symbols."""
        return sorted({str(symbol["market"]) for symbol in self._symbols if symbol.get("market")})

    def symbols(self) -> list[Json]:
        """Return the recorded symbols."""
        if not self._symbols:
            raise RestError(500, "500000", "the capture holds no symbols answer")
        return self._symbols

    symbols_v1 = symbols

    def currencies(self) -> list[Json]:
        """Raise: no capture holds currencies."""
        raise RestError(500, "500000", "the capture holds no currencies")

    def book(self, symbol: str, depth: int | None) -> Json:
        """Return the book where the stream is."""
        self._asked.add(symbol)
        self._waiting_ns = None
        return self._book(symbol).answer(depth, self._time_ms())

    def auction(self, symbol: str, now_ns: int) -> None:
        """Return nothing: a recording has no auction."""

    def level1(self, symbol: str) -> Json:
        """Return the top of the book, and the last trade pushed."""
        book = self._books.get(symbol)
        last = self._tickers.get(symbol, {})
        if book is None and last:
            return last
        answer = self._book(symbol).answer(1, self._time_ms())
        (ask,), (bid,) = (answer[side] or [[None, None]] for side in SIDES)
        return {
            "time": answer["time"],
            "sequence": answer["sequence"],
            "price": last.get("price"),
            "size": last.get("size"),
            "bestBid": bid[0],
            "bestBidSize": bid[1],
            "bestAsk": ask[0],
            "bestAskSize": ask[1],
        }

    def trades(self, symbol: str) -> list[Json]:
        """Return the trades pushed so far, at most 100."""
        names = ("sequence", "price", "size", "side")
        return [
            {name: row[name] for name in names} | {"time": int(row["time"])} for row in self._trades.get(symbol, ())
        ]

    def candles(self, symbol: str, interval: str, start_s: int, end_s: int) -> list[list[str]]:
        """Return the bars pushed so far."""
        bars = self._candles.get(f"/market/candles:{symbol}_{interval}", {})
        return [bars[start] for start in sorted(bars, reverse=True) if start_s <= start < end_s]

    def stats(self, symbol: str) -> Json:
        """Return what the pushes so far tell; the rest is null."""
        return {"time": self._time_ms(), **self._stats(symbol)}

    def all_tickers(self) -> list[Json]:
        """Return what the pushes so far tell of the symbols that had a ticker."""
        return [self._stats(symbol) | {"symbolName": symbol} for symbol in self._tickers]

    def _learn(self, line: Line) -> None:
        if line.kind == "rest":
            answer = decode(Response, line.message)
            if str(answer.code) != "200000":
                return
            address = urlsplit(line.url)
            if address.path in _SYMBOL_PATHS:
                self._symbols = msgspec.json.decode(answer.data)
                self._names = {str(symbol["symbol"]) for symbol in self._symbols}
            elif address.path == _BOOK_PATH:
                symbol = parse_qs(address.query)["symbol"][0]
                self._books.setdefault(symbol, RecordedBook(msgspec.json.decode(answer.data)))
            return
        envelope = decode(Envelope, line.message) if line.dir == "in" else None
        if envelope is not None and envelope.type == "message" and envelope.topic:
            self._stream.append(Recorded(int(line.t * 1e9), envelope.topic, bytes(line.message).decode()))

    def _consider(self, now_ns: int, topics: int) -> None:
        if isinstance(self._begin, int):
            if topics >= self._begin:
                self.begin(now_ns)
        elif self._begin == "subscribed":
            if topics != self._subscribed[0]:
                self._subscribed = (topics, now_ns)
            elif topics and now_ns - self._subscribed[1] >= QUIET * 1e9:
                self.begin(now_ns)

    def _room(self, now_ns: int, wanted: Collection[str]) -> int:
        """How many messages may go now: a chunk, but none that passes a wanted book nobody has asked for."""
        for count, row in enumerate(self._stream[self._position : self._position + CHUNK]):
            path, _, symbol = row.topic.partition(":")
            if path != "/market/level2" or symbol not in self._books or row.topic not in wanted:
                continue
            if symbol in self._running and symbol not in self._asked and self._passes(row, symbol):
                if self._waiting_ns is None:
                    self._waiting_ns = now_ns
                if now_ns - self._waiting_ns < PATIENCE * 1e9:
                    return count
                self._asked.update(self._books)  # nobody will
                self._waiting_ns = None
            self._running.add(symbol)
        return CHUNK

    def _passes(self, row: Recorded, symbol: str) -> bool:
        try:
            sequence = int(msgspec.json.decode(row.text)["data"]["sequenceEnd"])
        except (KeyError, ValueError, TypeError):
            return False
        return sequence > self._books[symbol].recorded_sequence

    def _remember(self, row: Recorded) -> None:
        """Keep what REST will be asked for. A message of a form not understood is sent, not kept."""
        path, _, argument = row.topic.partition(":")
        if path not in ("/market/level2", "/market/ticker", "/market/match", "/market/candles"):
            return
        try:
            self._keep(path, argument, row)
        except (KeyError, IndexError, ValueError, TypeError, ArithmeticError):
            if path == "/market/level2":
                self._books.pop(argument, None)  # no longer known; better an error than a wrong book

    def _keep(self, path: str, argument: str, row: Recorded) -> None:
        data = msgspec.json.decode(row.text)["data"]
        match path:
            case "/market/level2":
                if argument in self._books:
                    self._books[argument].apply(data)
            case "/market/ticker":
                self._tickers[argument] = data
            case "/market/match":
                self._trades.setdefault(argument, deque(maxlen=_TRADES_KEPT)).append(data)
            case _:
                self._candles.setdefault(row.topic, {})[int(data["candles"][0])] = data["candles"]

    def _book(self, symbol: str) -> RecordedBook:
        book = self._books.get(symbol)
        if book is None:
            raise RestError(400, "400100", f"the capture holds no order book of {symbol}")
        return book

    def _stats(self, symbol: str) -> dict[str, Any]:
        ticker = self._tickers.get(symbol, {})
        unknown = dict.fromkeys(("changeRate", "changePrice", "high", "low", "vol", "volValue", "averagePrice"))
        return {
            "symbol": symbol,
            "buy": ticker.get("bestBid"),
            "bestBidSize": ticker.get("bestBidSize"),
            "sell": ticker.get("bestAsk"),
            "bestAskSize": ticker.get("bestAskSize"),
            "last": ticker.get("price"),
            **unknown,
        }

    def _time_ms(self) -> int:
        return self._stream[max(0, self._position - 1)].time_ns // 1_000_000
