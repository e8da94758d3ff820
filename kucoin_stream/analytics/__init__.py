"""What everybody computes of books, trades and klines: pure functions over numpy and pandas, and ``df.kucoin``."""
