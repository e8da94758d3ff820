import pytest

from kucoin_stream.simulator.moods import BURST, CALM, TREND, Moods


def story(name, seconds=2000):
    moods, seen = Moods(name, 0.0), []
    for second in range(seconds):
        moods.look(float(second))
        seen.append((moods.pace, moods.drift))
    return seen


def test_there_are_calm_times_bursts_and_trends_both_ways():
    seen = set(story("0/BTC-USDT"))
    assert seen == {(CALM.pace, 0.0), (BURST.pace, 0.0), (TREND.pace, TREND.drift), (TREND.pace, -TREND.drift)}


@pytest.mark.parametrize("steps", [range(0, 2000, 7), [1999]])
def test_moods_do_not_depend_on_how_often_they_are_looked_at(steps):
    moods = Moods("1/ETH-USDT", 0.0)
    for second in steps:
        moods.look(float(second))
    moods.look(1999.0)
    assert (moods.pace, moods.drift) == story("1/ETH-USDT")[-1]
