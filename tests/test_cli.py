"""The command line; where it matters, in processes of its own."""

from __future__ import annotations

import fcntl
import io
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import kucoin_stream as ks
from kucoin_stream.cli import main
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.simulator import Simulator
from kucoin_stream.watch import CLEAR, CLEAR_LINE, CLEAR_REST, ENTER, HOME, LEAVE, Watch
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.sources import SOURCES
from tests.conftest import uncoloured


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kucoin_stream", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def refused(*arguments: str) -> str:
    """Return what the command line, in this process, says of a mistake."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit)  # else it would be a traceback
    return done.output


@pytest.mark.slow
def test_watch_shows_book_candles_and_trades_and_exits_in_time() -> None:
    done = run("watch", "BTC-USDT", "--target", "sim", "--seconds", "2", "--depth", "5")
    assert done.returncode == 0, done.stderr
    for words in ("BTC-USDT [SIMULATED]", "● live", "spread", "BTC-USDT 1min", "BTC-USDT trades", "newest first"):
        assert words in done.stdout
    assert "\x1b" not in done.stdout  # a pipe gets plain text
    assert "the built-in exchange (SIMULATED)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["watch", "BTCUSDT", "--target", "sim"], "did you mean BTC-USDT?"),
        (["watch", "BTC-USDT", "--target", "http://127.0.0.1:1"], "does not accept connections"),
        (["watch", "BTC-USDT", "--target", "sim", "--interval", "7min"], "no such interval '7min'"),
        (["watch", "BTC-USDT", "--target", "sim", "--kinds", "ladr"], "no picture 'ladr'; did you mean ladder?"),
        (["watch", "--target", "sim"], "Missing argument 'SYMBOLS...'"),
        (["watch", "BTC-USDT", "--target", "sim", "--seconds", "-1"], "not in the range x>0"),
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
    assert says in refused(*arguments)


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


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "kucoin_stream", "watch", "BTC-USDT", "--target", "sim"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert "Error" not in process.stderr.read()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_redrawn_in_place_and_given_back(client: ks.Client) -> None:
    out = Terminal()
    rounds = iter([False, False, True])
    Watch(client, "BTC-USDT", depth=3).run(None, out, lambda _: next(rounds))
    text = out.getvalue()
    assert text.startswith(ENTER)
    assert text.count(HOME) == 3
    assert text.endswith(LEAVE)


def test_a_dumb_terminal_gets_the_plain_text_of_a_pipe(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    client.book("BTC-USDT").wait()
    out = Terminal()
    Watch(client, "BTC-USDT", depth=3).run(None, out, lambda _: True)
    assert "● live" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(("no_color", "colours"), [(None, True), ("", True), ("1", False), ("0", False)])
def test_colours_are_taken_away_by_a_word_that_is_not_empty(
    client: ks.Client, monkeypatch: pytest.MonkeyPatch, no_color: str | None, colours: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert ("\x1b[38" in drawn(client, 80, 24, monkeypatch)) is colours


def drawn(
    client: ks.Client, columns: int, lines: int, monkeypatch: pytest.MonkeyPatch, symbol: str = "BTC-USDT"
) -> str:
    """Return what stands on a terminal of that size."""
    monkeypatch.setattr("kucoin_stream.watch._size", lambda _: (columns, lines))
    client.book(symbol).wait()
    out = Terminal()
    Watch(client, symbol, depth=3, kinds=("ladder",)).run(None, out, lambda _: True)
    text = out.getvalue()
    for code in (ENTER, CLEAR, HOME, CLEAR_LINE, CLEAR_REST, LEAVE):
        text = text.replace(code, "")
    return text


@pytest.mark.parametrize("symbol", ["BTC-USDT", "ETH-USDT"])
@pytest.mark.parametrize("columns", [1, 5, 10, 20, 28, 33, 37, 38, 45])
def test_a_narrow_terminal_shows_prices_or_says_that_it_is_too_narrow(
    client: ks.Client, monkeypatch: pytest.MonkeyPatch, columns: int, symbol: str
) -> None:
    rows = uncoloured(drawn(client, columns, 24, monkeypatch, symbol)).split("\n")
    assert max(map(cells, rows)) <= columns
    assert not re.search(r"e[+-]\d\d *│|│ *\S*e[+-]\d\d|# *│", "\n".join(rows))
    assert ("│" in "".join(rows)) is (columns >= 37)
    if columns < 37:
        assert len(rows) == 1
        assert rows[0].startswith("too narrow"[: max(1, columns - 1)])


@pytest.mark.parametrize(("lines", "expected"), [(1, ["too low"]), (2, ["too low"]), (3, ["BTC-USDT", "… "])])
def test_a_low_terminal_shows_what_fits(
    client: ks.Client, monkeypatch: pytest.MonkeyPatch, lines: int, expected: list[str]
) -> None:
    rows = uncoloured(drawn(client, 80, lines, monkeypatch)).split("\n")
    assert len(rows) <= lines
    assert [row[: len(begin)] for row, begin in zip(rows, expected, strict=True)] == expected


def test_a_picture_that_fails_gives_the_terminal_back_too(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    out, watch = Terminal(), Watch(client, "BTC-USDT", depth=3)
    monkeypatch.setattr(watch, "_pictures", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watch.run(None, out, lambda _: False)
    assert out.getvalue() == ENTER + LEAVE
    assert client.ps().empty


@pytest.mark.parametrize(("width", "columns"), [(30, 1), (72, 1), (147, 2), (222, 3), (400, 4)])
def test_pictures_stand_in_as_many_columns_as_there_is_room_for(client: ks.Client, width: int, columns: int) -> None:
    watch = Watch(client, ["BTC-USDT", "ETH-USDT"], depth=3, kinds=("ladder", "tape"))
    lines = watch.text(width).split("\n")
    assert {cells(line) for line in lines} == {min(len(lines[0]), width)}
    assert lines[0].count("●") == columns
    assert uncoloured(watch.text(width, colours=True)) != watch.text(width, colours=True)
    watch.stop()


def test_all_kinds_can_be_watched_and_nothing_is_left(client: ks.Client) -> None:
    known = tuple(SOURCES)
    watch = Watch(client, ["BTC-USDT", "XBTUSDTM"], kinds=known)
    assert watch.text(80).count("updated") >= len(known)
    watch.stop()
    assert {*client.ps()["status"]} <= {"stopped"}


def test_a_mistake_in_a_kind_leaves_nothing(client: ks.Client) -> None:
    with pytest.raises(UsageError, match="no picture 'ladr'; did you mean ladder"):
        Watch(client, "BTC-USDT", kinds=("tape", "ladr"))
    with pytest.raises(UsageError, match="depth"):
        Watch(client, "BTC-USDT", depth=0)
    with pytest.raises(UnknownSymbolError):
        Watch(client, ["BTC-USDT", "NO-SUCH"])
    assert client.ps().empty


# -- a real terminal ---------------------------------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "kucoin_stream", "watch", "BTC-USDT", "ETH-USDT", "--kinds", "ladder,tape,status"]


class OnTerminal:
    """The watch on a pseudo-terminal: what it wrote so far, keys, size."""

    def __init__(self, url: str, **environment: str) -> None:
        self.pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
        self.master, self.slave = self.pty.openpty()
        self.resize(120, 40)
        self.before = termios.tcgetattr(self.slave)
        variables = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"KUCOIN_STREAM_TARGET": url}
        self.process = subprocess.Popen(
            COMMAND, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, env=variables | environment,
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as a shell's
        )  # fmt: skip
        self.written = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, condition: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + 30
        begin = len(self.written)
        while not condition(self.written[begin:]):
            assert time.monotonic() < deadline, self.written[begin:][-2000:]
            if select.select([self.master], [], [], 0.2)[0]:
                self.written += os.read(self.master, 65536).decode(errors="replace")
        return self.written[begin:]

    def ended(self) -> int:
        self.read_until(lambda _: self.process.poll() is not None and not select.select([self.master], [], [], 0)[0])
        return self.process.wait(10)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def on_terminal(sim: Simulator) -> Iterator[Callable[..., OnTerminal]]:
    opened: list[OnTerminal] = []

    def begin(**environment: str) -> OnTerminal:
        opened.append(OnTerminal(sim.url, **environment))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def pictures(written: str) -> int:
    return written.count(HOME)


@pytest.mark.parametrize("end", ["q", "\x1b", "\x03", signal.SIGTERM, signal.SIGINT])
def test_any_end_leaves_the_terminal_as_it_was(on_terminal: Callable[..., OnTerminal], end: Any) -> None:
    terminal = on_terminal()
    shown = terminal.read_until(lambda text: pictures(text) >= 3)
    assert ENTER in shown
    assert "\x1b[38;5;30m" in shown  # bids
    assert "ETH-USDT" in shown
    assert termios.tcgetattr(terminal.slave)[3] & termios.ECHO == 0
    if isinstance(end, str) and end != "\x03":
        os.write(terminal.master, end.encode())
    else:
        terminal.process.send_signal(signal.SIGINT if end == "\x03" else end)
    assert terminal.ended() == 0
    assert terminal.written.rstrip("\r\n").endswith(LEAVE)
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_a_key_that_is_pressed_before_the_first_picture_counts(on_terminal: Callable[..., OnTerminal]) -> None:
    terminal = on_terminal()
    os.write(terminal.master, b"q")
    assert terminal.ended() == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_another_size_is_drawn_anew_and_fits(on_terminal: Callable[..., OnTerminal]) -> None:
    terminal = on_terminal(NO_COLOR="1")
    terminal.read_until(lambda text: pictures(text) >= 2)
    terminal.resize(60, 20)
    text = terminal.read_until(lambda text: CLEAR + HOME in text and pictures(text.partition(CLEAR + HOME)[2]) >= 1)
    picture = text.partition(CLEAR + HOME)[2].partition(HOME)[0].replace(CLEAR_LINE, "").replace(CLEAR_REST, "")
    lines = picture.rstrip("\r\n").split("\r\n")
    assert (len(lines), max(map(cells, lines))) == (19, 59)
    assert "more lines: enlarge the window" in lines[-1]
    assert "\x1b[38" not in text


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
