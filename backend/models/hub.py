# SPDX-License-Identifier: GPL-3.0-or-later
"""The Hugging Face hub: which files a repository has, their sizes and hashes. Its API, no library of its own."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, OrbitPainterError
from .catalogue import Model
from .download import Remote, opened

HUB = "https://huggingface.co"
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Listing:
    """The files of a model at one commit: path in the repository -> Remote."""

    commit: str
    files: dict[str, Remote]

    @property
    def bytes(self) -> int:
        return sum(remote.size or 0 for remote in self.files.values())


def hub_address() -> str:
    """HF_ENDPOINT names a mirror, as for the hub's own tools."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def hub_token() -> str:
    return os.environ.get("HF_TOKEN", "")


def listing(model: Model, endpoint: str = "", token: str = "") -> Listing:
    """The files of a model. Large files carry their SHA-256 on the hub; small ones only a size.

    Raises InputError if the repository or its files are not there, OrbitPainterError where the hub cannot be reached.
    """
    endpoint = endpoint or hub_address()
    repository = urllib.parse.quote(model.repository)
    revision = urllib.parse.quote(model.revision, safe="")
    about, _ = _asked(f"{endpoint}/api/models/{repository}/revision/{revision}", token)
    commit = str(about.get("sha") or model.revision) if isinstance(about, dict) else model.revision
    entries: list[Any] = []
    page: str | None = f"{endpoint}/api/models/{repository}/tree/{commit}?recursive=true"
    while page:
        found, page = _asked(page, token)
        entries += found if isinstance(found, list) else []
    files = {}
    for entry in entries:
        path = str(entry.get("path", ""))
        if entry.get("type") != "file" or not model.owns(path) or path.startswith("/") or ".." in path.split("/"):
            continue
        large = entry.get("lfs") or {}
        stated = str(large.get("oid", "")).removeprefix("sha256:")
        url = f"{endpoint}/{repository}/resolve/{commit}/{urllib.parse.quote(path)}"
        sha256 = model.hashes.get(path) or (stated if _SHA256.fullmatch(stated) else "")
        files[path] = Remote(url, int(large.get("size") or entry["size"]), sha256)
    if not files:
        raise InputError(
            "model-moved",
            f"{model.repository} has no files of {model.title} any more.",
            "Look for a newer Orbit Painter, or add a folder that you have ('models add').",
        )
    return Listing(commit, files)


def _asked(url: str, token: str) -> tuple[Any, str | None]:
    """The JSON answer, and the address of the next page."""
    host = urllib.parse.urlsplit(url).hostname
    try:
        with opened(url, {"Accept": "application/json"}, token) as response:
            following = _NEXT.search(response.headers.get("Link") or "")
            return json.load(response), following[1] if following else None
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            raise InputError(
                "model-not-given",
                f"{host} has no such repository, or does not show it to everybody ({error.code}).",
                "Accept the licence on the model's page, and set HF_TOKEN to a token that may read it.",
            ) from error
        raise OrbitPainterError("server-refused", f"{host} answered {error.code}.", "Try again later.") from error
    except (OSError, ValueError) as error:
        raise OrbitPainterError(
            "no-connection", f"{host} cannot be reached ({error}).", "Check the connection, or add a folder you have."
        ) from error
