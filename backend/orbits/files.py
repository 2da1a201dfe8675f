# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of rendered passes: what a renderer writes and every later stage reads (docs/orbits.md).

passes.json       schema, cameras (at frame size), orbit counts, object names, renderer, supersample
mesh.npz          the MeshData that was rendered
view_0000.exr …   one view each, `supersample` times larger than its camera, 32-bit, in the normalised frame:
                  <layer>.Position.X|Y|Z, <layer>.Normal.X|Y|Z, <layer>.Combined.R = object index + 1 (0 outside),
                  <layer>.Combined.A = 1 inside, 0 outside
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cutouts import Cutout
from ..errors import InputError
from ..files import load_npz, save_npz, write_json
from ..mesh import MeshData, Normalisation
from .cameras import Camera
from .encoding import EncodedView, encode_view
from .exr import check_exr, read_exr, write_exr
from .passes import ViewPasses

SCHEMA = 1
HEADER, MESH = "passes.json", "mesh.npz"
LAYER = "ViewLayer"  # the name in files written here; any is accepted
_NEEDED = ("Combined.R", "Combined.A", "Position.X", "Position.Y", "Position.Z", "Normal.X", "Normal.Y", "Normal.Z")


def view_name(index: int) -> str:
    """File name of view `index`."""
    return f"view_{index:04d}.exr"


def save_header(
    folder: Path | str,
    mesh: MeshData,
    cameras: Sequence[Camera],
    orbit_counts: tuple[int, int],
    *,
    renderer: str,
    supersample: int = 1,
) -> None:
    """Write passes.json and mesh.npz into an existing folder. `cameras` are at frame size. Raises OutputError."""
    if sum(orbit_counts) != len(cameras):
        raise ValueError(f"{len(cameras)} cameras, but orbits of {orbit_counts}")
    folder = Path(folder)
    save_mesh(folder / MESH, mesh)
    header = {
        "schema": SCHEMA,
        "renderer": renderer,
        "supersample": supersample,
        "orbit_counts": list(orbit_counts),
        "object_names": list(mesh.object_names),
        "cameras": [camera.to_json() for camera in cameras],
    }
    write_json(folder / HEADER, header)


def save_view(path: Path | str, passes: ViewPasses) -> None:
    """Write one view as a renderer would. Raises OutputError."""
    combined = (passes.object_id.astype(np.float32) + 1, passes.mask.astype(np.float32))
    planes = {"Combined.R": combined[0], "Combined.A": combined[1]}
    for name, values in (("Position", passes.position), ("Normal", passes.normal)):
        planes.update({f"{name}.{axis}": values[..., i].astype(np.float32) for i, axis in enumerate("XYZ")})
    write_exr(path, {f"{LAYER}.{name}": plane for name, plane in planes.items()})


def open_passes(folder: Path | str) -> PassFolder:
    """Open a finished folder. Raises InputError naming what is missing, damaged, or of another version."""
    folder = Path(folder)
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("passes-missing", f"{folder} holds no rendered passes.", "Render the passes first.") from error
    except ValueError as error:
        raise InputError("passes-damaged", f"{folder / HEADER} is damaged.", "Render the passes again.") from error
    if not isinstance(header, dict):
        raise InputError("passes-damaged", f"{folder / HEADER} is damaged.", "Render the passes again.")
    if header.get("schema") != SCHEMA:
        raise InputError(
            "passes-version",
            f"The passes in {folder} have format {header.get('schema')}, this program reads format {SCHEMA}.",
            "Render the passes again.",
        )
    try:
        passes = PassFolder(folder, header)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("passes-damaged", f"{folder / HEADER} is damaged.", "Render the passes again.") from error
    for index in range(len(passes)):
        passes.check(index)
    return passes


