"""Many symbols at once."""
