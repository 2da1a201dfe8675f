# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloading one model into the store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..console import Console, stage_progress
from ..errors import EngineMissingError, OutputError
from ..progress import Progress, part
from ..whole_files import check_writable, file_digest, hold, output_errors
from .catalogue import Model
from .download import Remote, download
from .hub import Listing
from .store import ModelRecord, ModelStore

SPARE = 500_000_000  # bytes left free on the disk


def check_online(online: bool) -> None:
    """Raises EngineMissingError where the program may not use the network."""
    if not online:
        raise EngineMissingError(
            "offline",
            "Allow Online Access is off, so nothing can be fetched.",
            "Turn it on in Preferences > System, or use 'models add' with a folder you have.",
        )


def fetch_model(
    store: ModelStore, model: Model, files: Listing, token: str, console: Console, check: Callable[[], None]
) -> Path:
    """Fetch what is missing of a model, check it, and write its record; its folder.

    A stopped download is gone on with. Raises OutputError (disk, or somebody else fetches the same model) and what
    `download` raises.
    """
    home = store.home(model)
    with output_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    try:
        lock = hold(home / ".lock")
    except BlockingIOError as error:
        raise OutputError("model-busy", f"{model.title} is being downloaded already.", "Wait for it.") from error
    try:
        check_writable(home, files.bytes - _there(home, files) + SPARE)
        with stage_progress(console, f"fetching {model.name}", check) as report:
            done, record = 0, {}
            for path, remote in files.files.items():
                size = remote.size or 0
                share = part(report, done / files.bytes, (done + size) / files.bytes)
                digest = _kept(home / path, remote, share) or download(remote, home / path, token, share)
                record[path] = {"size": size, "sha256": digest}
                done += size
        store.write(model, ModelRecord(model.name, model.repository, files.commit, model.licence, "", record))
    finally:
        os.close(lock)
    return home


def _there(home: Path, files: Listing) -> int:
    """Bytes of the files that are here already, whole or in part."""
    places = [home / path for path in files.files]
    places += [path.with_name(path.name + ".part") for path in places]
    return sum(path.stat().st_size for path in places if path.is_file())


def _kept(path: Path, remote: Remote, progress: Progress) -> str:
    """The SHA-256 of a file that an earlier download finished; "" if it is not there or not what is announced."""
    if not path.is_file() or path.stat().st_size != remote.size:
        return ""
    found = file_digest(path, progress)
    return found if remote.sha256 in ("", found) else ""