class PassFolder:
    """The passes in a folder (PassSet). Memory: one view at render size, about 80 bytes a pixel.

    `cameras` are at frame size. With an even supersampling no rendered sample lies at the centre of a frame's pixel, so
    `view` takes one sample of each block and states, in its own camera, exactly where that sample looks.
    """

    mesh: MeshData
    cameras: list[Camera]
    orbit_counts: tuple[int, int]
    supersample: int
    renderer: str

    def __init__(self, folder: Path, header: dict[str, Any]) -> None:
        self.folder = folder
        self.cameras = [Camera.from_json(camera) for camera in header["cameras"]]
        horizontal, vertical = header["orbit_counts"]
        self.orbit_counts = (int(horizontal), int(vertical))
        self.supersample = int(header["supersample"])
        self.renderer = str(header["renderer"])
        self.mesh = load_mesh(folder / MESH)
        if sum(self.orbit_counts) != len(self.cameras) or self.supersample < 1:
            raise ValueError("counts do not fit")
        if tuple(header["object_names"]) != self.mesh.object_names:
            raise ValueError("the mesh is another one")

    def __len__(self) -> int:
        return len(self.cameras)

    def __iter__(self) -> Iterator[ViewPasses]:
        return (self.view(index) for index in range(len(self)))

    def path(self, index: int) -> Path:
        return self.folder / view_name(index)

    def check(self, index: int) -> None:
        """Raises InputError unless the view's file is whole and has the right size and channels."""
        path = self.path(index)
        if not path.is_file():
            raise InputError("pass-missing", f"View {index} is missing: {path}.", "Render the passes again.")
        width, height, names = check_exr(path)
        self._check_size(index, width, height)
        _find(names, path)

    def view(self, index: int) -> ViewPasses:
        """View `index` at frame size, hard-edged: the sample at, or up and left of, the centre of each pixel.

        The result's camera differs from `cameras[index]` in its principal point, by half a rendered pixel, where
        supersample is even; it is equal where it is odd.
        """
        full, step = self.full_view(index), self.supersample
        if step == 1:
            return full
        first = (step - 1) // 2
        camera = self.cameras[index]
        shift = 0.5 - (first + 0.5) / step
        principal = (camera.principal[0] + shift, camera.principal[1] + shift)
        pick = (slice(first, None, step), slice(first, None, step))
        return ViewPasses(
            replace(camera, principal=principal),
            np.ascontiguousarray(full.position[pick]),
            np.ascontiguousarray(full.normal[pick]),
            np.ascontiguousarray(full.mask[pick]),
            np.ascontiguousarray(full.object_id[pick]),
        )

    def full_view(self, index: int) -> ViewPasses:
        """View `index` as rendered, `supersample` times larger than the frames. Raises InputError."""
        path, frame = self.path(index), self.cameras[index]
        channels = read_exr(path)
        names = _find(list(channels), path)
        planes = {short: channels[name] for short, name in names.items()}
        height, width = planes["Combined.A"].shape
        self._check_size(index, width, height)
        camera = frame.resized(width, height)
        position = np.stack([planes[f"Position.{axis}"] for axis in "XYZ"], axis=-1)
        normal = np.stack([planes[f"Normal.{axis}"] for axis in "XYZ"], axis=-1)
        mask = planes["Combined.A"] > 0.5
        mask[mask] = np.isfinite(position[mask]).all(axis=-1)
        object_id = np.where(mask, np.rint(planes["Combined.R"]) - 1, -1)
        known = (object_id >= 0) & (object_id < len(self.mesh.object_names))
        first = position[mask][:1]
        if not known[mask].all() or (mask.sum() > 16 and (position[mask] == first).all()):
            # specs/orbitpainter.md 2.5: a renderer that loses its passes writes constants, without any error
            raise InputError(
                "pass-empty",
                f"The position or object pass of view {index} is empty: {path}.",
                "Render the passes again, with Cycles if another renderer was chosen.",
            )
        position[~mask] = 0
        return ViewPasses(camera, position, turned(normal, position, mask, camera), mask, object_id.astype(np.int16))

    def encoded(self, index: int) -> EncodedView:
        """The 8-bit pictures of view `index` at frame size, anti-aliased (encoding.py)."""
        camera = self.cameras[index]
        return encode_view(self.full_view(index), camera.width, camera.height)

    def _check_size(self, index: int, width: int, height: int) -> None:
        frame = self.cameras[index]
        if (width, height) != (frame.width * self.supersample, frame.height * self.supersample):
            raise InputError(
                "pass-size",
                f"View {index} has {width} x {height} pixels instead of "
                f"{frame.width * self.supersample} x {frame.height * self.supersample}: {self.path(index)}.",
                "Render the passes again.",
            )


