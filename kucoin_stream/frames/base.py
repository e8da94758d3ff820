"""What all live frames have in common."""

from __future__ import annotations

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd

from kucoin_stream import given
from kucoin_stream.analytics import accessor as accessor  # makes ``df.kucoin`` known
from kucoin_stream.bridges import Bridged
from kucoin_stream.errors import RefusedError, UsageError
from kucoin_stream.streams import reading
from kucoin_stream.streams.mended import read
from kucoin_stream.streams.origin import note
from kucoin_stream.streams.source import LiveSource
from kucoin_stream.streams.stalls import watchdog
from kucoin_stream.transport.engine import Engine

T = TypeVar("T")

REFUSED, STOPPED = reading.REFUSED, reading.STOPPED


class LiveFrame(Bridged, ABC):
    """A pandas DataFrame kept current. ``.df`` is now; ``.widget()`` its picture; ``.stop()`` its end.

    Safe from any thread.
    """

    title: str
    kinds: tuple[str, ...] = ("table",)
    """The pictures that there are of it; the first is what a cell shows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readings: weakref.WeakSet[reading.Reading[Any]] = weakref.WeakSet()
        self._views: weakref.WeakSet[Any] = weakref.WeakSet()
        self._view: Any = None
        self._stopped = ""
        engine.on_end(self._end)
        note(self, "frame")
        watchdog.begin(engine)

    # -- to be given by each kind --------------------------------------------------------------------------------

    @property
    @abstractmethod
    def version(self) -> object:
        """Something that changes with every change of the frame. Cheap."""

    @abstractmethod
    def _status(self) -> str:
        """Say what the frame is while it is neither stopped nor its client ended."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether there is something to show."""

    @abstractmethod
    def _build(self) -> pd.DataFrame:
        """Return the DataFrame of now."""

    @abstractmethod
    def _release(self) -> None:
        """Leave the loop thread."""

    # -- the same for all ----------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """What the frame is, perhaps with a reason: ``live``, ``syncing``, ``partial``, ``stale: ...``, and so on."""
        if self._stopped:
            return self._stopped
        if self._engine.ended:
            return f"{STOPPED}: {self._engine.ended}"
        return self._status()

    @property
    def received(self) -> int:
        """Messages that changed it; 0 where they are not counted."""
        return 0

    @property
    def memory(self) -> int:
        """Bytes that it takes: those of its rows, or of its DataFrame where it keeps no rows of its own."""
        return int(self._build().memory_usage(deep=True).sum())

    def __len__(self) -> int:
        return len(self._build())

    def __bool__(self) -> bool:
        return True  # one that has no rows yet is there nevertheless

    @property
    def badge(self) -> str:
        """``SIMULATED``, ``REPLAYED`` or nothing."""
        return self._engine.target.badge

    @property
    def note(self) -> str:
        """What else a reader should know of the frame; mostly nothing."""
        return ""

    @property
    def _fed_by(self) -> str:
        """What its rows are, as the catalogue calls it."""
        return self.title

    @property
    def df(self) -> pd.DataFrame:
        """A fresh DataFrame. ``df.attrs`` says what it is: feed, status, source, badge, note, time (UTC, ISO).

        ``feed`` is the name in the catalogue and whose it is: ``spot.trades BTC-USDT``; ``source`` one of ``live``,
        ``sim``, ``replay``, ``url``. ``pd.concat`` keeps attrs that are equal only, and times never are: concatenate
        first, then say ``whole.attrs = frame.attrs``.

        Raises :class:`RefusedError` where the exchange refused the subscription.
        """
        status = self.status
        if status.startswith(REFUSED):
            raise RefusedError(self.title, *reading.refusal(status))
        frame = self._build()
        frame.attrs = {
            "feed": self._fed_by,
            "status": status,
            "source": self._engine.target.mode,
            "badge": self.badge,
            "note": self.note,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        return frame

    def _read(self, function: Callable[..., T], *args: Any) -> T:
        """Call on the loop thread, or here once that has ended: what was received stays readable."""
        return self._engine.call(function, *args) if self._engine.running else function(*args)

    def wait(self, timeout: float = 10.0) -> Self:
        """Wait until there is something to show; return ``self``.

        Raises :class:`NotReadyError` after ``timeout`` seconds, :class:`RefusedError`, :class:`StoppedError`.
        """
        timeout = given.patience(timeout)
        deadline = time.monotonic() + timeout
        while not self._ready():
            time.sleep(reading.pause(self, deadline, timeout))
        return self

    async def ready(self, timeout: float = 10.0) -> Self:
        """Wait as :meth:`wait`, in a coroutine. ``await frame`` does it with the usual ``timeout``."""
        await reading.until(self, self._ready, given.patience(timeout))
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        return self.ready().__await__()

    def __aiter__(self) -> reading.Reading[Any]:
        """Read the changes, without news; ``async for`` over ``.stream`` has these too."""
        source = getattr(self, "stream", None)
        if source is None:
            raise UsageError(f"{self.title} cannot be read by 'async for': read the feeds that it is made of")
        if isinstance(source, LiveSource):
            return reading.Reading(self, source, news=False)
        return read(source, news=False, of=self)

    def head(self, n: int = 5, timeout: float = 10.0) -> pd.DataFrame:
        """Return the first ``n`` rows, after waiting for something to show as :meth:`wait` does."""
        n = given.whole("n", n, least=0)
        self.wait(timeout)
        return self.df.head(n)

    def tail(self, n: int = 5, timeout: float = 10.0) -> pd.DataFrame:
        """Return the last ``n`` rows, after waiting for something to show as :meth:`wait` does."""
        n = given.whole("n", n, least=0)
        self.wait(timeout)
        return self.df.tail(n)

    def stop(self) -> None:
        """End it: unsubscribe, and leave the last picture on the screen."""
        if self._stopped:
            return
        self._end(STOPPED)

    def _end(self, status: str) -> None:
        """Become ``status`` for good; pictures turn static while there is still something to draw them from."""
        self._stopped = self._stopped or status
        for view in list(self._views):
            view.stop()
        reading.wake(self)
        self._release()

    def freeze(self) -> None:
        """Make all its pictures static, as they are now; the frame itself goes on."""
        for view in list(self._views):
            view.freeze()

    def resume(self) -> None:
        """Let its pictures move again after :meth:`freeze`."""
        for view in list(self._views):
            view.resume()

    def widget(self, kind: str = "", /, **options: Any) -> Any:
        """Return a new picture of this frame, an ipywidget: one of ``kinds``, by default the first."""
        from kucoin_stream.widgets.kinds import view as make

        view = make(self, self.kinds, kind, **options)
        self._views.add(view)
        return view

    @property
    def _standing(self) -> str:
        """``paused`` or ``ended`` where it is of a tape that does not move, as its pictures say; else nothing."""
        state = "playing" if self._engine.deck is None else self._engine.deck.state
        return "" if state == "playing" else state

    @property
    def _over(self) -> bool:
        """Whether nothing will change any more, so that only a static picture makes sense."""
        return bool(self._stopped or self._engine.ended)

    def _ipython_display_(self, **kwargs: Any) -> None:
        if self._view is None or (self._view.closed and not self._over):
            self._view = self.widget()
        if self._over:
            self._view.freeze()
        self._view._ipython_display_(**kwargs)

    def __repr__(self) -> str:
        badge = f" {self.badge}" if self.badge else ""
        return f"<{type(self).__name__} {self.title}{badge} | {self.status}>"


_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
_LATEST = int(np.iinfo(np.int64).max)
NO_TIME = int(np.iinfo(np.int64).min)
"""What stands for a missing integer: pandas shows it as NaT where the column is a time."""


def utc(values: Any, unit: str) -> pd.DatetimeIndex:
    """Return an int64 array of times since the epoch as UTC timestamps in nanoseconds; what is none becomes NaT."""
    factor = _NANOSECONDS[unit]
    latest = _LATEST // factor
    scaled = values if factor == 1 else np.where((values > latest) | (values < -latest), NO_TIME, values * factor)
    return pd.DatetimeIndex(scaled.view("M8[ns]"), tz="UTC")


def numbers(columns: dict[str, Any], index: Any = None) -> pd.DataFrame:
    """Return a frame of float columns of one length: one block, many times cheaper than column by column."""
    return pd.DataFrame(np.array(list(columns.values())).T, index=index, columns=list(columns), copy=False)
