"""What a server says reaches a terminal as words: no escape sequence, no bell, no change of direction."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

import kucoin_stream as ks
from kucoin_stream import errors
from kucoin_stream.jupyter.completion import candidates
from kucoin_stream.jupyter.magics import COMMANDS
from kucoin_stream.simulator import Simulator
from kucoin_stream.streams import running
from kucoin_stream.watch import Watch
from tests.conftest import until
from tests.security import hostile
from tests.security.hostile import OBEYED, TEXT
from tests.transport.test_rest import SYMBOL, OddExchange, _Reader, serve


def quiet(text: str) -> bool:
    return not any(letter in text for letter in OBEYED)


@pytest.fixture
def odd() -> OddExchange:
    return OddExchange()


@pytest.fixture
def url(odd: OddExchange) -> Iterator[str]:
    with serve(odd) as url:
        yield url


RAISED = [
    errors.UsageError(TEXT),
    errors.RefusedError(TEXT, 404, TEXT),
    errors.OrderRejected(TEXT, 1, TEXT),
    errors.OrderUncertain("spot.order", TEXT, TEXT),
    errors.ResponseError(TEXT, 500, TEXT, TEXT),
    errors.UnreachableError("tcp", TEXT),
    errors.RemoteProtocolError(TEXT),
]


@pytest.mark.parametrize("exc", RAISED, ids=lambda exc: type(exc).__name__)
def test_an_exception_is_fit_for_a_terminal_and_keeps_its_line_breaks(exc: Exception) -> None:
    assert quiet(str(exc))
    assert "pwn(1)" in str(exc)
    assert str(errors.UsageError("one\n\ttwo é 币")) == "one\n\ttwo é 币"


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=pwn(1)>",
        "BTC\x1b[31m-USDT",
        "BTC-USDT\n",
        "BTC\u202e-USDT",
        "BTC USDT",
        "{__import__('os').getpid()}",  # IPython expands it in the line of a magic
        "a,b",
        "A" * 65,
        "",
    ],
)
def test_a_symbol_whose_name_is_none_is_left_out_and_never_offered(odd: OddExchange, url: str, name: str) -> None:
    odd.symbols = [SYMBOL | {"symbol": name}, SYMBOL, SYMBOL | {"symbol": "币安人生-$U.2"}]
    with ks.Client(url) as client:
        assert client.symbols == ["A-B", "币安人生-$U.2"]
        assert client.engine.rest.unread_rows == 1


def test_what_is_completed_is_what_is_traded(odd: OddExchange, url: str) -> None:
    odd.symbols = [SYMBOL | {"symbol": "{open('/tmp/x','w')}"}, SYMBOL]
    ks.connect(url)
    try:
        assert candidates(COMMANDS, ["book"], "", {}) == ["A-B", "ABUSDTM"]
    finally:
        ks.stop()


def test_why_a_server_closes_is_told_in_words_without_our_token(
    odd: OddExchange, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def farewell(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"id": "1", "type": "welcome"})
        await socket.receive()
        await socket.close(code=4001, message=f"\x1b[31m\u202e{request.query['token']} bye".encode())
        return socket

    odd.socket = farewell  # type: ignore[method-assign]
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # that of the server
    with ks.Client(url, reconnect_delay=60) as client:
        seen: list[Any] = []
        client.events.sink(seen.append)
        client.engine.call(client.engine.pool.attach, ["/market/match:A-B"], _Reader())
        reason = until(lambda: client.statistics()["connections"][0]["reason"])
        assert reason.startswith("closed by the server: 4001")
        said = [caplog.text, reason, repr(client), client.status().df.to_string(), repr(seen)]
        assert [each for each in said if not quiet(each) or "a-token-of-some-length" in each] == []


def test_what_a_terminal_shows_of_a_market_is_quiet(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    with ks.Client(sim.url) as client:
        watch = Watch(client, "BTC-USDT")
        subjects = {part.kind: part.subject for part in watch._parts}
        tape = subjects["tape"]
        sim.faults.inject(hostile.trade(TEXT, 1))
        sim.faults.inject(hostile.notice(TEXT))
        sim.faults.inject(f'{{"type": "message", "topic": {TEXT!r}}}')
        until(lambda: (tape.df["symbol"] == TEXT).any())
        until(lambda: client.statistics()["errors"] >= 2)
        sim.faults.rest("/api/v1/bullet-public", 403, TEXT, TEXT)
        sim.faults.kill()
        until(lambda: "pwn(1)" in subjects["ladder"].status)
        out = io.StringIO()
        watch.run(0.01, out, wait=lambda _: False)
        assert quiet(out.getvalue())
        shown = [
            repr(client),
            repr(tape),
            subjects["ladder"].status,
            repr(client.statistics()),
            client.status().widget().text(),
        ]
        assert [each for each in shown if not quiet(each)] == []
        assert quiet(caplog.text)
        assert "pwn(1)" in caplog.text


def test_a_traceback_in_a_cell_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    running.tell(f"Traceback\n  {TEXT}\n")
    said = capsys.readouterr().err
    assert said.startswith("Traceback\n  \"'></span>")
    assert quiet(said)
