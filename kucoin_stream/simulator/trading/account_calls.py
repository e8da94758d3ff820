"""The REST calls about the account itself: its money, its key, its transfers: a row each. Pure."""

from __future__ import annotations

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import decimal, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Holding
from kucoin_stream.simulator.trading.spot_pushes import account_id

_LISTED = ("main", "trade")
_FAST = "_hf"  # older clients ask for the high-frequency account by a name of its own
_TYPES = {"MAIN": "main", "TRADE": "trade", "MARGIN": "margin", "MARGIN_V2": "margin", "CONTRACT": "futures"}


def _accounts(query: Query) -> Json:
    asked = query.arguments.get("type", "")
    kinds = [kind for kind in _LISTED if asked.removesuffix(_FAST) in ("", kind)]
    return [
        {"id": account_id(kind, name), "currency": name, "type": asked or kind, **_money(holding)}
        for kind in kinds
        for name, holding in query.account.ledger.all(kind).items()
        if query.arguments.get("currency", name) == name
    ]


def _account(query: Query) -> Json:
    for kind in _LISTED:
        for name, holding in query.account.ledger.all(kind).items():
            if account_id(kind, name) == query.place:
                return {"currency": name, **_money(holding)}
    raise RestError(400, "400100", "account not exist")


def _money(holding: Holding) -> dict[str, str]:
    total, available, hold = (written(each) for each in (holding.total, holding.available, holding.hold))
    return {"balance": total, "available": available, "holds": hold}


def _user_info(_: Query) -> Json:
    fields = ("subQuantity", "spotSubQuantity", "marginSubQuantity", "futuresSubQuantity", "optionSubQuantity")
    most = ("maxSubQuantity", "maxDefaultSubQuantity", "maxSpotSubQuantity", "maxMarginSubQuantity")
    more = ("maxFuturesSubQuantity", "maxOptionSubQuantity")
    return {"level": 0, **dict.fromkeys(fields, 0), **dict.fromkeys((*most, *more), 5)}


def _api_key(query: Query) -> Json:
    return {
        "remark": "simulated",
        "apiKey": query.key,
        "apiVersion": 3,
        "permission": "General,Spot,Margin,Futures,Unified",
        "ipWhitelist": "",
        "createdAt": 1_729_159_561_000,
        "uid": 165_111_215,
        "isMaster": True,
        "subName": "",
        "kycStatus": 1,
        "region": "",
        "siteType": "global",
    }


def _transfer(query: Query) -> Json:
    body = query.body
    names = [
        _place(side, str(body.get(f"{side}AccountType")), str(body.get(f"{side}AccountTag") or ""))
        for side in ("from", "to")
    ]
    amount = decimal(body.get("amount"), "amount", lambda reason: RestError(400, "400100", reason))
    if not amount:
        raise RestError(400, "400100", "amount: must not be empty")
    query.account.transfer(str(body.get("currency")), amount, names[0], names[1], query.now_ns)
    return {"orderId": query.account.ids.spot(query.now_ns)}


def _inner_transfer(query: Query) -> Json:
    names = {"contract": "CONTRACT", "margin_v2": "MARGIN"}
    moved = {
        f"{side}AccountType": names.get(str(query.body.get(side)), str(query.body.get(side)).upper())
        for side in ("from", "to")
    }
    return _transfer(query._replace(body={**query.body, **moved}))


def _place(side: str, kind: str, tag: str) -> str:
    if kind.startswith("ISOLATED"):
        if not tag:
            raise RestError(400, "400100", f"{side}AccountTag: must not be empty, it names the symbol")
        return f"{ISOLATED}{tag}"
    if kind not in _TYPES:
        raise RestError(400, "400100", f"account type {kind} is not supported")
    return _TYPES[kind]


ACCOUNT_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("GET", "/api/v1/accounts", 5, _accounts),
        Call("GET", "/api/v1/accounts/*", 5, _account),
        Call("GET", "/api/v2/user-info", 20, _user_info),
        Call("GET", "/api/v1/user/api-key", 20, _api_key),
        Call("GET", "/api/v1/hf/accounts/opened", 30, lambda _: True),
        Call("POST", "/api/v3/accounts/universal-transfer", 4, _transfer),
        Call("POST", "/api/v2/accounts/inner-transfer", 10, _inner_transfer),
    )
)
