"""A diagnosis: every row it can have, and nothing in it that must not be pasted anywhere."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.diagnosis import here, hosts, keys, loops, services, sockets
from kucoin_stream.diagnosis.report import Report, Row
from kucoin_stream.errors import UnreachableError, UsageError
from kucoin_stream.protocol.messages.rest import Bullet
from kucoin_stream.simulator import Simulator
from kucoin_stream.simulator.market import Refusal
from kucoin_stream.transport import credentials, probe
from kucoin_stream.transport.rest import Rest
from tests.conftest import until
from tests.transport.kucoin_hosts import kucoin_hosts
from tests.transport.proxies import proxy_to

pytestmark = pytest.mark.slow

OURS = ("kucoin-stream-doctor", "kucoin-stream-io")


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(credentials, "stored", lambda: None)  # no keyring of whoever runs this
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(loops, "_ANSWER", 4.0)  # a loop that has no CPU for a second turns all the same
    yield
    ks.stop()
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith(OURS)], "threads ended")


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "TIMEOUT", 1.5)
    monkeypatch.setattr(sockets, "TIMEOUT", 1.5)
    monkeypatch.setattr(sockets, "_OPEN", 3.0)
    monkeypatch.setattr(hosts, "TIMES", dict.fromkeys(hosts.TIMES, 1.5))


def key_of(sim: Simulator) -> dict[str, str]:
    known = sim.credentials
    return {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}


def row(report: Report, what: str) -> Row:
    [found] = [each for each in report.rows if each.what == what]
    return found


def everything(report: Report) -> str:
    return "\n".join([repr(report), report._repr_html_(), report.json(), report.df.to_csv(), str(report)])


def bad(report: Report) -> list[str]:
    return [each.what for each in report.rows if each.result == "bad"]


# -- where all is well ---------------------------------------------------------------------------------------------


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All tokens that were given out."""
    given: list[str] = []
    bullet = Rest.bullet

    async def noted(self: Rest) -> Bullet:
        answer = await bullet(self)
        given.append(answer.token)
        return answer

    monkeypatch.setattr(Rest, "bullet", noted)
    return given


@pytest.mark.parametrize("transport", ["websockets", "picows"])
def test_all_is_well_on_the_built_in_exchange(sim: Simulator, tokens: list[str], transport: str) -> None:
    if transport == "picows":
        pytest.importorskip("picows")
    report = ks.doctor(sim.url, **key_of(sim), transport=transport)
    assert len(tokens) == 2
    assert not [token for token in tokens if token in everything(report)]
    assert bad(report) == []
    assert report.ok
    assert [each.what for each in report.rows][-21:] == [
        "spot REST HTTP", "spot REST clock", "spot address", "spot welcome", "spot subscription", "spot heartbeat",
        "API key", "futures REST HTTP", "futures REST clock", "futures address", "futures welcome",
        "futures subscription", "futures heartbeat", "Pro spot address", "Pro spot welcome", "Pro spot subscription",
        "Pro spot heartbeat", "Pro futures address", "Pro futures welcome", "Pro futures subscription",
        "Pro futures heartbeat",
    ]  # fmt: skip
    assert row(report, "credentials").detail == "passed as an argument, complete"
    assert row(report, "API key").detail.startswith("accepted; it may: General")
    assert f"sockets read by {transport}" in row(report, "kucoin_stream").detail


def test_the_connected_client_is_looked_at_and_goes_on(sim: Simulator) -> None:
    client = ks.connect(sim.url, **key_of(sim))
    trades = client.trades("BTC-USDT")
    report = ks.doctor()
    assert report.ok, report
    assert report.target == f"an exchange given by URL at {sim.url}"
    assert row(report, "I/O loop").detail.startswith("turns")
    assert row(report, "credentials").detail == "passed as an argument, complete"
    assert ks.connect(sim.url, **key_of(sim)) is client
    assert trades.status == "live"


def test_it_works_where_a_loop_runs_and_names_that_loop() -> None:
    async def cell() -> Report:
        return ks.doctor("sim")

    report = asyncio.run(cell())
    assert report.ok, report
    assert "asyncio" in row(report, "event loop").detail
    assert "none runs" not in row(report, "event loop").detail
    assert row(report, "credentials").detail == "of the built-in exchange, complete"


