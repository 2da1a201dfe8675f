# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models lie: one folder each below ROOT/models, with a record of what is in it; or a folder of the user's.

models/<name>/...          the files, under their paths in the repository
models/<name>/model.json   where they came from, sizes and SHA-256; written when the model is whole
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..environment.layout import default_root
from ..errors import EngineMissingError, InputError
from ..progress import Progress, part, silent
from ..whole_files import file_digest, output_errors, write_json
from .catalogue import CATALOGUE, CONVERTED, Model, size_text

RECORD = "model.json"


@dataclass(frozen=True)
class ModelRecord:
    """`model.json`. folder: "" if the files lie beside it; else the user's folder, which is never written to."""

    name: str
    repository: str = ""
    commit: str = ""
    licence: str = ""
    folder: str = ""
    files: dict[str, dict[str, int | str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelStatus:
    """state: absent, partial (a stopped download), ready, or lost (the user's folder is gone). bytes: on the disk."""

    model: Model
    state: str
    folder: Path | None = None
    bytes: int = 0
    external: bool = False


class ModelStore:
    """The models below one root."""

    def __init__(self, root: Path | None = None, catalogue: Sequence[Model] = CATALOGUE) -> None:
        self.folder = (root or default_root()) / "models"
        self.catalogue = tuple(catalogue)

    def home(self, model: Model) -> Path:
        return self.folder / model.name

    def record(self, model: Model) -> ModelRecord | None:
        """What is known of a whole model, or None."""
        try:
            return ModelRecord(**json.loads((self.home(model) / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # not there, or not ours: the model is not there
            return None

    def status(self, model: Model) -> ModelStatus:
        """Looks at names and sizes only."""
        home, record = self.home(model), self.record(model)
        if record is None:
            there = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) if home.is_dir() else 0
            return ModelStatus(model, "partial" if there else "absent", None, there)
        folder = Path(record.folder) if record.folder else home
        whole = all((folder / path).exists() for path in model.roles.values())
        size = sum(int(entry["size"]) for entry in record.files.values())
        return ModelStatus(model, "ready" if whole else "lost", folder if whole else None, size, bool(record.folder))

    def statuses(self, engine: str = "") -> list[ModelStatus]:
        return [self.status(model) for model in self.catalogue if engine in ("", model.engine)]

    def find(self, engine: str) -> dict[str, Path]:
        """The engine's parts by role. Raises EngineMissingError that says what to download, how large, which licence.

        Where a converted folder is there, it is the only part ("folder").
        """
        there = {status.model.name: status for status in self.statuses(engine) if status.folder is not None}
        if CONVERTED in there:
            there = {CONVERTED: there[CONVERTED]}
        else:
            self._require(engine, there)
        return {
            role: status.folder / path
            for status in there.values()
            if status.folder is not None
            for role, path in status.model.roles.items()
        }

    def missing(self, engine: str, statuses: Iterable[ModelStatus] | None = None) -> list[Model]:
        """What the engine lacks and can be downloaded, what it needs for its first run only included.

        statuses: where the models have been looked at already.
        """
        looked_at = self.statuses(engine) if statuses is None else statuses
        there = {each.model.name for each in looked_at if each.folder is not None and each.model.engine == engine}
        if CONVERTED in there:
            return []
        wanted = [m for m in self.catalogue if m.engine == engine and m.repository and m.name not in there]
        return [m for m in wanted if m.required or (m.until and not (self.folder.parent / m.until).is_file())]

    def _require(self, engine: str, there: dict[str, ModelStatus]) -> None:
        if all(m.name in there for m in self.catalogue if m.engine == engine and m.required):
            return
        missing = self.missing(engine, there.values())
        total = sum(model.bytes for model in missing)
        parts = "; ".join(f"{m.name} ({size_text(m.bytes)}, licence: {m.licence})" for m in missing)
        raise EngineMissingError(
            "models-missing",
            f"The engine {engine} lacks models of {size_text(total)}: {parts}.",
            f"Run 'models download {engine}', or 'models add FOLDER' for some you have.",
        )

    def add(self, folder: Path) -> list[Model]:
        """Use what is in a folder of the user's; the models that were found in it. Raises InputError if there is none.

        The folder may be a copy of a whole repository, hold the files of one model, or be one that `convert` wrote.
        """
        found = [model for model in self.catalogue if _is_in(folder, model)]
        if not found:
            wanted = ", ".join(path for model in self.catalogue for path in model.roles.values() if path != ".")
            raise InputError("model-not-found", f"{folder} holds no known model.", f"Looked for: {wanted}.")
        for model in found:
            files: dict[str, dict[str, int | str]] = {
                path: {"size": size} for path, size in _sizes(folder, model).items()
            }
            with output_errors(self.home(model)):
                self.home(model).mkdir(parents=True, exist_ok=True)
            record = ModelRecord(model.name, model.repository, "", model.licence, str(folder.absolute()), files)
            self.write(model, record)
        return found

    def write(self, model: Model, record: ModelRecord) -> None:
        write_json(self.home(model) / RECORD, asdict(record))

    def verify(self, model: Model, progress: Progress = silent) -> list[str]:
        """Paths of files that are missing or differ from the record; [] if all is well.

        Files of a user's folder have no recorded hash: only their sizes are compared. Raises EngineMissingError if the
        model is not there.
        """
        record = self.record(model)
        if record is None:
            raise EngineMissingError(
                "models-missing", f"{model.title} is not here.", f"Run 'models download {model.name}'."
            )
        folder = Path(record.folder) if record.folder else self.home(model)
        total = sum(int(entry["size"]) for entry in record.files.values()) or 1
        bad, done = [], 0
        for name, entry in record.files.items():
            size, path = int(entry["size"]), folder / name
            sound = path.is_file() and path.stat().st_size == size
            if sound and entry.get("sha256"):
                share = part(progress, done / total, (done + size) / total)
                sound = file_digest(path, share) == entry["sha256"]
            if not sound:
                bad.append(name)
            done += size
        return bad

    def remove(self, model: Model) -> int:
        """Delete a model, or forget a user's folder; the bytes that were freed. Raises InputError for a link."""
        home = self.home(model)
        if home.is_symlink() or self.folder.is_symlink():
            raise InputError("folder-foreign", f"{home} is a link.", "Nothing was deleted; delete it yourself.")
        freed = sum(path.lstat().st_size for path in home.rglob("*") if path.is_file()) if home.is_dir() else 0
        with output_errors(home):
            (home / RECORD).unlink(missing_ok=True)  # from here on the model is not there, whatever happens
            if home.is_dir():
                shutil.rmtree(home)
        return freed


def find(engine: str, root: Path | None = None) -> dict[str, Path]:
    """The parts of an engine by role (`ModelStore.find`)."""
    return ModelStore(root).find(engine)


def _is_in(folder: Path, model: Model) -> bool:
    if model.name == CONVERTED:
        return (folder / "model_index.json").is_file() and (folder / "transformer").is_dir()
    if model.model_type and _model_type(folder) != model.model_type:
        return False
    return all((folder / path).exists() for path in model.roles.values())


def _model_type(folder: Path) -> str:
    """What a folder of transformers says it holds, or nothing."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _sizes(folder: Path, model: Model) -> dict[str, int]:
    """Sizes of all files of a model's parts, by path in the folder."""
    sizes = {}
    for name in model.roles.values():
        top = folder / name
        for path in [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()):
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    return sizes
