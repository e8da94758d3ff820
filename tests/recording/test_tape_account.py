"""A tape with the account on it: orders, fills, balances and positions are in the end what they were live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
import zstandard

import kucoin_stream as ks
from kucoin_stream.recording import writer
from kucoin_stream.recording.reader import Tape
from kucoin_stream.simulator import Simulator
from kucoin_stream.transport import tapemarks
from tests.conftest import until

SPOT, FUTURES = "BTC-USDT", "XBTUSDTM"

Rows = dict[str, list[Any]]


class Accounts:
    """All frames of an account."""

    def __init__(self, client: ks.Client) -> None:
        account = client.account
        self.client = client
        self.frames: dict[str, Any] = {
            name: getattr(account, name)() for name in ("orders", "fills", "balances", "positions")
        }

    def settled(self) -> bool:
        return all(frame.status == "live" for frame in self.frames.values())

    def rows(self) -> Rows:
        """Return everything; on the loop thread."""
        return {name: frame._keeper.rows() for name, frame in self.frames.items()}

    def now(self) -> Rows:
        return self.client.engine.call(self.rows)


@contextmanager
def playing(path: Path) -> Iterator[tuple[ks.Client, Accounts]]:
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        yield client, Accounts(client)


@pytest.fixture
def traded(
    sim: Simulator, client: ks.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Rows, Accounts]:
    """A tape on which orders wait, are filled, are cancelled, on both markets; the rows at its end, and the frames."""
    monkeypatch.setattr(writer, "PERIOD", 0.02)
    monkeypatch.setattr(writer, "BLOCK_SECONDS", 0.05)
    path = tmp_path / "account.kcs"
    account = sim.account
    price = round(client.book(SPOT).wait().best_bid * 0.5, 1)
    before = account.place(SPOT, "buy", price=price, size="0.001")
    account.place(SPOT, "buy", size="0.002")
    with client.record(path, private=True) as recording:
        accounts = Accounts(client)
        until(accounts.settled)
        account.cancel(before)
        account.place(SPOT, "buy", price=price, size="0.003")
        for _ in range(5):
            account.place(SPOT, "sell", size="0.001")
            account.place(FUTURES, "buy", size="2")
            orders = len(accounts.frames["orders"])
            account.place(FUTURES, "sell", price=price * 4, size="1")
            until(lambda orders=orders: len(accounts.frames["orders"]) > orders)

        def end() -> Rows:
            recording._recorder.leave()
            return accounts.rows()

        until(accounts.settled)
        return path, client.engine.call(end), accounts


def test_a_replay_ends_with_the_account_as_it_was_live_and_so_does_a_seek_to_the_end(traded, monkeypatch):
    monkeypatch.setattr(tapemarks, "APART", 5)
    path, live, _ = traded
    assert [len(live[name]) > 2 for name in ("orders", "fills", "balances")] == [True] * 3
    assert [position.size for position in live["positions"]] != [0.0]
    with playing(path) as (client, accounts):
        client.replay.play()
        client.replay.wait(60)
        assert accounts.settled()
        assert accounts.now() == live
        start, end = client.replay.start, client.replay.end
        for part in (0.7, 0.4, 0.9):
            client.replay.seek(start + part * (end - start))
            found = accounts.now()
            with playing(path) as (other, first):
                other.replay.seek(start + part * (end - start))
                assert found == first.now()
        client.replay.seek(end)
        assert accounts.now() == live


def test_frames_that_were_open_before_the_recording_come_back_with_what_they_held(sim, client, tmp_path):
    path = tmp_path / "late.kcs"
    account = sim.account
    price = round(client.book(SPOT).wait().best_bid * 0.5, 1)
    accounts = Accounts(client)
    until(accounts.settled)
    account.place(SPOT, "buy", price=price, size="0.001")
    account.cancel(account.place(SPOT, "buy", price=price, size="0.002"))
    account.place(SPOT, "buy", size="0.002")
    account.place(FUTURES, "buy", size="2")
    account.place(FUTURES, "buy", price=price, size="1")
    counts = {"orders": 5, "fills": 2, "positions": 1}
    until(lambda: all(len(accounts.frames[name]) >= count for name, count in counts.items()))
    with client.record(path, private=True) as recording:

        def end() -> Rows:
            recording._recorder.leave()
            return accounts.rows()

        live = client.engine.call(end)
    with playing(path) as (replayed, again):
        replayed.replay.play()
        replayed.replay.wait(60)
        assert again.settled()
        found = again.now()
    for name, rows in live.items():
        assert list(map(_as_told, found[name])) == list(map(_as_told, rows))


def _as_told(row: Any) -> dict[str, Any]:
    """A row as far as calls tell it: to the millisecond; no time of balances, no cancelled size of futures orders."""
    told = msgspec.structs.asdict(row)
    told.pop("cancelled_size", None)
    for name in told:
        if name.endswith("_ns") and told[name]:
            told[name] = None if "account" in told else told[name] // 1_000_000
    return told


def test_no_secret_is_anywhere_in_the_bytes_of_a_private_tape(sim: Simulator, client: ks.Client, traded: Any) -> None:
    path, _, accounts = traded
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    assert b"/spotMarket/tradeOrdersV2" in text  # it is a private one
    known = sim.credentials
    quoted = {connection._line.url.partition("token=")[2].partition("&")[0] for connection in connections(client)}
    assert accounts.settled()
    tokens = quoted | set(map(unquote, quoted))
    assert min(map(len, tokens)) > 10
    for secret in (known.key, known.secret, known.passphrase, *tokens):
        assert secret.encode() not in text
        assert secret.encode() not in path.read_bytes()
    for name in (b"KC-API-", b'"passphrase"', b'"signature"', b'"sign"', b"token="):
        assert name not in text
    with Tape(path) as tape:
        assert "secret" not in repr(tape.notes)


def connections(client: ks.Client) -> list[Any]:
    return [life.connection for life in client.engine.pool._lives.values() if life.connection is not None]
