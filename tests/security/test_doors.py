"""Who gets in at the built-in exchange: this machine's programs, no page of a browser (DNS rebinding included)."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import websockets
from click.testing import CliRunner

from kucoin_stream.cli import main
from kucoin_stream.simulator import Simulator
from kucoin_stream.simulator.control import HEADER, invited

TIME = "/api/v1/timestamp"


def asked(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    request = Request(url, b"{}" if method == "POST" else None, headers, method=method)
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, dict(answer.headers)
    except HTTPError as refused:
        return refused.code, dict(refused.headers)


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    assert inspect.signature(Simulator).parameters["host"].default == "127.0.0.1"
    assert "other machines can reach it only if told so" in CliRunner().invoke(main, ["sim", "--help"]).output
    here = pytest.importorskip("psutil").Process()
    with Simulator() as sim:
        port = int(sim.url.rpartition(":")[2])
        listening = [each.laddr for each in here.net_connections("tcp") if each.status == "LISTEN"]
        assert [ipaddress.ip_address(ip).is_loopback for ip, at in listening if at == port] == [True]


@pytest.mark.parametrize(
    ("headers", "anywhere", "expected"),
    [
        ({"Host": "127.0.0.1:8080"}, False, True),
        ({"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}, False, True),  # as websocket-client says
        ({"Host": "127.0.0.1:8080", "Origin": "https://evil.example"}, False, False),
        ({"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8888"}, False, False),  # a page of another server
        ({"Host": "127.0.0.1:8080", "Origin": "null"}, False, False),
        ({"Host": "evil.example:8080", "Origin": "http://evil.example:8080"}, False, False),  # rebound
        ({"Host": "box.local:8080", "Origin": "http://box.local:8080"}, True, True),
        ({"Host": "box.local:8080", "Origin": "https://evil.example"}, True, False),
    ],
)
def test_who_is_invited(headers: dict[str, str], anywhere: bool, expected: bool) -> None:
    assert invited(headers, anywhere=anywhere) is expected


def test_no_page_reads_or_changes_anything(sim: Simulator) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        status, headers = asked(sim.url + TIME, method, Origin="https://evil.example")
        assert status == 403
        assert not [name for name in headers if name.lower().startswith("access-control-")]
    status, headers = asked(sim.url + TIME)
    assert status == 200
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    secret = {HEADER: sim.control_secret}
    assert asked(sim.control_url, **secret)[0] == 200
    assert asked(sim.control_url, **secret, Host="evil.example:80")[0] == 403
    assert asked(sim.control_url, **secret, Origin="https://evil.example")[0] == 403


@pytest.mark.parametrize("path", ["/pro/spot", "/endpoint?token=x", "/v1/private"])
@pytest.mark.parametrize(("origin", "opens"), [(None, True), ("https://evil.example", False)])
def test_no_page_opens_a_socket(sim: Simulator, path: str, origin: Any, opens: bool) -> None:
    async def status() -> int:
        url = sim.url.replace("http", "ws") + path
        try:
            async with websockets.connect(url, origin=origin, proxy=None):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert (asyncio.run(status()) != 403) is opens


def test_the_secret_of_a_run_is_long_and_its_own() -> None:
    with Simulator() as one, Simulator() as other:
        assert one.control_secret != other.control_secret
        assert len(one.control_secret) >= 32
        assert one.control_secret not in json.dumps(asked(one.url + TIME))
