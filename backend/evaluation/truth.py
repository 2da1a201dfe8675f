# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects whose surface is known: what their pictures must look like, the reference, and frames that are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.build import PaintOf
from ..dataset.procedural import procedural_object
from ..errors import UsageError
from ..file_host import FileHost
from ..host import Host, Loaded
from ..job import Job
from ..mesh import MeshData
from ..orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look
from ..orbits.files import turned
from ..orbits.passes import ViewPasses
from ..painters.base import VIEWS, Frame, PaintedFrames, PaintRequest
from ..progress import Progress, silent
from ..texturing.hits import Hits, cast
from .bench_inputs import SCENES
from .drift import render_frames
from .evaluation_set import MODELS, SCENE, EvaluationItem
from .scenes import Colour


@dataclass(frozen=True, eq=False)
class Truth:
    """A mesh and its surface.

    colours  sRGB float32 (n, 3) in 0..1 at hits, without light
    solid    the same for points in space, also beside the surface, where it is known there (for drift)
    """

    mesh: MeshData
    colours: Callable[[Hits], NDArray[np.float32]]
    solid: Colour | None = None

    def picture(self, camera: Camera) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The object over white, uint8 (h, w, 3), and its mask, bool (h, w)."""
        hits = cast(self.mesh, camera)
        return eight_bits(hits.picture(self.colours(hits))), hits.mask()

    def cut_out(self, camera: Camera) -> NDArray[np.uint8]:
        """The object alone, unlit: uint8 (h, w, 4), straight alpha."""
        hits = cast(self.mesh, camera)
        rgba = np.ones((len(hits.index), 4), np.float32)
        rgba[:, :3] = self.colours(hits)
        picture = hits.picture(rgba, 0.0)
        picture[..., :3] /= np.maximum(picture[..., 3:], 1e-6)
        return eight_bits(picture)

    def frames(
        self,
        cameras: Sequence[Camera],
        orbit_counts: tuple[int, int],
        drift: float = 0.0,
        seed: int = 0,
        progress: Progress = silent,
    ) -> PaintedFrames:
        """The frames of a perfect engine, or with drift > 0 (pixels) of one that errs as evaluation/drift.py says.

        Raises UsageError for drift of a surface that is not known beside itself.
        """
        if drift > 0:
            if self.solid is None:
                raise UsageError(
                    "drift-needs-solid",
                    "Drift can be simulated on the acceptance scenes only, whose colours are known beside the surface.",
                    "Use --set scenes, or leave --drift away.",
                )
            return PaintedFrames(render_frames(self.mesh, self.solid, cameras, orbit_counts, drift, seed=seed))
        frames = []
        for number, camera in enumerate(cameras):
            progress(number / len(cameras), f"true frame {number + 1} of {len(cameras)}")
            image = self.cut_out(camera)
            image[..., 3] = np.where(image[..., 3] >= 128, 255, 0)
            frames.append(Frame(image, camera))
        return PaintedFrames(frames, exact=True)


class SceneHost(FileHost):
    """A host whose scene is a mesh in memory."""

    def __init__(self, mesh: MeshData, name: str) -> None:
        super().__init__()
        self._loaded = Loaded(mesh, name)

    def load(self, job: Job) -> Loaded:
        return self._loaded


class GivenFrames:
    """A painter that hands out frames that were made before (backend/painters/base.py)."""

    name, supersample = "truth", 1

    def __init__(self, painted: PaintedFrames) -> None:
        self._painted = painted

    def paint(self, request: PaintRequest, progress: Progress) -> PaintedFrames:
        progress(1.0, "true frames")
        return self._painted

    def close(self) -> None: ...

    def lighter(self, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
        return None


@contextmanager
def known(item: EvaluationItem, textured: bool, host: Callable[[], Host]) -> Iterator[Truth | None]:
    """The truth about an item; None for a model, unless its own texture is taken for it (`textured`).

    Raises InputError, and EngineMissingError where a model's materials cannot be read without Blender.
    """
    if item.kind == MODELS:
        if not textured:
            yield None
            return
        assert item.job.mesh is not None
        with host().textured_model(Path(item.job.mesh)) as (mesh, paint_of):
            yield Truth(mesh, lambda hits: _painted(mesh, paint_of, hits))
    elif item.kind == SCENE:
        scene = SCENES[item.name]()
        yield Truth(scene.mesh, lambda hits: scene.colour(hits.point), scene.colour)
    else:
        made = procedural_object(item.seed)
        yield Truth(made.mesh, lambda hits: _painted(made.mesh, made.paint, hits))


def _painted(mesh: MeshData, paint_of: PaintOf, hits: Hits) -> NDArray[np.float32]:
    """Base colours at hits from what paints whole views."""
    camera = hits.camera.resized(hits.camera.width * hits.supersample, hits.camera.height * hits.supersample)
    shape = (camera.height, camera.width)
    mask, position, normal = np.zeros(shape, bool), np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    objects = np.full(shape, -1, np.int16)
    mask.reshape(-1)[hits.index] = True
    position.reshape(-1, 3)[hits.index] = hits.point
    shading = np.einsum("nk,nkc->nc", hits.weights, mesh.corner_normals[hits.triangle])
    normal.reshape(-1, 3)[hits.index] = shading
    normal = turned(normal, position, mask, camera)
    objects.reshape(-1)[hits.index] = mesh.face_object[hits.triangle]
    return paint_of(ViewPasses(camera, position, normal, mask, objects)).colour


def side_camera(view: str, size: int) -> Camera:
    """The orbits' camera on one side of the object."""
    towards, up = VIEWS[view]
    matrix = look((DISTANCE * np.asarray(towards, float)).tolist(), up)
    return Camera(matrix, size, size, FOCAL_PER_WIDTH * size, (size / 2, size / 2))


def eight_bits(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    """0..1 as it is saved."""
    return np.clip(np.rint(255 * picture), 0, 255).astype(np.uint8)
