"""What every driver needs: the exchange's address, its control, and books to compare. Standard library only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any
from urllib.request import Request, urlopen

URL, KEY, SECRET, PASSPHRASE, CONTROL, CONTROL_KEY, FUTURES_HOST = sys.argv[1:8]
FUTURES_URL = f"{URL}/futures"


def get(path: str) -> Any:
    with urlopen(f"{URL}{path}", timeout=10) as answer:
        return json.loads(answer.read())["data"]


def fault(name: str, **arguments: Any) -> None:
    body = json.dumps({"fault": name, **arguments}).encode()
    with urlopen(Request(CONTROL, body, {"X-Simulator-Secret": CONTROL_KEY}), timeout=10) as answer:
        assert answer.status == 200


def same(side: Iterable[Any], theirs: Iterable[Any]) -> bool:
    """Compare levels as numbers, best first."""
    mine = [(float(level[0]), float(level[1])) for level in side]
    return mine == [(float(level[0]), float(level[1])) for level in theirs]


def report(**seen: Any) -> None:
    """Print what was seen; the last line is read."""
    print(json.dumps(seen), flush=True)
