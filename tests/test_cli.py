"""The command line, in processes of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.simulator import Simulator
from kucoin_stream.watch import Watch


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kucoin_stream", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_watch_shows_book_candles_and_trades_and_exits_in_time() -> None:
    done = run("watch", "BTC-USDT", "--target", "sim", "--seconds", "2", "--depth", "5")
    assert done.returncode == 0, done.stderr
    for words in ("BTC-USDT [SIMULATED]", "● live", "spread", "BTC-USDT 1min", "BTC-USDT trades", "newest first"):
        assert words in done.stdout
    assert "the built-in exchange (SIMULATED)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["watch", "BTCUSDT", "--target", "sim"], "did you mean BTC-USDT?"),
        (["watch", "BTC-USDT", "--target", "http://127.0.0.1:1"], "does not accept connections"),
        (["watch", "BTC-USDT", "--target", "sim", "--interval", "7min"], "no such interval '7min'"),
        (["verify", "nosuch.jsonl"], "No such file"),
        (["sim", "--capture", "nosuch.jsonl"], "nosuch.jsonl"),
        (["sim", "--speed", "fast"], 'a number such as 1 or 10, or "max"'),
        (["sim", "--port", "99999"], "not in the range 0<=x<=65535"),
        (["sim", "--port", "0", "--rate", "nan"], "rate must be above 0, and 1,000 at most, not nan"),
        (["sim", "--port", "0", "--rate", "1e9"], "rate must be above 0, and 1,000 at most"),
        (["sim", "--port", "0", "--symbols", ""], "a market needs a symbol"),
        (["sim", "--port", "0", "--auction", "BTC-USDT", "nan"], "an auction takes more than 0"),
        (["sim", "--port", "0", "--auction", "BTC-USDT", "-3"], "an auction takes more than 0"),
        (["sim", "--port", "0", "--symbols", "ETH-USDT", "--auction", "BTC-USDT", "3"], "no auction of BTC-USDT"),
        (["sim", "--port", "0", "--connections-per-minute", "-1"], "not in the range x>=0"),
        (["sim", "--port", "0", "--fault", "gap:FOO,3"], "no symbol or contract 'FOO' here"),
        (["verify", __file__], "is not a capture"),
        (["verify", sys.executable], "is not a capture"),
    ],
)
def test_mistakes_are_one_line_without_a_traceback(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_recorded_leaves_no_tape_behind(sim: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "day.kcs"
    for more, says in ((["--interval", "7min"], "no such interval"), (["BTC-USDX"], "did you mean")):
        done = run("record", str(path), "BTC-USDT", *more, "--target", sim.url, "--seconds", "1")
        assert done.returncode == 1
        assert says in done.stderr
        assert not path.exists()


def test_the_standalone_exchange_says_ready_serves_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--port", "0", "--symbols", "btc-usdt, ETH-USDT,ETH-USDT"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("ready "):
                    break
            said = dict(line.split(maxsplit=1) for line in lines[1:])
            assert process.poll() is None, "it ended"
            parts = {name: said[name].strip() for name in ("key", "secret", "passphrase")}
            with ks.Client(said["ready"].strip(), **parts) as client:
                assert client.symbols == ["BTC-USDT", "ETH-USDT"]
                assert client.book("BTC-USDT").wait().status == "live"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    arguments = ("watch", "BTC-USDT", "--target", "sim", "--seconds", "1")
    done = run(*arguments, env=dict(os.environ) | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "? live" in done.stdout


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "kucoin_stream", "watch", "BTC-USDT", "--target", "sim"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert "Error" not in process.stderr.read()


def test_a_terminal_is_redrawn_in_place(client: ks.Client) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    Watch(client, "BTC-USDT", depth=3).run(0.5, out)
    text = out.getvalue()
    assert text.count("\x1b[H") >= 2
    assert text.endswith("\x1b[?25h\n")


def test_a_port_in_use_is_one_line(sim: Simulator) -> None:
    done = run("sim", "--port", sim.url.rpartition(":")[2])
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_reference_check_prints_a_table_and_fails_where_something_is_wrong(spot_capture: Path) -> None:
    done = run("verify", str(spot_capture))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[1:6] == ["2859", "0", "505", "498", "498"]


def test_nothing_is_left_of_a_script_that_ends_without_stopping(sim: Simulator) -> None:
    script = (
        "import kucoin_stream as ks\n"
        f"ks.connect({sim.url!r})\n"
        "book = ks.book('BTC-USDT').wait(); trades = ks.trades('BTC-USDT'); trades.sink(lambda t: None)\n"
        "print(book.status)\n"
    )
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout, done.stderr.strip()) == (0, "live\n", "")
