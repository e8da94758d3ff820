"""Whatever a client sends about the account, it is answered: by data or by a code, never by a failure of ours."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_account import T0, Bench

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.account import SIMULATED
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.rest import Query, find, tables
from kucoin_stream.simulator.trading.operations import OPERATIONS

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(
    ["symbol", "side", "type", "price", "size", "funds", "clientOid", "orderId", "timeInForce", "leverage", "stop",
     "stopPrice", "stopPriceType", "tradeType", "marginMode", "closeOrder", "cancelAfter", "currency", "amount",
     "fromAccountType", "toAccountType", "orderIdsList", "clientOidsList", "orderList", "newPrice", "newSize", "margin",
     "orderType", "qty", "valueQty", "visibleSize", "isIsolated", "fromAccountTag", "from", "to", "limit", "lastId"]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["BTC-USDT", "XBTUSDTM", "buy", "sell", "limit", "market", "80000", "0.01", "1", "-1", "1e400",
                     "nan", "loss", "up", "TP", "GTT", "TRADE", "MAIN", "CONTRACT", "ISOLATED", "USDT", "FUTURES"]),
)  # fmt: skip
BODIES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=8),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, st.one_of(LEAVES, inner), max_size=6)),
    max_leaves=8,
)
CALLS = sorted(
    (prefix, call.method, path)
    for prefix, table in tables().items()
    for path, calls in table.items()
    for call in calls.values()
    if call.signed and "bullet" not in path and "market/orderbook" not in path
)


@pytest.fixture(scope="module")
def bench():
    bench = Bench("BTC-USDT")
    bench.spot(price="70000", size="0.01", client_oid="mine")
    bench.futures(type="market", size=3)
    return bench


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=60, deadline=None)
@given(args=st.one_of(BODIES, LEAVES))
def test_an_operation_answers_or_refuses(bench, operation, args):
    with contextlib.suppress(RestError):
        encode(OPERATIONS[operation](bench.account, args, bench.now))


@pytest.mark.parametrize(("prefix", "method", "path"), CALLS)
@settings(max_examples=25, deadline=None)
@given(body=BODIES, place=st.text(max_size=30), arguments=st.dictionaries(NAMES, st.text(max_size=12), max_size=4))
def test_a_call_answers_or_refuses(bench, prefix, method, path, body, place, arguments):
    call, _ = find(method, path, tables()[prefix])
    query = Query(
        bench.market, arguments, place, T0, "", lambda *_: {}, bench.account, SIMULATED.key,
        body if isinstance(body, dict) else {}, body,
    )  # fmt: skip
    with contextlib.suppress(RestError):
        encode(call.handler(query))
