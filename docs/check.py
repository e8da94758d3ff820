"""Looks through the built pages: links lead somewhere, and nothing is fetched from elsewhere. ``make docs`` runs it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser fetches by itself."""
_ELSEWHERE = re.compile(r"""(?:@import|url\()\s*["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """What one page links to, what it fetches, and the places in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag has."""
        known = dict(attrs)
        if name := known.get("id"):
            self.ids.add(name)
        if tag == "a" and known.get("href"):
            self.links.append(known["href"] or "")
        if (address := known.get(FETCHED.get(tag, ""))) and known.get("rel") != "canonical":
            self.fetched.append(address)


def problems(folder: Path) -> Iterator[str]:
    """Yield a line for each link that leads nowhere, and for each thing that is fetched from elsewhere."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    if not pages:
        yield f"there are no pages in {folder}"
    for path, page in pages.items():
        yield from (f"{path.name} fetches {each}" for each in page.fetched if urlsplit(each).netloc)
        for link in {*page.links, *(each for each in page.fetched if not each.startswith("data:"))}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.exists():
                yield f"{path.name} links to {link}, which is not there"
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].ids:
                yield f"{path.name} links to {link}, and there is no such place in it"
    for sheet in folder.rglob("*.css"):
        yield from (f"{sheet.name} fetches {each}" for each in _ELSEWHERE.findall(sheet.read_text("utf-8")))


def main() -> None:
    """Print what is wrong with the pages in the folder given; exit with 1 where anything is."""
    found = sorted(set(problems(Path(sys.argv[1]))))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
