"""The trade tape."""
