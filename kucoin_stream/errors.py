"""The exceptions, drawn once.

::

    KucoinStreamError
    ├── UsageError (also ValueError)     the call is wrong; the message says what to write instead
    │   └── UnknownSymbolError
    ├── NotReadyError (also TimeoutError)  nothing arrived within the time allowed
    ├── StoppedError                     the object was stopped, or its connection given up
    ├── NotArmedError                    an order or another change was not allowed here and now; nothing was sent
    ├── RefusedError                     the exchange refused a subscription: code, reason
    ├── OrderRejected                    the exchange did not take an order: op, code, reason
    ├── OrderUncertain                   no answer came: the order may be in the market
    ├── RequestError                     a REST call failed
    │   ├── ResponseError                KuCoin answered with an error: status, code, reason
    │   └── UnreachableError             no answer: stage says where it ended (dns, tcp, tls, http, ...)
    └── ProtocolError
        ├── LocalProtocolError           our own misuse of a protocol machine
        └── RemoteProtocolError          the other side sent what the protocol does not allow

No exception carries a key, a secret, a passphrase or a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class KucoinStreamError(Exception):
    """Every error raised on purpose by this package. Its text may hold foreign words, and is fit for a terminal."""

    def __str__(self) -> str:
        return harmless(super().__str__())


class UsageError(KucoinStreamError, ValueError):
    """An argument is wrong. The message names the next step."""


class UnknownSymbolError(UsageError):
    """No such symbol, or not one of this market."""


class NotReadyError(KucoinStreamError, TimeoutError):
    """Nothing to show within the time allowed; the message says what is missing."""


class StoppedError(KucoinStreamError):
    """The feed, live frame or client was stopped."""


class RefusedError(KucoinStreamError):
    """The exchange refused a subscription or ended a connection with an error frame.

    ``code`` is the exchange's integer (protocol.md 3.4), ``reason`` its text.
    """

    def __init__(self, what: str, code: int, reason: str) -> None:
        super().__init__(f"{what} refused: {code} {reason}")
        self.code = code
        self.reason = reason


class NotArmedError(KucoinStreamError):
    """What changes something on the exchange was not allowed; nothing was sent. The message says what allows it."""


class OrderRejected(KucoinStreamError):  # noqa: N818  what the exchange calls it
    """The exchange did not take an operation of the WS API: its integer ``code`` (protocol.md 9) and ``reason``."""

    def __init__(self, op: str, code: int, reason: str) -> None:
        super().__init__(f"{op} rejected: {code} {reason}")
        self.op = op
        self.code = code
        self.reason = reason


class OrderUncertain(KucoinStreamError):  # noqa: N818
    """No answer came to an operation: whether the exchange did it is not known here.

    ``names`` are the ids by which it can be found: in ``client.account.orders()``, or by REST.
    """

    def __init__(self, op: str, names: str, why: str) -> None:
        super().__init__(f"{op} may have reached the exchange: {why}; look for {names} in client.account.orders()")
        self.op = op
        self.names = names


class RequestError(KucoinStreamError):
    """A REST call failed."""


class ResponseError(RequestError):
    """KuCoin answered a REST call with an error: HTTP ``status``, KuCoin's ``code`` and ``reason``."""

    def __init__(self, call: str, status: int, code: str, reason: str) -> None:
        super().__init__(f"{call}: HTTP {status}, code {code or '-'}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason


class UnreachableError(RequestError):
    """A host did not answer. ``stage`` is one of ``dns tcp tls http``."""

    def __init__(self, stage: str, message: str) -> None:
        super().__init__(message)
        self.stage = stage


class ProtocolError(KucoinStreamError):
    """The protocol was not kept."""


class LocalProtocolError(ProtocolError):
    """A protocol machine was used in a state that does not allow it."""


class RemoteProtocolError(ProtocolError):
    """The other side sent something that cannot be decoded or is out of place.

    ``topic`` is the one whose message it was, where that could be read.
    """

    def __init__(self, message: str, topic: str = "") -> None:
        super().__init__(message)
        self.topic = topic


def harmless(text: str) -> str:
    """Return foreign text without what a terminal would act on: control characters but line breaks, and changes of the
    direction of writing.
    """
    if text.isprintable():  # almost always
        return text
    return "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)


def printable(text: object, limit: int = 300) -> str:
    """Return foreign text fit for an error message: on one line, without control characters, not too long."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:limit])


def hint(name: object, known: Iterable[str]) -> str:
    """Return the end of a sentence on a name that is none of ``known``: the nearest of them, or all."""
    names = list(known)
    near = get_close_matches(str(name), names, 1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(names) or 'none'}"
