"""The whole account as one live frame: balances, open orders, positions and fills, kept by a frame each."""

from __future__ import annotations

import contextlib
from asyncio import Task, get_running_loop, sleep
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.frames.account.frames import AccountFrame
from kucoin_stream.frames.account.keeper import RIGHT
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.market.account.balances import Balance
from kucoin_stream.transport.engine import Engine

NO_KEY = "no key: pass key=, secret=, passphrase= to ks.connect() to see the account"
COLUMNS = ["rows", "status", "received"]
_EVERY = 60.0  # seconds between two looks at the prices
_SOON = 2.0  # seconds until the next one where a currency has none yet
_MOST = 100  # currencies asked for


class Worth:
    """What currencies are worth in US dollars: asked of the exchange each minute. Lives on the loop thread.

    Source: KuCoin API docs, "Get Fiat Price". Where that fails, as on a tape, nothing has a worth.
    """

    def __init__(self, engine: Engine, balances: AccountFrame[Balance]) -> None:
        self.prices: dict[str, float] = {}  # replaced, not changed: other threads read it
        self._rest = engine.rest
        self._keeper = balances._keeper
        self._asked: set[str] = set()
        self._task: Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            held = sorted({each.currency for each in self._keeper.rows() if each.total})[:_MOST]
            if held:
                self._asked |= {*held}
                query = {"base": "USD", "currencies": ",".join(held)}
                with contextlib.suppress(KucoinStreamError):  # counted by the client
                    answer = await self._rest.get(dict[str, str], "/api/v1/prices", query)
                    self.prices = {name: float(price) for name, price in answer.items()}
            left = _EVERY
            while left > 0 and self._asked >= {each.currency for each in self._keeper.rows() if each.total}:
                await sleep(_SOON)
                left -= _SOON


class LiveAccount(LiveFrame):
    """Balances, open orders, positions and fills together. Made by :meth:`Account.widget`; owns its frames.

    ``frames``: by name, or why one cannot be had. None at all: there is no key. ``.df`` says how each fares. Its end
    ends them, and the end of its last picture ends it. Safe from any thread.
    """

    kinds = ("account",)
    title = "account"

    def __init__(self, engine: Engine, frames: Mapping[str, AccountFrame[Any] | str]) -> None:
        self._frames = dict(frames)
        balances = self._frames.get("balances")
        self._worth = Worth(engine, balances) if isinstance(balances, AccountFrame) and not engine.deck else None
        super().__init__(engine)
        if self._worth is not None:
            engine.call(self._worth.start)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its sections: those that the connection has."""
        return tuple(self._frames)

    @property
    def version(self) -> object:
        """Something that changes with every change of a section."""
        worth = self._worth
        frames = [frame.version for frame in self._frames.values() if isinstance(frame, AccountFrame)]
        return self.status, frames, None if worth is None else id(worth.prices)

    @property
    def received(self) -> int:
        """Messages that changed it."""
        return sum(frame.received for frame in self._frames.values() if isinstance(frame, AccountFrame))

    def part_status(self, part: str) -> str:
        """Return the status of one section."""
        frame = self._frames[part]
        return frame.status if isinstance(frame, AccountFrame) else frame

    def part_version(self, part: str) -> object:
        """Return something that changes with a section's rows."""
        frame = self._frames[part]
        return frame.version if isinstance(frame, AccountFrame) else frame

    def part_rows(self, part: str) -> list[Any]:
        """Return the rows of one section as structs, in the order of its frame."""
        frame = self._frames[part]
        return frame._read(frame._keeper.rows) if isinstance(frame, AccountFrame) else []

    @property
    def prices(self) -> dict[str, float]:
        """What currencies are worth in US dollars, as far as that is known."""
        return {} if self._worth is None else self._worth.prices

    def widget(self, kind: str = "", /, **options: Any) -> Any:
        """Return a new picture; once the last one is stopped or closed, so is this."""
        view = super().widget(kind, **options)
        view.observe(self._closed, "comm")
        return view

    def _closed(self, _: Any) -> None:
        if all(view.closed for view in self._views):
            self.stop()

    def _status(self) -> str:
        if not self._frames:
            return NO_KEY
        wrong = [(part, status) for part in self._frames if (status := self.part_status(part)) != "live"]
        if not wrong:
            return "live"
        if len(wrong) == len(self._frames) and wrong[0][1].partition(":")[0] not in RIGHT:
            return wrong[0][1]
        return "partial: " + "; ".join(f"{part} {status}" for part, status in wrong)

    def _ready(self) -> bool:
        return self._status().partition(":")[0] in RIGHT

    def _build(self) -> pd.DataFrame:
        rows = [(len(self.part_rows(part)), self.part_status(part), self._received(part)) for part in self.parts]
        return pd.DataFrame(rows, index=pd.Index(self.parts, name="part", dtype=object), columns=COLUMNS)

    def _received(self, part: str) -> int:
        frame = self._frames[part]
        return frame.received if isinstance(frame, AccountFrame) else 0

    def _release(self) -> None:
        if self._worth is not None:
            self._engine.post(self._worth.stop)
        _stop(self._frames.values())


def _stop(frames: Iterable[Any]) -> None:
    for frame in frames:
        if isinstance(frame, AccountFrame):
            frame.stop()
