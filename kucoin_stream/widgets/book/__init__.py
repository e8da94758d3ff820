"""Pictures of an order book: the ladder, the depth chart."""
