"""Private messages: KuCoin writes empty text for what is not there, and identifiers now as text, now as numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, get_args

from msgspec import Meta, Struct
from msgspec.structs import fields, force_setattr

if TYPE_CHECKING:  # what a field is, once made ...
    Blank: TypeAlias = None
    Name = str
    Text = str
    Identity = str
    Switch = str
else:  # ... and what the wire may say
    Blank = Literal[""] | None
    Name = str | int
    Text = str | int | None
    Identity = Annotated[str, Meta(min_length=1)] | int
    Switch = str | int | bool | None


class WithBlanks(Struct, frozen=True, gc=False):
    """A message in which empty text means nothing.

    It becomes ``None`` in a field whose default is ``None`` (``Price | Blank``, or a text). A field of type ``Name``
    or ``Text`` is a text, whatever the wire made of it; ``Text`` is empty where the wire says ``null``. ``Identity`` is
    a ``Name`` that is not empty, ``Switch`` a ``Text`` that is ``"1"`` or ``"0"`` where the wire has a boolean.
    """

    def __post_init__(self) -> None:
        plan = _plan(type(self))
        for name in plan.texts:
            value = getattr(self, name)
            if isinstance(value, int):
                force_setattr(self, name, str(int(value)))
        for name, blank, default in plan.blanks:
            if getattr(self, name) == blank:
                force_setattr(self, name, default)


class _Plan(NamedTuple):
    texts: tuple[str, ...]  # where a number may stand for a text
    blanks: tuple[tuple[str, str | None, str | None], ...]  # what may stand where nothing is, and what it becomes


@cache
def _plan(kind: type[Any]) -> _Plan:
    every = fields(kind)
    texts = tuple(each.name for each in every if {str, int} <= {*map(_plain, get_args(each.type))})
    optional = [(each.name, each.default) for each in every if not each.required]
    blanks = [(name, "" if default is None else None, default) for name, default in optional if default in ("", None)]
    return _Plan(texts, tuple(blanks))


def _plain(kind: Any) -> Any:
    """Return a type without its constraints."""
    return getattr(kind, "__origin__", kind)
