"""The built-in exchange: KuCoin's protocols served over real sockets, from a seed or a capture, with an account."""

from kucoin_stream.simulator.capture import CaptureMarket
from kucoin_stream.simulator.clock import Clock
from kucoin_stream.simulator.faults import Faults
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.simulator import Simulator

__all__ = ["CaptureMarket", "Clock", "Faults", "GeneratedMarket", "RestError", "Simulator"]
