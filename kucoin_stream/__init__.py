"""KuCoin live in a notebook."""
