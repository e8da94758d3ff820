"""Classic futures: contracts, their topics and their REST calls (protocol.md 4.20 to 4.28, 5.5, 8.3)."""
