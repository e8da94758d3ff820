"""Writes the stubs of what is found by name at run time: feeds by family, and REST calls by group.

``python -m tests.typing.stubs`` writes them anew; a test compares them with the tables they are made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kucoin_stream
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.completed import completed
from kucoin_stream.protocol.topics import TOPICS, Topic
from kucoin_stream.rest.documents import signature

PACKAGE = Path(kucoin_stream.__file__).parent
MESSAGES = "kucoin_stream.protocol.messages."
FAMILIES = {
    "Spot": ("spot",), "Margin": ("margin",), "Futures": ("futures",), "Pro": ("pro_spot", "pro_futures"),
    "AccountFeeds": ("account",), "AccountPro": ("pro_account",),
}  # fmt: skip
NAME = "stream_name: str | None = ..."


def families() -> str:
    """Return the stub of the feeds."""
    lines = [
        '"""The feeds of each family, for type checkers; written by tests/typing/stubs.py."""',
        "from typing import Literal, overload",
        "from kucoin_stream.namespaces import Namespace",
        "from kucoin_stream.protocol.events import News",
        "from kucoin_stream.protocol.messages import account, futures, futures_account, pro, pro_account, spot",
        "from kucoin_stream.streams.feed import Feed",
    ]
    for name, members in FAMILIES.items():
        lines += ["", f"class {name}(Namespace):"]
        rows = {each.partition(".")[2]: row for each, row in TOPICS.items() if each.partition(".")[0] in members}
        for each, row in rows.items():
            lines += _feeds(each, row)
    return "\n".join(lines) + "\n"


def _feeds(name: str, row: Topic) -> Iterator[str]:
    """Yield what the feed of a row is: with news where that is asked for, or, of increments, by default."""
    arguments = "*arguments: str" + (", interval: str | None = ..." if "{interval}" in row.path else "")
    asked, default = ("False", "True") if row.incremental else ("True", "False")
    payload = {"True": f"{_payload(row)} | News", "False": _payload(row)}
    for value, news in ((asked, f"Literal[{asked}]"), (default, f"Literal[{default}] | None = ...")):
        yield "    @overload"
        yield f"    def {name}(self, {arguments}, news: {news}, {NAME}) -> Feed[{payload[value]}]: ..."


def _payload(row: Topic) -> str:
    payload: Any = row.payload
    text = f"{payload.__module__}.{payload.__name__}" if isinstance(payload, type) and "[" not in str(payload) else ""
    return (text or str(payload)).replace(MESSAGES, "")


def groups() -> str:
    """Return the stub of the REST calls."""
    known = endpoints.groups()
    lines = [
        '"""The REST calls of each group, for type checkers; written by tests/typing/stubs.py."""',
        "import datetime",
        "import decimal",
        "import typing",
        "from typing import Literal",
        "import pandas",
        "import kucoin_stream.rest.record",
    ]
    for group, calls in known.items():
        lines += ["", f"class {_class(group)}:"]
        lines += [f"    def {name}{_signature(group, name)}: ..." for name in calls]
    lines += ["", "class Groups:", *(f"    {group}: {_class(group)}" for group in known)]
    return "\n".join(lines) + "\n"


def _class(group: str) -> str:
    return "".join(part.capitalize() for part in group.split("_"))


def _signature(group: str, name: str) -> str:
    found = signature(completed(endpoints.endpoint(group, name)))
    parts = list(_parameters(found.parameters.values()))
    returned: Any = found.return_annotation
    text = (
        f"{returned.__module__}.{returned.__name__}".removeprefix("builtins.") if returned is not Any else "typing.Any"
    )
    text = "list[typing.Any]" if text == "list" else text.replace("pandas.core.frame.", "pandas.")
    return f"(self, {', '.join(parts)}) -> {text}"


def _parameters(parameters: Any) -> Iterator[str]:
    named = False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not named:
            named = True
            yield "*"
        text = re.sub(r" = .*$", "", str(each.replace(default=each.empty)))
        text = re.sub(r"Optional\[(Literal\[.*\])\]", r"\1 | None", text).replace("typing.Literal", "Literal")
        text = re.sub(r"pandas\.\w[\w.]*\.(Timestamp|DataFrame)", r"pandas.\1", text)
        yield text if each.default is each.empty else f"{text} = ..."


STUBS = {PACKAGE / "families.pyi": families, PACKAGE / "rest" / "groups.pyi": groups}


if __name__ == "__main__":
    for path, made in STUBS.items():
        path.write_text(made(), encoding="utf-8")
