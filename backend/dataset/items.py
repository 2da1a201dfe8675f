# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a data set: procedural ones, textured model files, or folders in the released data's layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from ..mesh import MeshData
from ..meshfile import BLENDER_ONLY, READERS
from ..orbits.passes import ViewPasses
from ..orbits.raycast import embree_scene, raycast_view
from ..progress import Progress
from .build import PaintOf, build_sample
from .plan import RenderPlan
from .procedural import procedural_object, procedural_sample
from .released import read_released
from .sample import CAPTION, OrbitSample


class TexturedModels(Protocol):
    """A host that can show the base colour of model files: Blender."""

    def textured_model(self, path: Path) -> AbstractContextManager[tuple[MeshData, PaintOf]]:
        """A file's mesh and its surface. Raises InputError."""
        ...


@dataclass(frozen=True)
class Item:
    """One object to render: its name in messages, and how its sample is made (raises OrbitPainterErrors)."""

    name: str
    make: Callable[[Progress], OrbitSample]


class Procedural:
    """Objects of the seeds first ... first + count - 1; `colourings` of them in a row share a body.

    patterns: of their surfaces, see `random_colour`.
    """

    def __init__(self, first: int, count: int, colourings: int, plan: RenderPlan, patterns: Sequence[str] = ()) -> None:
        self._patterns = patterns
        self._first, self._count, self._colourings, self._plan = first, count, colourings, plan
        self._body, self._passes = -1, list[ViewPasses]()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Item:
        return Item(f"procedural {self._first + index}", lambda progress: self._sample(index, progress))

    def _sample(self, index: int, progress: Progress) -> OrbitSample:
        body, colouring = divmod(self._first + index, self._colourings)
        made = procedural_object(body + colouring * BODIES, BODIES, self._patterns)
        if self._body != body:
            scene, cameras = embree_scene(made.mesh), self._plan.cameras()
            self._passes = []
            for number, camera in enumerate(cameras):
                progress(number / len(cameras), f"view {number + 1} of {len(cameras)}")
                self._passes.append(raycast_view(made.mesh, camera, scene))
            self._body = body
        return procedural_sample(made, self._plan, self._passes)


BODIES = 10_000_000  # different bodies of the procedural source; a seed's body is its remainder


class Models:
    """Model files, shown by a host; their captions in a text file of the same name beside them, if there is one."""

    def __init__(self, files: Sequence[Path], host: TexturedModels, plan: RenderPlan) -> None:
        self._files, self._host, self._plan = list(files), host, plan

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Item:
        return Item(str(self._files[index]), lambda progress: self._sample(self._files[index], progress))

    def _sample(self, path: Path, progress: Progress) -> OrbitSample:
        key = key_of(path)
        text = path.with_suffix(".txt")
        caption = text.read_text(encoding="utf-8").strip() if text.is_file() else CAPTION
        seed = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
        info = {"source": "model", "file": path.name}
        with self._host.textured_model(path) as (mesh, paint_of):
            return build_sample(key, mesh, paint_of, self._plan, seed, info, caption, progress=progress)


class Released:
    """Folders of the released data set."""

    def __init__(self, folders: Sequence[Path], plan: RenderPlan, v_flipped: bool) -> None:
        self._folders, self._plan, self._v_flipped = list(folders), plan, v_flipped

    def __len__(self) -> int:
        return len(self._folders)

    def __getitem__(self, index: int) -> Item:
        folder = self._folders[index]
        return Item(str(folder), lambda progress: read_released(folder, key_of(folder), self._plan, self._v_flipped))


def key_of(path: Path) -> str:
    """A name for the sample of a file: its own without what a shard cannot hold, and a hash of its folder and name."""
    plain = "".join(c if c.isalnum() and c.isascii() else "-" for c in path.stem)[:40].strip("-") or "model"
    return f"{plain}-{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]}"


def model_files(source: Path) -> list[Path]:
    """The models of a folder (searched throughout), of a list (a text file with one path a line), or one model.

    Paths of a list are relative to it. Raises InputError where there are none.
    """
    kinds = {*READERS, *BLENDER_ONLY}
    if source.is_dir():
        found = sorted(path for path in source.rglob("*") if path.suffix.lower() in kinds and path.is_file())
    elif source.suffix.lower() in (".txt", ".lst") and source.is_file():
        lines = source.read_text(encoding="utf-8").splitlines()
        found = [source.parent / line.strip() for line in lines if line.strip() and not line.startswith("#")]
    else:
        found = [source] if source.is_file() else []
    return _some(found, source, "model")


def released_folders(source: Path) -> list[Path]:
    """The objects of a folder in the released layout. Raises InputError where there are none."""
    return _some(sorted(_objects(source)), source, "object with the folders h120 and v120")


def _objects(source: Path) -> Iterator[Path]:
    for folder in source.rglob("h120"):
        if (folder.parent / "v120").is_dir():
            yield folder.parent


def _some(found: list[Path], source: Path, what: str) -> list[Path]:
    if not found:
        raise InputError("dataset-no-models", f"There is no {what} in {source}.", "Check the path.")
    return found
