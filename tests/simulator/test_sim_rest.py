import json

import pytest

from kucoin_stream.protocol.signing import rest_headers, rest_message, sign
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.account import SIMULATED, Tokens
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.rest import Request, Rest
from kucoin_stream.simulator.trading.account import Account

T0 = 1_795_307_183_250_000_000  # ns
NOW_MS = T0 // 1_000_000
BOOK = "/api/v3/market/orderbook/level2?symbol=BTC-USDT"


@pytest.fixture(scope="module")
def rest():
    market = GeneratedMarket(["BTC-USDT", "ETH-BTC", "BCHSV-USDT"], seed=1)
    market.start(T0)
    account = Account(market)
    return Rest(
        market, account, SIMULATED, lambda venue, private, host: {"venue": venue, "private": private, "host": host}
    )


def ask(rest, target, method="GET", headers=None, body=""):
    answer = rest.answer(Request(method, target, headers or {}, body), T0)
    return answer.status, json.loads(answer.body)


def data(rest, target):
    status, answer = ask(rest, target)
    assert (status, answer["code"]) == (200, "200000")
    return answer["data"]


def signed(target=BOOK, method="GET", account=SIMULATED, shift_ms=0, body="", **changed):
    stamp = NOW_MS + shift_ms
    headers = rest_headers(
        key=account.key,
        timestamp_ms=stamp,
        signature=sign(rest_message(stamp, method, target, body), account.secret),
        passphrase=sign(account.passphrase, account.secret),
    )
    return headers | {name.replace("_", "-"): value for name, value in changed.items()}


def other(**parts):
    return Credentials(**{"key": SIMULATED.key, "secret": SIMULATED.secret, "passphrase": SIMULATED.passphrase} | parts)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        (signed(), 200, "200000"),
        (signed(KC_API_KEY_VERSION="3"), 200, "200000"),
        (signed(shift_ms=4900), 200, "200000"),
        (signed(shift_ms=-4900), 200, "200000"),
        ({}, 400, "400001"),
        (signed(KC_API_SIGN=""), 400, "400001"),
        (signed(KC_API_TIMESTAMP="noon"), 400, "400001"),
        (signed(shift_ms=5100), 401, "400002"),
        (signed(shift_ms=-5100), 401, "400002"),
        (signed(account=other(key="0" * 24)), 401, "400003"),
        (signed(account=other(passphrase="wrong")), 401, "400004"),
        (signed(KC_API_PASSPHRASE=SIMULATED.passphrase, KC_API_KEY_VERSION="1"), 200, "200000"),  # python-kucoin's
        (signed(KC_API_PASSPHRASE="wrong", KC_API_KEY_VERSION="1"), 401, "400004"),
        (signed(KC_API_PASSPHRASE=SIMULATED.passphrase), 401, "400004"),
        (signed(KC_API_SIGN=sign("something else", SIMULATED.secret)), 401, "400005"),
        (signed("/api/v3/market/orderbook/level2?symbol=ETH-BTC"), 401, "400005"),
        (signed("/api/v3/market/orderbook/level2"), 401, "400005"),
        (signed(method="POST"), 401, "400005"),
    ],
)
def test_a_signature_and_what_becomes_of_it(rest, headers, status, code):
    answered, answer = ask(rest, BOOK, headers=headers)
    assert (answered, answer["code"]) == (status, code)


def test_a_wrong_secret_fails_at_the_passphrase_as_it_signs_that_too(rest):
    answered, answer = ask(rest, BOOK, headers=signed(account=other(secret="guessed")))
    assert (answered, answer["code"]) == (401, "400004")


def test_the_query_may_be_signed_encoded_or_not(rest):
    plain, encoded = BOOK, BOOK.replace("-", "%2D")
    for text in (plain, encoded):
        headers = signed() | {"KC-API-SIGN": sign(rest_message(NOW_MS, "GET", text), SIMULATED.secret)}
        assert ask(rest, encoded, headers=headers)[0] == 200


@pytest.mark.parametrize("body", ["", "{}"])
def test_a_private_token_is_given_with_an_empty_body_or_none(rest, body):
    target = "/api/v1/bullet-private"
    headers = signed(target, "POST", body=body)
    assert ask(rest, target, "POST", headers, body)[1]["data"] == {"venue": "spot", "private": True, "host": ""}
    assert ask(rest, target, "POST", headers, body + " ")[1]["code"] == "400005"


