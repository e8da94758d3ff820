"""``%kucoin`` and ``%%kucoin_record``: what they return, and how they fail."""

from unittest.mock import Mock

import pandas as pd
import pytest
from IPython.core.error import UsageError

import kucoin_stream as ks
from kucoin_stream.client import Client
from kucoin_stream.diagnosis.report import Report
from kucoin_stream.errors import StoppedError
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.jupyter.commands import COMMANDS
from kucoin_stream.recordings import Recording
from kucoin_stream.streams.feed import Feed
from kucoin_stream.widgets.dashboard import Dashboard
from tests.conftest import until

pytestmark = pytest.mark.usefixtures("client")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("connect sim", Client),
        ("book BTC-USDT", LiveBook),
        ("klines BTC-USDT 1min", LiveKlines),
        ("klines BTC-USDT 5min --history 20", LiveKlines),
        ("trades BTC-USDT ETH-USDT", Feed),
        ("ticker BTC-USDT", Feed),
        ("status", LiveStatus),
        ("sim", Client),
        ("ps", pd.DataFrame),
        ("doctor sim", Report),
        ("tape BTC-USDT ETH-USDT --count 5", Dashboard),
        ("depth BTC-USDT --within 25", Dashboard),
        ("dashboard BTC-USDT XBTUSDTM --kinds ladder,candles --interval 5min", Dashboard),
    ],
)
def test_the_value_of_an_assignment_is_the_live_object(cell, line, kind):
    cell(f"value = %kucoin {line}")
    assert isinstance(cell["value"], kind)


def test_the_arguments_arrive(cell):
    cell("bars = %kucoin klines BTC-USDT 5min --history 20\ntrades = %kucoin trades BTC-USDT ETH-USDT")
    assert len(cell["bars"].wait().df) == 20
    assert cell["trades"].arguments == ("BTC-USDT", "ETH-USDT")


@pytest.mark.parametrize(
    ("line", "verb", "given", "options"),
    [
        ("connect live --region EU", "connect", ("live",), {"region": "EU"}),
        ("connect --region=AU auto", "connect", ("auto",), {"region": "AU"}),
        ("connect http://127.0.0.1:9 --region AU", "connect", ("http://127.0.0.1:9",), {"region": "AU"}),
        ("connect day.kcs --speed 10", "connect", ("day.kcs",), {"speed": 10.0}),
        ("connect day.jsonl --speed max", "connect", ("day.jsonl",), {"speed": "max"}),
        ("replay day.kcs --speed 2.5", "connect", ("day.kcs",), {"speed": 2.5}),
        ("book BTC-USDT --source spot.depth5", "book", ("BTC-USDT",), {"source": "spot.depth5"}),
        ("klines BTC-USDT 1min --history 9", "klines", ("BTC-USDT", "1min"), {"history": 9}),
        ("tape A B --count 9", "dashboard", ("A", "B"), {"kinds": ("tape",), "options": {"tape": {"count": 9}}}),
        ("depth A --within 9", "dashboard", ("A",), {"kinds": ("depth",), "options": {"depth": {"within": 9.0}}}),
        ("dashboard A --interval 5min", "dashboard", ("A",), {"interval": "5min"}),
        (
            "dashboard A B --kinds tape,candles --interval 5min", "dashboard", ("A", "B"),
            {"kinds": "tape,candles", "interval": "5min"},
        ),
        ("record day.kcs --private", "record", ("day.kcs",), {"private": True}),
    ],
)  # fmt: skip
def test_every_option_arrives(cell, monkeypatch, line, verb, given, options):
    calls = {}
    monkeypatch.setattr("kucoin_stream.jupyter.commands.front", lambda name: calls.setdefault(name, Mock()))
    cell(f"value = %kucoin {line}")
    assert calls[verb].call_args_list == [((*given,), options)]


def test_a_tape_of_the_environment_has_a_speed(cell, monkeypatch):
    connect = Mock()
    monkeypatch.setattr("kucoin_stream.jupyter.commands.front", lambda _: connect)
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", "day.kcs")
    cell("value = %kucoin connect --speed 10")
    connect.assert_called_once_with(None, speed=10.0)


