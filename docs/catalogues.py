"""Parts of the reference that are written from lists: the front door, feeds, fields, REST calls, kinds of pictures.

Also resolves names as docstrings have them: ``:class:`UsageError```, wherever it is documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import isfunction
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import kucoin_stream as ks
from kucoin_stream.frames.schema import schema
from kucoin_stream.protocol import endpoints, topics
from kucoin_stream.protocol.endpoints.endpoint import Endpoint
from kucoin_stream.widgets.kinds import PAINTERS

SPACES = {
    "spot": "client.spot",
    "margin": "client.margin",
    "futures": "client.futures",
    "pro_spot": "client.pro",
    "pro_futures": "client.pro",
    "account": "client.account.feed",
    "pro_account": "client.account.pro",
}
"""Where the rows of a family are methods."""

_SECTIONS = re.compile(r" \(\d[\d., ]*\)(?=\.?$)")


class Written(SphinxDirective):
    """A part of a page that a function writes, as lines of Markdown."""

    def run(self) -> list[nodes.Node]:
        """Return what its lines become."""
        parent = nodes.Element()
        lines = StringList(list(WRITERS[self.name]()), source=self.env.docname)
        self.state.nested_parse(lines, 0, parent, match_titles=True)
        return list(parent.children)


def front() -> Iterable[str]:
    """Write every function of the front door."""
    yield "```{eval-rst}"
    yield from (f".. autofunction:: kucoin_stream.{name}" for name in ks.__all__ if isfunction(getattr(ks, name)))
    yield "```"


def feeds() -> Iterable[str]:
    """Write a table for each family of feeds."""
    for family, space in SPACES.items():
        market = f", {family.removeprefix('pro_')}" if space == "client.pro" else ""
        yield from (f"## `{space}`{market}", "", "| call | topic on the wire | what it tells |", "|---|---|---|")
        for row in topics.CATALOGUE:
            of, _, name = row.name.partition(".")
            if of == family:
                yield f"| `{space}.{name}` | `{row.path}` | {_cell(row.doc)} |"
        yield ""


def fields() -> Iterable[str]:
    """Write a table for each feed: the columns of its frames."""
    for name, rows in schema().groupby("feed", sort=False):
        yield from (f"## `{name}`", "", "| field | dtype | unit |", "|---|---|---|")
        yield from (f"| `{each.field}` | {each.dtype} | {each.unit} |" for each in rows.itertuples())
        yield ""


def rest_calls() -> Iterable[str]:
    """Write a table for each group of REST calls."""
    for group, calls in sorted(endpoints.groups().items()):
        yield from (f"## `client.rest.{group}`", "", "| call | what it is | request | needs |", "|---|---|---|---|")
        for each in calls.values():
            yield f"| `{each.name}` | {_cell(each.title)} | `{each.method} {each.path}` | {_needed(each)} |"
        yield ""


def pictures() -> Iterable[str]:
    """Write what each kind of picture takes."""
    for kind, (module, name) in PAINTERS.items():
        yield from (f"## `widget({kind!r})`", "", "```{eval-rst}")
        yield from (f".. autoclass:: kucoin_stream.widgets.{module}.{name}", "   :no-members:", "```", "")


WRITERS = {"front": front, "feeds": feeds, "fields": fields, "rest-calls": rest_calls, "pictures": pictures}


def _needed(call: Endpoint) -> str:
    return "arming" if call.changes else "a key" if call.signed else ""


def _cell(text: str) -> str:
    """Return RST as a cell of Markdown, without the sections of the specification that it ends with."""
    return _SECTIONS.sub("", " ".join(text.replace("``", "`").replace("|", "\\|").split()))


def resolve(app: Sphinx, env: Any, node: Any, content: Any) -> nodes.Node | None:
    """Find a Python name by its end, such as ``LiveBook.wait`` or ``kucoin_stream.client.Client``.

    Of several a function or a class goes first, then what is nearest to the front door.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    own = target.startswith("kucoin_stream.") or "." not in target or target[0].isupper()
    name = target.rpartition(".")[2] if target.startswith("kucoin_stream.") else target
    known = env.domains["py"].objects
    found = [full for full in known if own and full.endswith(f".{name}")]
    if not found:
        return None
    full = min(found, key=lambda each: (known[each].objtype in ("method", "property", "attribute"), len(each)))
    entry = known[full]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, full)


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known that are named as :data:`WRITERS`."""
    for name in WRITERS:
        app.add_directive(name, Written)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True}
