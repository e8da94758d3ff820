"""Pictures of live objects: order book, candles, trade tape, connections.

A *painter* (``book.py``, ``klines.py``, ``trades.py``, ``status.py``) takes a picture of its subject, a frozen struct
of numbers, and renders it as live HTML, as static HTML for a saved notebook, or as text for a terminal; ``kinds.py``
lists them. A *view* (``view.py``) shows a painter's pictures in a notebook; the *screen* (``screen.py``) is the one
thread that draws all of them. Importing this package imports none of these.
"""
