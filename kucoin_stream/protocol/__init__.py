"""KuCoin's protocols as pure code: no sockets, no clock, no threads."""
