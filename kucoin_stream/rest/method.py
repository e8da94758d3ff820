"""One call of the catalogue as a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, Protocol

import msgspec

from kucoin_stream.errors import KucoinStreamError, RemoteProtocolError, ResponseError, UsageError
from kucoin_stream.protocol.endpoints.changes import HIDDEN, DryRun
from kucoin_stream.protocol.endpoints.completed import completed, elsewhere
from kucoin_stream.protocol.endpoints.endpoint import Endpoint
from kucoin_stream.protocol.endpoints.paging import Pager, pager, sized
from kucoin_stream.protocol.signing import Hidden
from kucoin_stream.rest.answers import Shape, decode, rows_of
from kucoin_stream.rest.arguments import check, named
from kucoin_stream.rest.documents import document, signature
from kucoin_stream.rest.progress import Progress
from kucoin_stream.rest.writing import call_of
from kucoin_stream.transport.caller import Call

_NOT_FOUND = 404  # HTTP status


class Sender(Protocol):
    """What makes calls: the REST side of a client. Safe from any thread."""

    @property
    def badge(self) -> str:
        """The word that stands beside what is not live."""

    def change(self, call: Call, row: Endpoint | None) -> msgspec.Raw | DryRun:
        """Return the ``data`` of the answer to a call that changes something, if that is allowed here and now."""

    def now(self) -> float:
        """Return the exchange's clock in Unix seconds."""

    def send(self, call: Call) -> msgspec.Raw:
        """Return the ``data`` of an answer."""


def function_of(row: Endpoint, sender: Sender) -> Callable[..., Any]:
    """Return a row as a function: it checks its arguments, calls, follows the pages, and returns what came in shape.

    It waits in the caller's thread, whichever that is; its docstring and signature say what goes in and comes out.
    """
    row = completed(row)
    method = Method(row, sender)

    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    def discreet_call(*args: Any, **kwargs: Any) -> Any:
        """Leave no frame with arguments to a traceback with variables."""
        given = Hidden(args=args, kwargs=kwargs)
        del args, kwargs
        try:
            return method(*given["args"], **given["kwargs"])
        except KucoinStreamError as exc:
            raise exc.with_traceback(None) from None

    if row.takes(HIDDEN):
        call = discreet_call
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
        if max_rows is not None and not (self.row.paging and _whole(max_rows) and max_rows >= 1):
            raise UsageError(f"{self.name}: max_rows is a whole number from 1 on, and only for lists that have pages")
        given = named(self.row, check(self.row, args, kwargs))
        call = call_of(self.row, given)
        shape = Shape(self.row, exact, self._sender.badge)
        large = sized(self.row, given)
        if not raw and (pages := pager(self.row, large, self._sender.now())) is not None:
            return shape.rows(*self._all(pages, large, exact, max_rows))
        answer = self._sender.change(call, self.row) if self.row.changes else self._fetch(call)
        if isinstance(answer, DryRun):
            return answer
        data = decode(answer, exact=exact)
        return data if raw else shape.answer(data)

    def _fetch(self, call: Call) -> msgspec.Raw:
        try:
            return self._sender.send(call)
        except ResponseError as exc:
            if exc.status != _NOT_FOUND or not (other := elsewhere(call.target)):
                raise
        return self._sender.send(msgspec.structs.replace(call, target=other))

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


def _whole(given: object) -> bool:
    return isinstance(given, Integral) and not isinstance(given, bool)
