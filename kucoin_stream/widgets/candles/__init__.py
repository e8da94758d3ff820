"""Pictures of bars: candles with volume, studies over them, markers."""
