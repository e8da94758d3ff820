"""What Binder takes from binder/; ``make binder`` does the long rest, in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from binder import check

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def image(tmp_path):
    """An environment in name only: its Python says where it is, and does nothing else."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\ncase "$*" in *sys.prefix*) echo "{tmp_path}" ;; esac\n')
    python.chmod(0o755)
    return tmp_path


def ran(*command: str | Path, **variables: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_the_python_is_one_that_the_package_is_made_for():
    version = re.fullmatch(r"python-(3\.\d+)\n", (BINDER / "runtime.txt").read_text())
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in PROJECT["classifiers"]


def test_the_package_is_installed_from_the_repository_with_what_the_examples_need():
    lines = [line.partition("#")[0].strip() for line in (BINDER / "requirements.txt").read_text().splitlines()]
    own = re.fullmatch(r"\.\[([\w,]+)\]", next(line for line in lines if line.startswith(".")))
    assert own is not None
    assert "examples" in own[1].split(",")
    assert set(own[1].split(",")) <= PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_a_script_can_be_run(name):
    assert os.access(BINDER / name, os.X_OK)
    ran("bash", "-n", BINDER / name)


def test_what_is_started_gets_its_arguments_and_few_threads():
    asks = "import os, sys; print(os.environ['OMP_NUM_THREADS'], os.environ['MALLOC_ARENA_MAX'], sys.argv[1:])"
    assert ran(BINDER / "start", sys.executable, "-c", asks, "a b", "") == "1 2 ['a b', '']\n"


def test_the_settings_of_jupyter_go_to_where_it_looks_for_them(image):
    ran(BINDER / "postBuild", PATH=f"{image / 'bin'}{os.pathsep}{os.environ['PATH']}")
    settings = json.loads((image / "etc" / "jupyter" / "jupyter_server_config.json").read_text())
    templates = image / "share" / "jupyter" / "voila" / "templates"
    assert (templates / settings["VoilaConfiguration"]["template"] / "index.html.j2").is_file()
    assert settings["LabApp"]["news_url"] is None
    overrides = json.loads((image / "share" / "jupyter" / "lab" / "settings" / "overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"]["checkForUpdates"] is False


def test_where_nothing_is_reached_connect_takes_the_built_in_exchange_and_says_why(tmp_path):
    told = ran(sys.executable, "-c", check.FALL_BACK, **(check.confined(tmp_path) | {"KUCOIN_STREAM_TARGET": ""}))
    assert told.startswith("KuCoin cannot be reached from here: ")


def test_pictures_that_nobody_looks_at_pause_there(tmp_path):
    asks = "from kucoin_stream.widgets.screen import pauses_when_idle; import os; print(pauses_when_idle(os.environ))"
    assert ran(sys.executable, "-c", asks, **check.confined(tmp_path)) == "True\n"


def test_a_key_of_this_machine_does_not_get_there(monkeypatch, tmp_path):
    monkeypatch.setenv("KUCOIN_API_SECRET", "secret")
    assert "secret" not in check.confined(tmp_path).values()


def test_what_the_badges_open_is_there():
    links = re.findall(r"urlpath=(?:lab/tree|voila/render)/(\S+)", (ROOT / "docs" / "binder.md").read_text())
    assert len(links) == 2
    assert [link for link in links if not (ROOT / link).is_file()] == []


@pytest.mark.parametrize(
    ("told", "row"),
    [
        (lambda: "two\nlines", "| a step | 0.0 | two lines |"),
        (lambda: check.ran(sys.executable, "-c", "print('as it should')"), "| a step | 0.0 | as it should |"),
    ],
)
def test_a_step_that_passed_is_a_row_of_the_table(told, row, capsys):
    assert check.timed("a step", told)
    assert re.sub(r"\d+\.\d", "0.0", capsys.readouterr().out).strip() == row


def test_a_step_that_fails_says_so_with_what_it_printed(capsys):
    assert not check.timed("a step", lambda: check.ran(sys.executable, "-c", "print('why'); exit(1)"))
    assert "FAILED: why" in capsys.readouterr().out