def test_the_value_of_a_cell_is_shown(cell):
    assert isinstance(cell("%kucoin book BTC-USDT"), LiveBook)
    assert [set(each["data"]) for each in cell.outputs] == [
        {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    ]


def test_variables_of_the_notebook_can_be_arguments(cell):
    cell("symbol = 'ETH-USDT'\nbook = %kucoin book {symbol}")
    assert cell["book"].symbol == "ETH-USDT"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("book BTC-USD", "no such symbol 'BTC-USD'; did you mean BTC-USDT?"),
        ("book", "%kucoin book: SYMBOL is missing; for example: %kucoin book BTC-USDT"),
        ("klines BTC-USDT", "%kucoin klines: INTERVAL is missing"),
        ("book BTC-USDT ETH-USDT", "more words than `book SYMBOL`; for example: %kucoin book BTC-USDT"),
        ("ps now", "more words than `ps`; for example: %kucoin ps"),
        ("BOOK BTC-USDT", "no command 'BOOK'; did you mean book?"),
        ("HELP", "no command 'HELP'; did you mean help?"),
        ("bok", "no command 'bok'; did you mean book?"),
        ("zzz", "no command 'zzz'; there are: connect, book, klines,"),
        ("help bok", "no command 'bok'; did you mean book?"),
        ("klines BTC-USDT 1m", "no such interval '1m'"),
        ("klines BTC-USDT 1min --histry 9", "no option --histry; did you mean --history?"),
        ("klines BTC-USDT 1min --history many", "--history: this is not a whole number; for example: "),
        ("klines BTC-USDT 1min --history 99999", "history=99999: "),
        ("connect nowhere", "no such target: 'nowhere'"),
        ("connect day.kcs --speed fast", '--speed: this is not a number above 0, or "max";'),
        ("connect day.kcs --speed 0", '--speed: this is not a number above 0, or "max";'),
        ("connect sim --speed 10", "speed=10.0 is of a tape or a capture; for a faster built-in exchange run"),
        ("connect sim --region EU", "--region is of KuCoin's hosts; for example: %kucoin connect live --region EU"),
        ("connect day.kcs --region EU", "--region is of KuCoin's hosts"),
        ("connect day.kcs --speed 1 --speed=2", "%kucoin connect: --speed is there twice"),
        ("book BTC-USDT -source pro", "%kucoin book: no option -source; did you mean --source?"),
        ("record day.kcs --private=no", "%kucoin record: --private takes no value"),
        ("depth BTC-USDT --within wide", "--within: this is not a number;"),
        ("book BTC-USDT --source", "--source: expected one argument; for example: "),
        ("dashboard", "SYMBOL is missing; for example: %kucoin dashboard BTC-USDT XBTUSDTM"),
        ("dashboard BTC-USDT --kinds ladr", "no picture 'ladr'; did you mean ladder?"),
        ("dashboard BTC-USDT --kinds ladder --interval 5min", "--interval is of the candles, which are not among"),
        ("dashboard BTC-USDT --kinds=", "kinds= is empty; there are: ladder,"),
        ("dashboard BTC-USD", "did you mean BTC-USDT?"),
        ("tape BTC-USDT --count 0", "count=0"),
        ("stop nothing", "nothing that runs is 'nothing'; ks.ps() lists what runs"),
        ("stop 12345", "nothing that runs is 12345"),
        ("record /nowhere/day.kcs", "%kucoin: /nowhere/day.kcs: there is no folder /nowhere"),
        ("record /dev", "/dev: is a directory"),
        ("replay /nowhere/day.kcs", "/nowhere/day.kcs"),
        ("book 'BTC", "No closing quotation"),
    ],
)
def test_an_error_is_one_line(cell, capsys, line, sentence):
    with pytest.raises(UsageError):
        cell(f"%kucoin {line}")
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert "Traceback" not in shown.out + shown.err


SECRET = "5e1f3a0c-0000-4d5d-a8a8-1b2c3d4e5f60"


@pytest.mark.parametrize(
    "line",
    [
        f"connect live --key {SECRET}",
        f"connect live --secret={SECRET}",
        f"connect live --passphrase {SECRET}",
        f"connect live --api-key {SECRET}",
        f"book --apikey {SECRET} BTC-USDT",
        f"nosuch --token {SECRET}",
    ],
)
def test_keys_are_refused_and_never_repeated(cell, capsys, line):
    with pytest.raises(UsageError):
        cell(f"%kucoin {line}")
    shown = capsys.readouterr()
    assert "keys are not accepted here: IPython stores every line" in shown.err
    assert "getpass()" in shown.err
    assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize("written", ["--apisecrt={}", "--apisecrt {}", "-apisecrt {}", "-apisecrt={}"])
