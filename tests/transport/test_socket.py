"""The promises of a socket, whichever library reads it, over real connections.

Every test runs over both libraries; what they are checked against is in ``raw_server`` and ``proxies``.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from kucoin_stream.errors import UsageError
from kucoin_stream.transport import socket as module
from kucoin_stream.transport.socket import open_socket, takes_picows
from tests.transport.proxies import proxy_to
from tests.transport.raw_server import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    SECRET,
    TEXT,
    Peer,
    Received,
    close_frame,
    frame,
    raw_server,
    settings_of,
)

pytestmark = pytest.mark.filterwarnings("error")
LIMIT = 1000  # frame_bytes, where it matters
PASSWORD = "pa55word"


@pytest.fixture(params=["websockets", "picows"])
def transport(request: pytest.FixtureRequest) -> str:
    if request.param == "picows":
        pytest.importorskip("picows")
    return request.param


@pytest.fixture(scope="module", autouse=True)
def _cheap_collections() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("all", "http", "https", "ws", "wss", "socks", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)


@pytest.fixture(autouse=True)
def _tells_no_token(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The token is in no record, and neither is a proxy's password."""
    for name in ("", "picows", "picows.client", "websockets", "websockets.client", "asyncio", "kucoin_stream"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    for record in caplog.get_records("call"):
        told = record.getMessage().lower() + str(record.exc_text).lower()
        assert SECRET.lower() not in told
        assert PASSWORD not in told


def run(test: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Run ``test``; nothing may be left to the loop's exception handler, or unclosed."""
    errors: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        async with asyncio.timeout(20):
            await test(*args)
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    assert errors == []


def told(error: BaseException) -> str:
    """Return the text of ``error`` and of what led to it, which holds no secret."""
    text = ""
    cause: BaseException | None = error
    while cause is not None:
        text += f"{cause!s} {cause!r}"
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    assert SECRET.lower() not in text.lower()
    assert PASSWORD not in text
    return str(error)


async def refused(transport: str, url: str, **options: Any) -> str:
    """Return the text of the OSError that opening ``url`` raises."""
    received = Received()
    with pytest.raises(OSError) as caught:
        await open_socket(url, received, settings_of(transport, **options))
    assert received.batches == []
    assert type(caught.value).__module__ in {"builtins", "socket", "ssl", "python_socks._errors"}
    return told(caught.value)


# -- messages ------------------------------------------------------------------------------------------------------

LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 2**20]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_messages_of_every_length_come_whole_and_in_order(transport: str, opcode: int) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            expected = [bytes([65 + i]) * length for i, length in enumerate(LENGTHS)]
            for message in expected:
                peer.write(frame(message, opcode))
            assert await received.until(len(expected)) == expected

    run(test)


def test_a_text_that_is_not_utf8_is_left_to_the_reader_of_messages(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            peer.write(frame(b"\xff\xfe"))
            assert await received.until(1) == [b"\xff\xfe"]

    run(test)


def test_messages_of_one_write_come_as_few_lists(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            expected = [b"%d" % i for i in range(1000)]
            peer.write(*map(frame, expected))
            assert await received.until(1000) == expected
            assert len(received.batches) < 40

    run(test)


ENDS = {
    "nothing": b"",
    "a ping": frame(b"x", PING),
    "a pong": frame(b"x", PONG),
    "half a frame": frame(b"x" * 100)[:50],
    "half a header": frame(b"x" * 200)[:3],
    "one byte": b"\x81",
    "a fragment": frame(b"x", fin=False),
    "a close": close_frame(1000),
    "a violation": frame(b"x", 3),
    "a violation of reserved bits": frame(b"x", rsv=1),
    "a ping and half a frame": frame(b"", PING) + frame(b"x" * 100)[:50],
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("count", [1, 2, 64, 65])
def test_no_message_waits_for_the_next_read(transport: str, end: str, count: int) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            expected = [b"%d" % i for i in range(count)]
            peer.write(*map(frame, expected), ENDS[end])
            assert await received.until(count) == expected
            assert len(received.batches) == 1
            socket.abort()
            await socket.wait_closed()

    run(test)


def test_a_message_in_one_segment_with_the_handshake_is_delivered(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, _, received = await server.open(transport, after=frame(b"welcome") + frame(b"more"))
            assert await received.until(2) == [b"welcome", b"more"]

    run(test)


def test_a_handshake_byte_by_byte(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            received = Received()
            opening = asyncio.ensure_future(open_socket(server.url, received, settings_of(transport)))
            peer = await server.accept()
            await peer.read_request()
            data = peer.response() + frame(b"welcome")
            await peer.write_pieces(data, list(range(1, len(data))))
            await opening
            assert await received.until(1) == [b"welcome"]

    run(test)


def fragmented(parts: list[bytes], opcode: int = TEXT, between: bytes = b"") -> bytes:
    """Return a message in fragments, with ``between`` after each but the last."""
    data = b""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        data += frame(part, CONT if i else opcode, fin=last) + (b"" if last else between)
    return data


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], bytes, list[int]]:
    """Return messages, a stream that holds them, and where to cut it."""
    messages, data = [], b""
    for _ in range(draw(st.integers(1, 8))):
        match draw(st.sampled_from(["text", "binary", "fragments", "ping", "pong"])):
            case "fragments":
                parts = draw(st.lists(st.binary(max_size=140), min_size=2, max_size=4))
                messages.append(b"".join(parts))
                data += fragmented(parts, between=draw(st.sampled_from([b"", frame(b"p", PING), frame(b"", PONG)])))
            case "ping" | "pong" as kind:
                data += frame(draw(st.binary(max_size=125)), PING if kind == "ping" else PONG)
            case kind:
                messages.append(draw(st.binary(max_size=10)) * draw(st.sampled_from([1, 13, 40])))
                data += frame(messages[-1], TEXT if kind == "text" else BINARY)
    messages.append(b"end")
    data += frame(b"end")
    return messages, data, draw(st.lists(st.integers(1, len(data) - 1), max_size=12))


CASES = settings(
    max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@CASES
@given(stream=streams())
def test_messages_are_the_same_however_the_bytes_are_cut(
    transport: str, stream: tuple[list[bytes], bytes, list[int]]
) -> None:
    async def test() -> None:
        expected, data, cuts = stream
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            await peer.write_pieces(data, cuts)
            assert await received.until(len(expected)) == expected

    asyncio.run(test())


@pytest.mark.parametrize("payload", [b"", b"x", b"\0" * 125])
def test_a_ping_is_answered_with_its_payload(transport: str, payload: bytes) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            peer.write(frame(b"other", PONG), frame(payload, PING))
            assert await peer.frame() == (PONG, payload)
            assert received.batches == []

    run(test)


def test_what_is_sent_arrives_as_text(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport)
            expected = [b"", b"{}", b"x" * 126, b"y" * 70_000]
            socket.send(expected)
            assert [await peer.frame() for _ in expected] == [(TEXT, message) for message in expected]

    run(test)


# -- fragments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("parts", [[b"a", b"b"], [b"", b"b"], [b"a", b""], [b"", b""], [b"a", b"", b"c"], [b""] * 9])
def test_fragments_are_joined(transport: str, opcode: int, parts: list[bytes]) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            peer.write(frame(b"before"), fragmented(parts, opcode, frame(b"between", PING)), frame(b"after"))
            assert await received.until(3) == [b"before", b"".join(parts), b"after"]
            for _ in parts[1:]:
                assert await peer.frame() == (PONG, b"between")

    run(test)


def test_a_message_in_very_many_fragments_takes_linear_time(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport)
            parts = [b"x"] * 30_000
            began = asyncio.get_running_loop().time()
            peer.write(fragmented(parts))
            assert await received.until(1) == [b"".join(parts)]
            assert asyncio.get_running_loop().time() - began < 2

    run(test)


# -- violations ----------------------------------------------------------------------------------------------------

VIOLATIONS = {
    "masked": (frame(b"x", mask=True), 1002),
    "reserved bit 1": (frame(b"x", rsv=4), 1002),
    "reserved bit 2": (frame(b"x", rsv=2), 1002),
    "reserved bit 3": (frame(b"x", rsv=1), 1002),
    "reserved bit 1 of a binary": (frame(b"x", BINARY, rsv=4), 1002),
    "reserved bit 2 of a ping": (frame(b"x", PING, rsv=2), 1002),
    "reserved bit 1 of a pong": (frame(b"x", PONG, rsv=4), 1002),
    "reserved bit 3 of a close": (frame(b"\x03\xe8", CLOSE, rsv=1), 1002),
    "reserved bit 2 of a fragment": (frame(b"x", fin=False, rsv=2), 1002),
    "opcode 3": (frame(b"x", 3), 1002),
    "opcode 7": (frame(b"x", 7), 1002),
    "opcode 11": (frame(b"x", 11), 1002),
    "opcode 15": (frame(b"x", 15), 1002),
    "fragmented ping": (frame(b"x", PING, fin=False), 1002),
    "fragmented close": (frame(b"\x03\xe8", CLOSE, fin=False), 1002),
    "ping of 126 bytes": (frame(b"x" * 126, PING), 1002),
    "close of 126 bytes": (frame(b"\x03\xe8" + b"x" * 124, CLOSE), 1002),
    "close of 1 byte": (frame(b"\x03", CLOSE), 1002),
    "close code 0": (close_frame(0), 1002),
    "close code 999": (close_frame(999), 1002),
    "close code 1004": (close_frame(1004), 1002),
    "close code 1005": (close_frame(1005), 1002),
    "close code 1006": (close_frame(1006), 1002),
    "close code 1015": (close_frame(1015), 1002),
    "close code 2999": (close_frame(2999), 1002),
    "close code 5000": (close_frame(5000), 1002),
    "close reason not UTF-8": (close_frame(1000, b"\xff"), 1007),
    "continuation first": (frame(b"x", CONT), 1002),
    "continuation first, not the last": (frame(b"x", CONT, fin=False), 1002),
    "text inside fragments": (frame(b"x", fin=False) + frame(b"y"), 1002),
    "binary inside fragments": (frame(b"x", BINARY, fin=False) + frame(b"y", BINARY), 1002),
    "fragment inside fragments": (frame(b"x", fin=False) + frame(b"y", fin=False), 1002),
    "too big": (frame(b"x" * (LIMIT + 1)), 1009),
    "too big, announced": (frame(b"x" * 70_000)[:14], 1009),
    "too big, 2**62 bytes announced": (b"\x82\x7f\x40" + bytes(7), 1009),
    "too big in fragments": (fragmented([b"x" * LIMIT, b"x"]), 1009),
    "too big in 3 fragments": (fragmented([b"x" * 400] * 3), 1009),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_violation_ends_the_socket_with_its_code(transport: str, violation: str) -> None:
    data, code = VIOLATIONS[violation]

    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport, frame_bytes=LIMIT)
            peer.write(frame(b"1"), frame(b"2"), data, frame(b"after"))
            assert await peer.close_code() == code
            assert not socket.is_open
            peer.write(frame(b"later"))
            peer.writer.close()
            why = await socket.wait_closed()
            assert why.startswith(f"closed: {code} ")
            assert len(why) > len("closed: 1002 ")
            assert received.messages == [b"1", b"2"]

    run(test)


@pytest.mark.parametrize("violation", ["reserved bit 2", "opcode 3", "too big", "close code 999"])
def test_a_violation_ends_the_socket_even_if_the_server_does_not_mind(transport: str, violation: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport, frame_bytes=LIMIT)
            peer.write(VIOLATIONS[violation][0])
            async with asyncio.timeout(1):
                assert (await socket.wait_closed()).startswith(f"closed: {VIOLATIONS[violation][1]} ")

    run(test)


def test_nothing_after_a_violation_is_delivered(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport, frame_bytes=LIMIT)
            big = frame(b"x" * (LIMIT + 1))
            await peer.write_pieces(frame(b"1") + big + frame(b"after"), [3, 10, 500, len(big) + 3])
            await socket.wait_closed()
            assert received.messages == [b"1"]

    run(test)


def test_a_message_of_just_the_limit_passes(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport, frame_bytes=LIMIT)
            peer.write(frame(b"x" * LIMIT), fragmented([b"y" * 999, b"y"]), fragmented([b"z" * LIMIT, b""]))
            assert await received.until(3) == [b"x" * LIMIT, b"y" * LIMIT, b"z" * LIMIT]

    run(test)


# -- the end -------------------------------------------------------------------------------------------------------

FAREWELLS = [
    # code, reason, the text
    (1000, b"", "closed by the server: 1000"),
    (1001, b"Bye", "closed by the server: 1001 Bye"),
    (1011, b"", "closed by the server: 1011"),
    (1012, b"restart", "closed by the server: 1012 restart"),
    (3000, b"", "closed by the server: 3000"),
    (4001, "wörter".encode(), "closed by the server: 4001 wörter"),
    (4999, b"x" * 123, f"closed by the server: 4999 {'x' * 123}"),
    (None, b"", "closed by the server: 1005"),
]


@pytest.mark.parametrize(("code", "reason", "expected"), FAREWELLS)
@pytest.mark.parametrize("polite", [True, False])
def test_the_server_closes(transport: str, code: int | None, reason: bytes, expected: str, polite: bool) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            peer.write(frame(b"1"), close_frame(code, reason), frame(b"after"))
            assert await peer.close_code() in {code, 1000 if code is None else code}
            assert not socket.is_open
            if polite:
                peer.writer.close()
            async with asyncio.timeout(1):
                assert await socket.wait_closed() == expected
            assert received.messages == [b"1"]
            socket.send([b"harmless"])
            await socket.close()
            assert await socket.wait_closed() == expected

    run(test)


def test_a_close_within_fragments_is_the_servers(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            peer.write(frame(b"1", fin=False), close_frame(1001))
            await peer.close_code()
            assert await socket.wait_closed() == "closed by the server: 1001"
            assert received.batches == []

    run(test)


def test_what_is_sent_before_the_loss_is_noticed_is_dropped_in_silence(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport)
            peer.reset()
            await asyncio.sleep(0)  # the reset is there, and not read
            for _ in range(20):
                socket.send([b"nobody reads it"])
            await socket.wait_closed()

    run(test)
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("end", ["eof", "reset"])
@pytest.mark.parametrize("before", [b"", frame(b"x", fin=False), frame(b"half")[:3]])
def test_a_connection_that_just_ends_is_lost(transport: str, end: str, before: bytes) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            assert socket.is_open
            peer.write(frame(b"1"), before)
            await received.until(1)
            peer.reset() if end == "reset" else peer.writer.close()
            async with asyncio.timeout(1):
                assert await socket.wait_closed() == "the connection was lost"
            assert not socket.is_open
            assert received.messages == [b"1"]
            socket.send([b"harmless"])
            socket.abort()
            await socket.close()
            await socket.close()

    run(test)


def test_close_is_answered(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            assert socket.is_open
            closing = asyncio.ensure_future(socket.close())
            assert await peer.frame() == (CLOSE, b"\x03\xe8")
            assert not socket.is_open
            socket.send([b"harmless"])
            peer.write(frame(b"too late"), close_frame(1000))
            peer.writer.close()
            await closing
            assert await socket.wait_closed() == "closed"
            assert received.batches == []
            await socket.close()
            socket.abort()

    run(test)


@pytest.mark.parametrize("says", ["nothing", "messages", "close"])
def test_close_ends_in_time_whatever_the_server_does(transport: str, says: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport)
            now = asyncio.get_running_loop().time
            began = now()
            closing = [asyncio.ensure_future(socket.close()) for _ in range(2)]
            assert await peer.close_code() == 1000
            while says == "messages" and not closing[0].done() and now() - began < 1:
                peer.write(frame(b"x"))
                await asyncio.sleep(0.01)
            if says == "close":
                peer.write(close_frame(1000))
            await asyncio.gather(*closing)
            assert now() - began < 0.5
            assert await peer.dropped(1) == b""
            assert await socket.wait_closed() == ("closed" if says == "close" else "the connection was lost")

    run(test)


def test_close_ends_in_time_when_the_server_does_not_read(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport)
            peer.writer.transport.pause_reading()
            for _ in range(40):
                socket.send([b"x" * 500_000])
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(2):
                await socket.close()
            assert asyncio.get_running_loop().time() - began < 0.6
            assert not socket.is_open

    run(test)


def test_a_violation_ends_in_time_when_the_server_does_not_read(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, _ = await server.open(transport)
            peer.writer.transport.pause_reading()
            for _ in range(40):
                socket.send([b"x" * 500_000])
            peer.write(frame(b"1"), frame(b"x", rsv=1))
            async with asyncio.timeout(1):
                await socket.wait_closed()

    run(test)


def test_abort_is_immediate(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport)
            peer.write(frame(b"not read yet"))
            socket.abort()
            assert not socket.is_open
            socket.send([b"harmless"])
            async with asyncio.timeout(0.1):
                assert await socket.wait_closed() == "the connection was lost"
                assert await peer.dropped() == b""
            assert received.batches == []
            socket.abort()
            await socket.close()

    run(test)


def test_abort_from_within_a_delivery_ends_deliveries(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            batches: list[list[bytes]] = []

            def deliver(batch: list[bytes]) -> None:
                batches.append(batch)
                socket.abort()

            opening = asyncio.ensure_future(open_socket(server.url, deliver, settings_of(transport)))
            peer = await server.accept()
            await peer.read_request()
            peer.write(peer.response())
            socket = await opening
            peer.write(*[frame(b"x")] * 1000)
            assert await socket.wait_closed() == "the connection was lost"
            assert len(batches) == 1

    run(test)


# -- handshakes ----------------------------------------------------------------------------------------------------


async def answered(transport: str, answer: Callable[[Peer], bytes], *, close: bool = False, **options: Any) -> str:
    """Return the error of a server that answers so."""
    async with raw_server() as server:
        refusing = asyncio.ensure_future(refused(transport, server.url, **options))
        peer = await server.accept()
        await peer.read_request()
        peer.write(answer(peer))
        if close:
            peer.writer.close()
        text = await refusing
        await peer.dropped(1)
        return text


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 451, 499, 503, 520])
def test_a_refusal_names_its_status(transport: str, status: int) -> None:
    async def test() -> None:
        body = b"HTTP/1.1 %d Because\r\nContent-Length: 2\r\n\r\nno" % status
        assert await answered(transport, lambda _: body) == f"server rejected WebSocket connection: HTTP {status}"

    run(test)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(transport: str, status: int) -> None:
    async def test() -> None:
        async with raw_server() as other:
            answer = b"HTTP/1.1 %d Go\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, other.url.encode())
            text = await answered(transport, lambda _: answer)
            assert text == f"server rejected WebSocket connection: HTTP {status}"
            assert other.peers == []

    run(test)


NONSENSE = {
    "garbage": lambda _: b"\x16\x03\x01 garbage\r\n\r\n",
    "an echo": lambda peer: peer.request,
    "a status that is no number": lambda _: b"HTTP/1.1 two hundred\r\n\r\n",
    "an old protocol": lambda _: b"HTTP/1.0 101 Switching Protocols\r\n\r\n",
    "a header without a colon": lambda peer: peer.response("nonsense"),
    "a control character": lambda peer: peer.response("X-A: \x01"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_what_is_not_http_is_refused(transport: str, nonsense: str) -> None:
    async def test() -> None:
        assert await answered(transport, NONSENSE[nonsense]) == "did not receive a valid HTTP response"

    run(test)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Switch", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: w"])
def test_a_server_that_hangs_up_on_the_handshake(transport: str, answer: bytes) -> None:
    async def test() -> None:
        text = await answered(transport, lambda _: answer, close=True)
        assert text == "did not receive a valid HTTP response"

    run(test)


@pytest.mark.parametrize(
    ("header", "wrong", "name"),
    [
        (b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: SECRETtoken123", "Sec-WebSocket-Accept"),
        (b"Sec-WebSocket-Accept: ", b"X-Other: ", "Sec-WebSocket-Accept"),
        (b"Upgrade: websocket", b"Upgrade: h2c", "Upgrade"),
        (b"Upgrade: websocket", b"X-Other: x", "Upgrade"),
        (b"Connection: Upgrade", b"Connection: close", "Connection"),
    ],
)
def test_a_wrong_header_is_refused_by_name(transport: str, header: bytes, wrong: bytes, name: str) -> None:
    async def test() -> None:
        text = await answered(transport, lambda peer: peer.response().replace(header, wrong))
        assert text == f"missing or invalid {name} header"

    run(test)


@pytest.mark.parametrize("compression", [True, False])
@pytest.mark.parametrize(
    "accepted",
    [
        ("Sec-WebSocket-Extensions: x-unknown",),
        ("Sec-WebSocket-Extensions: permessage-deflate, x-unknown",),
        ("Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Extensions: x-unknown"),
        ("Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate",),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",),
        ("Sec-WebSocket-Extensions: permessage-deflate; unknown=1",),
        ("Sec-WebSocket-Extensions: ;;;",),
    ],
)
def test_an_extension_that_was_not_offered_is_refused(
    transport: str, accepted: tuple[str, ...], compression: bool
) -> None:
    async def test() -> None:
        assert await answered(transport, lambda peer: peer.response(*accepted), compression=compression)

    run(test)


def test_nothing_listens(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            url = server.url
        await refused(transport, url)

    run(test)


@pytest.mark.parametrize(
    "url",
    [
        f"ws://nothing.invalid/?token={SECRET}",
        f"ws://{'x' * 70}.invalid/?token={SECRET}",
        f"ws://127.0.0.1:99999/?token={SECRET}",
        f"ws:///?token={SECRET}",
        f"http://127.0.0.1/?token={SECRET}",
        f"ws://127.0.0.1/?token={SECRET}#fragment",
    ],
)
def test_an_address_that_leads_nowhere(transport: str, url: str) -> None:
    run(refused, transport, url)


def test_a_server_that_says_nothing_is_given_up(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            began = asyncio.get_running_loop().time()
            text = await refused(transport, server.url, open_timeout=0.1)
            assert text == "timed out during the opening handshake"
            assert asyncio.get_running_loop().time() - began < 0.3
            peer = await server.accept()
            await peer.read_request()
            await peer.dropped(0.2)

    run(test)


def test_an_answer_that_comes_too_late_opens_nothing(transport: str) -> None:
    """However it was given up: out of time, or cancelled."""

    async def test() -> None:
        async with raw_server() as server:
            received = Received()
            opening = asyncio.ensure_future(open_socket(server.url, received, settings_of(transport, open_timeout=3)))
            peer = await server.accept()
            await peer.read_request()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            peer.write(peer.response(), frame(b"too late"))
            await peer.dropped(0.2)
            assert received.batches == []

    run(test)


def headers_without_end() -> bytes:
    return b"HTTP/1.1 101 Switching Protocols\r\n" + b"X-Header: value\r\n" * 70_000


@pytest.mark.parametrize(
    "answer",
    [
        headers_without_end() + b"\r\n",
        headers_without_end(),
        b"HTTP/1.1 101 Switching Protocols\r\nX-Header: " + b"x" * 2**20,
        b"HTTP/1.1 101 " + b"x" * 2**20,
        b"x" * 2**20,
    ],
    ids=["a megabyte", "no end", "one long header", "a long reason", "no line"],
)
def test_headers_are_bounded(transport: str, answer: bytes) -> None:
    async def test() -> None:
        assert await answered(transport, lambda _: answer) == "did not receive a valid HTTP response"

    run(test)


def test_a_violation_in_one_segment_with_the_handshake(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport, after=frame(b"1") + frame(b"x", 3))
            assert await peer.close_code() == 1002
            assert (await socket.wait_closed()).startswith("closed: 1002 ")
            assert received.messages == [b"1"]

    run(test)


# -- compression ---------------------------------------------------------------------------------------------------

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def deflated(data: bytes, *, bits: int = 15) -> bytes:
    compressor = zlib.compressobj(wbits=-bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"server_no_context_takeover": True},
        {"client_no_context_takeover": True},
        {"server_max_window_bits": 9},
        {"client_max_window_bits": 9},
        {
            "server_no_context_takeover": True,
            "client_no_context_takeover": True,
            "server_max_window_bits": 10,
            "client_max_window_bits": 12,
        },
    ],
)
def test_compressed_messages_arrive(transport: str, variant: dict[str, Any]) -> None:
    expected = [b"", b"x", b'{"price":"1.25"}' * 100, b"y" * 100_000, bytes(range(256)) * 300, b"end"]
    heard: list[bytes] = []

    async def serving(connection: ServerConnection) -> None:
        assert [extension.name for extension in connection.protocol.extensions] == ["permessage-deflate"]
        for message in expected:
            await connection.send(message)
        await connection.send([message[:1000] for message in expected])  # in fragments
        try:
            heard.append(await connection.recv(decode=False))
            await connection.wait_closed()
        except ConnectionClosed:
            pass

    async def test() -> None:
        factory = ServerPerMessageDeflateFactory(**variant)
        async with serve(serving, "127.0.0.1", 0, extensions=[factory], compression=None) as server:
            port = server.sockets[0].getsockname()[1]
            received = Received()
            socket = await open_socket(f"ws://127.0.0.1:{port}/", received, settings_of(transport, compression=True))
            joined = b"".join(message[:1000] for message in expected)
            assert await received.until(7) == [*expected, joined]
            socket.send([b"hello" * 100])
            await asyncio.sleep(0.01)
            await socket.close()
            assert await socket.wait_closed() == "closed"
        assert heard == [b"hello" * 100]

    run(test)


@pytest.mark.parametrize("compression", [True, False])
def test_a_server_that_does_not_compress(transport: str, compression: bool) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport, compression=compression)
            offered = peer.header("Sec-WebSocket-Extensions")
            assert offered == ("permessage-deflate; client_max_window_bits" if compression else None)
            peer.write(frame(b"plain"), fragmented([b"a", b"b"]))
            assert await received.until(2) == [b"plain", b"ab"]

    run(test)


def test_compressed_and_plain_messages_and_fragments_mix(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            _, peer, received = await server.open(transport, f"{DEFLATE}; server_no_context_takeover", compression=True)
            data = deflated(b"compressed" * 10)
            await peer.write_pieces(
                frame(b"plain")
                + frame(data, rsv=4)
                + frame(data, BINARY, rsv=4)
                + frame(data[:3], fin=False, rsv=4)
                + frame(b"between", PING)
                + frame(b"", CONT, fin=False)
                + frame(data[3:], CONT)
                + fragmented([b"plain ", b"again"]),
                [5, 17, 40],
            )
            expected = [b"plain", *[b"compressed" * 10] * 3, b"plain again"]
            assert await received.until(5) == expected

    run(test)


CORRUPT = {
    "not deflate": (frame(b"\xff" * 20, rsv=4), 1002),
    "reserved bit 1 of a continuation": (
        frame(deflated(b"a"), fin=False, rsv=4) + frame(deflated(b"b"), CONT, rsv=4),
        1002,
    ),
    "reserved bit 1 of a plain continuation": (frame(b"a", fin=False) + frame(b"b", CONT, rsv=4), 1002),
    "reserved bit 1 of a ping": (frame(b"a", PING, rsv=4), 1002),
    "reserved bit 2": (frame(deflated(b"a"), rsv=6), 1002),
    "a bomb": (frame(deflated(bytes(50_000_000)), rsv=4), 1009),
    "a bomb in fragments": (frame(b"", fin=False, rsv=4) + frame(deflated(bytes(50_000_000)), CONT), 1009),
    "a bomb after a full message": (
        frame(deflated(bytes(2**16)) + b"\0\0\xff\xff", fin=False, rsv=4) + frame(deflated(bytes(50_000_000)), CONT),
        1009,
    ),
    "one byte too many": (frame(deflated(bytes(2**16 + 1)), rsv=4), 1009),
    "fragments too big together": (
        frame(deflated(bytes(40_000)) + b"\0\0\xff\xff", fin=False, rsv=4) + frame(deflated(bytes(40_000)), CONT),
        1009,
    ),
}


@pytest.mark.parametrize("kind", CORRUPT)
def test_compressed_data_that_is_wrong_ends_the_socket(transport: str, kind: str) -> None:
    data, code = CORRUPT[kind]

    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open(transport, DEFLATE, compression=True, frame_bytes=2**16)
            tracemalloc.start()
            try:
                peer.write(frame(b"1"), data, frame(b"after"))
                assert await peer.close_code() == code
                assert tracemalloc.get_traced_memory()[1] < 2_000_000
            finally:
                tracemalloc.stop()
            peer.writer.close()
            assert (await socket.wait_closed()).startswith(f"closed: {code} ")
            assert received.messages == [b"1"]

    run(test)


# -- TLS -----------------------------------------------------------------------------------------------------------


class Certificates:
    """A server's, and the authority that signed it."""

    def __init__(self, folder: Path) -> None:
        trustme = pytest.importorskip("trustme")
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.server = _context(authority.issue_cert("127.0.0.1", "localhost", "exchange.test"))
        self.other = _context(authority.issue_cert("other.test"))


def _context(certificate: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    return certificates


def test_tls_carries_large_messages_and_close_codes(transport: str, trusted: Certificates) -> None:
    async def test() -> None:
        async with raw_server(trusted.server) as server:
            socket, peer, received = await server.open(transport, after=frame(b"welcome"))
            expected = [b"welcome", *(bytes([65 + i]) * length for i, length in enumerate(LENGTHS)), b"last"]
            for message in expected[1:]:
                peer.write(frame(message))
            peer.write(frame(b"p", PING))
            assert await received.until(len(expected)) == expected
            assert await peer.frame() == (PONG, b"p")
            socket.send([b"x" * 70_000])
            assert await peer.frame() == (TEXT, b"x" * 70_000)
            peer.write(frame(b"1"), close_frame(4001, b"Bye"))
            assert await peer.close_code() == 4001
            peer.writer.close()
            async with asyncio.timeout(1):
                assert await socket.wait_closed() == "closed by the server: 4001 Bye"
            assert received.messages[-1] == b"1"

    run(test)


@settings(CASES, max_examples=15)
@given(stream=streams())
def test_messages_over_tls_are_the_same_however_the_bytes_are_cut(
    transport: str, trusted: Certificates, stream: tuple[list[bytes], bytes, list[int]]
) -> None:
    async def test() -> None:
        expected, data, cuts = stream
        async with raw_server(trusted.server) as server:
            _, peer, received = await server.open(transport)
            await peer.write_pieces(data, cuts)
            assert await received.until(len(expected)) == expected

    asyncio.run(test())


@pytest.mark.parametrize("violation", ["reserved bit 2", "opcode 3", "too big", "close code 999", "masked"])
def test_a_violation_over_tls_ends_the_socket(transport: str, trusted: Certificates, violation: str) -> None:
    async def test() -> None:
        async with raw_server(trusted.server) as server:
            violated, peer, received = await server.open(transport, frame_bytes=LIMIT)
            peer.write(frame(b"1"), VIOLATIONS[violation][0], frame(b"after"))
            assert await peer.close_code() == VIOLATIONS[violation][1]
            async with asyncio.timeout(1):
                assert (await violated.wait_closed()).startswith(f"closed: {VIOLATIONS[violation][1]} ")
            assert received.messages == [b"1"]

    run(test)


def test_tls_ends_in_time_whatever_the_server_does(transport: str, trusted: Certificates) -> None:
    async def test() -> None:
        async with raw_server(trusted.server) as server:
            now = asyncio.get_running_loop().time
            closed, _, _ = await server.open(transport)
            began = now()
            await closed.close()
            assert now() - began < 0.6
            aborted, _, _ = await server.open(transport)
            aborted.abort()
            async with asyncio.timeout(0.1):
                assert await aborted.wait_closed() == "the connection was lost"

    run(test)


def test_a_certificate_that_nobody_vouches_for_is_refused(transport: str, certificates: Certificates) -> None:
    async def test() -> None:
        async with raw_server(certificates.server) as server:
            text = await refused(transport, server.url)
            assert "certificate verify failed" in text.lower().replace("_", " ")
            assert "unable to get local issuer certificate" in text

    run(test)


def test_a_certificate_of_another_host_is_refused(transport: str, trusted: Certificates) -> None:
    async def test() -> None:
        async with raw_server(trusted.other) as server:
            text = await refused(transport, server.url)
            assert "certificate verify failed" in text.lower().replace("_", " ")
            assert "IP address mismatch" in text

    run(test)


def test_tls_with_a_server_that_speaks_none(transport: str) -> None:
    async def test() -> None:
        async with raw_server() as server:
            refusing = asyncio.ensure_future(refused(transport, server.url.replace("ws:", "wss:")))
            peer = await server.accept()
            peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.writer.close()
            await refusing

    run(test)


def test_a_refusal_over_tls_with_too_many_headers(transport: str, trusted: Certificates) -> None:
    async def test() -> None:
        async with raw_server(trusted.server) as server:
            refusing = asyncio.ensure_future(refused(transport, server.url))
            peer = await server.accept()
            await peer.read_request()
            peer.write(headers_without_end())
            assert await refusing == "did not receive a valid HTTP response"
            await peer.dropped(2)

    run(test)


# -- proxies -------------------------------------------------------------------------------------------------------

NAME = "exchange.test"  # resolved by nobody but the proxy

PROXIES = [
    # variable, scheme of the target, kind of proxy, scheme of the proxy
    ("WS_PROXY", "ws", "http", "http"),
    ("HTTP_PROXY", "ws", "http", "http"),
    ("HTTPS_PROXY", "ws", "http", "http"),
    ("https_proxy", "wss", "http", "http"),
    ("WSS_PROXY", "wss", "http", "http"),
    ("SOCKS_PROXY", "ws", "socks", "socks5h"),
    ("SOCKS_PROXY", "wss", "socks", "http"),  # websockets' reading of the system's settings
    ("WSS_PROXY", "wss", "socks", "socks5h"),
    ("WS_PROXY", "ws", "socks", "SOCKS5H"),
]


@pytest.mark.parametrize(("variable", "scheme", "kind", "proxy_scheme"), PROXIES)
@pytest.mark.parametrize("login", ["", f"user:{PASSWORD}%40x"])
def test_the_environment_names_a_proxy(
    transport: str,
    trusted: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    scheme: str,
    kind: str,
    proxy_scheme: str,
    login: str,
) -> None:
    async def test() -> None:
        async with (
            raw_server(trusted.server if scheme == "wss" else None) as server,
            proxy_to(server.port, kind, login=login.replace("%40", "@")) as proxy,
        ):
            monkeypatch.setenv(variable, f"{proxy_scheme}://{login + '@' if login else ''}127.0.0.1:{proxy.port}")
            url = f"{scheme}://{NAME}:{server.port}/?token={SECRET}"
            socket, peer, received = await server.open(transport, url=url, after=frame(b"welcome"))
            assert peer.header("Host") == f"{NAME}:{server.port}"
            peer.write(frame(b"x" * 100_000), close_frame(1001))
            assert await received.until(2) == [b"welcome", b"x" * 100_000]
            peer.writer.close()
            assert await socket.wait_closed() == "closed by the server: 1001"
            assert proxy.asked == [f"{NAME}:{server.port}"]
            if login:
                plain = f"user:{PASSWORD}@x"
                basic = "Basic " + b64encode(plain.encode()).decode()
                assert proxy.credentials == [plain if kind == "socks" else basic]

    run(test)


@pytest.mark.parametrize(("kind", "refusal"), [("http", 403), ("http", 407), ("http", 503), ("socks", 4), ("socks", 5)])
def test_a_proxy_that_refuses_is_named_without_its_password(
    transport: str, monkeypatch: pytest.MonkeyPatch, kind: str, refusal: int
) -> None:
    async def test() -> None:
        async with raw_server() as server, proxy_to(server.port, kind, refusal=refusal) as proxy:
            scheme = "socks5h" if kind == "socks" else "http"
            monkeypatch.setenv("WS_PROXY", f"{scheme}://user:{PASSWORD}@127.0.0.1:{proxy.port}")
            text = await refused(transport, f"ws://{NAME}/?token={SECRET}")
            assert "proxy" in text.lower()
            if kind == "http":
                assert text == f"proxy rejected connection: HTTP {refusal}"
            assert server.peers == []

    run(test)


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://user:{PASSWORD}@127.0.0.1:1",
        f"socks5h://user:{PASSWORD}@127.0.0.1:1",
        f"http://user:{PASSWORD}@proxy.invalid:1",
        f"ftp://user:{PASSWORD}@127.0.0.1:1",
        f"http://{PASSWORD}@127.0.0.1:1",
        f"http://user:{PASSWORD}@127.0.0.1:1/path",
        f"http://user:{PASSWORD}@127.0.0.1:99999",
        f"http://user:{PASSWORD}@",
        PASSWORD,
    ],
)
def test_a_proxy_that_is_none_is_told_without_its_password(
    transport: str, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("WS_PROXY", proxy)
    run(refused, transport, f"ws://{NAME}/?token={SECRET}")


@pytest.mark.parametrize("kind", ["http", "socks"])
def test_a_proxy_that_says_nothing_is_given_up(transport: str, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    async def test() -> None:
        async with raw_server() as proxy:
            scheme = "socks5h" if kind == "socks" else "http"
            monkeypatch.setenv("WS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
            text = await refused(transport, f"ws://{NAME}/?token={SECRET}", open_timeout=0.1)
            assert text == "timed out during the opening handshake"
            await (await proxy.accept()).dropped(0.2)

    run(test)


def test_no_proxy_is_honoured(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with raw_server() as server, proxy_to(server.port) as proxy:
            monkeypatch.setenv("WS_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", "other.test,exchange.invalid")
            await refused(transport, f"ws://exchange.invalid/?token={SECRET}")
            assert proxy.asked == []

    run(test)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_never_behind_a_proxy(transport: str, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    async def test() -> None:
        async with raw_server() as server, proxy_to(server.port) as proxy:
            for variable in ("WS_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "SOCKS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            if host == "[::1]":  # nothing listens there: all that counts is who is not asked
                await refused(transport, f"ws://[::1]:{server.port}/")
            else:
                await server.open(transport, url=f"ws://{host}:{server.port}/")
            assert proxy.asked == []

    run(test)


# -- which library -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["picows", "websockets.proxy"])
def test_picows_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(UsageError, match=r"pip install 'kucoin-stream\[fast\]'"):
        takes_picows(settings_of("picows"))
    assert not takes_picows(settings_of("auto"))
    assert not takes_picows(settings_of("websockets"))


def test_auto_takes_picows_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    assert takes_picows(settings_of("auto"))
    assert takes_picows(settings_of("picows"))
    assert not takes_picows(settings_of("websockets"))


@pytest.mark.parametrize("installed", [True, False])
def test_auto_opens_a_socket_either_way(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    async def test() -> None:
        async with raw_server() as server:
            socket, peer, received = await server.open("auto")
            assert type(socket).__name__ == ("PicowsSocket" if installed else "WebsocketsSocket")
            peer.write(frame(b"1"))
            assert await received.until(1) == [b"1"]

    if installed:
        pytest.importorskip("picows")
    else:
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    run(test)
