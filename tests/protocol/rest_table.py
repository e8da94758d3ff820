"""The table of REST calls beside the repository, and how its rows become those of the catalogue.

``python -m tests.protocol.rest_table`` writes the catalogue anew.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.endpoint import Endpoint, Param

TABLE = Path(__file__).resolve().parents[3] / "shared" / "rest.tsv"
CATALOGUE = Path(endpoints.__file__).with_name(endpoints.FILE)

AMOUNT = re.compile(
    r"""(price|size|amount|amountU|balance|fees?|feeU|rate|rateDaily|rateHourly|funds|volume|value|factor|margin|pnl|ratio
    |coefficient|increment|cost|costNew|ltv|limit|limitHold|limitTotal|limitTotalHold|liability|interest|equity|tax|qty
    |quota|step|percent|pcnt|percentage|commission|leverage|high|low|open|last|buy|sell|vol|available|holds?|total
    |principal|principle|comm|commCommon|commFunding|ap?r|amr|unit|ask|bid|posCross|posFunding|posInit|posLoss|posMaint
    |maxWithdraw|maxDeposit|pay|roe|pop|scale|potentialBorrow|transferable|profit|floor|ceiling|marginReq|change
    |(volume|commission|fee)With(No|out)?Tag|OfQuoteCurrency)$
    |^([kfm]|im|mm|imr|mmrLevConstant)$|^triggerStop(Up|Down)Price$""",
    re.IGNORECASE | re.VERBOSE,
)
"""Names of what is an amount: KuCoin sends them as text."""

WHOLE = re.compile(
    r"(^id|Id|uid|Uid|^sequence|^currentPage|totalPage|pageSize|pageNumber|totalNum(ber)?|confirms|Confirms"
    r"|[pP]recision|apiVersion|Time|At|Untill|^ts|Granularity|[sS]tatus|^tier|[Tt]ype|vipLevel|weight|cancelReason)$"
)
"""Names of what is an integer where a source says only that it is a number, or sends it as text."""

DURATIONS = {"cancelAfter", "timeout", "allowMaxTimeWindow", "granularity", "pingInterval", "pingTimeout",
             "fundingRateGranularity", "currentFundingRateGranularity"}  # fmt: skip
WORDS = {"s": "seconds", "ms": "milliseconds"}

BOOK = {"price": "quote/base", "size": "base", "funds": "quote", "vol": "base", "volValue": "quote"}
BOOK |= {
    f"{begin}{name.title()}": BOOK[name]
    for name in ("price", "size", "funds")
    for begin in (
        "limit",
        "stop",
        "avg",
        "deal",
        "remain",
        "cancelled",
        "canceled",
        "origin",
        "match",
        "visible",
        "last",
        "new",
    )
}
LOTS = {"size", "dealSize", "filledSize", "visibleSize", "cancelSize", "matchSize", "bestBidSize", "bestAskSize",
        "currentQty", "positionQty", "maxBuyOpenSize", "maxSellOpenSize"}  # fmt: skip
"""Units of amounts: protocol.md 0.3, 4.13, 4.30; those of spot and margin orders and market data, and of futures."""

COLUMNS = {"candle start": "time", "volume base": "volume", "volume lots": "volume",
           "turnover quote": "turnover", "turnover quote, absent in older data": "turnover"}  # fmt: skip

BARS = {"volume": "base", "turnover": "quote"}

SECRET_TEXT = {"factorValue"}
TESTS_AND_QUESTIONS = {"add_order_test", "get_cross_margin_requirement"}
DOUBTFUL = {("deposit", "currency"), ("withdrawal", "currency"), ("transfer", "currency")}
"""Groups and parameters that sources call required or not (rest.md, "Where sources differ")."""

MOST = [  # groups, the parameter of the size, the largest; rest.md, "Paging"
    (("account", "deposit", "withdrawal", "margin_debit", "earn"), "pageSize", 500),
    (("sub_account",), "pageSize", 100),
    (("margin_credit",), "pageSize", 50),
    (("futures_order",), "pageSize", 1000),
    (("futures_position",), "limit", 200),
    (("spot_order", "margin_order"), "limit", 100),
    (("account",), "limit", 200),
    (("account", "futures_market", "futures_funding"), "maxCount", 100),
]
ROWS = {("spot_market", "get_klines"): 1500, ("futures_market", "get_klines"): 500}  # rest.md, "Limits"


def current() -> list[dict[str, str]]:
    """Return the rows of the table that are not abandoned; none where it is not there."""
    if not TABLE.is_file():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["abandoned"] == "no"]


def converted(row: dict[str, str]) -> Endpoint:
    """Return a row of the table as the catalogue has it."""
    market = {"spot_market": BOOK, "spot_order": BOOK, "margin_order": BOOK}.get(row["group"], {})
    units = dict.fromkeys(LOTS, "lots") if row["host"] == "futures" else market
    params = [_param(row, each, units) for each in json.loads(row["params"])]
    answer = json.loads(row["response"])
    fields, outer = (_fields(answer.get(key, {}), units) for key in ("item_fields", "outer_fields"))
    return Endpoint(
        group=row["group"], name=row["name"], title=row["title"], host=row["host"], method=row["method"],
        path=row["path"], auth=row["auth"], kind=answer["kind"],
        weight=None if row["weight"] == "-" else int(row["weight"]), pool=row["pool"].strip("-"),
        params=tuple(params), fields=fields, outer=outer,
        rows_key=row["rows_key"], paging="" if row["paging"] == "none" else row["paging"],
        columns=answer.get("row") == "list", most=_most(row, params), changes=_changes(row),
    )  # fmt: skip


def _param(row: dict[str, str], given: dict[str, Any], units: dict[str, str]) -> Param:
    key = given["name"].rpartition(".")[2]
    kind, enum = given["type"], tuple(given.get("enum") or ())
    if kind == "string" and not enum and AMOUNT.search(key) and key not in SECRET_TEXT:
        kind = "decimal"
    if kind == "number" and ("unit" in given or WHOLE.search(key)):
        kind = "integer"
    required = given["required"]
    if required and (row["group"], key) in DOUBTFUL and given["in"] != "path":
        required = "doubtful"
    unit = _amount(kind, key, units) if given["in"] != "path" else ""  # there it is a number of levels
    unit = unit or _unit(key, given.get("unit", ""))
    return Param(
        name=given["name"], type=kind, place=given["in"], required=required, unit=unit,
        enum=enum, default=given.get("default"),
    )  # fmt: skip


def _unit(name: str, unit: str) -> str:
    if unit.startswith("ms remaining"):
        return WORDS["ms"]
    return WORDS.get(unit, unit) if name in DURATIONS else unit


def _amount(kind: str, name: str, units: dict[str, str]) -> str:
    unit = units.get(name, "")
    return unit if kind in {"decimal", "number"} or (kind == "integer" and unit == "lots") else ""


def _fields(given: dict[str, str], units: dict[str, str]) -> dict[str, str]:
    return dict(_field(name, text, units) for name, text in given.items())


def _field(name: str, text: str, units: dict[str, str]) -> tuple[str, str]:
    text = re.sub(r" \([^)]*\)$", "", text)
    if name.isdigit():  # a column of a list: what it is stands where others have the unit
        kind, _, what = text.partition(" ")
        unit, _, rest = what.partition(" ") if what.startswith(("s ", "ms ")) else ("", "", what)
        column = COLUMNS.get(rest, rest)
        kind = "decimal" if kind == "string" and not unit else kind
        unit = unit or ("lots" if what == "volume lots" else BARS.get(column, "quote/base"))
        return column, f"{kind} {unit}"
    key = name.rpartition(".")[2]
    if text.startswith("array<array>"):
        columns = re.findall(r"(\w+) (?:string|number|integer)", text)
        return name, f"array<array> [{', '.join(columns)}]"
    if key in {"bids", "asks"}:  # as everywhere else, where a source does not say
        return name, "array<array> [price, size]"
    kind, _, rest = text.partition(" ")
    if kind == "string" and not rest:
        fiat = name == "*"
        kind = "decimal" if fiat or AMOUNT.search(key) else "integer" if key == "sequence" else "string"
    elif kind == "number" and (rest or WHOLE.search(key)):
        kind = "integer"
    rest = "" if rest == "null" or rest == "code" or rest.startswith("valid") else rest
    unit, _, enum = rest.partition("enum")
    if kind == "string" and re.fullmatch(r"\([0-9.|]+\)", enum) and AMOUNT.search(key):  # some coefficients are 0 or 1
        kind, enum = "decimal", ""
    unit = _amount(kind, key, units) or _unit(key, unit.strip())
    return name, " ".join(filter(None, (kind, unit, f"enum{enum}" if enum else "")))


def _most(row: dict[str, str], params: list[Param]) -> int | None:
    if row["paging"] == "none":
        return None
    names = {param.name for param in params}
    found = (most for groups, name, most in MOST if row["group"] in groups and name in names)
    return ROWS.get((row["group"], row["name"])) or next(found, None)


def _changes(row: dict[str, str]) -> bool:
    """Whether a call does something: of those that are no GET all but tests, questions and tokens."""
    harmless = row["name"] in TESTS_AND_QUESTIONS or row["group"] == "websocket_token"
    return row["method"] != "GET" and not harmless


def text(rows: list[Endpoint]) -> bytes:
    """Return the catalogue's file."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


if __name__ == "__main__":
    CATALOGUE.write_bytes(text([converted(row) for row in current()]))
    print(f"{CATALOGUE.name}: {len(current())} rows, {CATALOGUE.stat().st_size} bytes")