def test_a_recording_needs_nothing_to_be_reached(tmp_path: Path) -> None:
    report = ks.doctor(tmp_path / "day.kcs")
    assert row(report, "exchange").detail == "a recording: nothing needs to be reached"


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (("nosuch",), {}, "no such target"),
        (("http://127.0.0.1:1",), {"key": "k"}, "missing: secret, passphrase"),
        ((), {"region": "MARS"}, "no such region"),
        ((), {"regoin": "EU"}, "did you mean region?"),
    ],
)
def test_a_wrong_call_raises(arguments: tuple[str, ...], options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        ks.doctor(*arguments, **options)


# -- faults of the exchange ------------------------------------------------------------------------------------------

BLOCKED = "KuCoin does not serve this address"


def rest(path: str, status: int, code: str = "", msg: str = "", body: str | None = None) -> Callable[[Simulator], None]:
    return lambda sim: sim.faults.rest(path, status, code, msg, body=body)


def rule(**rules: Any) -> Callable[[Simulator], None]:
    def spoil(sim: Simulator) -> None:
        for name, value in rules.items():
            setattr(sim.faults, name, value)

    return spoil


def go_silent(sim: Simulator) -> None:
    sim.faults.mute_pongs = sim.faults.mute_acks = True
    sim.faults.silence("/market/ticker")


PAGE = "<html>Cloudflare</html>"
FAULTS = [
    (rest("/api/v1/timestamp", 451, body=PAGE), "spot REST HTTP", "bad", "HTTP 451", BLOCKED),
    (rest("/api/v1/timestamp", 403, body=PAGE), "spot REST HTTP", "bad", "forbidden from here", BLOCKED),
    (rest("/futures/api/v1/timestamp", 403, "40010", "x"), "futures REST HTTP", "bad", "code 40010", BLOCKED),
    (rest("/api/v1/timestamp", 429, "429000", "Too many"), "spot REST HTTP", "bad", "HTTP 429", "ask less often"),
    (rest("/api/v1/timestamp", 500, "500000", "Internal"), "spot REST HTTP", "bad", "HTTP 500", "try again later"),
    (rest("/api/v1/timestamp", 502, body=PAGE), "spot REST HTTP", "bad", "HTTP 502", "in trouble"),
    (rest("/api/v1/timestamp", 200, body=PAGE), "spot REST HTTP", "bad", "not JSON", "is this KuCoin?"),
    (rest("/api/v1/bullet-public", 500, "500000", "x"), "spot address", "bad", "HTTP 500", "try again later"),
    (rule(slow_rest=30.0), "spot REST HTTP", "bad", "no answer in time, given up after", "firewall"),
    (rule(clock_offset=2.0), "spot REST clock", "warn", "behind", "set this machine's clock"),
    (rule(clock_offset=7.0), "spot REST clock", "bad", "behind", "set this machine's clock"),
    (rule(clock_offset=-7.0), "futures REST clock", "bad", "ahead", "set this machine's clock"),
    (rule(welcome=False), "spot welcome", "bad", "no welcome", "keeps websockets out"),
    (rule(welcome=False), "Pro spot welcome", "bad", "no welcome", "keeps websockets out"),
    (rule(mute_pongs=True), "spot heartbeat", "bad", "no answer in time", "nothing comes back"),
    (rule(mute_pongs=True), "Pro futures heartbeat", "bad", "no answer in time", "nothing comes back"),
    (go_silent, "spot heartbeat", "bad", "no answer in time", "nothing comes back"),
    (rule(mute_acks=True), "spot subscription", "bad", "no answer in time", "nothing comes back"),
    (rule(turn_away=Refusal(509, "exceed max session count")), "spot welcome", "bad", "509 exceed max session", ""),
    (lambda sim: sim.faults.refuse("/market/ticker:all", 404, "no such topic"), "spot subscription", "bad",
     "refused: 404 no such topic", ""),
    (rest("/api/v1/user/api-key", 401, "400003", "KC-API-KEY not exists"), "API key", "bad", "400003", "region"),
    (rest("/api/v1/user/api-key", 401, "400005", "Invalid KC-API-SIGN"), "API key", "bad", "400005", "check secret="),
    (rest("/api/v1/user/api-key", 403, "400007", "Access denied"), "API key", "bad", "400007", "lacks the permission"),
    (rest("/api/v1/user/api-key", 401, "400006", "the current clientIp is:9.8.7.6"), "API key", "bad",
     "HTTP 401, code 400006", "does not allow this address"),
    (rest("/api/v1/user/api-key", 404, "404000", "Url Not Found"), "API key", "ok", "what it may do is not told", ""),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "what", "result", "detail", "advice"), FAULTS)
