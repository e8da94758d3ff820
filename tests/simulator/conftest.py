import json
from pathlib import Path

import pytest

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "payloads"


@pytest.fixture(scope="session")
def payloads():
    """Return what reads the recorded messages of a family."""

    def read(family):
        path = PAYLOADS / f"{family}.jsonl"
        if not path.is_file():
            pytest.skip("the recorded messages are not here")
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row["message"] for row in rows if row["origin"] in ("captured", "docs")]

    return read
