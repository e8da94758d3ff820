"""The built-in exchange: KuCoin's classic spot protocol served over real sockets, from a seed or a capture."""

from kucoin_stream.simulator.capture import CaptureMarket
from kucoin_stream.simulator.faults import Faults
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.simulator import Simulator

__all__ = ["CaptureMarket", "Faults", "GeneratedMarket", "Simulator"]
