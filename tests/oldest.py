"""The oldest libraries that the project says it works with, as constraints for pip: ``python -m tests.oldest``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

EXTRAS = ("notebook", "parquet", "dask", "anywidget")
_BOUND = re.compile(r"(?P<name>[\w-]+)(?:\[[\w,]+])?>=(?P<version>[\d.]+)")


def oldest(project: dict[str, object]) -> list[str]:
    """Return ``name==version`` of each lower bound; raise :class:`ValueError` for a dependency that has none."""
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]  # type: ignore[misc,index]
    return [f"{found['name']}=={found['version']}" for found in map(_bound, asked)]


def _bound(dependency: str) -> re.Match[str]:
    found = _BOUND.match(dependency)
    if found is None:
        raise ValueError(f"{dependency} has no lower bound")
    return found


if __name__ == "__main__":
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    print("\n".join(oldest(tomllib.loads(pyproject.read_text())["project"])))
