"""Keys, tokens and signatures are searched for in everything that a client says (design.md, law 9)."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import zstandard

import kucoin_stream as ks
from kucoin_stream.errors import KucoinStreamError, UsageError
from kucoin_stream.protocol.endpoints.changes import Change, DryRun
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator import Simulator
from kucoin_stream.simulator.account import SIMULATED
from kucoin_stream.transport.credentials import VARIABLES
from kucoin_stream.transport.dial import Line
from kucoin_stream.transport.signer import Signer
from tests.security.life import WRONG

pytestmark = pytest.mark.slow

OURS = "kucoin_stream/"
KNOWN = (SIMULATED.key, SIMULATED.secret, SIMULATED.passphrase)
KEY = dict(
    zip(("key", "secret", "passphrase"), ("KEYKEY-0123456789", "SECRET-0123456789", "PHRASE-0123456789"), strict=True)
)
SIGNED = re.compile(r"\b[A-Za-z0-9+/]{43}(?:=|%3D)|[?&](?:token|sign|apikey)=\w", re.ASCII)
"""A signature, HMAC-SHA256 in base64, or a query that holds one or a token."""


def forms(*secrets: str) -> set[str]:
    """Return how secrets may be written."""
    encoded = {base64.b64encode(each.encode()).decode().rstrip("=")[:-1] for each in secrets}
    return {*secrets, *encoded, *(quote(each, safe="") for each in secrets), *(each.encode().hex() for each in secrets)}


def found(text: str, *secrets: str) -> list[str]:
    return [text[max(0, at - 100) : at + 30] for each in forms(*secrets) if (at := text.find(each)) >= 0]


# -- tracebacks with variables: IPython's %xmode Verbose, rich, error reporters ------------------------------------


def below(exc: BaseException) -> str:
    """Return the traceback with all variables of our functions: those of the user's are the user's."""
    lines = traceback.TracebackException.from_exception(exc, capture_locals=True).format()
    return "".join(line for line in lines if OURS in line or not line.startswith('  File "'))


@pytest.fixture
def stop() -> Iterator[None]:
    yield
    ks.stop()


@pytest.mark.usefixtures("stop")
@pytest.mark.parametrize("connect", [ks.connect, ks.Client, ks.doctor], ids=lambda connect: connect.__name__)
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"regoin": "EU"},
        {"ping_interval": "x"},
        {"passphrase": None},
        {"secret": KEY["secret"] + "\n"},
        {"secret": KEY["secret"].encode()},
        {"secret": None, "secert": KEY["secret"]},
        {"sign": 5},
        {"sign": lambda message, secret: {}[secret]},
        {"websocket_url": "nonsense"},
        {"target": "simm"},
        {"target": "http://192.0.2.1"},
        {"target": "http://127.0.0.1:1"},
        {"request_timeout": 1e-4},
    ],
    ids=lambda wrong: " ".join(wrong) or "nothing",
)
def test_no_failure_to_connect_shows_the_key(
    sim: Simulator, connect: Callable[..., Any], wrong: dict[str, Any]
) -> None:
    if connect is ks.doctor and not wrong.keys() & {"regoin", "ping_interval", "passphrase", "secret"}:
        pytest.skip("a row of the report, which tests/test_doctor.py searches")
    options = {"target": sim.url} | KEY | wrong
    try:
        made = connect(options.pop("target"), **options)
        made.open()
    except KucoinStreamError as exc:
        text = f"{exc} {exc!r} {exc.args} {below(exc)}"
    assert found(text, *KEY.values()) == []


def test_a_part_of_a_key_in_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[1], KEY["secret"])
    with pytest.raises(UsageError, match="missing: key, passphrase") as caught:
        ks.Client("live").open()
    assert found(below(caught.value), KEY["secret"]) == []


def test_the_passphrase_of_a_new_key_is_not_shown(client: ks.Client) -> None:
    for wrong in ({}, {"nonsense": 1}):
        with pytest.raises(KucoinStreamError) as caught:
            client.rest.sub_account.add_sub_account_api(KEY["passphrase"], "remark", "name", **wrong)
        assert found(below(caught.value), KEY["passphrase"]) == []
    args = {"passphrase": KEY["passphrase"], "remark": "x"}
    shown = f"{DryRun('op', args, 0, 'USDT')!r} {Change('group', 'op', args)!r}"  # type: ignore[arg-type]
    assert found(shown, KEY["passphrase"]) == []
    assert "'remark': 'x'" in shown


def test_a_url_with_a_query_or_a_password_is_refused_and_not_repeated() -> None:
    for url in (
        "https://api.kucoin.com?key=hunter2",
        "https://api.kucoin.com/#hunter2",
        "https://a:hunter2@kucoin.com",
    ):
        with pytest.raises(UsageError) as caught:
            ks.Client(url)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(UsageError, match="must not hold a user name or password") as caught:
        ks.Client("sim", websocket_url="wss://me:hunter2@ws.kucoin.com")
    assert "hunter2" not in str(caught.value)


# -- files: pickles, copies, JSON ----------------------------------------------------------------------------------

MINE = Credentials(**KEY)
HOLDERS = {
    "Credentials": lambda _: MINE,
    "Signer": lambda _: Signer(MINE),
    "Client": lambda _: ks.Client("sim", **KEY),
    "Opening": lambda _: ks.Client("sim", **KEY)._opening,
    "Rest": lambda client: client.engine.rest,
    "Engine": lambda client: client.engine,
    "Client, open": lambda client: client,
}
WAYS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "vars": lambda held: repr(vars(held)),
    "format": "{0} {0!s} {0!a}".format,
    "pickle": pickle.dumps,
    "copy": lambda held: pickle.dumps(copy.copy(held)),
    "deepcopy": lambda held: pickle.dumps(copy.deepcopy(held)),
    "json": lambda held: json.dumps(held, default=vars),
    "msgspec": msgspec.json.encode,
    "builtins": lambda held: repr(msgspec.to_builtins(held)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_no_file_and_no_repr_takes_a_key(client: ks.Client, holder: str, way: str) -> None:
    held = HOLDERS[holder](client)
    if way == "deepcopy" and holder in {"Rest", "Engine", "Client, open"}:
        pytest.skip("half an event loop would complain")
    try:
        made = WAYS[way](held)
    except (TypeError, ValueError, AttributeError, pickle.PicklingError, NotImplementedError) as exc:
        made = str(exc)
    text = made.decode("latin1") if isinstance(made, bytes) else made
    assert found(text, *KEY.values(), *KNOWN) == []


def test_settings_and_credentials_are_values() -> None:
    assert Credentials(**KEY) == MINE
    assert Credentials("a", "b", "c") != MINE
    assert len({MINE, Credentials(**KEY)}) == 1
    assert pickle.loads(pickle.dumps(ks.Client("sim", region="EU").settings)).region == "EU"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the token a-token+of/words is", "the token *** is"),
        ("the token a-token%2Bof%2Fwords is", "the token *** is"),
        ("cut off within a-token+of", "cut off within ***"),
        ("cut off within a-tok", "cut off within a-tok"),  # too little to be of use, and in too many words
    ],
)
def test_what_a_server_repeats_of_a_token_is_hidden_even_cut_off(said: str, shown: str) -> None:
    assert Line("wss://x/?token=t", None, ("a-token+of/words",)).scrubbed(said) == shown  # type: ignore[arg-type]


# -- a whole life --------------------------------------------------------------------------------------------------


def test_a_whole_life_at_its_loudest_says_no_secret(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-X", "dev", "-m", "tests.security.life"]
    lives = {}
    for transport, order_api in (("websockets", "1"), ("picows", "2")):
        tape = tmp_path / f"{transport}.kcs"
        lives[tape] = subprocess.Popen(
            [*command, transport, str(tape), order_api], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    for tape, process in lives.items():
        text = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 0, text[-2000:]
        for said in ("order Answered", "rest error ResponseError", "slow UnreachableError", "wrong ResponseError"):
            assert said in text, said
        with tape.open("rb") as file:
            lines = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().decode()
        assert "/account/balance" in lines
        for place in (text, lines, tape.read_bytes().decode("latin1")):
            assert found(place, *KNOWN, *WRONG.values()) == []
            assert SIGNED.search(place) is None
