"""Pure state of a market: books, bars, rows. No I/O, no clock; written by one thread."""
