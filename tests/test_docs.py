"""The pages of docs/: what they show runs, on the built-in exchange; what they name is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

import kucoin_stream as ks
from docs import check

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
QUICK = {"getting_started"}
WIDEST = 92  # characters of code that a page has room for
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
FENCES = {"python", "sh", "text", "{toctree}"}
"""Python and the shell are run, text is not."""

RUNNER = """
import sys
from pathlib import Path
source = Path(sys.argv[1]).read_text()
names = {"__name__": "guide"}
exec(compile(source, sys.argv[1], "exec"), names)
"""


class Block(NamedTuple):
    """What stands between fences, and where it begins."""

    kind: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    text = path.read_text()
    return [
        Block(found["kind"], found["text"], text[: found.start()].count("\n") + 2)
        for found in re.finditer(r"^```(?P<kind>\S+)\n(?P<text>.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def python_of(path: Path) -> str:
    """Return the code of a guide, each line where it stands in the guide, so that a traceback tells of it."""
    lines = [""] * len(path.read_text().splitlines())
    for block in blocks(path):
        if block.kind == "python":
            code = block.text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(code)] = code
    return "\n".join(lines)


@pytest.fixture(params=GUIDES, ids=lambda path: path.stem)
def guide(request) -> Path:
    return request.param


@pytest.fixture
def here(tmp_path) -> dict[str, str]:
    """The environment of a reader who cannot leave this machine."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KUCOIN_")}
    refusing = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return own | refusing | {
        "HOME": str(tmp_path),
        "KUCOIN_STREAM_TARGET": "sim",
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }  # fmt: skip


def ran(*command: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- as they run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [pytest.param(each, id=each.stem, marks=() if each.stem in QUICK else pytest.mark.slow) for each in GUIDES],
)
def test_the_code_of_a_guide_runs_from_its_begin_to_its_end(path, here, tmp_path):
    code = tmp_path / f"{path.stem}.md"
    code.write_text(python_of(path))
    ran(sys.executable, "-c", RUNNER, str(code), folder=tmp_path, environment=here)


@pytest.mark.slow
@pytest.mark.parametrize("guide", [path for path in GUIDES if "```sh" in path.read_text()], ids=lambda path: path.stem)
def test_the_commands_of_a_guide_run(guide, here, tmp_path):
    """Commands of this package run, in order; of others, what they name is there."""
    verbs = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in "\n".join(block.text for block in blocks(guide) if block.kind == "sh").splitlines():
        match line.replace("'", "").split():
            case ["kucoin-stream", *arguments]:
                ran(sys.executable, "-m", "kucoin_stream", *arguments, folder=tmp_path, environment=here)
            case ["make", verb, *_]:
                assert verb in verbs
            case ["pip", "install", what]:
                assert set(re.findall(r"\w+", what)) <= EXTRAS.keys()
            case [_, *_]:
                raise AssertionError(f"not run, and not checked: {line}")


# -- as they stand -----------------------------------------------------------------------------------------------


def test_every_block_is_of_a_kind_that_is_run_or_is_mere_text(guide):
    assert {block.kind for block in blocks(guide)} <= FENCES
    assert guide.read_text().count("```") == 2 * len(blocks(guide))


def test_no_code_is_wider_than_its_page(guide):
    assert [line for line in python_of(guide).splitlines() if len(line) > WIDEST] == []


def test_the_files_that_a_guide_names_are_there(guide):
    named = re.findall(r"`((?:examples|binder|docs|kucoin_stream)/[\w./]*)`", guide.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_verbs_of_the_front_door_that_a_guide_calls_are_there(guide):
    called = set(re.findall(r"\bks\.([a-z_]\w*)", guide.read_text()))
    assert called <= {*ks.__all__, *dir(ks)}


def test_the_reference_has_all_feeds_and_calls_and_kinds_of_pictures():
    pages = "".join(path.read_text() for path in (DOCS / "api").glob("*.md"))
    assert {"{front}", "{feeds}", "{fields}", "{rest-calls}", "{pictures}"} <= set(re.findall(r"```(\{\S+\})", pages))


# -- the check of the built pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<a href="b.html#there">', []),  # a place of another page
        ('<a href="#here"><p id="here">', []),
        ('<a href="https://streamz.readthedocs.io">', []),  # the reader may go there; nothing is fetched
        ('<img src="data:image/png;base64,AAAA">', []),
        ('<a href="c.html">', ["a.html links to c.html, which is not there"]),
        ('<a href="b.html#gone">', ["a.html links to b.html#gone, and there is no such place in it"]),
        ('<script src="https://cdn.invalid/x.js">', ["a.html fetches https://cdn.invalid/x.js"]),
        ('<link rel="stylesheet" href="//fonts.invalid/x">', ["a.html fetches //fonts.invalid/x"]),
    ],
)
def test_built_pages_link_to_what_is_there_and_fetch_nothing(tmp_path, html, told):
    (tmp_path / "a.html").write_text(html)
    (tmp_path / "b.html").write_text('<p id="there">')
    assert sorted(check.problems(tmp_path)) == told


def test_a_style_sheet_fetches_nothing_either(tmp_path):
    (tmp_path / "a.html").write_text("<p>")
    (tmp_path / "a.css").write_text("@import 'https://fonts.invalid/a'; p { background: url(a.png) }")
    assert list(check.problems(tmp_path)) == ["a.css fetches https://fonts.invalid/a"]


def test_no_pages_are_no_good_pages(tmp_path):
    assert list(check.problems(tmp_path)) == [f"there are no pages in {tmp_path}"]
