"""Measures over time: of a book, of the way of messages."""