def test_a_fault_is_a_row_that_says_what_to_do(
    sim: Simulator, request: pytest.FixtureRequest, spoil: Callable[[Simulator], None], what: str, result: str,
    detail: str, advice: str,
) -> None:  # fmt: skip
    if detail.startswith("no "):  # is waited for
        request.getfixturevalue("_quick")
    spoil(sim)
    began = time.monotonic()
    report = ks.doctor(sim.url, **key_of(sim))
    assert time.monotonic() - began < 11
    found = row(report, what)
    assert (found.result, report.ok) == (result, result != "bad"), report
    assert detail in found.detail
    assert advice in found.next
    hidden_in(report, sim)
    assert "9.8.7.6" not in everything(report)


def hidden_in(report: Report, sim: Simulator) -> None:
    """Check that no part of the key, no token and no signature is anywhere in a report."""
    text = everything(report)
    for secret in (*key_of(sim).values(), "token=", "connectId", "KC-API-SIGN:"):
        assert secret not in text


def test_a_quota_that_is_used_up_is_told_at_once(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits(self: Rest) -> float:
        assert self.listener is not None
        self.listener("GET /api/v1/timestamp", 429, b"", "", signed=False)
        await asyncio.sleep(30)
        return 0.0

    monkeypatch.setattr(Rest, "server_time", waits)
    found = row(ks.doctor(sim.url), "spot REST HTTP")
    assert (found.result, found.detail) == (
        "bad", "GET /api/v1/timestamp: HTTP 429, code 429000: too many requests"
    )  # fmt: skip


def test_a_late_welcome_works_and_slowly(sim: Simulator) -> None:
    sim.faults.late_welcome = 1.2
    found = row(ks.doctor(sim.url), "spot welcome")
    assert (found.result, found.next) == ("warn", "works, and slowly")


@pytest.mark.parametrize("deed", ["half_open", "kill", "bye"])
def test_a_connection_that_ends_or_goes_dead_meanwhile(sim: Simulator, deed: str) -> None:
    sim.faults.late_acks = 30.0
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(ks.doctor(sim.url)))
    thread.start()
    until(lambda: sim.connections >= 4, "sockets are there")
    getattr(sim.faults, deed)()
    thread.join(15)
    found = row(reports[0], "Pro spot subscription")
    assert found.result == "bad"
    assert ("no answer in time" if deed == "half_open" else "the connection was lost") in found.detail


def test_what_a_server_says_is_harmless_and_repeats_no_secret(sim: Simulator) -> None:
    said = f"<script>alert(1)</script> {sim.credentials.secret}\x1b[31m"
    sim.faults.rest("/api/v1/user/api-key", 401, "400005", said)
    sim.faults.refuse("/market/ticker:all", 404, said)
    report = ks.doctor(sim.url, **key_of(sim))
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()
    assert "\x1b" not in repr(report)
    hidden_in(report, sim)


# -- hosts that cannot be reached --------------------------------------------------------------------------------


