"""REST from a table: ``client.rest.<group>.<name>(...)`` for every call of the catalogue (protocol.md 8)."""
