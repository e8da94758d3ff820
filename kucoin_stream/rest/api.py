"""``client.rest``: every REST call of KuCoin by group and name, and signed calls by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from kucoin_stream.errors import UsageError, hint
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.changes import Change, DryRun
from kucoin_stream.protocol.endpoints.endpoint import Endpoint, Host
from kucoin_stream.rest.answers import decode
from kucoin_stream.rest.method import function_of
from kucoin_stream.rest.writing import change_of, own
from kucoin_stream.transport.caller import Call, Caller
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.rest.groups import Groups
else:
    Groups = object

Meant = Literal["live", "sim", "url"]

_HOSTS = ("spot", "futures", "broker")


class Owner(Protocol):
    """What REST is reached through: the client."""

    @property
    def engine(self) -> Engine:
        """The floor below."""

    @property
    def orders(self) -> Desk:
        """What guards orders."""


class Guard(Protocol):
    """What stands before calls that change something: ``client.orders.groups``."""

    @property
    def armed(self) -> tuple[str, ...]:
        """The groups that are armed."""

    def arm(self, group: str, target: Meant, cap: Any, *, dry_run: bool) -> None:
        """Let a group change something."""

    def disarm(self, group: str = "") -> None:
        """Take it back, for one group or for all."""

    def perform(self, change: Change, send: Callable[[], msgspec.Raw]) -> msgspec.Raw | DryRun:
        """Send what changes something, or say what would be sent."""


class Desk(Protocol):
    """What guards orders, however they are sent: ``client.orders``."""

    @property
    def groups(self) -> Guard:
        """What guards calls that change something."""


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
                raise AttributeError(f"rest.{self._name} has no {name!r}; {hint(name, dir(self))}") from None
            self._functions[name] = function_of(row, self._api)
        return self._functions[name]


class RestApi(Groups):
    """KuCoin's REST calls: ``client.rest.spot_market.get_klines("BTC-USDT", "1min", start_at="2026-01-01")``.

    Each group has its calls by KuCoin's names in Python's form; lists come back as DataFrames with UTC times, objects
    as :class:`Record`. A call waits where the exchange's quota is used up, and again where it says so.

    Before anything is sent, calls raise :class:`UsageError` for an unknown or missing argument and without the key that
    is needed, :class:`NotArmedError` where a call changes something and its group is not armed. Then they raise
    :class:`UnreachableError`, :class:`ResponseError` with KuCoin's code and what it means, and :class:`RequestError`
    where the quota stays used up for more than 65 s. A call without an answer is not repeated: if it changes
    something, look whether that was done. Orders without one, or with an answer of 5xx, raise :class:`OrderUncertain`
    with their ``client_oid``, which is made here where none is given.

    Safe from any thread. Source: protocol.md 8, 9.
    """

    def __init__(self, client: Owner) -> None:
        self._client = client
        self._groups: dict[str, Group] = {}
        self._caller: Caller | None = None

    def __repr__(self) -> str:
        return f"<rest: {', '.join(endpoints.groups())}>"

    def __dir__(self) -> list[str]:
        return sorted([*endpoints.groups(), "arm", "armed", "delete", "disarm", "get", "post"])

    def __getattr__(self, name: str) -> Group:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in endpoints.groups():
            raise AttributeError(f"rest has no {name!r}; {hint(name, dir(self))}")
        return self._groups.setdefault(name, Group(name, self))

    # -- arming --------------------------------------------------------------------------------------------------

    def arm(self, group: str, target: Meant, cap: Any = None, *, dry_run: bool = False) -> None:
        """Let the calls of ``group`` change something, from the next cell on.

        ``target`` says what is meant: ``"live"``, ``"sim"``, or ``"url"`` for an exchange given by its URL; it must
        have been named in ``connect()`` too. ``cap``, which groups with orders need: what their orders by REST may come
        to together, as in ``client.orders.arm``. ``dry_run``: check everything, send nothing, and return what would
        have been sent. A cell that has made such a call and is run again needs it anew, unless it only cancels orders.
        There is no ``cancel_on_stop`` as of ``client.orders.arm``: orders placed by REST stay in the market.

        It ends with :meth:`disarm`, ``ks.connect()`` and the client. Raises :class:`UsageError` where the client talks
        to another target or to one that "auto" chose, and for a group that changes nothing.
        """
        self._guard.arm(group, target, cap, dry_run=dry_run)

    def disarm(self, group: str = "") -> None:
        """Refuse the calls of ``group`` that change something again; without one, those of all groups."""
        self._guard.disarm(group)

    @property
    def armed(self) -> tuple[str, ...]:
        """The groups whose calls may change something."""
        return self._guard.armed

    @property
    def _guard(self) -> Guard:
        _ = self._client.engine  # raises where there is none any more
        return self._client.orders.groups

    # -- by path -------------------------------------------------------------------------------------------------

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, host: Host = "spot", signed: bool = True
    ) -> Any:
        """GET ``path`` (``/api/v1/accounts``) and return its ``data`` as sent. Raises as the class says."""
        return self._by_path("GET", path, query, None, host, signed)

    def post(self, path: str, body: Any = None, *, host: Host = "spot", signed: bool = True) -> Any:
        """POST ``body`` as JSON and return the ``data`` as sent.

        The call's group must be armed; that of a call which the catalogue does not know is ``"other"``, which needs a
        cap where there are orders in the body.
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
            call = msgspec.structs.replace(call, pool=row.pool, weight=1 if row.weight is None else row.weight)
        changes = method != "GET" if row is None else row.changes
        data = self.change(call, row) if changes else self.send(call)
        return data if isinstance(data, DryRun) else decode(data, exact=False)

    # -- what methods need ---------------------------------------------------------------------------------------

    @property
    def badge(self) -> str:
        """The word that stands beside what is not live."""
        return self._client.engine.target.badge

    def change(self, call: Call, row: Endpoint | None) -> msgspec.Raw | DryRun:
        """Send a call that changes something, if that is allowed here and now; see :meth:`arm`."""
        return self._guard.perform(change_of(call, row), lambda: self.send(call))

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
