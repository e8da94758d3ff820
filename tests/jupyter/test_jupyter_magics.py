"""``%kucoin``: what it returns, and how it fails."""

import pytest
from IPython.core.error import UsageError

from kucoin_stream.client import Client
from kucoin_stream.errors import StoppedError
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.streams.feed import Feed

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
    ],
)
def test_the_value_of_an_assignment_is_the_live_object(cell, line, kind):
    cell(f"value = %kucoin {line}")
    assert isinstance(cell["value"], kind)


def test_the_arguments_arrive(cell):
    cell("bars = %kucoin klines BTC-USDT 5min --history 20\ntrades = %kucoin trades BTC-USDT ETH-USDT")
    assert len(cell["bars"].wait().df) == 20
    assert cell["trades"].arguments == ("BTC-USDT", "ETH-USDT")


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
        ("book", "%kucoin book: the following arguments are required: symbol"),
        ("book BTC-USDT ETH-USDT", "unrecognized arguments: ETH-USDT"),
        ("bok", "invalid choice: 'bok'"),
        ("klines BTC-USDT 1m", "no such interval '1m'"),
        ("klines BTC-USDT 1min --history many", "invalid int value: 'many'"),
        ("klines BTC-USDT 1min --history 99999", "history=99999: 1 to 10000 bars"),
        ("connect nowhere", "no such target: 'nowhere'"),
        ("stop nothing", "nothing is not a live object"),
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


def test_without_arguments_and_with_a_question_mark_it_explains_itself(cell, capsys):
    cell("%kucoin")
    assert "%kucoin klines BTC-USDT 1min" in capsys.readouterr().out
    cell("%kucoin?")
    assert "%kucoin klines BTC-USDT 1min" in "".join(str(each) for each in [*cell.outputs, capsys.readouterr().out])


def test_stop_with_names_ends_those_objects_only(cell):
    cell("book = %kucoin book BTC-USDT\nstatus = %kucoin status")
    cell("%kucoin stop book")
    assert cell["book"].status == "stopped"
    assert cell["status"].status == "live"


def test_stop_alone_ends_everything(cell, client):
    cell("book = %kucoin book BTC-USDT")
    cell("%kucoin stop")
    assert cell["book"].status.startswith("stopped: ")
    with pytest.raises(StoppedError):
        client.symbols  # noqa: B018


def test_unloading_takes_the_magic_away(cell, shell):
    shell.extension_manager.unload_extension("kucoin_stream")
    assert shell.find_line_magic("kucoin") is None
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
