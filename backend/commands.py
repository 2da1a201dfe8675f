# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line does with its words: runs stages, reports, and turns every failure into one sentence."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from . import guide, plan_command, reference_command
from .arguments import COMMANDS, MANAGING, job_of, parser
from .batch import run_batch
from .console import Console, JsonConsole, TerminalConsole
from .dataset import command as dataset_command
from .errors import CancelledError, InputError, MemoryLimitError, OrbitPainterError, OutputError, UsageError
from .estimate import estimate, told
from .evaluation import command as evaluate_command
from .host import Host
from .interruption import Interruption, signals
from .job import Job, load_recipe
from .job_history import History
from .memory import HOST_MEMORY_WORDS
from .parent import Parent
from .pipeline import Pipeline
from .protocol import Message, Writer
from .run_folder import RunFolder
from .run_request import RunRequest, load_request
from .training import command as train_command

NO_LOG = (CancelledError, UsageError)  # what the artist chose or wrote: a traceback says no more than the sentence


def main(words: Sequence[str], make_host: Callable[[], Host]) -> int:
    """Run one command and return the process's exit status. Never raises."""
    with events_stream() as events:
        console: Console = JsonConsole(Writer(events)) if "--json" in words else TerminalConsole()
        interruption = Interruption()
        out: list[Path] = []
        try:
            options = parser().parse_args(list(words))
            if options.command == "bench":
                from .evaluation import bench

                bench.run(options, events)
                return 0
            if options.command == "plan":
                plan_command.run_command(options, console, events)
                return 0
            if options.command in MANAGING:
                with _parent(options, console, interruption), signals(interruption, lambda: None):
                    MANAGING[options.command].run_command(options, make_host().online, console, interruption.check)
                return 0
            if options.command == "dataset":
                with _parent(options, console, interruption), signals(interruption, lambda: None):
                    dataset_command.run_command(options, make_host(), console, interruption.check)
                return 0
            if options.command == "train":
                with signals(interruption, lambda: None, train_command.GRACE):  # a step may be long, and is saved
                    train_command.run_command(options, console, interruption.check)
                return 0
            if options.command == "batch":
                out.append(Path(options.out))
                with signals(interruption, lambda: None):
                    return run_batch(options, job_of(options, None), make_host(), console, interruption.check)
            if options.command == "evaluate":
                out.append(Path(options.out))
                with signals(interruption, lambda: None):
                    return evaluate_command.run_command(
                        options, job_of(options, None), make_host, console, interruption.check
                    )
            if options.command == "evaluate-item":
                with _parent(options, console, interruption), signals(interruption, lambda: None):
                    evaluate_command.run_request(Path(options.request), make_host, console, interruption.check)
                return 0
            if options.command in ("guide", "reference"):
                export = guide.export if options.command == "guide" else reference_command.export
                with _parent(options, console, interruption), signals(interruption, lambda: None):
                    export(options, make_host(), console, interruption.check)
                return 0
            with _parent(options, console, interruption) as parent:
                request = _request(options)
                out.append(Path(request.job.out))
                if "dry_run" in vars(options) and options.dry_run:
                    make_host()
                    _describe(request.job, request.stages, console)
                else:
                    _run(request, make_host(), console, interruption, parent)
        except SystemExit as stop:  # argparse: --help and --version
            return int(stop.code or 0)
        except BaseException as failure:  # the one place where a program may catch everything: it reports it
            error = explained(failure)
            console.error(error, None if isinstance(error, NO_LOG) else write_log(failure, out))
            return error.exit_status
    return 0


def _request(options: argparse.Namespace) -> RunRequest:
    """What a command asks for. Raises InputError and UsageError."""
    if options.command == "run":
        return load_request(options.request)
    stages = COMMANDS[options.command]
    saved_path = Path(options.out) / "work" / "job.json"
    if stages[0] == "passes":
        saved = load_recipe(options.recipe) if "recipe" in vars(options) else None
    elif saved_path.exists():
        saved = load_recipe(saved_path)
    else:
        raise InputError(
            "stage-missing",
            f"{options.out} is not the output folder of an earlier run.",
            "Run 'passes' or 'generate' first.",
        )
    return RunRequest(job_of(options, saved), stages, options.resume)


