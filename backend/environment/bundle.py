# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a folder that an engine can be installed from without any connection (`source.py` says what is in it)."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from ..console import Console, stage_progress
from ..errors import InputError, OrbitPainterError
from ..progress import Progress
from ..version import VERSION
from ..whole_files import check_writable, file_digest, output_errors, write_json
from .devices import Recipe, platform_name
from .installer import index_words, lock_text
from .layout import python_of
from .locks import digest, joined, pinned
from .machine import locked, logging
from .preflight import preflight, refuse
from .request import Request, Workshop
from .source import FORMAT
from .status import is_installing, status
from .uv_tool import TOOLS, find_uv, install_uv

# What keeps this machine from running the engine does not keep it from fetching it.
_ELSEWHERE = {"no-nvidia-gpu", "driver-too-old", "no-amd-gpu", "disk-full", "tier"}


def make_bundle(request: Request, out: Path, console: Console, check: Callable[[], None]) -> Path:
    """Fetch everything that the engine of the request is made of into `out`; the folder.

    For this machine's platform. `bundle.json` is written last: without it the folder is unfinished, and is gone on with
    when it is asked for again. Raises InputError, OutputError, CancelledError.
    """
    recipe = request.chosen()
    layout = request.layout
    if out.exists() and any(out.iterdir()) and not (out / "lock.txt").exists():
        raise InputError("output-exists", f"{out} holds other files.", "Choose a new folder.")
    with stage_progress(console, "preflight", check):
        refuse([p for p in preflight(request, recipe, is_installing(layout)) if p.code not in _ELSEWHERE])
        out.mkdir(parents=True, exist_ok=True)
        check_writable(out, recipe.download_bytes)
    (out / "bundle.json").unlink(missing_ok=True)
    with output_errors(out), locked(layout) as lock, logging(layout) as log:
        work = Workshop(request, log, lock, check)
        with stage_progress(console, "fetching", check) as report:
            _fetch(work, recipe, out, report)
        with stage_progress(console, "verifying", check) as report:
            _pack_python(request, out, console)
            files = _described(out, report)
            contents = {"format": FORMAT, "version": VERSION, "platform": platform_name(), "device": recipe.device}
            write_json(out / "bundle.json", {**contents, "digest": digest(recipe), "files": files})
    return out


def _fetch(work: Workshop, recipe: Recipe, out: Path, report: Progress) -> None:
    """The wheels of the lock, uv's and pip's own, each checked against its hash by pip."""
    uv = find_uv(work.request.layout, work.request.uv) or install_uv(work)
    tools = work.request.layout.tools / "pip"
    work.call("uv", [uv, "venv", "--clear", "--no-project", "--python", work.request.python, tools])
    words: list[str | Path] = ["--require-hashes", "--no-build", *index_words(work.request, recipe)]
    work.call("uv", [uv, "pip", "sync", "--python", python_of(tools), *words, TOOLS])
    (out / "lock.txt").write_text(lock_text(work, uv, recipe), encoding="utf-8")
    total = len(pinned(joined([out / "lock.txt", TOOLS])))
    done = 0

    def line(text: str) -> None:
        nonlocal done
        if text.startswith(("Saved ", "File was already downloaded ")):
            done += 1
            report(min(done / total, 0.99), Path(text.rpartition(" ")[2]).name)

    command: list[str | Path] = [python_of(tools), "-I", "-m", "pip", "download", "--no-deps", "--no-input"]
    command += ["--require-hashes", "--only-binary", ":all:", "--progress-bar", "off", "--dest", out / "wheels"]
    if work.request.index:
        command += ["--index-url", work.request.index]
    torch = work.request.torch_index or recipe.index
    if torch:
        command += ["--find-links" if Path(torch).is_dir() else "--extra-index-url", torch]
    work.call("pip", [*command, "-r", out / "lock.txt", "-r", TOOLS], line)
    shutil.rmtree(tools)


def _pack_python(request: Request, out: Path, console: Console) -> None:
    """The installed engine's Python, if uv fetched it (then it runs anywhere); else the other machine needs one."""
    python = status(request.root).python
    base = Path(os.path.realpath(python)) if python else None
    pythons = request.layout.pythons.resolve()
    if base is None or pythons not in base.parents:
        console.note("The folder has no Python: the other computer needs Python 3.11.")
        return
    folder = pythons / base.relative_to(pythons).parts[0]
    temporary = out / ".python.part"
    with tarfile.open(temporary, "w:gz", compresslevel=6) as packed:
        packed.add(folder, folder.name)
    temporary.rename(out / "python.tar.gz")


def _described(out: Path, report: Progress) -> dict[str, dict[str, int | str]]:
    paths = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "bundle.json")
    if not any(path.suffix == ".whl" for path in paths):
        raise OrbitPainterError("bundle-empty", "Nothing was fetched.", "Look at the log.")
    files: dict[str, dict[str, int | str]] = {}
    for index, path in enumerate(paths):
        report(index / len(paths), path.name)
        files[path.relative_to(out).as_posix()] = {"size": path.stat().st_size, "sha256": file_digest(path)}
    return files
