# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, update, repair, go back. specs/blender-extension.md section 5.3.

An engine is built in its own folder and becomes an engine by its last file; `current.json` is switched after that. So
whatever stops an installation, the engine in use stays what it was, and the next one goes on from what is in the cache.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..console import Console, stage_progress
from ..errors import EngineMissingError, InputError, OrbitPainterError
from ..progress import Progress, part
from ..version import VERSION
from ..whole_files import output_errors
from . import selftest
from .devices import Recipe, recipe_for
from .fetching import SyncProgress
from .layout import ENGINE_NAME, Layout, python_of
from .locks import digest, engine_name, joined, pinned
from .machine import Machine, locked, logging, running
from .preflight import preflight, refuse
from .records import CurrentRecord, EngineRecord, complete_engine, read, write
from .request import Request, Workshop
from .states import Event
from .status import EngineStatus, is_installing, status
from .uv_tool import find_uv, install_uv
from .verify import verify_files


def install(
    request: Request,
    console: Console,
    check: Callable[[], None],
    action: Event = Event.INSTALL,
    *,
    afresh: bool = False,
) -> EngineStatus:
    """Make the engine of the request and use it; its status. An update keeps the device of the engine in use.

    An engine that is complete already is only switched to, or with `afresh` built again once all that it takes is
    there. Raises OrbitPainterErrors, CancelledError from `check`.
    """
    recipe = _recipe(request, action)
    layout = request.layout
    with stage_progress(console, "preflight", check) as report:
        if request.source is not None:
            request.source.verify(part(report, 0.0, 0.9))
        problems = preflight(request, recipe, is_installing(layout))
        refuse(problems)
        for problem in problems:
            console.note(f"{problem.message} {problem.advice}".strip())
    name = engine_name(recipe)
    with output_errors(layout.root), locked(layout) as lock, logging(layout) as log:
        work = Workshop(request, log, lock, check)
        machine = Machine(layout, action, recipe.device, console, check)
        with running(machine):
            fetching = machine.to(Event.CHECKED)
            if afresh or complete_engine(layout, name) is None:
                uv = find_uv(layout, request.uv) or install_uv(work)
                (layout.engine(name) / "engine.json").unlink(missing_ok=True)  # until it is built there is none
                _new_environment(work, uv, name)
                _sync(work, uv, recipe, name, fetching, lambda: machine.to(Event.FETCHED))
            else:
                machine.to(Event.FETCHED)
            _complete(work, recipe, name, machine.to(Event.BUILT))
            _switch(layout, name)
            machine.finish(Event.VERIFIED)
    return status(request.root)


def repair(request: Request, console: Console, check: Callable[[], None]) -> EngineStatus:
    """Compare every file of the engine in use with its hash and install the packages of bad ones again; its status.

    What cannot be mended package by package is built anew. Raises as `install`.
    """
    layout = request.layout
    recipe = _recipe(request, Event.REPAIR)
    name = engine_name(recipe)
    if complete_engine(layout, name) is None or not _runs(layout, name, check):
        return install(request, console, check, Event.INSTALL, afresh=True)
    with stage_progress(console, "preflight", check) as report:
        packages = sorted({bad.package for bad in verify_files(layout.engine(name), report)})
        if packages:
            refuse(preflight(request, recipe, is_installing(layout)))
            console.note(f"Installing again: {', '.join(packages)}.")
    with output_errors(layout.root), locked(layout) as lock, logging(layout) as log:
        work = Workshop(request, log, lock, check)
        machine = Machine(layout, Event.REPAIR, recipe.device, console, check)
        with running(machine):
            fetching = machine.to(Event.CHECKED)
            if packages:
                _replace(work, recipe, name, packages, fetching, lambda: machine.to(Event.FETCHED))
            else:
                machine.to(Event.FETCHED)
            _complete(work, recipe, name, machine.to(Event.BUILT), checked=not packages)
            _switch(layout, name)
            machine.finish(Event.VERIFIED)
    return status(request.root)


def _replace(
    work: Workshop, recipe: Recipe, name: str, packages: list[str], fetching: Progress, prepared: Callable[[], Progress]
) -> None:
    """Fetch and install packages again. Until that is done there is no engine of this name."""
    layout = work.request.layout
    (layout.engine(name) / "engine.json").unlink()
    uv = find_uv(layout, work.request.uv) or install_uv(work)
    # The cache may share the damaged file (hard links), so it is forgotten first.
    work.call("uv", [uv, "cache", "clean", *packages])
    _sync(work, uv, recipe, name, fetching, prepared, packages)


def roll_back(root: Path) -> EngineStatus:
    """Use the engine before again, and keep the one in use for going back. Raises EngineMissingError without one."""
    layout = Layout(root)
    current = read(layout.current, CurrentRecord)
    if current is None or complete_engine(layout, current.previous) is None:
        raise EngineMissingError("no-previous-engine", "There is no earlier engine.", "Use Repair or Update.")
    with locked(layout):
        write(layout.current, CurrentRecord(current.previous, current.engine))
        layout.progress.unlink(missing_ok=True)
    return status(root)


def _recipe(request: Request, action: Event) -> Recipe:
    """The recipe; an update or repair keeps the device of the engine in use unless another one is asked for."""
    current = status(request.root)
    if request.device == "auto" and action is not Event.INSTALL and current.device:
        return recipe_for(current.device)
    return request.chosen()


def _new_environment(work: Workshop, uv: Path, name: str) -> None:
    """An empty virtual environment with the wanted Python, which uv finds or fetches."""
    request = work.request
    python: str | Path = request.python
    if request.source is not None and request.source.python is not None:
        python = _unpacked_python(request.layout, request.source.python)
    command: list[str | Path] = [uv, "venv", "--clear", "--no-project", "--python", python]
    work.call("uv", [*command, *(["--offline"] if request.source else []), request.layout.engine(name)])


