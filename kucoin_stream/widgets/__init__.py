"""Pictures of live objects: books, candles, trades, many symbols, measures over time, the connections, the account.

A *painter* takes a picture of its subject, a frozen struct of numbers, and renders it as live HTML, as static HTML for
a saved notebook, or as text for a terminal: ``book/ candles/ trades/ lines/ wall/ state/``, on what they share in
``drawing/``; ``kinds.py`` lists them. A *view* (``view.py``) shows a painter's pictures in a notebook, an interactive
one (``interactive.py``, fed by ``buffers.py``) draws them in the browser; the *screen* (``screen.py``) is the one
thread that makes all of them. Importing this package imports none of these.
"""
