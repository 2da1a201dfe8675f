# SPDX-License-Identifier: GPL-3.0-or-later
"""The output folder of a run: results on top, what stages saved under `work/`, all of it whole or not there.

    out/                results (see docs/user-guide.md)
    out/work/<stage>/   what the stage saved, with stage.json: version, key, seconds, peak memory, facts
    out/work/run.lock   held while a run writes here

A stage writes into a temporary folder that is renamed when it is complete, so a stage folder that exists is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import InputError, OutputError
from .files import atomic_path, check_writable, write_json
from .memory import peak_bytes, reset_peak
from .version import VERSION
from .whole_files import hold

SCHEMA = 1


def digest(*parts: Any) -> str:
    """A short hash of JSON-able values and bytes: equal keys mean equal results."""
    hasher = hashlib.sha256()
    for value in parts:
        raw = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode()
        hasher.update(f"{type(value) is bytes} {len(raw)} ".encode() + raw)
    return hasher.hexdigest()[:32]


@dataclass(frozen=True)
class StageRecord:
    """What `stage.json` says: the key of the stage's inputs, its cost, and facts that later stages and reports need."""

    key: str
    seconds: float
    peak_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)


class RunFolder:
    """One output folder, locked for one run at a time. Use as a context manager.

    Raises OutputError if it cannot be written or another run holds it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.work = self.root / "work"
        self._lock: int | None = None
        self._created: list[Path] = []

    def __enter__(self) -> RunFolder:
        self._created = [p for p in (self.work, self.root, *self.root.parents) if not p.exists()]
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "output-unwritable",
                f"The output folder {self.root} cannot be made ({error.strerror}).",
                "Choose a folder that you may write to.",
            ) from error
        check_writable(self.root)
        self._lock = _lock(self.work / "run.lock")
        self._recover()
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove_parts()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._created and all(path.name == "run.lock" for path in self.work.iterdir()):
            (self.work / "run.lock").unlink(missing_ok=True)
            for folder in self._created:  # a run that saved nothing leaves nothing
                if not any(folder.iterdir()):
                    folder.rmdir()

    def record(self, stage: str) -> StageRecord | None:
        """What the stage saved, or None. Raises InputError if another version of the program saved it."""
        path = self.work / stage / "stage.json"
        if not path.exists():
            return None
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                "stage-damaged", f"{path} cannot be read.", "Delete the output folder's work folder and run again."
            ) from error
        if data.get("schema") != SCHEMA or data.get("version") != VERSION:
            raise InputError(
                "resume-version",
                f"The output folder was made by version {data.get('version')} of Orbit Painter, this is {VERSION}.",
                "Choose another output folder, or run 'generate' without --resume, which makes everything anew.",
            )
        return StageRecord(data["key"], data["seconds"], data["peak_bytes"], data["facts"])

    def require(self, stage: str) -> StageRecord:
        """The record of a stage that must have run. Raises InputError if it has not."""
        record = self.record(stage)
        if record is None:
            raise InputError(
                "stage-missing",
                f"The output folder {self.root} holds no finished '{stage}' stage.",
                f"Run '{stage}' first, or 'generate' to run everything.",
            )
        return record

    def folder(self, stage: str) -> Path:
        return self.work / stage

    @contextmanager
    def writing(self, stage: str, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """A temporary folder to fill, and a dict for facts; both become the stage when the block ends well."""
        temporary = self.work / f".{stage}.part"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        reset_peak()
        start = time.monotonic()
        facts: dict[str, Any] = {}
        try:
            yield temporary, facts
            record = {
                "schema": SCHEMA,
                "version": VERSION,
                "key": key,
                "seconds": round(time.monotonic() - start, 3),
                "peak_bytes": peak_bytes(),
                "facts": facts,
            }
            write_json(temporary / "stage.json", record)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        final, old = self.work / stage, self.work / f".{stage}.old"
        shutil.rmtree(old, ignore_errors=True)
        if final.exists():
            final.rename(old)
        temporary.rename(final)
        shutil.rmtree(old, ignore_errors=True)

    def publish(self, source: Path, name: str) -> Path:
        """Put a finished file into the output folder under `name`, replacing an earlier one in one step."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            temporary.unlink(missing_ok=True)
            try:
                os.link(source, temporary)
            except OSError:  # another file system, or one without links
                shutil.copyfile(source, temporary)
        return target

    def remove_parts(self) -> None:
        """Delete what an unfinished stage has written so far."""
        for path in self.work.glob(".*.part"):
            shutil.rmtree(path, ignore_errors=True)
        for folder in (self.root, *[p for p in self.root.glob("*") if p.is_dir() and p != self.work]):
            for path in folder.glob(".*.part*"):
                if path.is_file():
                    path.unlink(missing_ok=True)

    def _recover(self) -> None:
        """Finish or undo the renames of a run that was killed between them."""
        self.remove_parts()
        for old in self.work.glob(".*.old"):
            final = self.work / old.name[1 : -len(".old")]
            if final.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(final)


def _lock(path: Path) -> int:
    """Take the folder for this process. Raises OutputError if another run holds it."""
    try:
        return hold(path)
    except BlockingIOError as error:
        raise OutputError(
            "output-busy",
            f"Another run is writing to {path.parent.parent}.",
            "Wait for it to end, or choose another output folder.",
        ) from error