def test_a_public_token_needs_no_signature(rest):
    answer = ask(rest, "/api/v1/bullet-public", "POST", {"Host": "here:80"})[1]
    assert answer["data"] == {"venue": "spot", "private": False, "host": "here:80"}


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/api/v9/nothing", 404, "404000"),
        ("/", 404, "404000"),
        ("/api/v2/symbols/FOO-BAR", 400, "900001"),
        ("/api/v1/market/orderbook/level2_20?symbol=FOO-BAR", 400, "900001"),
        ("/api/v1/market/orderbook/level2_20", 400, "400100"),
        ("/api/v1/market/candles?symbol=BTC-USDT", 400, "400100"),
        ("/api/v1/market/candles?symbol=BTC-USDT&type=7min", 400, "400100"),
        ("/api/v1/market/candles?symbol=BTC-USDT&type=1min&startAt=yesterday", 400, "400100"),
        ("/api/v1/market/candles?symbol=FOO-BAR&type=1min", 400, "900001"),
        ("/api/v1/bullet-public", 405, "405000"),
    ],
)
def test_a_wrong_call_is_told_so(rest, target, status, code):
    answered, answer = ask(rest, target)
    assert (answered, answer["code"]) == (status, code)
    assert answer["msg"]


def test_the_time_is_the_markets(rest):
    assert data(rest, "/api/v1/timestamp") == NOW_MS


def test_symbols_come_in_both_versions(rest):
    new, old = data(rest, "/api/v2/symbols"), data(rest, "/api/v1/symbols")
    assert [row["symbol"] for row in new] == [row["symbol"] for row in old] == ["BTC-USDT", "ETH-BTC", "BCHSV-USDT"]
    assert "feeCategory" in new[0]
    assert "feeCategory" not in old[0]
    assert data(rest, "/api/v2/symbols/BTC-USDT") == new[0]
    assert [row["symbol"] for row in data(rest, "/api/v2/symbols?market=BTC")] == ["ETH-BTC"]
    assert new[0]["priceIncrement"] == "0.1"
    assert new[0]["baseIncrement"] == "0.00000001"


def test_currencies_are_those_of_the_symbols(rest):
    assert [row["currency"] for row in data(rest, "/api/v3/currencies")] == ["BTC", "USDT", "ETH", "BCHSV"]
    assert data(rest, "/api/v3/currencies/ETH")["currency"] == "ETH"
    assert ask(rest, "/api/v3/currencies/XXX")[0] == 400


def test_books_of_three_sizes_agree(rest):
    full = ask(rest, BOOK, headers=signed())[1]["data"]
    hundred = data(rest, "/api/v1/market/orderbook/level2_100?symbol=BTC-USDT")
    twenty = data(rest, "/api/v1/market/orderbook/level2_20?symbol=BTC-USDT")
    assert full["bids"][:100] == hundred["bids"]
    assert hundred["asks"][:20] == twenty["asks"]
    assert full["sequence"] == twenty["sequence"]
    top = data(rest, "/api/v1/market/orderbook/level1?symbol=BTC-USDT")
    assert [top["bestBid"], top["bestBidSize"]] == full["bids"][0]


def test_statistics_agree_with_each_other(rest):
    stats = data(rest, "/api/v1/market/stats?symbol=BCHSV-USDT")
    row = data(rest, "/api/v1/market/allTickers")["ticker"][2]
    assert row["symbolName"] == "BSV-USDT"
    assert {name: row[name] for name in stats if name != "time"} == {k: v for k, v in stats.items() if k != "time"}
    assert float(stats["low"]) <= float(stats["last"]) <= float(stats["high"])


def test_candles_take_a_range_in_seconds(rest):
    every = data(rest, "/api/v1/market/candles?symbol=BTC-USDT&type=1hour")
    assert len(every) == 1500
    begin, end = every[9][0], every[4][0]
    some = data(rest, f"/api/v1/market/candles?symbol=BTC-USDT&type=1hour&startAt={begin}&endAt={end}")
    assert some == every[5:10]
    assert every[0][2] == data(rest, "/api/v1/market/orderbook/level1?symbol=BTC-USDT")["price"]


def test_answers_tell_the_quota(rest):
    answer = rest.answer(Request("GET", "/api/v1/status", {}), T0)
    assert answer.headers["gw-ratelimit-limit"] == "2000"
    assert 0 < int(answer.headers["gw-ratelimit-remaining"]) < 2000


def test_tokens_are_long_different_and_expire():
    tokens = Tokens(life=10.0)
    public, private = tokens.give(private=False, now=0.0), tokens.give(private=True, now=5.0)
    assert public != private
    assert 180 <= len(public) <= 260
    assert public.count(".") == 1
    assert (tokens.private(public), tokens.private(private)) == (False, True)
    assert tokens.fault(public, 9.9) is None
    assert tokens.fault(public, 10.0) == "token is expired"
    assert tokens.fault("forged", 0.0) == "token is invalid"
    assert public not in repr(tokens)
