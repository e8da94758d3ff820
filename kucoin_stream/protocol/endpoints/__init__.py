"""The REST calls as data: one row each, read from ``endpoints.jsonl`` when first asked for (protocol.md 8).

The rows are facts of KuCoin's API. ``python -m tests.protocol.rest_table`` makes them from the table that they were
collected in, and a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from kucoin_stream.protocol.endpoints.endpoint import NO_PATH, Endpoint

FILE = "endpoints.jsonl"

Groups = Mapping[str, Mapping[str, Endpoint]]
"""Rows by group and name."""


@cache
def groups() -> Groups:
    """Return all rows by group and name."""
    found: dict[str, dict[str, Endpoint]] = {}
    for row in msgspec.json.Decoder(Endpoint).decode_lines(files(__name__).joinpath(FILE).read_bytes()):
        found.setdefault(row.group, {})[row.name] = row
    return found


def endpoint(group: str, name: str) -> Endpoint:
    """Return one row; raise :class:`KeyError` where there is none."""
    return groups()[group][name]


@cache
def with_orders() -> frozenset[str]:
    """Return the groups in which orders are placed."""
    rows = [row for group in groups().values() for row in group.values() if row.changes]
    return frozenset(row.group for row in rows if any(param.key == "side" for param in row.params))


def by_path(host: str, method: str, path: str) -> Endpoint | None:
    """Return the row of a call as it is sent, its path without the query; ``None`` where there is none.

    A path that is wholly given goes before one with a place in it.
    """
    rows = [row for group in groups().values() for row in group.values() if (row.host, row.method) == (host, method)]
    matching = [row for row in rows if row.path != NO_PATH and _pattern(row.path).fullmatch(path)]
    return min(matching, key=lambda row: row.path.count("{"), default=None)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", path))))