def turned(
    normal: NDArray[np.float32], position: NDArray[np.float32], mask: NDArray[np.bool_], camera: Camera
) -> NDArray[np.float32]:
    """Unit normals on the camera's side, float32 (H, W, 3), 0 outside `mask`.

    Renderers turn them by the face's side, as Cycles does; what still points away clearly comes from normals that
    contradict their face. Smooth normals near a silhouette may point away a little and stay, or it would get a rim.
    """
    inside = normal[mask]
    length = np.sqrt(np.einsum("nc,nc->n", inside, inside))
    unit = inside / np.where(length > 1e-6, length, 1)[:, None]
    away = np.einsum("nc,nc->n", unit, camera.towards(position[mask]).astype(np.float32)) < -0.5
    unit[away] *= -1
    out = np.zeros_like(normal, np.float32)
    out[mask] = unit
    return out


def _find(names: Sequence[str], path: Path) -> dict[str, str]:
    """Short channel name ("Position.X") -> full name in the file, whatever the layer is called."""
    found = {}
    for short in _NEEDED:
        match = [name for name in names if name == short or name.endswith("." + short)]
        if not match:
            raise InputError("pass-channel", f"{path} lacks the channel {short}.", "Render the passes again.")
        found[short] = match[0]
    return found


_ARRAYS = ("vertices", "faces", "corner_normals", "face_object", "face_material", "face_polygon", "corner_loop")


def save_mesh(path: Path | str, mesh: MeshData) -> None:
    """Write all of a MeshData as one .npz without pickled objects. Raises OutputError."""
    assert {f.name for f in fields(MeshData)} == {*_ARRAYS, *_MAPPED}
    maps = list(mesh.uv)
    arrays = {name: getattr(mesh, name) for name in _ARRAYS}
    arrays.update({f"uv_{i}": mesh.uv[name] for i, name in enumerate(maps)})
    if mesh.double_sided is not None:
        arrays["double_sided"] = mesh.double_sided
    arrays.update({f"solid_{material}": cutout.solid for material, cutout in mesh.cutouts.items()})
    about = {
        "schema": SCHEMA,
        "object_names": list(mesh.object_names),
        "material_names": list(mesh.material_names),
        "uv": maps,
        "active_uv": {str(k): v for k, v in mesh.active_uv.items()},
        "instance_of": {str(k): int(v) for k, v in mesh.instance_of.items()},
        "centre": list(mesh.normalisation.centre),
        "scale": mesh.normalisation.scale,
        "cutouts": {str(k): cutout.uv_map for k, cutout in mesh.cutouts.items()},
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    save_npz(path, compress=False, about=text, **arrays)


_MAPPED = (
    "object_names", "material_names", "uv", "active_uv", "instance_of", "double_sided", "normalisation", "cutouts"
)  # fmt: skip


def load_mesh(path: Path | str) -> MeshData:
    """What `save_mesh` wrote. Raises InputError."""
    data = load_npz(path)
    try:
        about = json.loads(data["about"].tobytes())
        if about["schema"] != SCHEMA:
            raise ValueError("another format")
        centre = (float(about["centre"][0]), float(about["centre"][1]), float(about["centre"][2]))
        return MeshData(
            **{name: data[name] for name in _ARRAYS},
            object_names=tuple(about["object_names"]),
            material_names=tuple(about["material_names"]),
            uv={name: data[f"uv_{i}"] for i, name in enumerate(about["uv"])},
            active_uv={int(k): v for k, v in about["active_uv"].items()},
            instance_of={int(k): v for k, v in about["instance_of"].items()},
            double_sided=data.get("double_sided"),
            normalisation=Normalisation(centre, float(about["scale"])),
            cutouts={int(k): Cutout(data[f"solid_{k}"], name) for k, name in about.get("cutouts", {}).items()},
        )
    except (KeyError, ValueError) as error:
        raise InputError("mesh-damaged", f"{path} is damaged ({error}).", "Render the passes again.") from error
