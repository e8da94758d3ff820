"""``ks.doctor()``: what works between this notebook and the exchange, as text for a bug report."""
