"""One call of the catalogue as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from kucoin_stream.errors import RemoteProtocolError, UsageError
from kucoin_stream.protocol.endpoints.endpoint import Endpoint
from kucoin_stream.protocol.endpoints.paging import Pager, pager, sized
from kucoin_stream.rest.answers import Shape, decode, rows_of
from kucoin_stream.rest.arguments import check
from kucoin_stream.rest.documents import document, signature
from kucoin_stream.rest.progress import Progress
from kucoin_stream.rest.writing import call_of
from kucoin_stream.transport.caller import Call


class Sender(Protocol):
    """What makes calls: the REST side of a client. Safe from any thread."""

    @property
    def badge(self) -> str:
        """The word that stands beside what is not live."""

    def allow(self, row: Endpoint) -> None:
        """Raise :class:`NotArmedError` where a call changes something and its group is not armed."""

    def now(self) -> float:
        """Return the exchange's clock in Unix seconds."""

    def send(self, call: Call) -> msgspec.Raw:
        """Return the ``data`` of an answer."""


def function_of(row: Endpoint, sender: Sender) -> Callable[..., Any]:
    """Return a row as a function: it checks its arguments, calls, follows the pages, and returns what came in shape.

    It waits in the caller's thread, whichever that is; its docstring and signature say what goes in and comes out.
    """
    method = Method(row, sender)

    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    call.__name__ = row.name
    call.__qualname__ = method.name
    call.__doc__ = document(row)
    call.__dict__["__signature__"] = signature(row)
    return call


class Method:
    """One call with its pages. Safe from any thread."""

    def __init__(self, row: Endpoint, sender: Sender) -> None:
        self.row = row
        self.name = f"{row.group}.{row.name}"
        self._sender = sender

    def __call__(
        self, *args: Any, raw: bool = False, exact: bool = False, max_rows: int | None = None, **kwargs: Any
    ) -> Any:
        """Make the call; raises as :class:`RestApi` says."""
        if max_rows is not None and (not self.row.paging or isinstance(max_rows, bool) or max_rows < 1):
            raise UsageError(f"{self.name}: max_rows is at least 1, and only for lists that have pages")
        given = check(self.row, args, kwargs)
        call = call_of(self.row, given)
        self._sender.allow(self.row)
        shape = Shape(self.row, exact, self._sender.badge)
        large = sized(self.row, given)
        if not raw and (pages := pager(self.row, large, self._sender.now())) is not None:
            return shape.rows(*self._all(pages, large, exact, max_rows))
        data = decode(self._sender.send(call), exact=exact)
        return data if raw else shape.answer(data)

    def _all(
        self, pages: Pager, given: Mapping[str, Any], exact: bool, max_rows: int | None
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the rows of all pages, and what stood beside the first."""
        if pages.ask is None:
            raise UsageError(f"{self.name}: the begin is after the end")
        first: dict[str, Any] | None = None
        with Progress(self.name) as progress:
            while pages.ask is not None and (max_rows is None or len(pages.rows) < max_rows):
                data = self._sender.send(call_of(self.row, {**given, **pages.ask}))
                rows, beside = rows_of(self.row, decode(data, exact=exact))
                first = beside if first is None else first
                try:
                    pages.receive(rows, beside)
                except (AttributeError, LookupError, TypeError, ValueError) as exc:
                    raise RemoteProtocolError(f"{self.name}: rows without what pages go by: {exc}") from None
                progress.show(pages.done, pages.total, len(pages.rows))
        return pages.found()[:max_rows], first or {}
