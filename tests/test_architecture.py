"""The house of design.md, section 2, read from the source: imports point down, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import kucoin_stream

PACKAGE = Path(kucoin_stream.__file__).parent

GROUND, TOP = -1, 7
FLOORS = {
    "errors": GROUND,
    "settings": GROUND,
    "protocol": 0,
    "given": 0,
    "market": 1,
    "recording": 1,
    "transport": 2,
    "bridges": 2,
    "streams": 3,
    "frames": 4,
    "widgets": 5,
    "analytics": 3,
    "asynchronous": 3,
    "checks": 3,
    "instruments": 4,
    "arguments": 5,
    "namespaces": 4,
    "families": 4,
    "feeds": 5,
    "opening": 4,
    "overview": 5,
    "account": 5,
    "orders": 5,
    "rest": 5,
    "export": 5,
    "recordings": 5,
    "envelopes": 6,
    "replay": 5,
    "client": 6,
    "shards": TOP,
    "default": TOP,
    "jupyter": TOP,
    "cli": TOP,
    "diagnosis": TOP,
    "tapes": TOP,
    "watch": TOP,
    "verify": TOP,
    "running": TOP,
    "sessions": TOP,
    "front": TOP,
    "__main__": TOP,
    "__init__": TOP,
}
"""Imports go to a lower floor, within a part, or between the parts of the top floor."""

DOORS_UP = {
    ("streams.feed", "frames.table"),  # Feed.frame
    ("streams.entry", "default"),  # Stream.from_kucoin: streamz's entry point
    ("frames.base", "widgets.kinds"),  # LiveFrame.widget
    ("client", "shards.opening"),  # Client.shard
    ("replay", "widgets.replay"),  # Replay.widget
}
"""Imports inside a function that go up."""

TYPE_CHECKER_ONLY = {("streams.feed", "frames.table"), ("client", "shards.shards")}
"""What only a type checker sees of a higher floor."""

TO_THE_SIMULATOR = {"opening", "cli", "verify"}
SIMULATOR_SHARES = (
    "errors", "settings", "protocol.messages", "protocol.topics", "protocol.signing", "protocol.endpoints.pools",
)  # fmt: skip
SIMULATOR_TAKES_OF_SETTINGS = {"Credentials"}


class Import(NamedTuple):
    importer: str  # "protocol.classic"
    imported: str  # "protocol.messages", or a module of others
    names: tuple[str, ...]
    inside: str  # "module", "function" or "type checking"


def modules() -> dict[str, ast.Module]:
    """Return the tree of every module by its name below the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(importer: str) -> Iterator[Import]:
    def walk(node: ast.AST, inside: str) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            where = inside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                where = "function"
            elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                where = "type checking"
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(importer, inner(alias.name), (), inside)
            elif isinstance(child, ast.ImportFrom):
                yield from of(child, inside)
            yield from walk(child, where)

    def of(node: ast.ImportFrom, inside: str) -> Iterator[Import]:
        assert node.level == 0, f"{importer}: a relative import"
        base = inner(node.module or "")
        for alias in node.names:
            below = alias.name if base == "__init__" else f"{base}.{alias.name}"
            yield Import(importer, below if below in MODULES else base, (alias.name,), inside)

    yield from walk(MODULES[importer], "module")


def inner(module: str) -> str:
    """Return a module of ours as in :data:`MODULES`, one of others as it is."""
    ours, _, rest = module.partition(".")
    return (rest or "__init__") if ours == "kucoin_stream" else f"/{module}"


def part(module: str) -> str:
    return module.partition(".")[0]


IMPORTS = [each for name in MODULES for each in imports(name)]
OURS = [each for each in IMPORTS if not each.imported.startswith("/")]
OTHERS = [each for each in IMPORTS if each.imported.startswith("/")]


def goes_down(each: Import) -> bool:
    mine, theirs = FLOORS[part(each.importer)], FLOORS[part(each.imported)]
    return theirs < mine or part(each.importer) == part(each.imported) or mine == theirs == TOP


HOUSE = [each for each in OURS if "simulator" not in (part(each.importer), part(each.imported))]


def test_every_module_has_a_floor():
    assert {part(name) for name in MODULES} <= {*FLOORS, "simulator"}


def test_module_level_imports_point_down():
    assert [each for each in HOUSE if each.inside == "module" and not goes_down(each)] == []


def test_the_doors_up_are_the_ones_listed():
    up = {(each.importer, each.imported) for each in HOUSE if each.inside == "function" and not goes_down(each)}
    assert up == DOORS_UP


def test_type_checkers_see_no_more_than_is_listed():
    seen = {(each.importer, each.imported) for each in HOUSE if each.inside == "type checking" and not goes_down(each)}
    assert seen == TYPE_CHECKER_ONLY


def test_the_ground_rests_on_nothing():
    assert [each for each in OURS if FLOORS.get(part(each.importer)) == GROUND] == []


def test_the_simulator_shares_only_messages_topics_pools_and_signing():
    taken = [each for each in OURS if part(each.importer) == "simulator" and part(each.imported) != "simulator"]
    assert [each for each in taken if not each.imported.startswith(SIMULATOR_SHARES)] == []
    settings = {name for each in taken if each.imported == "settings" for name in each.names}
    assert settings <= SIMULATOR_TAKES_OF_SETTINGS


