"""The files of the page, read once at start: what is not in this table is not served."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
"""Files of other kinds are none of the page's."""

INDEX = "index.html"


class Asset(NamedTuple):
    """A file as it is sent."""

    type: str
    etag: str
    body: bytes


Page = Mapping[str, Asset]
"""The files by their path below the page's root."""


@cache
def load_page() -> Page:
    """All files of the page, as the package has them."""
    page = dict(_assets(files("netchat") / "page", ""))
    if INDEX in page:
        page[""] = page[INDEX]
    return page


@cache
def load_document() -> bytes:
    """The description of the HTTP interface, in OpenAPI's words."""
    return (files("netchat") / "sessions" / "openapi.json").read_bytes()


def _assets(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        kind = entry.name.rpartition(".")[2]
        if entry.is_dir():
            found += _assets(entry, f"{prefix}{entry.name}/")
        elif kind in TYPES:
            body = entry.read_bytes()
            etag = f'"{sha256(body).hexdigest()[:16]}"'
            found.append((prefix + entry.name, Asset(TYPES[kind], etag, body)))
    return found
