"""Signs with an API key, by the user's own function where there is one (protocol.md 2.1)."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable

from kucoin_stream.errors import RequestError, printable
from kucoin_stream.protocol import signing
from kucoin_stream.settings import Credentials

Sign = Callable[[str, str], str | Awaitable[str]]
"""A user's function: message and secret in, base64 of the signature out, perhaps later."""

PATIENCE = 30.0  # seconds that a user's function may take: the exchange waits no longer; protocol.md 7.2


class Signer:
    """One API key and what signs with it. Its repr hides both. Lives on the loop thread.

    The user's function runs in a thread of its own: what it does, or waits for, stops nothing else.
    """

    def __init__(self, credentials: Credentials, function: Sign | None = None) -> None:
        self._credentials = credentials
        self._function = function
        self._passphrase = ""
        self._hangs = False  # a call of the function was given up and has not returned

    def __repr__(self) -> str:
        return f"<Signer{' by a function given' if self._function else ''}>"

    @property
    def key(self) -> str:
        """The part that names the key."""
        return self._credentials.key

    async def __call__(self, message: str) -> str:
        """Return the signature of ``message``; raises :class:`RequestError` where the user's function does not."""
        if self._function is None:
            return signing.sign(message, self._credentials.secret)
        return await self._ask(self._function, message)

    async def passphrase(self) -> str:
        """Return the signature of the passphrase, made once."""
        if not self._passphrase:
            self._passphrase = await self(self._credentials.passphrase)
        return self._passphrase

    def masked(self, text: str) -> str:
        """Return a text from elsewhere without parts of the key, should it repeat them."""
        for part in self.parts:
            text = text.replace(part, "***")
        return text

    @property
    def parts(self) -> tuple[str, str, str]:
        """What must not be seen anywhere."""
        return self._credentials.key, self._credentials.secret, self._credentials.passphrase

    async def _ask(self, function: Sign, message: str) -> str:
        if self._hangs:
            raise RequestError("sign= still works on a message before; it must return")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[object] = loop.create_future()

        def work() -> None:
            try:
                result, failure = _called(function, message, self._credentials.secret), None
            except BaseException as exc:  # noqa: BLE001  whatever a user's function raises, sys.exit() too
                result, failure = None, self.masked(printable(f"{type(exc).__name__}: {exc}"))  # no traceback
            self._hangs = False
            try:
                loop.call_soon_threadsafe(_settle, answer, result, failure)
            except RuntimeError:  # the loop has ended meanwhile
                return

        threading.Thread(target=work, name="kucoin-stream-sign", daemon=True).start()
        try:
            async with asyncio.timeout(PATIENCE):
                signature = await answer
        except TimeoutError:
            self._hangs = True
            raise RequestError(f"sign= gave no signature within {PATIENCE:g} s") from None
        except _SignError as exc:
            raise RequestError(f"sign= raised {exc}") from None
        if not isinstance(signature, str) or not signature.isascii() or not signature.isprintable() or not signature:
            raise RequestError("sign= must return the signature as base64 text, and did not")
        return signature


class _SignError(Exception):
    """What a user's function raised, as text."""


def _called(function: Sign, message: str, secret: str) -> object:
    result = function(message, secret)
    return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(result: Awaitable[str]) -> str:
    return await result


def _settle(answer: asyncio.Future[object], result: object, failure: str | None) -> None:
    if answer.done():  # nobody waits any more
        return
    if failure is None:
        answer.set_result(result)
    else:
        answer.set_exception(_SignError(failure))
