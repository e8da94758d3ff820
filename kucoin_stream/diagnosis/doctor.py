"""``ks.doctor()`` itself: a thread of its own for the length of a diagnosis."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from kucoin_stream.diagnosis import here, loops
from kucoin_stream.diagnosis.chart import Chart, Found, hidden
from kucoin_stream.diagnosis.examination import examine, note
from kucoin_stream.diagnosis.place import Place, place
from kucoin_stream.diagnosis.report import Report, Row
from kucoin_stream.errors import NotReadyError
from kucoin_stream.protocol.signing import Hidden
from kucoin_stream.transport.loop import LoopThread

DEADLINE = 9.0  # seconds for all checks together
_LEAVE = 2.0  # seconds more, for closing what is open


def doctor(target: str | os.PathLike[str] | None = None, **options: Any) -> Report:
    """Look at all that lies between this notebook and the exchange; return a :class:`Report` within some 10 s.

    Versions, front end, event loops, proxies, where the API key is from; for each host its addresses, TCP, TLS; REST,
    the clocks, the key, and on each public websocket the welcome, a subscription and a ping. Each check has a row,
    ``ok``, ``warn`` or ``bad``, and what to do next. The report is text made to be pasted into a bug report: it holds
    no key, token or password. ``.ok``, ``.df`` and ``.json()`` are for programs.

    ``target`` is ``"live"``, ``"sim"`` or a URL; without one that of the connected client, else KuCoin. ``options``
    are those of :class:`Client`. Connects no client, and works where a loop runs. Raises :class:`UsageError` where the
    call is wrong, and nothing else: what cannot be reached is a row. Source: protocol.md 1 to 3, 6, 8, 9.
    """
    options = Hidden(options)  # a traceback with variables would show the key
    where = place(None if target is None else os.fspath(target), **options)
    chart = Chart(DEADLINE)
    try:
        _look_here(chart, where)
        _look_there(chart, where)
    finally:
        if where.simulator is not None:
            _stop(where)
    told = hidden(where.target.describe(), chart.secrets)
    return Report(told, datetime.now(UTC).isoformat(timespec="seconds"), chart.rows())


def _look_here(chart: Chart, where: Place) -> None:
    """Add what is known of this machine without waiting. Called in the user's thread, whose loop is meant."""
    parts: tuple[Callable[[], Iterable[Row]], ...] = (
        lambda: here.versions(where.settings),
        here.surroundings,
        lambda: here.fallen_back(where.target.reason),
        loops.running_here,
    )
    for part in parts:
        try:
            chart.here.extend(part())
        except Exception as exc:  # noqa: BLE001  a check that fails is a row, never an exception
            note(chart, [exc])


def _look_there(chart: Chart, where: Place) -> None:
    thread = LoopThread("kucoin-stream-doctor")
    thread.start(lambda _: None)
    try:
        thread.call(examine, chart, where, timeout=DEADLINE + _LEAVE)
    except NotReadyError:
        chart.here.note("doctor", Found(None, f"did not end within {DEADLINE + _LEAVE:g} s", "warn"))
    except Exception as exc:  # noqa: BLE001  as above
        note(chart, [exc])
    finally:
        thread.stop(_LEAVE)


def _stop(where: Place) -> None:
    if where.engine is not None:
        where.engine.stop("the diagnosis is over")
    where.simulator.stop()
