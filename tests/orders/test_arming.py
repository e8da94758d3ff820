"""Nothing is sent unless it was allowed: each unsafe way is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotArmedError, UsageError
from kucoin_stream.orders import arming as module
from kucoin_stream.orders.arming import Arming
from kucoin_stream.orders.cell import Cell
from kucoin_stream.transport.target import Target

SIM = Target("sim", "http://127.0.0.1:1")


def armed(cap: Any = 100, *, target: Target = SIM) -> Arming:
    arming = Arming(target, chosen=True)
    arming.arm(target.mode, cap)  # type: ignore[arg-type]
    return arming


def test_orders_are_off_until_armed_and_after() -> None:
    arming = Arming(SIM, chosen=True)
    for _ in range(2):
        with pytest.raises(NotArmedError, match=r"orders are off; client.orders.arm\(target='sim', cap=...\)"):
            arming.spend("USDT", Decimal(1), None)
        arming.arm("sim", 10)
        arming.spend("USDT", Decimal(1), None)
        arming.disarm()


def test_a_target_that_was_chosen_by_itself_cannot_be_armed() -> None:
    with pytest.raises(UsageError, match=r"say ks.connect\('live'\) or ks.connect\('sim'\) first"):
        Arming(SIM, chosen=False).arm("sim", 10)


def test_a_recording_cannot_be_armed() -> None:
    with pytest.raises(UsageError, match="a recording takes no orders"):
        Arming(Target("replay", "a.kcs"), chosen=True).arm("replay", 10)  # type: ignore[arg-type]


def test_another_target_than_the_connected_one_disarms() -> None:
    arming = armed()
    with pytest.raises(UsageError, match="this client is connected to 'sim'"):
        arming.arm("live", 10)
    with pytest.raises(NotArmedError):
        arming.check()


@pytest.mark.parametrize("cap", [0, -1, "nan", "much", {}, {"USDT": "inf"}, {"USDT": 0}])
def test_a_cap_is_an_amount(cap: Any) -> None:
    with pytest.raises(UsageError, match="cap="):
        armed(cap)


def test_the_cap_is_for_all_orders_together_by_currency() -> None:
    arming = armed({"USDT": "10", "BTC": "0.5"})
    arming.spend("USDT", Decimal("9.99"), None)
    with pytest.raises(NotArmedError, match=r"an order of 0.02 USDT is over the cap: 0.01 USDT are left"):
        arming.spend("USDT", Decimal("0.02"), None)
    arming.spend("BTC", Decimal("0.5"), None)
    with pytest.raises(NotArmedError, match=r"the cap names no ETH: arm with cap=\{'ETH': ...\}"):
        arming.spend("ETH", Decimal(1), None)
    arming.refund("USDT", Decimal("9.99"))
    arming.spend("USDT", Decimal(10), None)


def test_a_cell_that_arms_sends_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "running_cell", lambda: Cell("a", "1"))
    arming = armed()
    with pytest.raises(NotArmedError, match="send them from another one"):
        arming.spend("USDT", Decimal(1), Cell("a", "1"))
    arming.spend("USDT", Decimal(1), Cell("b", "2"))


def test_a_cell_that_is_run_again_sends_nothing_until_armed_anew() -> None:
    arming = armed()
    arming.spend("USDT", Decimal(1), Cell("b", "2"))
    arming.spend("USDT", Decimal(1), Cell("b", "2"))  # two orders in one run
    with pytest.raises(NotArmedError, match="was run again"):
        arming.spend("USDT", Decimal(1), Cell("b", "3"))
    arming.spend("USDT", Decimal(1), Cell("c", "4"))
    arming.arm("sim", 10)
    arming.spend("USDT", Decimal(1), Cell("b", "5"))


def test_an_order_that_comes_to_nothing_is_an_order_all_the_same() -> None:
    arming = armed()
    arming.spend("USD", Decimal(0), Cell("b", "2"))  # the close of a position, in whatever currency
    with pytest.raises(NotArmedError, match="was run again"):
        arming.spend("USD", Decimal(0), Cell("b", "3"))


def test_the_repr_says_what_is_left() -> None:
    arming = armed({"USDT": 10})
    assert repr(arming) == "<armed for sim: 10 USDT left>"
    arming.disarm()
    assert repr(arming) == "<not armed>"


def test_the_repr_of_the_orders_has_brackets_once(client: ks.Client) -> None:
    assert repr(client.orders) == "<Orders not armed>"
    client.orders.arm("url", 10)
    assert repr(client.orders) == "<Orders armed for url: 10 USDT left>"
