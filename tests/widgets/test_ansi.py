"""Colours in a terminal: they follow the signs in the text, and leave it as it is."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kucoin_stream.widgets.ansi import AMBER, DOWN, UP, coloured, paint
from kucoin_stream.widgets.candles.painter import KlinesPainter
from kucoin_stream.widgets.kinds import PAINTERS
from kucoin_stream.widgets.state.account import AccountPainter
from kucoin_stream.widgets.state.status import StatusPainter
from tests.conftest import uncoloured
from tests.widgets.fakes import NOW, FakeKlines, a_client, candles
from tests.widgets.test_account_panel import an_account


@given(st.sampled_from([*PAINTERS, "unknown"]), st.text(alphabet="▲▼●✓⚠│█▒ab :+-1.5%[SIMULATED]\n "))
def test_without_its_colours_it_is_the_text(kind, text):
    assert uncoloured(coloured(kind, text)) == text


@pytest.mark.parametrize(
    ("kind", "line", "expected"),
    [
        ("ladder", " 67,122.6 │ 67,123.7 ", [(UP, " 67,122.6 "), (DOWN, " 67,123.7 ")]),
        ("tape", "11:06:40.077  ▼   67,127.7   0.012 ██", [(DOWN, "11:06:40.077  ▼   67,127.7   0.012 ██")]),
        ("tape", "of the last 6:  ▲ 4 bought  ▼ 2 sold", [(UP, "▲ 4"), (DOWN, "▼ 2")]),
        ("account", "ETHUSDTM  ▼ short  -15 USDT  -14.50%", [(DOWN, "▼ short"), (DOWN, "-14.50%")]),
        ("status", "⚠ spotPublicV1 is reconnecting", [(AMBER, "⚠ spotPublicV1 is reconnecting")]),
        ("status", "✓ nothing is wrong", [(UP, "✓ ")]),
        ("candles", "  █▒│ 67,100", [(UP, "█"), (DOWN, "▒")]),
        ("wall", "BTC-USDT  +1.25 %", [(UP, "+1.25 %")]),
    ],
)
def test_the_signs_decide(kind, line, expected):
    middle = coloured(kind, f"title  ● live\n{line}\nfoot").split("\n")[1]
    for code, words in expected:
        assert paint(words, code) in middle


def test_real_pictures_are_coloured():
    for kind, painter in {
        "account": AccountPainter(an_account(badge="SIMULATED")),
        "candles": KlinesPainter(FakeKlines(candles())),
        "status": StatusPainter(a_client()),
    }.items():
        text = painter.text(painter.picture(NOW), 80)
        assert f"\x1b[{UP}m" in coloured(kind, text)
        assert uncoloured(coloured(kind, text)) == text
