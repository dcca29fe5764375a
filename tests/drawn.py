"""What a page that is drawn by hand says: its links and its tiles, read out of its HTML."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

VOID = {"img", "br"}


@dataclass
class Link:
    """An anchor: the page it leads to, with what, and its words without those of icons."""

    page: str
    query_string: str
    label: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Its parameters."""
        return {name: values[0] for name, values in parse_qs(self.query_string).items()}


@dataclass
class Drawn(HTMLParser):
    """The page's links, its words by tile, its name, and all its words."""

    html: str
    links: list[Link] = field(default_factory=list)
    tiles: dict[str, str] = field(default_factory=dict)
    text: str = ""
    title: str = ""
    tags: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []  # tag, and the tile it begins
        self.feed(self.html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """One more begins."""
        told = dict(attributes)
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append((tag, told.get("data-tile") or ""))
        if tag == "a":
            parts = urlsplit(told["href"] or "")
            self.links.append(Link(parts.path.strip("/"), parts.query))

    def handle_endtag(self, tag: str) -> None:
        """The last one ends."""
        assert self._open.pop()[0] == tag

    def handle_data(self, text: str) -> None:
        """Words."""
        tags = [tag for tag, _tile in self._open]
        if "i" in tags:
            return
        self.text += text + " "
        if "h1" in tags:
            self.title += text
        if "a" in tags:
            self.links[-1].label += text
        for _tag, tile in self._open:
            if tile:
                self.tiles[tile] = f"{self.tiles.get(tile, '')}{text} "


def drawn_by_hand(at: Any) -> Drawn:
    """What a page drew by hand."""
    return _drawn(at, '<div class="byhand sheet"')


def head_of(at: Any) -> Drawn:
    """The menu, and the page's name with what stands beside it."""
    return _drawn(at, '<nav class="byhand menu"')


def _drawn(at: Any, beginning: str) -> Drawn:
    return Drawn("".join(each.proto.body for each in at.get("html") if each.proto.body.startswith(beginning)))