@contextmanager
def black_hole() -> Iterator[int]:
    """A server that lets connections in and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_closed_port() -> None:
    port = closed_port()
    report = ks.doctor(f"http://127.0.0.1:{port}")
    assert bad(report) == [f"127.0.0.1:{port} TCP"]
    assert "it refuses" in row(report, f"127.0.0.1:{port} TCP").detail


@pytest.mark.parametrize(("scheme", "what"), [("http", "spot REST HTTP"), ("https", "127.0.0.1:{port} TLS")])
def test_a_black_hole_ends_in_time(scheme: str, what: str) -> None:
    with black_hole() as port:
        began = time.monotonic()
        report = ks.doctor(f"{scheme}://127.0.0.1:{port}")
        assert time.monotonic() - began < 11
    found = row(report, what.format(port=port))
    assert found.result == "bad"
    assert "no answer in time" in found.detail


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(probe.socket, "getaddrinfo", unknown)
    report = ks.doctor("live")
    assert bad(report) == [
        f"{name}.kucoin.com DNS"
        for name in ("api", "api-futures", "x-push-spot", "x-push-futures", "wsapi-push", "wsapi")
    ]
    assert row(report, "api.kucoin.com DNS").detail == "no address for api.kucoin.com: Name or service not known"
    assert repr(report).count("is this machine online") == 1


@pytest.mark.usefixtures("_quick")
def test_names_and_keyrings_that_hang_are_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(probe.socket, "getaddrinfo", lambda *_, **__: over.wait(60))
    monkeypatch.setattr(credentials, "stored", lambda: over.wait(60))
    monkeypatch.setattr(keys, "_TIMEOUT", 0.3)
    began = time.monotonic()
    report = ks.doctor("live")
    assert time.monotonic() - began < 5
    over.set()
    assert "no answer in time" in row(report, "api.kucoin.com DNS").detail
    assert "no answer in time" in row(report, "credentials").detail


# -- TLS and proxies ---------------------------------------------------------------------------------------------


class Authority:
    def __init__(self, path: Path) -> None:
        trustme = pytest.importorskip("trustme")
        self._authority = trustme.CA(organization_name="Nosy Proxies Ltd")
        self.path = path / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.path))

    def context(self, *names: str, **options: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*names, **options).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def proxied(sim: Simulator, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with kucoin_hosts(sim, context) as (_, proxy):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.replace("://", "://somebody:PROXYpass1@"))
        yield


KUCOIN = ("*.kucoin.com", "*.kucoin.eu")


@pytest.mark.parametrize(("region", "futures"), [("global", True), ("AU", True), ("EU", False)])
def test_kucoin_itself_through_a_proxy(
    sim: Simulator, authority: Authority, monkeypatch: pytest.MonkeyPatch, region: str, futures: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with proxied(sim, authority.context(*KUCOIN), monkeypatch):
        report = ks.doctor("live", region=region, **key_of(sim))
    assert report.ok, report
    host = "api.kucoin.eu" if region == "EU" else "api.kucoin.com"
    assert "through the proxy http://***@127.0.0.1" in row(report, f"{host} TCP").detail
    assert row(report, f"{host} TLS").detail.startswith("verified, TLSv1.3, issued by Nosy Proxies Ltd")
    assert ("futures heartbeat" in repr(report), "Pro spot heartbeat" in repr(report)) == (futures, futures)
    assert row(report, "certificates").detail == "trusted by SSL_CERT_FILE"
    assert "PROXYpass1" not in everything(report)
    assert "somebody" not in everything(report)
    hidden_in(report, sim)


def test_a_man_in_the_middle_is_named(sim: Simulator, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxied(sim, authority.context(*KUCOIN), monkeypatch):
        report = ks.doctor("live", **key_of(sim))
    found = row(report, "api.kucoin.com TLS")
    assert found.result == "bad"
    assert found.detail.startswith("the certificate is not trusted: unable to get local issuer certificate")
    assert "issued by Nosy Proxies Ltd" in found.detail
    assert "never switch verification off" in found.next
    assert "spot REST HTTP" not in repr(report)


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (("another.example",), {}, "IP address mismatch"),
        (("127.0.0.1",), {"expired": True}, "certificate has expired"),
    ],
)
def test_a_certificate_of_another_name_or_time(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], options: Any, says: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    if options:
        from datetime import UTC, datetime

        options = {"not_after": datetime(2020, 1, 2, tzinfo=UTC), "not_before": datetime(2020, 1, 1, tzinfo=UTC)}
    with tls_server(authority.context(*names, **options)) as port:
        found = row(ks.doctor(f"https://127.0.0.1:{port}"), f"127.0.0.1:{port} TLS")
    assert found.result == "bad"
    assert says in found.detail


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """A server that greets and says no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(peer, server_side=True).close()
                except OSError:
                    peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize(("kind", "scheme"), [("http", "http"), ("socks", "socks5"), ("socks", "socks5h")])
