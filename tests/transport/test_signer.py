"""What signs: the secret, or a function of the user's, which harms nothing whatever it does."""

from __future__ import annotations

import asyncio
import threading
import traceback
from typing import Any

import pytest

from kucoin_stream.errors import RequestError
from kucoin_stream.protocol import signing
from kucoin_stream.settings import Credentials
from kucoin_stream.transport import signer as module
from kucoin_stream.transport.signer import Signer
from tests.conftest import until

KNOWN = Credentials("the-key", "the-secret", "the-passphrase")


def signed(signer: Signer, text: str = "text") -> str:
    return asyncio.run(signer(text))


async def later(message: str, secret: str) -> str:
    await asyncio.sleep(0)
    return signing.sign(message, secret)


@pytest.mark.parametrize("function", [None, signing.sign, later])
def test_a_function_given_signs_like_the_secret(function: Any) -> None:
    signer = Signer(KNOWN, function)
    assert signed(signer) == signing.sign("text", "the-secret")
    assert asyncio.run(signer.passphrase()) == signing.sign("the-passphrase", "the-secret")


def test_the_function_gets_message_and_secret_in_a_thread_of_its_own() -> None:
    seen: list[Any] = []

    def function(message: str, secret: str) -> str:
        seen.append((message, secret, threading.current_thread()))
        return "c2lnbmVk"

    assert signed(Signer(KNOWN, function)) == "c2lnbmVk"
    ((message, secret, thread),) = seen
    assert (message, secret) == ("text", "the-secret")
    assert thread is not threading.main_thread()


def fails(message: str, secret: str) -> str:
    raise ValueError(f"cannot sign with {secret}")


async def fails_later(message: str, secret: str) -> str:
    raise LookupError(f"no {secret}")


def leaves(message: str, secret: str) -> str:
    raise SystemExit(secret)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (fails, r"sign= raised ValueError: cannot sign with \*\*\*"),
        (fails_later, r"sign= raised LookupError: no \*\*\*"),
        (leaves, r"sign= raised SystemExit: \*\*\*"),
        (lambda message, secret: None, "must return the signature as base64 text"),
        (lambda message, secret: b"c2lnbmVk", "must return the signature as base64 text"),
        (lambda message, secret: "", "must return the signature as base64 text"),
        (lambda message, secret: "a\r\nX-Header: b", "must return the signature as base64 text"),
        (lambda message: "one argument", "sign= raised TypeError"),
    ],
)
def test_what_a_function_does_wrong_is_told_without_the_secret(function: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        signed(Signer(KNOWN, function))
    assert "the-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_function_that_never_returns_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    done = threading.Event()
    signer = Signer(KNOWN, lambda message, secret: str(done.wait(10)))
    with pytest.raises(RequestError, match="no signature within"):
        signed(signer)
    done.set()


def test_reprs_and_masked_texts_hide_the_key() -> None:
    signer = Signer(KNOWN, later)
    assert "the-" not in repr(signer)
    assert signer.masked("the-key or the-secret or the-passphrase?") == "*** or *** or ***?"


def test_a_function_that_hangs_is_not_started_again_until_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    free, calls = threading.Event(), []

    def hangs(message: str, secret: str) -> str:
        calls.append(message)
        free.wait(10)
        return "c2lnbmVk"

    signer = Signer(KNOWN, hangs)
    for said in ("no signature within", "still works on a message before"):
        with pytest.raises(RequestError, match=said):
            signed(signer)
    assert len(calls) == 1
    free.set()
    until(lambda: not signer._hangs)
    assert signed(signer) == "c2lnbmVk"


def test_a_traceback_with_variables_shows_no_secret() -> None:
    with pytest.raises(RequestError) as caught:
        signed(Signer(KNOWN, fails))
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "message = 'text'" in text
    assert "the-secret" not in text
    assert "the-passphrase" not in text
