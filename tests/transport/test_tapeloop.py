"""The loop whose time is a tape's."""

from __future__ import annotations

import pytest

from kucoin_stream.transport.tapeloop import Clock, TapeLoop


class Selector:
    """Waits no time; what it is asked for is at most what a real one takes."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def select(self, timeout: float | None = None) -> list[object]:
        self.waits.append(timeout)
        if timeout is not None and timeout * 1000 >= 2**31:
            raise OverflowError("timeout is too large")
        return []


@pytest.mark.parametrize(
    ("speed", "timeout", "comes"),
    [
        (2.0, 10.0, True),
        (0.01, 600.0, True),
        (0.01, 24 * 3600.0, False),  # 100 days of ours: it is not there after the longest wait
        (1e-9, 1.0, False),
    ],
)
def test_a_gap_of_any_length_is_waited_for_at_any_speed(speed: float, timeout: float, comes: bool) -> None:
    clock = Clock()
    clock.run(speed)
    loop = TapeLoop(clock)
    waiting, real = loop._selector, loop._selector._selector
    waiting._selector = selector = Selector()
    try:
        assert waiting.select(timeout) == []
    finally:
        waiting._selector = real
        loop.close()
    assert len(selector.waits) == 1
    assert clock.now == pytest.approx(timeout if comes else 0.0, abs=1e-3)
