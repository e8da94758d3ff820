"""A client in a process of its own, which can be stopped, and whose interpreter can be held."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import kucoin_stream as ks
from kucoin_stream.settings import Limits
from tests.faults.shown import Sample, Shown

if TYPE_CHECKING:
    from tests.faults.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
_HOG = 2_000_000  # digits of a number whose square takes a moment, in one instruction


class Child:
    """What :class:`Shown` shows, asked for over pipes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> Self:
        options = self._stage.options()
        del options["limits"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child", self._stage.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._ask(options)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        if self._process.wait(10):
            raise RuntimeError(f"the client's process ended with {self._process.returncode}")
        self._process.stdout.close()

    def stop(self) -> None:
        """Stop the process, as the system does with one that sleeps."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def hog(self, seconds: float) -> None:
        """Hold the interpreter's lock for so long."""
        self._ask(["hog", seconds])

    def statuses(self) -> dict[str, str]:
        return self._ask(["statuses"])

    def sample(self, symbol: str) -> Sample:
        status, sequence, sides = self._ask(["sample", symbol])
        return status, sequence, {side: dict(levels) for side, levels in sides.items()}

    def ids(self, topic: str) -> list[int | None]:
        return self._ask(["ids", topic])

    def latest(self, topic: str) -> int:
        return self._ask(["latest", topic])

    def gaps(self) -> list[dict[str, Any]]:
        return self._ask(["gaps"])

    def statistics(self) -> dict[str, Any]:
        return self._ask(["statistics"])

    def _ask(self, question: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the client's process ended with {self._process.wait(10)}"
        return json.loads(answer)


def hog(seconds: float) -> None:
    """Hold the interpreter's lock, as a cell does that computes in one long instruction after the other."""
    over, number = time.monotonic() + seconds, 7**_HOG
    before = sys.getswitchinterval()
    sys.setswitchinterval(10.0)
    while time.monotonic() < over:
        number * number
    sys.setswitchinterval(before)


def main() -> None:
    """Answer questions, a line each, until there are no more."""
    options = json.loads(sys.stdin.readline())
    with ks.Client(sys.argv[1], **options, limits=Limits(connections_per_minute=10_000)) as client:
        shown = Shown(client)
        _tell(None)
        for line in sys.stdin:
            match json.loads(line):
                case ["hog", seconds]:
                    hog(seconds)
                    _tell(None)
                case ["sample", symbol]:
                    status, sequence, book = shown.sample(symbol)
                    _tell([status, sequence, {side: list(levels.items()) for side, levels in book.items()}])
                case [name, *arguments]:
                    _tell(getattr(shown, name)(*arguments))


def _tell(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