def _run(
    request: RunRequest, host: Host, console: Console, interruption: Interruption, parent: Parent | None = None
) -> None:
    with RunFolder(request.job.out) as run, signals(interruption, lambda: _last_resort(run, console)):
        if parent is not None:
            parent.last_resort = run.remove_parts
        pipeline = Pipeline(request.job, host, console, run, interruption.check)
        result = pipeline.run(request.stages, resume=request.resume)
    console.result(result["manifest"], result["summary"])


def _last_resort(run: RunFolder, console: Console) -> None:
    """Before the process is ended inside a call that does not return: clean up, and say so if that takes no time."""
    run.remove_parts()
    word = threading.Thread(target=console.error, args=(CancelledError(), None), daemon=True)
    word.start()
    word.join(0.2)


@contextlib.contextmanager
def _parent(options: argparse.Namespace, console: Console, interruption: Interruption) -> Iterator[Parent | None]:
    """With --parent-pipe: cancel when the parent says so or is gone, and let it know that we live."""
    if not ("parent_pipe" in vars(options) and options.parent_pipe):
        yield None
        return
    if not isinstance(console, JsonConsole):
        raise UsageError("usage", "--parent-pipe answers in JSON lines.", "Give --json too.")

    def obey(message: Message) -> None:
        if message["type"] == "cancel":
            interruption.cancel()

    parent = Parent(console.writer, obey, interruption.cancel)
    parent.start()
    try:
        yield parent
    finally:
        parent.stop()


def _describe(job: Job, stages: Sequence[str], console: Console) -> None:
    for reference in job.references:
        if not Path(reference.path).is_file():
            raise InputError("file-missing", f"There is no file {reference.path}.", "Check the path.")
    horizontal, vertical = job.views
    expected = estimate(job, stages, History(Path(job.out).parent / "history.json"))
    console.plan(stages, expected)
    console.note(f"Stages: {', '.join(stages)}; nothing was run.")
    console.note(f"{horizontal} + {vertical} views of {job.size} pixels, engine {job.engine}, into {job.out}.")
    console.note(f"It takes about {expected.seconds:.0f} seconds and {expected.disk / 1e6:.0f} MB on the disk.")
    if needed := told(job):
        console.note(needed)


def explained(failure: BaseException) -> OrbitPainterError:
    """The error to show for any exception."""
    if isinstance(failure, OrbitPainterError):
        return failure
    if isinstance(failure, KeyboardInterrupt):
        return CancelledError()
    if type(failure).__name__ == "OutOfMemoryError":  # torch's, whether or not torch is here
        return MemoryLimitError(
            "out-of-gpu-memory",
            "The GPU ran out of memory.",
            "Close other programs that use it, or choose a smaller quality preset.",
        )
    host = isinstance(failure, RuntimeError) and any(words in str(failure).lower() for words in HOST_MEMORY_WORDS)
    if isinstance(failure, MemoryError) or host:
        return MemoryLimitError(
            "out-of-memory",
            "The computer ran out of memory.",
            "Close other programs, or use fewer views, a smaller texture or a smaller grid.",
        )
    if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("disk-full", "The disk is full.", "Free some space and run again with --resume.")
    if isinstance(failure, PermissionError):
        problem = f"There is no permission for {failure.filename} ({failure.strerror})."
        return OutputError("permission", problem, "Check who may read and write it.")
    return OrbitPainterError(
        "internal",
        f"Something unexpected went wrong ({type(failure).__name__}: {failure}).",
        "Please report it with the log.",
    )


def write_log(failure: BaseException, out: Sequence[Path]) -> str | None:
    """The traceback, in the run's folder where it exists and can be written, else in the temporary folder."""
    text = "".join(traceback.format_exception(failure))
    name = f"orbit-painter-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (*[path / "work" for path in out], Path(tempfile.gettempdir())):
        if folder.is_dir():
            try:
                (folder / name).write_text(text, encoding="utf-8")
            except OSError:
                continue
            return str(folder / name)
    return None


@contextlib.contextmanager
def events_stream() -> Iterator[TextIO]:
    """Standard output for our events alone: whatever Blender or a library prints goes to standard error."""
    sys.stdout.flush()
    original = os.dup(1)
    os.dup2(2, 1)
    events = os.fdopen(original, "w", encoding="utf-8", closefd=False)
    try:
        yield events
    finally:
        events.flush()
        sys.stdout.flush()
        os.dup2(original, 1)
        os.close(original)
