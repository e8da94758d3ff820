"""A row of the REST catalogue: one call, its parameters, and what comes back (protocol.md 8)."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from msgspec import Struct

Host = Literal["spot", "futures", "broker"]
Method = Literal["GET", "POST", "DELETE"]
Place = Literal["path", "query", "body"]

INSTANTS = ("s", "ms", "ns")
"""Units of Unix times; of durations the catalogue writes the whole word."""

NO_PATH = "-"
"""Stands for the path of a call that no source gives."""


class Param(Struct, frozen=True, omit_defaults=True, rename={"place": "in"}):
    """One parameter under KuCoin's name: ``a.b`` and ``a[].b`` are nested, ``[]`` is a body that is an array.

    ``type`` is ``string``, ``decimal`` (exact, as text), ``integer``, ``number`` (exact, as JSON number), ``boolean``,
    ``object`` or ``array<...>``. ``default`` is what the exchange assumes: it is never sent. ``required`` is
    ``"doubtful"`` where sources differ.
    """

    name: str
    type: str
    place: Place
    required: bool | Literal["doubtful"] = False
    unit: str = ""
    enum: tuple[str | int | float | bool, ...] = ()
    default: str | int | float | bool | None = None

    @property
    def key(self) -> str:
        """The name where the value stands: the last part of a nested one."""
        return self.name.rpartition(".")[2]

    @property
    def snake(self) -> str:
        """The name in Python."""
        return argument(self.key)


class Field(Struct, frozen=True):
    """One field of an answer; its times are instants where ``unit`` is one of :data:`INSTANTS`."""

    type: str
    unit: str = ""
    enum: tuple[str, ...] = ()
    pair: tuple[str, ...] = ()  # names of the columns of an array of arrays


class Endpoint(Struct, frozen=True, omit_defaults=True):
    """One call. ``fields`` are of one row, or of the object that comes back; ``outer`` of what stands beside the rows.

    ``kind`` is ``object``, ``array``, ``paged`` or ``scalar``; the rows stand under ``rows_key``, or are the answer
    itself. ``auth`` is ``none``, the permission that the key needs, or ``signed`` where that is not known. ``changes``
    says whether the call does something, so that its group must be armed. ``most`` is the largest page.
    """

    group: str
    name: str
    title: str
    host: Host
    method: Method
    path: str
    auth: str
    kind: str
    weight: int | None = None
    pool: str = ""
    params: tuple[Param, ...] = ()
    fields: dict[str, str] = {}
    outer: dict[str, str] = {}
    rows_key: str = ""
    paging: str = ""
    columns: bool = False  # a row is a list
    most: int | None = None
    changes: bool = False

    @property
    def signed(self) -> bool:
        """Whether it needs a key."""
        return self.auth != "none"

    @property
    def arguments(self) -> tuple[Param, ...]:
        """The parameters that are not part of another one: those that must be given, the doubtful ones, the others.

        Of each, the symbol comes first.
        """
        top = [param for param in self.params if "." not in param.name]
        order = (True, "doubtful", False)
        return tuple(sorted(top, key=lambda param: (order.index(param.required), param.name != "symbol")))

    def parts(self, name: str) -> tuple[Param, ...]:
        """Return the parameters directly within ``name``."""
        inner = re.compile(re.escape(name.removesuffix("[]")) + r"(\[\])?\.[^.]+")
        return tuple(param for param in self.params if inner.fullmatch(param.name))

    def takes(self, *names: str) -> str:
        """Return the first of ``names`` that is a parameter, else nothing."""
        known = {param.name for param in self.params}
        return next((name for name in names if name in known), "")


_FIELD = re.compile(r"(?P<type>\S+)(?: (?P<unit>[a-z][a-z/]*))?(?: enum\((?P<enum>[^)]*)\))?(?: \[(?P<pair>.*)\])?")


@cache
def field(text: str) -> Field:
    """Read a field as the catalogue writes it: ``integer ms``, ``string enum(buy|sell)``."""
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"not a field of the catalogue: {text!r}")
    return Field(
        found["type"],
        found["unit"] or "",
        tuple(found["enum"].split("|")) if found["enum"] else (),
        tuple(found["pair"].split(", ")) if found["pair"] else (),
    )


_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def snake(name: str) -> str:
    """Return KuCoin's ``clientOid`` as ``client_oid``."""
    return _HUMP.sub("_", name).lower()


@cache
def argument(name: str) -> str:
    """Return a parameter's name in Python: ``from`` is a word of the language, an array alone has no name."""
    return {"from": "from_", "[]": "orders"}.get(name) or snake(name)
