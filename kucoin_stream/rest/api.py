"""``client.rest``: every REST call of KuCoin by group and name, and signed calls by path."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.endpoint import Endpoint, Host
from kucoin_stream.rest.answers import decode
from kucoin_stream.rest.arming import Arming
from kucoin_stream.rest.method import function_of
from kucoin_stream.rest.writing import own
from kucoin_stream.transport.caller import Call, Caller
from kucoin_stream.transport.engine import Engine

OTHER = "other"
"""The group of calls by path that the catalogue does not know and that are no GET."""

_HOSTS = ("spot", "futures", "broker")


class Owner(Protocol):
    """What REST is reached through: the client."""

    @property
    def engine(self) -> Engine:
        """The floor below."""


class Group:
    """The calls of one group. Completion lists them; each is a function with signature and docstring."""

    def __init__(self, name: str, api: RestApi) -> None:
        self._name = name
        self._api = api
        self._functions: dict[str, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        return f"<rest.{self._name}: {', '.join(dir(self))}>"

    def __dir__(self) -> list[str]:
        return sorted(endpoints.groups()[self._name])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._functions:
            try:
                row = endpoints.endpoint(self._name, name)
            except KeyError:
                raise AttributeError(f"rest.{self._name} has no {name!r}{_hint(name, dir(self))}") from None
            self._functions[name] = function_of(row, self._api)
        return self._functions[name]


class RestApi:
    """KuCoin's REST calls: ``client.rest.spot_market.get_klines("BTC-USDT", "1min", start_at="2026-01-01")``.

    Each group has its calls by KuCoin's names in Python's form; lists come back as DataFrames with UTC times, objects
    as :class:`Record`. A call waits where the exchange's quota is used up, and again where it says so.

    Before anything is sent, calls raise :class:`UsageError` for an unknown or missing argument and without the key that
    is needed, :class:`NotArmedError` where a call changes something and its group is not armed. Then they raise
    :class:`UnreachableError`, :class:`ResponseError` with KuCoin's code and what it means, and :class:`RequestError`
    where the quota stays used up for more than 65 s. A call without an answer is not repeated: if it changes
    something, look whether that was done.

    Safe from any thread. Source: protocol.md 8, 9.
    """

    def __init__(self, client: Owner) -> None:
        self._client = client
        self._groups: dict[str, Group] = {}
        self._caller: Caller | None = None
        self._arming: Arming | None = None

    def __repr__(self) -> str:
        return f"<rest: {', '.join(endpoints.groups())}>"

    def __dir__(self) -> list[str]:
        return sorted([*endpoints.groups(), "arm", "armed", "delete", "disarm", "get", "post"])

    def __getattr__(self, name: str) -> Group:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in endpoints.groups():
            raise AttributeError(f"rest has no {name!r}{_hint(name, dir(self))}")
        return self._groups.setdefault(name, Group(name, self))

    # -- arming --------------------------------------------------------------------------------------------------

    def arm(self, group: str, *, target: str) -> None:
        """Let the calls of ``group`` change something, until the client ends or :meth:`disarm`.

        ``target`` says what is meant: ``"live"``, ``"sim"``, or ``"url"`` for an exchange given by its URL. Raises
        :class:`UsageError` where the client talks to another, and for a group that changes nothing.
        """
        self._guard.arm(group, target, self._client.engine.target.mode)

    def disarm(self, group: str) -> None:
        """Refuse the calls of ``group`` that change something again."""
        self._guard.disarm(group)

    @property
    def armed(self) -> tuple[str, ...]:
        """The groups whose calls may change something."""
        return self._guard.armed

    @property
    def _guard(self) -> Arming:
        if self._arming is None:
            changing = [name for name, rows in endpoints.groups().items() if any(row.changes for row in rows.values())]
            self._arming = Arming([*changing, OTHER])
        return self._arming

    # -- by path -------------------------------------------------------------------------------------------------

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, host: Host = "spot", signed: bool = True
    ) -> Any:
        """GET ``path`` (``/api/v1/accounts``) and return its ``data`` as sent. Raises as the class says."""
        return self._by_path("GET", path, query, None, host, signed)

    def post(self, path: str, body: Any = None, *, host: Host = "spot", signed: bool = True) -> Any:
        """POST ``body`` as JSON and return the ``data`` as sent.

        The call's group must be armed; that of a call which the catalogue does not know is ``"other"``.
        """
        return self._by_path("POST", path, None, body, host, signed)

    def delete(
        self, path: str, query: Mapping[str, Any] | None = None, *, body: Any = None, host: Host = "spot",
        signed: bool = True,
    ) -> Any:  # fmt: skip
        """DELETE ``path`` and return the ``data`` as sent; to be armed as :meth:`post`."""
        return self._by_path("DELETE", path, query, body, host, signed)

    def _by_path(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, host: Host, signed: bool
    ) -> Any:
        if host not in _HOSTS:
            raise UsageError(f"no such host {host!r}; there are: {', '.join(_HOSTS)}")
        call = own(host, method, path, query or {}, body, signed=signed)
        row = endpoints.by_path(host, method, path)
        if row is not None:
            self.allow(row)
            call = msgspec.structs.replace(call, pool=row.pool, weight=1 if row.weight is None else row.weight)
        elif method != "GET":
            self._guard.require(OTHER, self._client.engine.target.mode, str(call))
        return decode(self.send(call), exact=False)

    # -- what methods need ---------------------------------------------------------------------------------------

    @property
    def badge(self) -> str:
        """The word that stands beside what is not live."""
        return self._client.engine.target.badge

    def allow(self, row: Endpoint) -> None:
        """Raise :class:`NotArmedError` where a row changes something and its group is not armed."""
        if row.changes:
            self._guard.require(row.group, self._client.engine.target.mode, f"{row.group}.{row.name}")

    def now(self) -> float:
        """Return the exchange's clock as last seen, in Unix seconds."""
        return self._client.engine.rest.now()

    def send(self, call: Call) -> msgspec.Raw:
        """Return the ``data`` of an answer; raises as the class says."""
        engine = self._client.engine
        if self._caller is None:
            self._caller = Caller(engine)
        self._caller.check(call)
        waiting = [True]
        try:
            return engine.call(self._caller.perform, call, lambda: bool(waiting), timeout=self._caller.timeout)
        finally:
            waiting.clear()  # interrupted: what has not been sent yet never is


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}"
