"""The vectors of protocol.md 2.1."""

from __future__ import annotations

import json
import re

import pytest

from kucoin_stream.protocol import signing
from tests.protocol.payloads import SHARED

KEY = "67f0c2d8a1b2c3000112345a"
SECRET = "9c1a7f3e-0000-4000-8000-simulator0001"
PASSPHRASE = "N3ZWwOiUymnHyuhkvASHjcU4sfKpe5bP6bb1bojYHVU="  # "my-passphrase", signed
AT = 1764215232226


@pytest.mark.parametrize(
    ("secret", "message", "signature"),
    [
        ("test_api_secret", "test_plain", "jie/gxS38wLFFaBwl/cAzFbAzlI8MIny96jSXrB+iP4="),
        (
            "f03a5284-5c39-4aaa-9b20-dea10bdcf8e3",
            '1547015186532POST/api/v1/deposit-addresses{"currency":"BTC"}',
            "7QP/oM0ykidMdrfNEUmng8eZjg/ZvPafjIqmxiVfYu4=",
        ),
        (SECRET, "my-passphrase", PASSPHRASE),
        (SECRET, f"{AT}POST/api/v1/bullet-private", "SUuZIDnuFuHkE0xs2N/RaH39Du+61LZt52241rmwzWY="),
        (
            SECRET,
            f"{AT}GET/api/v3/market/orderbook/level2?symbol=BTC-USDT",
            "Ib5nHshEX7Gt1sBAWeKVQtZr4O021O9UKMD6CrmLHn4=",
        ),
        (SECRET, f"{AT}POST/api/websocket/users/verify", "jeqspAKelQmFoiFONaE1yW2NZNjhYUTOvsvCGsGVb+M="),
        (SECRET, f"67f0c2d8a1b2c3000112345a{AT}", "uT3KOMKBi1WIoM2XwY3LyNqZClV43jZ98BYeVlTIq3U="),
        (
            SECRET,
            '{"sessionId":"92f2aec4-0c2c-4a7c-9d1c-3f4a7f2c5b61","timestamp":1742175983882}',
            "Yq4c8FBajY++M1aB35hKDxztqQRsZzGjVrJLVtP3cdU=",
        ),
    ],
)
def test_signature(secret, message, signature):
    assert signing.sign(message, secret) == signature


@pytest.mark.parametrize(
    ("timestamp_ms", "method", "path", "body", "message"),
    [
        (
            1547015186532,
            "post",
            "/api/v1/deposit-addresses",
            '{"currency":"BTC"}',
            '1547015186532POST/api/v1/deposit-addresses{"currency":"BTC"}',
        ),
        (AT, "GET", "/api/v1/accounts?currency=BTC", "", f"{AT}GET/api/v1/accounts?currency=BTC"),
    ],
)
def test_what_a_signature_covers(timestamp_ms, method, path, body, message):
    assert signing.rest_message(timestamp_ms, method, path, body) == message


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        ("POST", "/api/v1/bullet-private", "SUuZIDnuFuHkE0xs2N/RaH39Du+61LZt52241rmwzWY="),
        (
            "GET",
            "/api/v3/market/orderbook/level2?symbol=BTC-USDT",
            "Ib5nHshEX7Gt1sBAWeKVQtZr4O021O9UKMD6CrmLHn4=",
        ),
    ],
)
def test_headers_of_a_private_call(method, path, signature):
    ready_made = signing.sign(signing.rest_message(AT, method, path), SECRET)
    assert signing.rest_headers(key=KEY, timestamp_ms=AT, signature=ready_made, passphrase=PASSPHRASE) == {
        "KC-API-KEY": KEY,
        "KC-API-TIMESTAMP": str(AT),
        "KC-API-SIGN": signature,
        "KC-API-PASSPHRASE": PASSPHRASE,
        "KC-API-KEY-VERSION": "2",
        "Content-Type": "application/json",
    }


def test_the_frame_that_authenticates_is_the_one_of_the_protocol():
    signature = signing.sign(signing.auth_message(AT), SECRET)
    passphrase = signing.sign("my-passphrase", SECRET)
    frame = signing.auth_frame(key=KEY, timestamp_ms=AT, signature=signature, passphrase=passphrase, request_id="1")
    assert frame.decode() == (
        '{"id":"1","op":"auth","kc-api-key":"67f0c2d8a1b2c3000112345a",'
        '"kc-api-sign":"jeqspAKelQmFoiFONaE1yW2NZNjhYUTOvsvCGsGVb+M=","kc-api-timestamp":"1764215232226",'
        '"kc-api-passphrase":"N3ZWwOiUymnHyuhkvASHjcU4sfKpe5bP6bb1bojYHVU="}'
    )


def test_the_id_of_an_auth_frame_is_none_that_a_machine_gives():
    frame = signing.auth_frame(key=KEY, timestamp_ms=AT, signature="s", passphrase="p")
    assert json.loads(frame)["id"] == "auth"


@pytest.mark.parametrize(("nanoseconds", "more"), [(False, {}), (True, {"enable_ns": "true"})])
def test_the_parameters_of_a_ws_api_address(nanoseconds, more):
    signature = signing.sign(signing.query_message(KEY, AT), SECRET)
    assert (
        signing.query(key=KEY, timestamp_ms=AT, signature=signature, passphrase=PASSPHRASE, nanoseconds=nanoseconds)
        == {
            "apikey": KEY,
            "sign": "uT3KOMKBi1WIoM2XwY3LyNqZClV43jZ98BYeVlTIq3U=",
            "passphrase": PASSPHRASE,
            "timestamp": "1764215232226",
        }
        | more
    )


def test_every_vector_of_the_protocol_is_right():
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    table = file.read_text(encoding="utf-8").split("Test vectors")[1].split("Optional broker")[0]
    rows = re.findall(r"^\| (?:`([^`]+)`|same) \| `([^`]+)`[^|]*\| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(rows) == 8
    secret = ""
    for given, message, signature in rows:
        secret = given or secret
        assert signing.sign(message, secret) == signature