def test_an_unknown_option_is_told_without_its_value(cell, capsys, written):
    with pytest.raises(UsageError):
        cell(f"%kucoin connect live {written.format(SECRET)}")
    shown = capsys.readouterr()
    assert "-apisecrt; there are: --region, --speed" in shown.err
    assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_in_two_ways(cell, capsys, name):
    cell(f"%kucoin help {name}")
    first = capsys.readouterr().out
    cell(f"%kucoin {name} --help")
    assert capsys.readouterr().out == first
    head, _, what, *_ = first.splitlines()
    assert head.startswith(f"%kucoin {name}")
    assert what.strip() == COMMANDS[name].help
    assert first.rstrip().endswith(f"for example: %kucoin {COMMANDS[name].example}")
    assert [f"--{each.name}" in head for each in COMMANDS[name].options] == [True] * len(COMMANDS[name].options)


def test_without_arguments_and_with_a_question_mark_it_explains_itself(cell, capsys):
    for line in ("", "help", "help help"):
        cell(f"%kucoin {line}")
        assert "%kucoin klines BTC-USDT 1min" in capsys.readouterr().out
    cell("%kucoin?")
    assert "%kucoin klines BTC-USDT 1min" in "".join(str(each) for each in [*cell.outputs, capsys.readouterr().out])


def test_stop_with_names_ends_those_objects_only(cell):
    cell("book = %kucoin book BTC-USDT\nstatus = %kucoin status")
    cell("%kucoin stop book")
    assert cell["book"].status == "stopped"
    assert cell["status"].status == "live"


def test_stop_with_a_wrong_name_ends_nothing(cell, capsys):
    cell("book = %kucoin book BTC-USDT\nstatus = %kucoin status")
    with pytest.raises(UsageError):
        cell("%kucoin stop book nope")
    assert "nothing that runs is 'nope'" in capsys.readouterr().err
    assert cell["book"].status != "stopped"
    cell("%kucoin stop book book status")
    assert {cell["book"].status, cell["status"].status} == {"stopped"}


def test_stop_alone_ends_everything(cell, client):
    cell("book = %kucoin book BTC-USDT")
    cell("%kucoin stop")
    assert cell["book"].status.startswith("stopped: ")
    with pytest.raises(StoppedError):
        client.symbols  # noqa: B018


@pytest.mark.parametrize("name", ["BTC-USDT order*", "*match:BTC-USDT", "number"])
def test_stop_takes_rows_of_ps_too(cell, client, name):
    cell("trades = %kucoin trades BTC-USDT")
    if name == "number":
        rows = cell("%kucoin ps")
        name = str(rows.index[rows["kind"] == "feed"][-1])
    elif name.startswith("BTC"):
        name = cell["trades"].title
    cell(f"%kucoin stop {name!r}")
    assert cell["trades"].stopped


def test_a_recording_runs_until_it_is_stopped_by_name(cell, tmp_path):
    cell(f"tape = %kucoin record {tmp_path}/day.kcs")
    assert isinstance(cell["tape"], Recording)
    cell("trades = %kucoin trades BTC-USDT")
    until(lambda: cell["trades"].received, "a trade")
    cell("%kucoin stop tape trades")
    assert "stopped" in repr(cell["tape"])


