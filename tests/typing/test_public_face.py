"""Type checkers know the public face, and what is found by name at run time is in stubs that are up to date."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typing.stubs import STUBS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("path", "made"), STUBS.items(), ids=[path.name for path in STUBS])
def test_the_stubs_are_those_of_the_tables(path: Path, made: Callable[[], str]) -> None:
    assert path.read_text(encoding="utf-8") == made(), "python -m tests.typing.stubs writes them anew"


@pytest.mark.slow
def test_mypy_knows_the_public_face() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tests/typing/public_face.py"],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
