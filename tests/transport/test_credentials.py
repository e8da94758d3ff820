"""Where keys come from and where they may go (design.md, law 9)."""

from __future__ import annotations

import logging
import traceback

import keyring
import pytest
from keyring.errors import KeyringLocked, NoKeyringError

from kucoin_stream.errors import UsageError
from kucoin_stream.settings import Credentials, Settings
from kucoin_stream.transport import credentials
from kucoin_stream.transport.credentials import VARIABLES, allowed, given, stored

MINE = Credentials("my-key", "my-secret", "my-passphrase")
ENVIRONMENT = Credentials("env-key", "env-secret", "env-passphrase")
KEYRING = Credentials("ring-key", "ring-secret", "ring-passphrase")


@pytest.fixture
def ring(monkeypatch):
    """A keyring with nothing in it."""
    kept: dict[str, str] = {}

    def get_password(service: str, part: str) -> str | None:
        assert service == "kucoin-stream"
        return kept.get(part)

    monkeypatch.setattr(keyring, "get_password", get_password)
    return kept


@pytest.fixture
def environment(monkeypatch, ring):
    for name, value in zip(VARIABLES, ("env-key", "env-secret", "env-passphrase"), strict=True):
        monkeypatch.setenv(name, value)


def keep(ring: dict[str, str], held: Credentials) -> None:
    ring.update(key=held.key, secret=held.secret, passphrase=held.passphrase)


# -- where they come from ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((None, None, None), None),
        (("", "", ""), None),
        (("my-key", "my-secret", "my-passphrase"), MINE),
    ],
)
def test_given(parts, found):
    assert given(*parts) == found


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        (("geheim", None, None), "secret, passphrase"),
        ((None, "geheim", "geheim"), "key"),
        (("geheim", "geheim", ""), "passphrase"),
        (("geheim", "", "geheim"), "secret"),
    ],
)
def test_a_part_of_a_key_is_a_mistake(parts, missing):
    with pytest.raises(UsageError, match=f"missing: {missing}$") as caught:
        given(*parts)
    assert "geheim" not in str(caught.value)


def test_nothing_is_stored(ring):
    assert stored() is None


def test_the_environment_comes_before_the_keyring(environment, ring):
    keep(ring, KEYRING)
    assert stored() == ENVIRONMENT


def test_the_keyring(ring):
    keep(ring, KEYRING)
    assert stored() == KEYRING


def test_a_part_in_the_environment_is_a_mistake(monkeypatch, ring):
    keep(ring, KEYRING)
    monkeypatch.setenv("KUCOIN_API_KEY", "env-key")
    with pytest.raises(UsageError, match="missing: secret, passphrase"):
        stored()


def test_a_part_in_the_keyring_is_a_mistake(ring):
    ring["key"] = "ring-key"
    with pytest.raises(UsageError, match="missing: secret, passphrase"):
        stored()


@pytest.mark.parametrize("error", [NoKeyringError("geheim"), KeyringLocked("geheim")])
def test_a_machine_without_a_usable_keyring(monkeypatch, caplog, error):
    def get_password(service: str, part: str) -> None:
        raise error

    monkeypatch.setattr(keyring, "get_password", get_password)
    with caplog.at_level(logging.DEBUG):
        assert stored() is None
    assert caplog.messages == [f"no keyring: {type(error).__name__}"]


# -- where they may go -------------------------------------------------------------------------------------------

TABLE = [
    # url, where stored ones may go, where given ones may go
    ("https://api.kucoin.com", True, True),
    ("https://api.kucoin.eu", True, True),
    ("http://api.kucoin.com", False, False),
    ("https://api.kucoin.com.evil.org", False, True),
    ("https://evilkucoin.com", False, True),
    ("https://example.org", False, True),
    ("http://example.org", False, False),
    ("http://127.0.0.1:8080", False, True),
    ("http://localhost:8080", False, True),
    ("http://[::1]:8080", False, True),
    ("http://10.0.0.1:8080", False, False),
    ("http://127.0.0.1.evil.org", False, False),
]


@pytest.mark.parametrize(("url", "stored_go", "given_go"), TABLE)
@pytest.mark.parametrize("source", ["environment", "keyring"])
def test_stored_ones_go_to_kucoins_own_hosts_only(request, ring, source, url, stored_go, given_go):
    if source == "environment":
        request.getfixturevalue("environment")
    else:
        keep(ring, KEYRING)
    held = ENVIRONMENT if source == "environment" else KEYRING
    assert allowed(None, url) == (held if stored_go else None)


@pytest.mark.parametrize(("url", "stored_go", "given_go"), TABLE)
def test_given_ones_go_over_tls_or_to_this_machine(environment, url, stored_go, given_go):
    if given_go:
        assert allowed(MINE, url) == MINE
        return
    with pytest.raises(UsageError, match="goes over https or to this machine only") as caught:
        allowed(MINE, url)
    assert not any(part in str(caught.value) for part in (MINE.key, MINE.secret, MINE.passphrase))


def test_other_hosts_do_not_even_open_the_keyring(monkeypatch):
    monkeypatch.setattr(credentials, "stored", lambda: pytest.fail("looked"))
    assert allowed(None, "https://example.org") is None


# -- where they show ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda held: f"{[held]} { ({'k': held}) }"])
def test_no_repr_shows_a_secret(show):
    text = show(MINE)
    assert "Credentials ***" in text
    assert "my-" not in text


def test_no_traceback_shows_a_secret():
    try:
        allowed(MINE, "http://example.org")
    except UsageError as exc:
        text = "".join(traceback.TracebackException.from_exception(exc, capture_locals=True).format())
    assert "Credentials ***" in text
    assert "my-" not in text


def test_settings_hold_no_secret():
    assert not {"key", "secret", "passphrase", "credentials"} & set(Settings.__struct_fields__)
