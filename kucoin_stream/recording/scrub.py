"""Takes secrets out of what goes on a tape (design.md, law 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_FIELDS = re.compile(
    rb'("(?:token|apiKey|api_key|secret|apiSecret|passphrase|sign|signature|KC-API-[A-Z-]+)"\s*:\s*)"(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)
_QUERY = re.compile(r"((?:^|[?&])(?:token|apikey|sign|signature|passphrase|connectId)=)[^&\s]*", re.IGNORECASE)
_SHORTEST = 6  # letters: something shorter would be found everywhere; KuCoin's passphrases have 7 at least


class Scrubber:
    """Knows secrets and replaces them by ``***``. Its repr hides them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: tuple[bytes, ...] = ()
        self.learn(secrets)

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._known)}>"

    def learn(self, secrets: Iterable[str]) -> None:
        """Replace these too from now on."""
        found = {form.encode() for each in secrets if len(each) >= _SHORTEST for form in _forms(each)}
        self._known = tuple(sorted({*self._known, *found}, key=len, reverse=True))

    def __call__(self, data: bytes) -> bytes:
        """Return ``data`` without the known secrets."""
        for secret in self._known:
            if secret in data:
                data = data.replace(secret, b'"***"' if secret[:1] == b'"' else b"***")
        return data


def _forms(secret: str) -> tuple[str, ...]:
    """Return how a secret may be written; one of digits alone counts only as a whole text, for prices have digits."""
    return (f'"{secret}"',) if secret.isdecimal() else (secret, quote(secret, safe=""))


def fields(data: bytes) -> bytes:
    """Return JSON with the values of fields that are secrets by their name replaced."""
    return _FIELDS.sub(rb'\1"***"', data)


def address(url: str) -> str:
    """Return a URL, or path and query, with tokens and signatures replaced."""
    return _QUERY.sub(r"\1***", url)
