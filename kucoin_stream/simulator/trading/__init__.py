"""The account of the built-in exchange: money, orders, positions, and who is told of them. Pure; time is passed in."""