BODY = """trades = ks.trades("BTC-USDT")
tape = trades.frame().wait()
"the last expression"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_cell_is_recorded_and_says_what_is_on_its_tape(cell, capsys, folder):
    cell("import kucoin_stream as ks")
    assert cell(f"%%kucoin_record day.kcs\n{BODY}") == "the last expression"
    said = capsys.readouterr().out
    assert "tape     day.kcs: 1 recording of sim at http://127.0.0.1:" in said
    assert "/market/match:BTC-USDT" in said
    assert "replay it: %kucoin replay day.kcs" in said
    cell("slider = %kucoin replay day.kcs --speed max")
    replayed = ks.trades("BTC-USDT").frame()
    cell["slider"].controls.play("max")
    cell["slider"].controls.wait(20)
    assert len(replayed) >= 1
    assert replayed.badge == "REPLAYED"
    cell("%kucoin sim")  # as before


def test_a_cell_without_a_file_has_one_named_after_the_time(cell, capsys, folder):
    cell("%%kucoin_record\nimport kucoin_stream as ks\nticker = ks.ticker('BTC-USDT');")
    (path,) = folder.glob("kucoin-*.kcs")
    assert f"%kucoin replay {path.name}" in capsys.readouterr().out
    cell["ticker"].stop()


def test_a_cell_that_raises_is_recorded_until_then_and_raises_once(cell, capsys, folder):
    with pytest.raises(ZeroDivisionError):
        cell("%%kucoin_record day.kcs\nx = 1\n1 / 0")
    said = capsys.readouterr().out
    assert said.count("ZeroDivisionError: ") == 1
    assert "replay it: %kucoin replay day.kcs" in said
    assert cell["x"] == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.kcs b.kcs", "one FILE at most"),
        ("--hurry", "one FILE at most"),
        (f"--key {SECRET}", "keys are not accepted here"),
        ("/nowhere/day.kcs", "there is no folder /nowhere"),
    ],
)
def test_a_cell_that_cannot_be_recorded_does_not_run(cell, capsys, line, sentence):
    with pytest.raises(UsageError):
        cell(f"%%kucoin_record {line}\nran = True")
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert SECRET not in shown.err
    assert "ran" not in cell.shell.user_ns


@pytest.mark.parametrize("body", ["ran = True\nx = = 3", "ran = True\nreturn 5", "ran = True\n  x"])
def test_a_cell_that_does_not_compile_records_nothing(cell, capsys, folder, body):
    with pytest.raises(SyntaxError):
        cell(f"%%kucoin_record day.kcs\n{body}")
    shown = capsys.readouterr()
    assert "SyntaxError" in shown.out + shown.err or "IndentationError" in shown.out + shown.err
    assert "replay it" not in shown.out
    assert list(folder.glob("*.kcs")) == []
    assert "ran" not in cell.shell.user_ns


@pytest.mark.parametrize("body", ["import asyncio\nawait asyncio.sleep(0)", "[x async for x in y]", "await z"])
def test_a_cell_that_awaits_is_told_how_to_and_records_nothing(cell, capsys, folder, body):
    with pytest.raises(UsageError):
        cell(f"%%kucoin_record day.kcs\n{body}")
    shown = capsys.readouterr()
    assert shown.err.strip() == (
        "UsageError: %%kucoin_record: a cell that awaits cannot be recorded so; "
        "write `with ks.record('day.kcs'):` around it instead"
    )
    assert list(folder.glob("*.kcs")) == []


def test_a_function_that_awaits_is_no_cell_that_awaits(cell, capsys, folder):
    cell("%%kucoin_record day.kcs\nasync def f():\n    await g()\nkept = f")
    assert "replay it" in capsys.readouterr().out
    assert cell["kept"] is cell["f"]


def test_annotations_of_a_recorded_cell_are_what_they_are_in_any_cell(cell, folder):
    cell("%%kucoin_record day.kcs\nclass A:\n    x: int = 1")
    assert cell["A"].__annotations__ == {"x": int}


def test_the_cell_magic_explains_itself(cell, capsys):
    cell("%%kucoin_record --help\nran = True")
    assert "Record what arrives while the cell's body runs" in capsys.readouterr().out
    assert "ran" not in cell.shell.user_ns


def test_unloading_takes_the_magic_away(cell, shell):
    shell.extension_manager.unload_extension("kucoin_stream")
    assert shell.find_line_magic("kucoin") is None
    assert shell.find_cell_magic("kucoin_record") is None
    shell.extension_manager.load_extension("kucoin_stream")
    assert shell.find_line_magic("kucoin") is not None


def test_loading_connects_nothing():
    import subprocess
    import sys

    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell as S; s = S();"
        "s.extension_manager.load_extension('kucoin_stream');"
        "print([m for m in ('aiohttp', 'pandas', 'ipywidgets', 'streamz', 'kucoin_stream.client') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().endswith("[]")
