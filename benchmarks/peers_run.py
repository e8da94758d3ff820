"""The other clients, in an environment of their own: ``benchmarks/.venv``, made by ``make bench``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from benchmarks.process import last_line

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
TIMEOUT = 90.0  # seconds

PEERS = {
    "cryptofeed": "cryptofeed_client.py",
    "ccxt.pro": "ccxt_pro.py",
    "kucoin-universal-sdk": "universal_sdk.py",
    "python-kucoin": "python_kucoin.py",
}
"""By column, the script in ``benchmarks/peers``."""

SHARE = {"heavy": 0.1, "heavy_top": 0.02}
"""Of the messages: some take milliseconds for each. A fifth for other works."""


def missing() -> str:
    """Return why there are no peers, if so."""
    return "" if PYTHON.exists() else "the other clients are not there: make bench installs them"


def run(peer: str, url: str, work: str, messages: int, notes: list[str]) -> dict[str, Any] | None:
    """Return a peer's figures of one work; where there are none, ``notes`` says why."""
    count = max(500, int(messages * SHARE.get(work, 0.2)))
    command = [str(PYTHON), str(HERE / "peers" / PEERS[peer]), url, work, str(count), "0"]
    try:
        result: dict[str, Any] = last_line(command, TIMEOUT)
    except subprocess.TimeoutExpired:
        notes.append(f"{peer}, {work}: not done in {TIMEOUT:.0f} s")
        return None
    except RuntimeError as exc:
        notes.append(f"{peer}, {work}: {str(exc).strip().splitlines()[-1][:150]}")
        return None
    if "unsupported" in result:
        notes.append(f"{peer}, {work}: {result['unsupported']}")
        return None
    return result
