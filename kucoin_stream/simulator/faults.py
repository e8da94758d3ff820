"""What can be made to go wrong. Rules are plain values that the exchange looks up; deeds are handed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.market import Json, Refusal
from kucoin_stream.simulator.pro.channels import increments

MOST = 100_000  # times that a fault happens
_DELAYS = (0.0, 86_400.0)
LIMITS = {
    "late_welcome": _DELAYS, "late_acks": _DELAYS, "slow_rest": _DELAYS, "slow_frames": _DELAYS,
    "clock_offset": (-1e9, 1e9),
}  # fmt: skip
"""The least and the most that rules may be, in seconds."""

WORDS = {
    400: ("400100", "Parameter Error"),
    401: ("400003", "KC-API-KEY not exists"),
    403: ("400007", "Access denied, require more permission"),
    404: ("404000", "Url Not Found"),
    415: ("415000", "Unsupported Media Type"),
    429: ("429000", "Too many requests in a short period of time, please retry later"),
    500: ("500000", "Internal Server Error"),
}
"""Code and text of KuCoin's errors by HTTP status (protocol.md 8.1, 9.3); others have theirs of :data:`WORDS` 500."""


class RestFault(NamedTuple):
    """A REST answer that replaces the real one. ``body``, if given, is sent as it is, as HTML."""

    prefix: str
    status: int
    code: str
    reason: str
    body: str | None


class Deed(NamedTuple):
    """Something to do at once: to every websocket, or to the market. ``data`` is a frame or a symbol."""

    name: Literal["kill", "bye", "half_open", "inject", "cross", "age", "hold", "release"]
    data: str | bytes = ""


