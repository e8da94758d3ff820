"""From what a user names as target to an engine that runs: KuCoin, the built-in exchange, a URL, a tape, a capture."""

from __future__ import annotations

import atexit
import logging
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from msgspec.structs import replace

from kucoin_stream.errors import KucoinStreamError, NotReadyError, UsageError
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.recording.blocks import is_tape
from kucoin_stream.recording.reader import Tape
from kucoin_stream.settings import REST_BASE, Credentials, Settings
from kucoin_stream.transport import credentials as keys
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.machines import LIMITS
from kucoin_stream.transport.replay import Deck, factor
from kucoin_stream.transport.signer import PATIENCE, Sign, Signer
from kucoin_stream.transport.target import Target

PROBE_TIMEOUT = 3.0  # seconds that "auto" gives KuCoin to answer
_TAPE = ".kcs"
_CAPTURES = (".jsonl", ".jsonl.gz")
_EXCHANGES = ("auto", "live", "sim")
_NO_SPEED = (
    "speed={0!r} is of a tape or a capture; for a faster built-in exchange run `kucoin-stream sim --speed 10` "
    "and connect to http://127.0.0.1:8080"
)

log = logging.getLogger("kucoin_stream")


class Opened(NamedTuple):
    """An engine that runs and knows the symbols, and the built-in exchange behind it, if it is ours to stop."""

    engine: Engine
    simulator: Any = None


class Opening(NamedTuple):
    """What a user asked for. Its repr hides the key."""

    asked: str
    settings: Settings
    futures_url: str = ""
    speed: float | Literal["max"] = 1.0
    given: Credentials | None = None
    sign: Sign | None = None

    def open(self) -> Opened:
        """Connect, check the key if there is one, and load the symbols. Raises what stands in the way."""
        if self.speed != 1.0 and (self.asked in _EXCHANGES or "://" in self.asked):
            raise UsageError(_NO_SPEED.format(self.speed))
        match self.asked:
            case "auto":
                return self._auto()
            case "live":
                return Opened(self._started(self._live()))
            case "sim":
                return self._simulated("")
            case asked if asked.endswith(_TAPE) or is_tape(Path(asked)):
                return Opened(self._tape(Path(asked)))
            case asked if asked.endswith(_CAPTURES) or Path(asked).is_file():
                return self._capture(Path(asked))
            case asked if "://" in asked:
                return Opened(self._started(Target("url", asked, futures_url=self.futures_url)))
            case asked:
                raise UsageError(
                    f"no such target: {asked!r}; it is 'auto', 'live', 'sim', a URL such as 'http://127.0.0.1:8080', "
                    "or the path of a tape (.kcs) or a capture (.jsonl, .jsonl.gz)"
                )

    def _live(self) -> Target:
        return Target("live", REST_BASE[self.settings.region], futures_url=self.futures_url)

    def _auto(self) -> Opened:
        engine = self._engine(self._live())
        try:
            engine.call(_probe, engine, timeout=PROBE_TIMEOUT)
        except KucoinStreamError as exc:
            engine.stop("KuCoin cannot be reached")
            why = "no answer within 3 s" if isinstance(exc, NotReadyError) else str(exc)
            return self._simulated(f"KuCoin cannot be reached from here: {why}")
        except BaseException:  # such as Ctrl-C
            engine.stop("interrupted")
            raise
        return Opened(_loaded(engine))

    def _simulated(self, reason: str) -> Opened:
        from kucoin_stream.simulator import GeneratedMarket, Simulator

        return self._behind(Simulator(GeneratedMarket()), "sim", reason)

    def _capture(self, path: Path) -> Opened:
        from kucoin_stream.simulator import CaptureMarket, Simulator

        if not path.is_file():
            raise UsageError(f"no such capture: {path}")
        return self._behind(Simulator(CaptureMarket(path, speed=self.speed)), "replay", path.name)

    def _tape(self, path: Path) -> Engine:
        if not path.is_file():
            raise UsageError(f"no such tape: {path}")
        factor(self.speed)  # raises before anything is opened
        deck = Deck(Tape(path), self.speed)
        engine = Engine(Target("replay", str(path)), replace(self.settings, limits=LIMITS), None, deck)
        engine.start()
        return _loaded(engine)

    def _behind(self, simulator: Any, mode: Literal["sim", "replay"], reason: str) -> Opened:
        simulator.start()
        try:
            target = Target(mode, simulator.url, reason)
            return Opened(self._started(target, self.given or simulator.credentials), simulator)
        except BaseException:
            simulator.stop()
            raise

    def _started(self, target: Target, credentials: Credentials | None = None) -> Engine:
        return _loaded(self._engine(target, credentials))

    def _engine(self, target: Target, credentials: Credentials | None = None) -> Engine:
        urls = [target.rest_url, self.futures_url, *self.settings.addresses().values()]
        chosen = credentials or keys.allowed(self.given, *filter(None, urls))
        engine = Engine(target, self.settings, None if chosen is None else Signer(chosen, self.sign))
        engine.start()
        return engine


def _loaded(engine: Engine) -> Engine:
    """Check the key and load the symbols; where either fails, the engine ends."""
    try:
        patience = PATIENCE if engine.signed else 0.0  # a user's function may sign
        symbols = engine.call(_load, engine, timeout=2 * engine.settings.request_timeout + patience)
    except BaseException:
        engine.stop("it did not start")
        raise
    engine.symbols.update((info.symbol, info) for info in symbols)
    log.info("connected to %s", engine.target.describe())
    return engine


async def _load(engine: Engine) -> list[SymbolInfo]:
    if engine.signed:
        await engine.rest.check_key()
    return await engine.rest.symbols()


async def _probe(engine: Engine) -> None:
    """See whether the exchange answers and gives out tokens."""
    await engine.rest.server_time()
    await engine.rest.bullet()


class Living(Protocol):
    """What has threads and connections until it is closed: a client."""

    def close(self, reason: str) -> None:
        """End everything."""

    def _forked(self) -> None:
        """Be ended in the child of a fork."""


opened: set[Living] = set()
"""Those not closed yet: a client nobody holds may still feed live frames."""


def _after_fork() -> None:
    for each in opened:
        each._forked()
    opened.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    for each in list(opened):
        each.close("the interpreter ended")
