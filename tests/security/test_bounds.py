"""Nothing that a server sends is taken without bound, and nothing that it says leads a secret elsewhere."""

from __future__ import annotations

import ast
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.errors import RemoteProtocolError, RequestError, UsageError
from kucoin_stream.frames.book import decimals
from kucoin_stream.protocol.decoding import decode
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.transport.target import check_rest_url, is_own
from tests.conftest import until
from tests.security.test_secrets import KEY
from tests.transport.test_rest import SYMBOL, OddExchange, _Reader, serve

MB = 2**20


class Harmful(OddExchange):
    """Answers the list of symbols as ``answer`` says, and notes what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Callable[[], web.Response] | None = None
        self.asked: list[web.Request] = []

    async def rest(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.answer is not None and request.path.endswith(("symbols", "bullet-private")):
            return self.answer()
        return await super().rest(request)


@pytest.fixture
def harmful() -> Harmful:
    return Harmful()


@pytest.fixture
def url(harmful: Harmful) -> Iterator[str]:
    with serve(harmful) as url:
        yield url


def body(data: str) -> bytes:
    return f'{{"code":"200000","data":{data}}}'.encode()


def zipped(size: int) -> web.Response:
    return web.Response(body=gzip.compress(body(f'"{"a" * size}"'), 1), headers={"Content-Encoding": "gzip"})


ANSWERS: dict[str, Callable[[], web.Response]] = {
    "long": lambda: web.Response(body=body(f'"{"a" * 5 * MB}"')),
    "a bomb of gzip": lambda: zipped(50 * MB),
    "nested": lambda: web.Response(body=body("[" * 10**6 + "]" * 10**6)),
    "a long header": lambda: web.Response(body=body("[]"), headers={"X-Long": "a" * 10**6}),
    "a long number": lambda: web.Response(body=body("9" * 10**6)),
    "no text": lambda: web.Response(body=b"\xff\x00" * 1000),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_harmful_answer_is_refused(harmful: Harmful, url: str, answer: str) -> None:
    harmful.answer = ANSWERS[answer]
    with pytest.raises((RequestError, RemoteProtocolError)) as caught:
        ks.Client(url, response_bytes=4 * MB).open()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("0.00000001", 8), ("0.10", 1), ("10", 0), ("1e999999", 8), ("1e-999999", 8), ("1e-30", 8), ("NaN", 8),
        ("0", 8), ("0.1" + "0" * 1000, 1), ("0." + "1" * 1000, 20),
    ],
)  # fmt: skip
def test_no_step_makes_prices_endless(step: str, shown: int) -> None:
    assert decimals(Decimal(step)) == shown


def test_a_step_of_a_thousand_million_decimals_is_none(harmful: Harmful, url: str) -> None:
    harmful.symbols = [SYMBOL | {"symbol": f"A-{n}", "priceIncrement": f"1e{n}"} for n in (999999999, -999999999)]
    with ks.Client(url) as client:
        assert [client.book(symbol, source="classic").price_decimals for symbol in client.symbols] == [8, 8]


DEEP = [b'{"a":' * 10**5 + b"1" + b"}" * 10**5, b"[" * 10**6, b'{"id":"1","data":' + b"[" * 10**5 + b"]" * 10**5 + b"}"]


@pytest.mark.parametrize("key", Connection)
def test_deep_and_inflated_messages_are_errors(key: Connection) -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(bytes(64 * MB)) + deflate.flush()
    for data in (*DEEP, bomb, b'{"id":"1","type":"pong","timestamp":' + b"9" * 10**6 + b"x}"):
        with pytest.raises(RemoteProtocolError) as caught:
            decode(data, key)
        assert len(str(caught.value)) < 400


def test_an_error_repeats_no_more_of_a_message_than_fits_a_line() -> None:
    push = {"type": "message", "topic": "x" * MB, "subject": "y" * MB, "data": {}}
    with pytest.raises(RemoteProtocolError) as caught:
        decode(json.dumps(push), "spotPublicV1")
    assert len(str(caught.value)) < 400


# -- elsewhere -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("key", [{}, KEY], ids=["public", "signed"])
def test_a_redirect_of_rest_is_not_followed(harmful: Harmful, url: str, status: int, key: dict[str, str]) -> None:
    elsewhere = Harmful()
    with serve(elsewhere) as other:
        harmful.answer = lambda: web.Response(status=status, headers={"Location": f"{other}/api/v1/symbols"})
        with pytest.raises(RequestError, match=f"HTTP {status}"):
            ks.Client(url, **key).open()
    assert elsewhere.asked == []


ASTRAY = [
    "wss://evil.example/ws",
    "wss://kucoin.com.evil.example/",
    "wss://evil-kucoin.com/",
    "wss://evil.example\\@ws.kucoin.com/",
    "wss://evil.example\\.kucoin.com/",
    "wss://evil.example\t.kucoin.com/",
    "wss://evil.example\n.kucoin.com/",
    "wss://me@ws.kucoin.com/",
    "wss://evil.example#.kucoin.com",
    "wss://evil.example?.kucoin.com",
    "ws://ws.kucoin.com/",
    "wss://ws.kucoin.com\u3002evil.example/",
    "https://ws.kucoin.com/",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("endpoint", ASTRAY)
def test_no_spelling_of_an_address_leads_a_token_astray(
    harmful: Harmful, url: str, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setitem(opening.REST_BASE, "global", url)
    harmful.endpoint = endpoint
    with ks.Client("live", reconnect_delay=60, open_timeout=1) as client:
        client.engine.call(client.engine.pool.attach, ["/market/match:A-B"], _Reader())
        reason = until(lambda: client.statistics()["connections"][0]["reason"])
    assert "names a host that is not KuCoin's" in reason or "names no websocket" in reason


@pytest.mark.parametrize(
    "odd", ["https://evil.example\\@api.kucoin.com", "https://evil.example\\.kucoin.com", "https://e\tvil"]
)
def test_an_address_that_parsers_disagree_on_is_none(odd: str) -> None:
    assert not is_own(odd)
    with pytest.raises(UsageError, match="not a REST base"):
        check_rest_url(odd)


# -- recordings are data -------------------------------------------------------------------------------------------

CODE = {"pickle", "marshal", "shelve", "dill", "yaml", "joblib", "subprocess", "code", "runpy", "ctypes"}
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "read_pickle", "yaml_load"}


def test_nothing_that_is_read_can_become_code() -> None:
    package = Path(ks.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    used = {each.name.partition(".")[0] for each in names} & CODE
                case ast.ImportFrom(module=str(module)):
                    used = {module.partition(".")[0]} & CODE
                case ast.Call(func=ast.Name(id=name)):
                    used = {name} & CALLS
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if owner != "re":
                    used = {name} & CALLS
                case _:
                    continue
            found += [(path.name, name) for name in used]
    assert found == []  # the body of a recorded cell, which its user has typed, is compiled by the shell


def test_the_widgets_bring_no_script_but_their_own_module() -> None:
    package = Path(ks.__file__).parent
    [module] = package.rglob("*.js")
    assert module.name == "interactive.js"
    source = module.read_text()
    assert [word for word in ("eval(", "Function(", "import ", "import(", "fetch(", "http") if word in source] == []
    text = "".join(path.read_text() for path in (package / "widgets").rglob("*.py"))
    assert [word for word in ("<script", "Javascript(", "onclick", "javascript:") if word in text] == []