def test_the_way_through_a_proxy_leads_to_the_name_that_was_asked_for(kind: str, scheme: str) -> None:
    async def through() -> list[str]:
        with black_hole() as port:
            async with proxy_to(port, kind, login="me:PROXYpass1") as proxy:
                url = f"{scheme}://me:PROXYpass1@127.0.0.1:{proxy.port}"
                (await probe.connect(probe.Origin("nosuch.example", 80, False, url))).close()
                return proxy.asked

    assert asyncio.run(through()) == ["nosuch.example:80"]


@pytest.mark.parametrize("refusal", [0, 403])
def test_a_proxy_that_does_not_work_is_named_without_its_password(refusal: int) -> None:
    async def through() -> str:
        async with proxy_to(closed_port(), refusal=refusal) as proxy:
            port = proxy.port if refusal else closed_port()
            url = f"http://me:PROXYpass1@127.0.0.1:{port}"
            with pytest.raises(UnreachableError) as caught:
                await probe.connect(probe.Origin("nosuch.example", 80, False, url))
        assert caught.value.stage == "proxy"
        return str(caught.value)

    said = asyncio.run(through())
    assert said.startswith("the proxy http://***@127.0.0.1:")
    assert "PROXYpass1" not in said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:p@ss@proxy:3128", "http://***@proxy:3128"),
        ("token@proxy:3128", "***@proxy:3128"),
        ("socks5h://me:pass@[::1]:1080", "socks5h://***@[::1]:1080"),
    ],
)
def test_a_proxy_is_shown_without_what_logs_in(url: str, expected: str) -> None:
    assert probe.bare(url) == expected


# -- keys ----------------------------------------------------------------------------------------------------------

PARTS = dict(zip(credentials.VARIABLES, ("KEYofmine123", "SECRETofmine123", "PASSofmine123"), strict=True))


@pytest.mark.parametrize(
    ("given", "url", "result", "says"),
    [
        (PARTS, "", "ok", "of the environment, complete"),
        ({"KUCOIN_API_KEY": "KEYofmine123"}, "", "bad", "missing: secret, passphrase"),
        (PARTS, "http://127.0.0.1:1", "ok", "those of the environment go to KuCoin's own hosts only"),
        ({}, "http://127.0.0.1:1", "ok", "none: public data only"),
    ],
)
def test_where_the_key_is_from_and_never_what_it_is(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], url: str, result: str, says: str
) -> None:
    monkeypatch.undo()
    for name in credentials.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    report = ks.doctor(url or "live")
    found = row(report, "credentials")
    assert found.result == result
    assert says in found.detail
    for text in given.values():
        assert text not in everything(report)


def test_a_key_that_others_could_read_is_not_sent() -> None:
    parts = {"key": "KEYofmine123", "secret": "SECRETofmine123", "passphrase": "PASSofmine123"}
    report = ks.doctor("http://exchange.invalid", **parts)
    assert "an API key goes over https" in row(report, "credentials").detail
    assert "ofmine123" not in everything(report)


# -- this machine ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "environment", "names", "expected"),
    [
        ("ZMQInteractiveShell", {"JPY_SESSION_NAME": "a.ipynb"}, (), "JupyterLab or Notebook"),
        ("ZMQInteractiveShell", {"JPY_SESSION_NAME": "a", "BINDER_SERVICE_HOST": "x", "JUPYTERHUB_USER": "u"}, (),
         "JupyterLab or Notebook on JupyterHub on Binder"),
        ("ZMQInteractiveShell", {"VSCODE_PID": "1"}, (), "VS Code"),
        ("ZMQInteractiveShell", {}, ("__vsc_ipynb_file__",), "VS Code"),
        ("ZMQInteractiveShell", {}, (), "a Jupyter kernel of unknown front end"),
        ("Shell", {}, ("google.colab",), "Colab"),
        ("TerminalInteractiveShell", {}, (), "IPython in a terminal"),
    ],
)  # fmt: skip
def test_the_front_end_as_far_as_it_can_be_known(
    shell: str, environment: dict[str, str], names: tuple[str, ...], expected: str
) -> None:
    assert here.front_end(shell, environment, names) == expected


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"ipykernel": "7.0.1"}, Row(
            "ipykernel", "bad", "7.0.1 breaks every widget call that comes from a thread",
            "pip install 'ipykernel!=7.0.*', then restart the kernel")),
        ({"jupyterlab": "4.4.0"}, Row(
            "jupyterlab_widgets", "warn", "not installed beside jupyterlab", "pip install jupyterlab_widgets")),
        ({"notebook": "6.5.7"}, Row(
            "widgetsnbextension", "warn", "not installed beside notebook 6", "pip install widgetsnbextension")),
    ],
)  # fmt: skip
def test_what_is_known_to_break_widgets(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], expected: Row
) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(here, "version", version)
    assert [each for each in here.versions(ks.Settings()) if each.result != "ok"] == [expected]


