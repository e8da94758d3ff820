"""Order entry over KuCoin's WS API: ``client.orders``."""
