"""Tab behind ``%kucoin``, with Jedi and without, through both interfaces of IPython."""

import weakref

import pytest
from IPython.core.completer import provisionalcompleter

import kucoin_stream as ks
from kucoin_stream.errors import UnreachableError
from kucoin_stream.jupyter import completion

COMMANDS = [
    "connect", "book", "klines", "trades", "ticker", "tape", "depth", "dashboard", "status", "ps", "stop", "record",
    "replay", "sim", "doctor",
]  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of the older interface

CASES = [
    ("%kucoin ", COMMANDS),
    ("%kucoin b", ["book"]),
    ("kucoin b", ["book"]),  # automagic
    ("%kucoin st", ["status", "stop"]),
    ("%kucoin book btc", ["BTC-USDT"]),
    ("%kucoin book BTC-U", ["BTC-USDT"]),
    ("book = %kucoin book btc-us", ["BTC-USDT"]),
    ("%kucoin trades BTC-USDT eth-u", ["ETH-USDT"]),
    ("%kucoin klines BTC-USDT 5", ["5min"]),
    ("%kucoin klines BTC-USDT 1w", ["1week"]),
    ("%kucoin klines BTC-USDT 1min --", ["--history", "--help"]),
    ("%kucoin klines BTC-USDT 1min --history 20 --", ["--help"]),
    ("%kucoin help re", ["record", "replay"]),
    ("%kucoin he", ["help"]),
    ("%kucoin book xbtusdt", ["XBTUSDTM"]),
    ("%kucoin book BTC-USDT --source ", ["classic", "pro"]),
    ("%kucoin dashboard BTC-USDT --interval 5", ["5min"]),
    ("%kucoin dashboard BTC-USDT --kinds lad", ["ladder"]),
    ("%kucoin dashboard BTC-USDT --kinds ladder,can", ["ladder,candles"]),
    ("%kucoin dashboard --kinds ladder btc-us", ["BTC-USDT"]),
    ("%kucoin tape BTC-USDT eth-u", ["ETH-USDT"]),
    ("%kucoin replay d", ["data/", "day.kcs"]),
    ("%kucoin replay data/", ["data/hour.kcs"]),
    ("%kucoin replay day.kcs --speed 1", ["1", "10"]),
    ("%kucoin record day", ["day.kcs"]),
    ("%kucoin connect da", ["data/", "day.kcs"]),
    ("%kucoin doctor l", ["live"]),
    ("%%kucoin_record data/h", ["data/hour.kcs"]),
    ("%kucoin klines BTC-USDT 1min ", ["--history"]),
    ("%kucoin connect ", ["auto", "live", "sim"]),
    ("%kucoin connect live --region e", ["EU"]),
    ("%kucoin stop bo", ["bo_live"]),
    ("%kucoin book BTC-USDT --source=c", ["--source=classic"]),
    ("%kucoin dashboard BTC-USDT --kinds=ladder,can", ["--kinds=ladder,candles"]),
    ("%kucoin klines BTC-USDT 1min --histry=", ["--histry="]),
    ("%kucoin book nosuch", ["nosuch"]),  # IPython lets nothing keep Python's words out but a completion
    ("%kucoin ps ", [""]),
    ("%kucoin nosuch b", ["b"]),
    ("x = %kucoin trades *", ["*"]),
    ("%%kucoin_record nosuch", ["nosuch"]),
]


NAMES = [
    ("client.rest.spot_market.get_kl", ["get_klines"]),
    ("x = client.rest.spot_mar", ["spot_market"]),
    ("rows = len(client.rest.spot_market.get_kl", ["get_klines"]),
    ("x = 1\nclient.orders.spot_c", ["spot_cancel"]),
    ("client.orders.dis", ["disarm"]),
    ("client.futures.mark", ["mark_price"]),
    ("client.account.pro.lev", ["leverage"]),
    ("client.rest.spot_market.nosuch", []),
    ("ks.ru", ["run"]),
    ("client.rec", ["record"]),
    ("bo_live.to_pl", ["to_plotly"]),
    ("bo_live.rea", ["ready"]),
    ('ks.book("btc-us', ["BTC-USDT"]),
    ("ks.trades('BTC-USDT', 'eth-u", ["ETH-USDT"]),
    ('client.klines("BTC-USDT", "1w', ["1week"]),
    ('bars = client.klines("BTC-USDT", interval="5', ["5min"]),
]


@pytest.fixture
def complete(cell, client, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    for name in ("day.kcs", "day.txt", "data/hour.kcs"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    _ = client.contracts  # known once they were asked for
    cell("import kucoin_stream as ks\nbo_live = ks.status()\nbo_dead = 1\nclient = ks.connect('sim')")

    def through_both(text: str, jedi: bool) -> tuple[list[str], list[str]]:
        completer = cell.shell.Completer
        completer.use_jedi = jedi
        with provisionalcompleter():
            new = [each.text for each in completer.completions(text, len(text))]
        return new, cell.shell.complete(None, text)[1]

    return through_both


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize(("text", "expected"), CASES)
def test_completion(complete, text, jedi, expected):
    assert complete(text, jedi) == (expected, expected)


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_what_a_client_has_by_name(complete, text, jedi, expected):
    assert [each.lstrip(".") for each in complete(text, jedi)[0]] == expected


def test_walking_names_makes_nothing(complete, client, monkeypatch):
    monkeypatch.setattr(type(client), "events", property(lambda _: pytest.fail("it is not asked for")))
    assert complete("client.events.on", False)[0] == []


def test_the_magic_itself_completes(complete):
    new, old = complete("%kuco", False)
    assert new == old == ["%kucoin", "%%kucoin_record"]


def test_contracts_are_known_before_one_was_opened(cell, client):
    client.engine.contracts = {}
    text = "%kucoin depth XBTUSDT"
    with provisionalcompleter():
        assert [each.text for each in cell.shell.Completer.completions(text, len(text))] == ["XBTUSDTM"]


def test_an_exchange_that_does_not_tell_its_contracts_is_asked_once(cell, client, monkeypatch):
    client.engine.contracts = {}
    asked = []

    async def contracts():
        asked.append(1)
        raise UnreachableError("http", "not now")

    monkeypatch.setattr(client.engine.futures_rest, "contracts", contracts)
    monkeypatch.setattr(completion, "_asked", weakref.WeakSet())
    text = "%kucoin book btc"
    for _ in range(2):
        with provisionalcompleter():
            assert [each.text for each in cell.shell.Completer.completions(text, len(text))] == ["BTC-USDT"]
    assert asked == [1]


def test_other_completion_stays_as_it_was(complete):
    assert "and" in complete("kucoin an", False)[0]  # may be a name of the user's, without %
    assert "BTC-USDT" not in complete("b", True)[0]
    assert "bo_dead" in complete("bo_d", False)[0]


def test_a_completion_replaces_the_whole_word_whatever_its_case(cell, client):
    text = "%kucoin book btc"
    with provisionalcompleter():
        (found,) = cell.shell.Completer.completions(text, len(text))
    assert text[: found.start] + found.text == "%kucoin book BTC-USDT"


def test_completing_connects_nothing(cell):
    ks.stop()
    text = "%kucoin book btc"
    with provisionalcompleter():
        found = [each.text for each in cell.shell.Completer.completions(text, len(text))]
    assert found == ["btc"]
