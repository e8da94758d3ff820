"""Live frames of the account: orders, fills, balances, positions."""
