"""From our frames to other libraries: one lazy function for each, and nothing that must be installed."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any

import pandas as pd


class Bridged:
    """What has a DataFrame, with the ways out of pandas. All of them take the frame of now.

    Each raises :class:`UsageError` with what to install where its library is missing.
    """

    @property
    @abstractmethod
    def df(self) -> pd.DataFrame:
        """The DataFrame of now."""

    def to_plotly(self, **options: Any) -> Any:
        """Return a plotly ``Figure``: depth of a book, candles with volume, trades, best prices, else a table.

        ``widget=True``: a ``FigureWidget``; ``into=figure``: draw into that one again, which makes it live; what else
        is given goes to its layout: ``book.to_plotly(height=400)``. See :func:`.bridges.figures.to_plotly`.
        """
        from kucoin_stream.bridges.figures import to_plotly

        return to_plotly(self.df, **options)

    def to_hvplot(self, **options: Any) -> Any:
        """Return a HoloViews plot of the same kinds; ``options`` are those of hvPlot: ``width=800``."""
        from kucoin_stream.bridges.plots import to_hvplot

        return to_hvplot(self.df, **options)

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``: UTC times in ns, categories as dictionaries, ``df.attrs`` in its metadata."""
        from kucoin_stream.bridges.tables import to_arrow

        return to_arrow(self.df)

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame``; an index with a name becomes a column. Polars has no place for ``attrs``."""
        from kucoin_stream.bridges.tables import to_polars

        return to_polars(self.df)

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file and return its path; ``pandas.read_parquet`` gives the frame back, with its ``attrs``.

        Texts come back in pandas' own ``str``. A file that is there is replaced. Raises :class:`OSError`.
        """
        from kucoin_stream.bridges.tables import to_parquet

        return to_parquet(self.df, path)
