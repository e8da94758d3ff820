"""The main promise on real traffic: live books over real sockets equal a plain reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from kucoin_stream.verify import table, verify

COMPARABLE = {
    "ANKR-BTC": 79,
    "BCHSV-USDT": 277,
    "CAPP-BTC": 51,
    "COV-BTC": 30,
    "EQZ-BTC": 27,
    "NRG-BTC": 34,
}


@pytest.mark.parametrize(
    "speed",
    ["max", 10.0, pytest.param(1.0, marks=pytest.mark.slow)],
)
def test_with_the_key_every_comparable_ticker_and_every_level_agrees(
    spot_capture: Path, speed: float, capsys: pytest.CaptureFixture[str]
) -> None:
    results = verify(spot_capture, speed=speed)
    with capsys.disabled():
        print(f"\n{spot_capture.name} at speed {speed}\n{table(results)}")
    assert {each.symbol: each.comparable for each in results} == COMPARABLE
    assert {each.symbol: each.equal for each in results} == COMPARABLE
    assert all(each.status == "live" and each.right for each in results)


def test_without_a_key_the_books_are_partial_and_every_level_they_hold_is_right(spot_capture: Path) -> None:
    results = verify(spot_capture, with_key=False)
    assert {each.status for each in results} == {"partial"}
    assert all(each.right for each in results), table(results)
    assert all(each.levels < 1000 for each in results)  # the full books have up to 1,681