def test_a_loop_of_users_that_is_held_up(sim: Simulator) -> None:
    client = ks.connect(sim.url)
    over, held = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        held.set()
        over.wait(30)

    sink = client.trades("BTC-USDT").sink(hold)
    assert held.wait(10)
    try:
        report = ks.doctor()
    finally:
        over.set()
        sink.destroy()
    assert bad(report) == ["streamz's loop"]
    assert "a callback of yours" in row(report, "streamz's loop").next


def test_a_check_that_fails_itself_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("SECRETtext")

    async def fails_later(*_: Any) -> Any:
        fails()

    for module, name in ((here, "versions"), (probe, "proxies")):
        monkeypatch.setattr(module, name, fails)
    for module, name in ((loops, "check"), (probe, "addresses")):
        monkeypatch.setattr(module, name, fails_later)
    report = ks.doctor("http://127.0.0.1:1")
    assert [each.detail.partition(",")[0] for each in report.rows if each.result == "bad"] == [
        "the check itself failed: ZeroDivisionError in fails"
    ] * 4
    assert "SECRETtext" not in everything(report)


# -- the report --------------------------------------------------------------------------------------------------

REPORT = Report(
    "KuCoin <at> x", "2026-11-05T10:00:00+00:00",
    (Row("a", "ok", "fine, 3 ms"), Row("longer", "bad", "b" * 3 + " <b>", "do this"), Row("c", "warn", "", "do this")),
)  # fmt: skip


def test_the_text_is_aligned_and_says_once_what_to_do() -> None:
    assert repr(REPORT).splitlines() == [
        "kucoin_stream doctor: 1 bad, 1 warn, 1 ok | KuCoin <at> x | 2026-11-05T10:00:00+00:00",
        "ok    a       fine, 3 ms",
        "bad   longer  bbb <b>",
        "              -> do this",
        "warn  c",
    ]


def test_html_is_the_same_text_escaped() -> None:
    html = REPORT._repr_html_()
    assert "KuCoin &lt;at&gt; x" in html
    assert "bbb &lt;b&gt;" in html
    assert "-&gt; do this" in html


def test_the_frame_and_json_have_all_of_it() -> None:
    assert REPORT.df.loc[1].to_list() == ["longer", "bad", "bbb <b>", "do this"]
    told = json.loads(REPORT.json())
    assert (told["ok"], told["target"]) == (False, "KuCoin <at> x")
    assert told["rows"][2] == {"what": "c", "result": "warn", "detail": "", "next": "do this"}


# -- the command line ------------------------------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "kucoin_stream", "doctor", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_the_verb_exits_with_0_where_nothing_is_bad() -> None:
    done = command("--target", "sim", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ok"] is True


def test_the_verb_exits_with_1_where_something_is_bad() -> None:
    done = command("--target", f"http://127.0.0.1:{closed_port()}")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("kucoin_stream doctor: 1 bad")
    addresses = [line for line in done.stdout.splitlines() if " address" in line]
    assert addresses
    assert all(line.startswith("warn") and "its host is not reached" in line for line in addresses)


def test_the_verb_says_a_mistake_in_one_line() -> None:
    done = command("--target", "nosuch")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no such target: 'nosuch'")


def test_where_auto_fell_back_the_reason_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(opening.REST_BASE, "global", "http://127.0.0.1:1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = ks.connect("auto")
    try:
        told = row(ks.doctor(), "KuCoin")
    finally:
        client.close()
    assert told.result == "warn"
    assert "does not accept connections" in told.detail
    assert 'ks.doctor("live")' in told.next