class Faults:
    """Faults on demand. Safe from any thread: rules are single values, deeds are done on the exchange's loop.

    ``welcome``: whether new sessions are welcomed at all; ``late_welcome``, ``late_acks``, ``slow_rest`` and
    ``slow_frames`` (of every frame) are delays in seconds; ``mute_pongs`` and ``mute_acks`` swallow those frames,
    ``mute_acks`` answers of the WS API too. ``clock_offset`` is how many seconds the clock by which the exchange judges
    signatures, and which it tells by REST, is ahead. ``turn_away`` is the error that every new connection is refused
    with. All of it holds for classic, Pro and WS API sockets alike; subscriptions of Pro have topics such as
    ``obu.SPOT:BTC-USDT_increment@10ms``. Symbols are those that ``listed`` knows. What makes no sense, such as a
    negative delay, raises :class:`UsageError` at once.
    """

    def __init__(
        self, perform: Callable[[Deed], None] = lambda _: None, listed: Callable[[str], bool] = lambda _: True
    ) -> None:
        self._perform = perform
        self._listed = listed
        self.clear()

    def __setattr__(self, name: str, value: object) -> None:
        if name in LIMITS:
            low, high = LIMITS[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise UsageError(f"{name} is a number of seconds from {low:g} to {high:g}, not {value!r}")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        rules = len(self._refused) + len(self._silent) + len(self._rest)
        return f"<Faults {rules} rules{'' if self.welcome else ', no welcome'}>"

    def clear(self) -> None:
        """Let everything work again."""
        self.welcome = True
        self.late_welcome = 0.0
        self.late_acks = 0.0
        self.slow_rest = 0.0
        self.slow_frames = 0.0
        self.clock_offset = 0.0
        self.mute_pongs = False
        self.mute_acks = False
        self.turn_away: Refusal | None = None
        self._rest: list[tuple[RestFault, list[None] | None]] = []
        self._refused: dict[str, Refusal] = {}
        self._silent: set[str] = set()
        self._gaps: dict[str, list[None]] = {}
        self._doubles: dict[str, list[None]] = {}
        self._swaps: dict[str, list[None]] = {}
        self._held: dict[str, str] = {}  # messages that go out after the next one of their topic
        self._old_books: dict[str, tuple[Json, list[None]]] = {}

    # Deeds

    def kill(self) -> None:
        """Abort every websocket without a close frame: the client sees 1006."""
        self._perform(Deed("kill"))

    def bye(self) -> None:
        """Close every websocket with 1000 ``Bye``."""
        self._perform(Deed("bye"))

    def half_open(self) -> None:
        """Go dead on every websocket: nothing is sent or read any more, and the connection stays."""
        self._perform(Deed("half_open"))

    def inject(self, data: str | bytes) -> None:
        """Send a frame as it is to every websocket: text, or bytes as a binary frame."""
        self._perform(Deed("inject", data))

    def garbage(self) -> None:
        """Send every websocket a frame that breaks off, and one that is no text at all."""
        self.inject('{"type":"message","topic":"/market/level2:')
        self.inject(b"\x00\xff\xfe garbage")

    def cross(self, symbol: str) -> None:
        """Put a bid of a symbol or contract above its best ask; the market mends it with the next events."""
        self._check(symbol)
        self._perform(Deed("cross", symbol))

    def hold(self) -> None:
        """Let the market stand still: nothing happens any more, and everything else works."""
        self._perform(Deed("hold"))

    def release(self) -> None:
        """Let the market go on after :meth:`hold`."""
        self._perform(Deed("release"))

    # Rules

    def rest(
        self, path_prefix: str, status: int, code: str = "", msg: str = "", times: int | None = None,
        *, body: str | None = None,
    ) -> None:  # fmt: skip
        """Answer REST calls whose path begins so with an error, ``times`` times or until :meth:`clear`.

        ``status`` is one of an error, 400 to 599; without ``code`` and ``msg`` they are KuCoin's for it. ``body``
        replaces the JSON by something else, sent as HTML.
        """
        if not path_prefix.startswith("/"):
            raise UsageError(f"path_prefix={path_prefix!r}: a path begins with /")
        if body is None and not 400 <= status <= 599:
            raise UsageError(f"status={status}: the HTTP status of an error is from 400 to 599")
        if times is not None:
            _check_count("times", times)
        usual = WORDS.get(status, WORDS[500])
        fault = RestFault(path_prefix, status, code or usual[0], msg or usual[1], body)
        self._rest.append((fault, None if times is None else [None] * times))

    def gap(self, symbol: str, n: int = 1) -> None:
        """Drop the next ``n`` messages of each incremental book of the symbol or contract, for all clients."""
        self._check(symbol, n)
        for topic in increments(symbol):
            self._gaps.setdefault(topic, []).extend([None] * n)

    def duplicate(self, symbol: str, n: int = 1) -> None:
        """Send the next ``n`` messages of each incremental book of the symbol or contract twice."""
        self._check(symbol, n)
        for topic in increments(symbol):
            self._doubles.setdefault(topic, []).extend([None] * n)

    def reorder(self, symbol: str, n: int = 1) -> None:
        """Send ``n`` messages of each incremental book of the symbol or contract after the one that follows them."""
        self._check(symbol, n)
        for topic in increments(symbol):
            self._swaps.setdefault(topic, []).extend([None] * n)

    def old_snapshot(self, symbol: str, n: int = 1) -> None:
        """Answer the next ``n`` calls for the book of a symbol or contract with the book as it is now."""
        self._check(symbol, n)
        self._old_books.pop(symbol, None)
        self._perform(Deed("age", symbol))
        if symbol in self._old_books:
            self._old_books[symbol][1].extend([None] * n)

    def silence(self, topic: str) -> None:
        """Deliver nothing of a topic: ``/market/match:BTC-USDT``, or all of ``/market/match``."""
        self._silent.add(topic)

    def refuse(self, topic: str, code: int = 404, text: str = "topic does not exist") -> None:
        """Answer subscriptions of a topic, or of all topics of a path, with an error frame."""
        self._refused[topic] = Refusal(code, text)

    def deny(self, code: int = 509, text: str = "service busy, please retry later") -> None:
        """Refuse every new connection with an error frame, and close it."""
        self.turn_away = Refusal(code, text)

    def _check(self, symbol: str, n: int = 1) -> None:
        if not self._listed(symbol):
            raise UsageError(f"no symbol or contract {symbol[:50]!r} here")
        _check_count("n", n)

    # What the exchange asks

    def delay(self, kind: str) -> float | None:
        """Return the seconds to wait before a frame of that kind is sent; ``None`` where it is not sent at all."""
        match kind:
            case "welcome":
                return self.late_welcome if self.welcome else None
            case "ack" | "answer":
                return None if self.mute_acks else self.late_acks
            case "pong" if self.mute_pongs:
                return None
        return 0.0

    def refusal(self, topic: str) -> Refusal | None:
        """Return why the topic is to be refused, if it is."""
        return self._refused.get(topic) or self._refused.get(topic.partition(":")[0])

    def rest_fault(self, path: str) -> RestFault | None:
        """Return the answer that replaces the real one, if any; counts its use."""
        for fault, left in self._rest:
            if path.startswith(fault.prefix):
                if left is None:
                    return fault
                if left:
                    left.pop()
                    return fault
        return None

    def silenced(self, topic: str) -> bool:
        """Whether nothing of a topic is delivered."""
        return topic in self._silent or topic.partition(":")[0] in self._silent

    def copies(self, topic: str) -> int:
        """Return how often the next message of a topic is to be sent: 0, 1 or 2; counts its use."""
        if not (self._silent or self._gaps or self._doubles):
            return 1
        if self.silenced(topic):
            return 0
        if _take(self._gaps, topic):
            return 0
        return 2 if _take(self._doubles, topic) else 1

    def passed(self, topic: str, text: str) -> tuple[str, ...]:
        """Return what is sent in the place of a topic's next message; counts its use."""
        texts = (text,) * self.copies(topic)
        if not (self._swaps or self._held):
            return texts
        if (late := self._held.pop(topic, None)) is not None:
            return (*texts, late)
        if texts and _take(self._swaps, topic):
            self._held[topic] = text
            return ()
        return texts

    def pending(self, topic: str) -> bool:
        """Whether messages of a topic are still to be left out, doubled or sent late."""
        return topic in self._held or any(left.get(topic) for left in (self._gaps, self._doubles, self._swaps))

    def keep_book(self, symbol: str, book: Json) -> None:
        """Remember a book, whole, for :meth:`old_book`."""
        self._old_books[symbol] = (book, [])

    def old_book(self, symbol: str) -> Json | None:
        """Return the book that is to be shown instead of the present one, if any; counts its use."""
        book, left = self._old_books.get(symbol, (None, []))
        if not left:
            return None
        left.pop()
        return book


def _check_count(name: str, count: int) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise UsageError(f"{name}={count!r}: a whole number from 1 to {MOST:,}")


def _take(left: dict[str, list[None]], topic: str) -> bool:
    """Use up one of what is left. List operations are atomic, so that rules may be made from any thread."""
    if not left.get(topic):
        return False
    left[topic].pop()
    return True
