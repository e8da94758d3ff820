"""What a URL is: KuCoin's own, this machine, or somebody who may read along."""

from __future__ import annotations

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.transport.target import Target, check_rest_url, is_loopback, is_own, is_private

HOSTS = [
    # url, KuCoin's own over TLS, this machine, nobody reads along
    ("https://api.kucoin.com", True, False, True),
    ("https://api.kucoin.eu", True, False, True),
    ("https://kucoin.com", True, False, True),
    ("HTTPS://API.KUCOIN.COM", True, False, True),
    ("https://api-futures.kucoin.com:443/x?y=1", True, False, True),
    ("wss://ws-api-spot.kucoin.com/?token=x", True, False, True),
    ("http://api.kucoin.com", False, False, False),
    ("ws://ws-api-spot.kucoin.com/", False, False, False),
    ("https://api.kucoin.com.evil.org", False, False, True),
    ("https://evilkucoin.com", False, False, True),
    ("https://kucoin.com.", False, False, True),
    ("https://kucoin.net", False, False, True),
    ("https://evil.org/api.kucoin.com", False, False, True),
    ("https://evil.org?api.kucoin.com", False, False, True),
    ("https://evil.org#.kucoin.com", False, False, True),
    ("https://api.kucoin.com@evil.org", False, False, True),
    ("http://127.0.0.1:8080", False, True, True),
    ("http://127.8.9.1", False, True, True),
    ("http://localhost:1", False, True, True),
    ("http://LOCALHOST", False, True, True),
    ("http://[::1]:8080", False, True, True),
    ("ws://127.0.0.1:8080/socket", False, True, True),
    ("http://127.0.0.1.evil.org", False, False, False),
    ("http://localhost.evil.org", False, False, False),
    ("http://127.0.0.1@evil.org", False, False, False),
    ("http://0.0.0.0", False, False, False),
    ("http://10.0.0.1", False, False, False),
    ("http://example.org", False, False, False),
    ("https://example.org", False, False, True),
    ("", False, False, False),
    ("api.kucoin.com", False, False, False),
    ("ftp://api.kucoin.com", False, False, False),
]


@pytest.mark.parametrize(("url", "own", "loopback", "private"), HOSTS)
def test_host(url, own, loopback, private):
    assert (is_own(url), is_loopback(url), is_private(url)) == (own, loopback, private)


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://api.kucoin.com", "https://api.kucoin.com"),
        ("https://api.kucoin.com/", "https://api.kucoin.com"),
        ("http://127.0.0.1:8080//", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/kucoin/", "http://[::1]:8080/kucoin"),
    ],
)
def test_base_of_a_rest_api(url, checked):
    assert check_rest_url(url) == checked


@pytest.mark.parametrize(
    "url", ["", "kucoin", "api.kucoin.com", "wss://api.kucoin.com", "http://", "https:///path", "file:///etc/passwd"]
)
def test_not_a_rest_api(url):
    with pytest.raises(UsageError, match=r"not a REST base: .*; write it as 'https://api\.kucoin\.com'"):
        check_rest_url(url)


@pytest.mark.parametrize("url", ["https://me@example.org", "https://me:geheim@example.org"])
def test_a_url_holds_no_password(url):
    with pytest.raises(UsageError, match="must not hold a user name or password") as caught:
        check_rest_url(url)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "badge", "text"),
    [
        (Target("live", "https://api.kucoin.com"), "", "KuCoin at https://api.kucoin.com"),
        (
            Target("sim", "http://127.0.0.1:1", "no address for api.kucoin.com (DNS)"),
            "SIMULATED",
            "the built-in exchange (SIMULATED) at http://127.0.0.1:1: no address for api.kucoin.com (DNS)",
        ),
        (Target("replay", "http://127.0.0.1:1"), "REPLAYED", "a recording (REPLAYED) at http://127.0.0.1:1"),
        (Target("url", "http://127.0.0.1:1"), "", "an exchange given by URL at http://127.0.0.1:1"),
    ],
)
def test_a_target_says_what_it_is(target, badge, text):
    assert (target.badge, target.describe()) == (badge, text)


@pytest.mark.parametrize("url", ["http://[::1", "https://[x]/", "https://x:abc", "http://127.0.0.1:99999999"])
def test_what_is_no_url_is_refused_and_is_nobodys_own(url):
    with pytest.raises(UsageError, match="not a REST base"):
        check_rest_url(url)
    assert not is_own(url)
    assert not is_loopback(url)
    assert not is_private(url)
