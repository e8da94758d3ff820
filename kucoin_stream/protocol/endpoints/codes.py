"""What KuCoin's error codes mean and what to do about them (protocol.md 9.3). Pure."""

from __future__ import annotations

from collections.abc import Mapping

COMMON: Mapping[str, str] = {
    "400001": "a header of the signature is missing: pass key=, secret= and passphrase=",
    "400002": "this machine's clock is off by more than 5 s",
    "400003": "no such key here: it may be of another region",
    "400004": "wrong passphrase: it is the one set when the key was made",
    "400005": "the signature does not fit: check secret=",
    "400006": "the key does not allow this address: change its list of addresses at KuCoin",
    "400007": "the key lacks the permission",
    "400100": "a parameter is wrong, or the balance too small",
    "404000": "there is no such call here",
    "411100": "the user is frozen",
    "415000": "the body must be JSON",
    "429000": "too many calls, or an overload of the exchange: wait, then ask less often",
    "500000": "an error within the exchange: try again later",
    "1015": "this address is shut out for 30 s: wait, then ask less often",
}

_SPOT: Mapping[str, str] = {
    "200001": "no orders are taken for this pair now",
    "200002": "no orders are cancelled for this pair now",
    "200003": "too many open orders: cancel some",
    "200004": "the balance is too small",
    "200009": "an identity check is needed before this can be traded",
    "230005": "the exchange is busy: try again later",
    "400200": "this account may not place orders",
    "400500": "not offered in your region",
    "400600": "the pair is not traded yet",
    "400700": "not allowed by the account's risk control",
    "600203": "the pair is not traded",
    "900001": "no such symbol",
    "102426": "the client's own id was used before",
    "102436": "the quote has expired: ask for a new one",
    "102441": "the agreement on convert is not accepted yet",
    "110003": "beyond the limits of withdrawal",
    "115007": "the balance is too small",
    "260210": "withdrawals are switched off",
    "130201": "margin is not open for this account",
    "130203": "the balance, or your borrowing limit, is too small",
    "130204": "the limits of the platform are reached",
    "126013": "the balance is too small",
    "126015": "this pair may not be traded here",
    "126021": "not offered in your region",
    "126022": "the price is beyond the protection",
    "126033": "the order was sent before",
    "126044": "client_oid was used before",
    "126043": "no such order",
}

_FUTURES: Mapping[str, str] = {
    "40010": "not offered in your region",
    "100001": "a parameter is wrong",
    "100003": "no such contract",
    "100004": "the order cannot be cancelled: it is done, or there is none",
    "100005": "no such risk limit",
    "200002": "too often: blocked for 10 s",
    "200003": "no such symbol",
    "200005": "the balance is too small",
    "300000": "a parameter is wrong",
    "300001": "too many open orders: cancel some",
    "300002": "no orders are taken now",
    "300003": "the balance is too small",
    "300004": "too many stop orders: cancel some",
    "300005": "beyond the risk limit",
    "300006": "the price is beyond the bankruptcy price",
    "300007": "the price is worse than the liquidation price",
    "300008": "nothing in the book to trade with",
    "300009": "there is no position to close",
    "300010": "the position could not be closed",
    "300011": "the price is too high",
    "300012": "the price is too low",
    "300013": "nothing in the book to trade with",
    "300014": "the position is being liquidated",
    "300015": "the contract is being settled",
    "300016": "the leverage is too high",
    "300018": "client_oid was used before",
    "330005": "switch the margin mode of the symbol first",
    "330008": "the margin is too small for this size",
    "330011": "set the position mode first",
}


def meaning(host: str, code: str) -> str:
    """Return what a code of a host means, in a few words; empty where it is not documented."""
    return COMMON.get(code) or (_FUTURES if host == "futures" else _SPOT).get(code, "")
