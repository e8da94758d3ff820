"""A whole life with a key, as loud as Python can be made; a test reads all that it said. Run as a script."""

from __future__ import annotations

import faulthandler
import gc
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

warnings.simplefilter("always")
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(name)s %(message)s")

import kucoin_stream as ks  # noqa: E402
from kucoin_stream.simulator import GeneratedMarket, Simulator  # noqa: E402

for name in ("websockets", "aiohttp", "picows", "asyncio", "kucoin_stream"):
    logging.getLogger(name).setLevel(logging.DEBUG)


def told(what: str, action: Callable[[], Any]) -> None:
    """Perform an action, and show its outcome with all variables on the way."""
    try:
        print(what, repr(action()))
    except Exception as exc:
        lines = traceback.TracebackException.from_exception(exc, capture_locals=True).format()
        inner = "".join(lines).partition("kucoin_stream/")[2]  # what is below this script, whose variables are its own
        print(what, type(exc).__name__, exc, inner)


def life(simulator: Simulator, transport: str, tape: str, order_api: int) -> None:
    known = simulator.credentials
    key = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
    login = "token" if order_api == 1 else "frame"
    options = {"transport": transport, "reconnect_delay": 0.02, "order_api": order_api, "pro_login": login}
    with ks.Client(simulator.url, **key, **options) as client:
        client.engine.call(lambda: __import__("asyncio").get_running_loop().set_debug(True))
        recording = client.record(tape, private=True)
        events: list[Any] = []
        client.events.sink(events.append)
        frames = [
            client.account.orders(),
            client.account.balances(),
            client.account.fills(),
            client.account.positions(),
        ]
        pro = client.account.pro.orders("UNIFIED")
        book, trades = client.book("BTC-USDT").wait(), client.trades("BTC-USDT")
        client.orders.arm("url", {"USDT": 10**9})
        price = f"{round(book.best_bid * 0.8)}"
        if order_api == 1:
            told("order", lambda: client.orders.spot_order("BTC-USDT", "buy", price=price, size="0.001"))
            told("rejected", lambda: client.orders.spot_cancel("BTC-USDT", order_id="none"))
        else:
            told("order", lambda: client.orders.uta_order("BTC-USDT", "buy", price=price, size="0.001"))
        told("rest", lambda: client.rest.account.get_spot_account_list())
        told("api key", lambda: client.rest.account.get_apikey_info())
        told("doctor", lambda: ks.doctor(simulator.url, **key))
        told("tasks", lambda: client.engine.call(lambda: [repr(each) for each in __import__("asyncio").all_tasks()]))
        said = f"{known.key} {known.secret} {known.passphrase}"
        simulator.faults.rest("/api/v1/bullet-private", 401, "400005", said)
        simulator.faults.rest("/api/v1/accounts", 500, "1", said)
        told("rest error", lambda: client.rest.account.get_spot_account_list())
        simulator.faults.kill()
        told("refused", lambda: client.account.balances().wait(1))
        simulator.faults.clear()
        simulator.faults.slow_rest = 5.0
        told("slow", lambda: ks.Client(simulator.url, request_timeout=0.1, **key).open())
        simulator.faults.clear()
        for thing in (client, client.settings, client.engine, client.engine.rest, client.rest, client.orders, *frames):
            print(repr(thing), thing)
        print(client.ps().to_string(), client.statistics(), client.status().df.to_string(), client.gaps().to_string())
        print(pro, book, trades, events, book.widget().get_state(), client.status().widget().get_state())
        recording.stop()
    faulthandler.dump_traceback(sys.stdout)
    print(threading.enumerate(), gc.collect())


WRONG = {"key": "the-wrong-key-0000", "secret": "the-wrong-secret-0000", "passphrase": "the-wrong-passphrase-0000"}

if __name__ == "__main__":
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=1, rate=3)) as simulator:
        told("wrong", lambda: ks.connect(simulator.url, **WRONG))
        life(simulator, sys.argv[1], sys.argv[2], int(sys.argv[3]))