def test_the_house_reaches_the_simulator_by_three_doors():
    reaching = [each for each in OURS if part(each.imported) == "simulator" and part(each.importer) != "simulator"]
    assert {each.importer for each in reaching} <= TO_THE_SIMULATOR
    assert all(each.inside == "function" or FLOORS[part(each.importer)] == TOP for each in reaching)


LAZY = {"__init__", "widgets.kinds"}  # each has a table of names and homes below itself


def test_modules_are_imported_by_name_only_where_listed():
    calls = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"import_module", "__import__"}
    }
    assert calls == LAZY


# -- laws that show in imports -----------------------------------------------------------------------------------

IMPURE = {
    "asyncio", "threading", "socket", "ssl", "time", "datetime", "random", "os", "logging", "subprocess", "secrets",
    "aiohttp", "websockets", "streamz", "pandas", "tornado", "ipywidgets",
}  # fmt: skip
PURE_MODULES = {"transport.plan"}


def test_pure_floors_know_no_clock_no_thread_and_no_socket():
    pure = {name for name in MODULES if FLOORS.get(part(name), TOP) in (GROUND, 0, 1) and part(name) != "recording"}
    impure = [
        each for each in OTHERS if each.importer in pure | PURE_MODULES and part(each.imported.strip("/")) in IMPURE
    ]
    assert impure == []


def test_only_transport_and_the_simulator_open_sockets():
    network = {"aiohttp", "websockets", "socket", "ssl", "picows", "urllib.request", "http.client", "requests"}
    users = {part(each.importer) for each in OTHERS if each.imported.strip("/").startswith(tuple(network))}
    assert users <= {"transport", "simulator"}


def test_nested_loops_have_one_place_at_most():
    users = {each.importer for each in OTHERS if each.imported.startswith("/nest_asyncio")}
    assert users == {"running"}
    assert all(each.inside == "function" for each in OTHERS if each.imported.startswith("/nest_asyncio"))


# -- the front door ----------------------------------------------------------------------------------------------


def test_all_is_what_is_there():
    for name in kucoin_stream.__all__:
        assert getattr(kucoin_stream, name) is not None
    assert set(dir(kucoin_stream)) == {*kucoin_stream.__all__, "__version__"}
    assert len(set(kucoin_stream.__all__)) == len(kucoin_stream.__all__)


def test_type_checkers_see_the_same_names():
    seen = {name for each in imports("__init__") if each.inside == "type checking" for name in each.names}
    assert seen == set(kucoin_stream.__all__)


def test_what_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'bok'"):
        _ = kucoin_stream.bok


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.strip()


def test_importing_starts_nothing_opens_nothing_and_patches_nothing():
    program = """
        import asyncio, socket, sys, threading

        class Refused(socket.socket):
            def __init__(self, *args, **kwargs):
                raise AssertionError("a socket was opened")

        genuine_socket, socket.socket = socket.socket, Refused

        def seen():
            loops = (asyncio.BaseEventLoop, asyncio.SelectorEventLoop, asyncio.new_event_loop)
            methods = [vars(loop).get(name) for loop in loops[:2] for name in
                       ("run_forever", "run_until_complete", "_run_once", "create_task", "_check_running")]
            return [*loops, *methods, asyncio.Task, asyncio.Future, asyncio.run, asyncio.get_event_loop,
                    asyncio.tasks.Task, asyncio.tasks._CTask, threading.Thread, threading.excepthook,
                    sys.excepthook, sys.displayhook, type(asyncio.get_event_loop_policy())]

        before, threads = seen(), threading.enumerate()
        import kucoin_stream
        assert kucoin_stream.__version__ and dir(kucoin_stream)
        assert all(one is other for one, other in zip(before, seen(), strict=True))
        assert threading.enumerate() == threads
        heavy = ("aiohttp", "ipywidgets", "pandas", "numpy", "streamz", "websockets", "tornado", "msgspec", "keyring",
                 "nest_asyncio", "nest_asyncio2", "IPython")
        print(sorted(name for name in heavy if name in sys.modules))
    """
    assert run(program) == "[]"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("protocol.classic", ("numpy", "pandas", "aiohttp", "streamz", "asyncio")),
        ("market.book", ("pandas", "aiohttp", "streamz", "asyncio")),
        ("transport.plan", ("pandas", "aiohttp", "websockets", "asyncio")),
        ("transport.loop", ("pandas", "aiohttp", "websockets", "streamz")),
    ],
)
def test_a_pure_module_comes_alone(module, absent):
    assert run(f"import sys, kucoin_stream.{module}; print([x for x in {absent} if x in sys.modules])") == "[]"


def test_no_modules_wait_for_each_other_so_that_any_can_be_the_first_one_imported():
    waits = {
        module: {each.imported for each in imports(module) if each.inside == "module"} & MODULES.keys() - {module}
        for module in MODULES
    }
    tuple(TopologicalSorter(waits).static_order())  # raises CycleError