def _unpacked_python(layout: Layout, archive: Path) -> Path:
    """The Python of a bundle, unpacked once; its interpreter."""
    folder = layout.pythons / f"bundle-{archive.stat().st_size:x}"
    if not folder.exists():
        temporary = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        with tarfile.open(archive) as packed:
            packed.extractall(temporary, filter="data")
        temporary.rename(folder)
    found = next((path for name in ("bin/python3.11", "python.exe") for path in folder.glob(f"*/{name}")), None)
    if found is None:
        raise InputError("bundle-damaged", f"{archive} holds no Python 3.11.", "Make the bundle again.")
    return found


def _sync(
    work: Workshop,
    uv: Path,
    recipe: Recipe,
    name: str,
    fetching: Progress,
    prepared: Callable[[], Progress],
    again: Iterable[str] = (),
) -> None:
    """Fetch and install exactly what the lock names, each file checked against its hash."""
    engine = work.request.layout.engine(name)
    lock = engine / "lock.txt"
    lock.write_text(lock_text(work, uv, recipe), encoding="utf-8")
    command: list[str | Path] = [uv, "pip", "sync", "--python", python_of(engine), "--require-hashes", "--no-build"]
    command += [word for package in again for word in ("--reinstall-package", package)]
    sync = SyncProgress(recipe.download_bytes, work.request.layout.cache, fetching, prepared)
    work.call("uv", [*command, *index_words(work.request, recipe), lock], sync.line, sync.tick)
    sync.fetched()


def index_words(request: Request, recipe: Recipe) -> list[str | Path]:
    """Where packages are looked for. With hashes required it does not matter which index a file comes from."""
    if request.source is not None:
        return ["--offline", "--no-index", "--find-links", request.source.wheels]
    words: list[str | Path] = ["--index-strategy", "unsafe-best-match"]
    if request.index:
        words += ["--default-index", request.index]
    torch = request.torch_index or recipe.index
    if torch and Path(torch).is_dir():
        words += ["--find-links", torch]
    elif torch:
        words += ["--index", torch]
    return words


def lock_text(work: Workshop, uv: Path, recipe: Recipe) -> str:
    """The complete lock: ours, or that of the bundle; what ours has no hashes for gets those that the index states."""
    source = work.request.source
    if source is not None and source.lock is not None:
        return source.lock.read_text(encoding="utf-8")
    text = joined(recipe.locks)
    if not recipe.unhashed:
        return text
    wanted = work.request.layout.tools / "unhashed.in"
    locked_text = wanted.with_suffix(".txt")
    wanted.parent.mkdir(exist_ok=True)
    wanted.write_text(recipe.unhashed + "\n", encoding="utf-8")
    command: list[str | Path] = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--python-version", "3.11", "--only-binary", ":all:", "--output-file", locked_text]
    for path in recipe.locks:
        command += ["-c", path]
    for package in sorted({package for package, _ in pinned(text)}):
        command += ["--no-emit-package", package]
    work.call("uv", [*command, *index_words(work.request, recipe), wanted])
    return text + locked_text.read_text(encoding="utf-8")


def _complete(work: Workshop, recipe: Recipe, name: str, report: Progress, checked: bool = False) -> None:
    """Check the files (unless they have just been checked) and what they can do; then the engine is one."""
    layout = work.request.layout
    bad = [] if checked else verify_files(layout.engine(name), part(report, 0.0, 0.6))
    if bad:
        raise OrbitPainterError(
            "engine-damaged", f"{bad[0].path} is not as its package says.", "Check the disk, then press Repair."
        )
    report(0.6, "self-test")
    command = [python_of(layout.engine(name)), "-I", selftest.__file__, recipe.device, *recipe.modules]
    try:
        lines = work.call("The self-test", list(command))
        facts: dict[str, Any] = json.loads(lines[-1])
    except (ValueError, IndexError) as error:
        raise _selftest_error(work) from error
    except OrbitPainterError as error:
        if error.exit_status == 6:
            raise
        raise _selftest_error(work) from error
    record = EngineRecord(name, recipe.device, VERSION, digest(recipe), time.strftime("%Y-%m-%dT%H:%M:%S%z"), facts)
    write(layout.engine(name) / "engine.json", record)


def _selftest_error(work: Workshop) -> EngineMissingError:
    return EngineMissingError(
        "selftest-failed",
        "The new engine does not work on this machine.",
        f"Update the graphics driver, or install for the device cpu. The log is {work.log.name}.",
    )


def _runs(layout: Layout, name: str, check: Callable[[], None]) -> bool:
    """The engine's interpreter starts."""
    with ExitStack() as stack, locked(layout) as lock:
        log = stack.enter_context(logging(layout))
        work = Workshop(Request(layout.root), log, lock, check)
        try:
            work.call("Python", [python_of(layout.engine(name)), "-I", "-c", ""])
        except (OrbitPainterError, OSError) as error:
            if getattr(error, "exit_status", 0) == 6:
                raise
            return False
    return True


def _switch(layout: Layout, name: str) -> None:
    """Use the engine; keep the one before and delete older ones."""
    current = read(layout.current, CurrentRecord)
    previous = ""
    if current is not None:
        previous = current.previous if current.engine == name else current.engine
    previous = previous if complete_engine(layout, previous) else ""
    write(layout.current, CurrentRecord(name, previous))
    for folder in layout.engines.iterdir():
        if ENGINE_NAME.fullmatch(folder.name) and folder.name not in (name, previous) and not folder.is_symlink():
            shutil.rmtree(folder)
