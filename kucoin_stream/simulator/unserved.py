"""What KuCoin has and the built-in exchange has not: calls that are answered with a sentence that says so. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kucoin_stream.simulator.market import RestError


class Absence(NamedTuple):
    """Calls whose paths begin in one of these ways, and what the exchange lacks for them."""

    paths: tuple[str, ...]
    lacks: str
    status: int = 404
    code: str = "404000"  # no such call here; protocol.md 9.3


ABSENCES: tuple[Absence, ...] = (
    Absence(
        ("/api/v1/withdrawals", "/api/v3/withdrawals", "/api/ua/v1/withdrawal", "/api/v3/deposit-address",
         "/api/v1/deposit-addresses", "/api/ua/v1/asset/deposit"),
        "no coins come in or go out", 200, "260210",
    ),
    Absence(
        ("/api/v1/sub", "/api/v2/sub", "/api/v3/sub", "/api/ua/v1/sub-account", "/api/ua/v1/user/sub",
         "/api/ua/v1/user/create-sub-api-key", "/api/v1/account-overview-all"),
        "its one account has no sub-accounts",
    ),
    Absence(("/api/v1/earn", "/api/v1/struct-earn"), "there is no Earn"),
    Absence(("/api/v1/otc-loan",), "there is no VIP lending"),
    Absence(("/api/v1/convert",), "nothing is converted"),
    Absence(
        ("/api/v3/project", "/api/v3/purchase", "/api/v3/lend", "/api/v3/redeem"),
        "there is no lending market: what margin borrows comes from the exchange",
    ),
    Absence(
        ("/api/v1/broker", "/api/v2/broker", "/api/v3/broker", "/api/v2/affiliate", "/api/v1/asset/ndbroker",
         "/api/kyc", "/api/ua/v1/user/kyc-region"),
        "there are no brokers, affiliates or identity checks",
    ),
    Absence(
        ("/api/v3/margin/collateralRatio", "/api/v3/margin/available-inventory",
         "/api/v3/position/update-user-leverage"),
        "margin counts every coin in full, lends one amount of each, and has one leverage",
    ),
    Absence(("/api/v1/copy-trade", "/api/v2/copy-trade"), "there is no copy trading"),
    Absence(("/api/ua/",), "the account is a classic one, not unified: ask the classic calls"),
)  # fmt: skip


def unserved(path: str) -> RestError | None:
    """Return the error of a call that KuCoin would serve; ``None`` where there is none of that path."""
    for absence in ABSENCES:
        if path.startswith(absence.paths):
            return RestError(absence.status, absence.code, f"The built-in exchange does not do this: {absence.lacks}.")
    return None
