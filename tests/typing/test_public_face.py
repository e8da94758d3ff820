"""Type checkers know the public face, and what is found by name at run time is in stubs that are up to date."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamz import Source

import kucoin_stream as ks
from kucoin_stream.account import Account
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.books import LiveBooks
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.orders.desk import Orders
from kucoin_stream.recordings import Recording
from kucoin_stream.replay import Replay
from kucoin_stream.sessions import Session
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.lifecycle import Events
from tests.streams.test_nodes import OURS
from tests.typing.stubs import STUBS

ROOT = Path(__file__).resolve().parents[2]
FACE = ROOT / "tests" / "typing" / "public_face.py"

PUBLIC: dict[str, list[str]] = {
    "ks": ks.__all__,
    "nodes": list(OURS),
    **{
        kind.__name__: [name for name in dir(kind) if not name.startswith("_") and not hasattr(Source, name)]
        for kind in (ks.Client, Feed, Events, LiveBook, LiveBooks, LiveKlines, FeedFrame, LiveStatus, Account, Orders,
                     Replay, Recording, Session)
    },
}  # fmt: skip
NOT_FOR_USERS = {"branches", "delays", "engine", "expected", "groups", "kind", "newest", "quotes"}  # but for the house


@pytest.mark.parametrize(("path", "made"), STUBS.items(), ids=[path.name for path in STUBS])
def test_the_stubs_are_those_of_the_tables(path: Path, made: Callable[[], str]) -> None:
    assert path.read_text(encoding="utf-8") == made(), "python -m tests.typing.stubs writes them anew"


@pytest.mark.slow
def test_mypy_knows_the_public_face() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tests/typing/public_face.py"],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.startswith("Success"), done.stdout + done.stderr


@pytest.mark.parametrize("where", PUBLIC)
def test_the_file_that_mypy_reads_uses_every_public_name(where: str) -> None:
    used = {each.attr for each in ast.walk(ast.parse(FACE.read_text("utf-8"))) if isinstance(each, ast.Attribute)}
    assert set(PUBLIC[where]) - used - NOT_FOR_USERS == set()
