# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift alignment: every frame is warped onto the texture of those before it (specs/texture-optimizer.md 4.6).

The accumulating texture lives on the nodes of a voxel lattice instead of in a UV map: it needs no unwrap, has no charts
whose borders lose pixels, and does not care about overlapping or mirrored UVs. A pixel reads and writes the eight nodes
around its surface point with trilinear weights. The two sides of a thin wall have opposite normals and
therefore nodes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData, face_normals
from ..orbits.cameras import Camera
from ..painters.base import Frame
from ..progress import Progress, silent
from . import accel
from .depth import depth_map
from .optical_flow import guarded_flow
from .visibility import blocks

T = TypeVar("T")

ANCHOR_WEIGHT = 50.0
FAR = 90.0  # degrees from the nearest anchor at which drift is taken to be full grown
PRIOR_WEIGHT = 0.03  # of frames as they come, before any is aligned
PRIOR_STEP = 4  # one frame of so many is enough for that
MAX_LATTICE = 512
_SIDE = np.array([0.62, 0.55, 0.56])  # opposite normals lie on opposite sides of this plane


def align_frames(
    mesh: MeshData,
    frames: Sequence[Frame],
    anchors: int = 0,
    progress: Progress = silent,
) -> tuple[list[Frame], list[float]]:
    """Frames warped so that they agree with each other, and the mean |flow| in pixels of each over its object pixels.

    frames   pictures of the mesh along known cameras
    anchors  the first `anchors` frames are exact and never moved; where it is 0, frame 0 is
    The mean of the frames as they come, lightly weighted, is there before: a surface that the anchored frames do not
    show would else keep the place it has drifted to in the first frame that shows it, and draw all others there. In
    it all viewing angles weigh the same: a mean over more of the orbit lies nearer to the truth.
    Frames are visited by the angle of their camera from the nearest anchor's, which on an orbit is outwards from
    frame 0 on both sides. Only colours and confidence move; alpha and cameras stay. Frames may be 8 or 16 bit.
    Memory: 500 bytes an object pixel of one frame, and the lattice, about 30 MiB per unit of surface area.
    """
    aligned = list(frames)
    flows = [0.0] * len(frames)
    fixed = max(anchors, min(1, len(frames)))
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    texture = LatticeTexture(_lattice_size([frame.camera for frame in frames]))

    def look(index: int) -> _Look | None:
        seen = _SeenSurface.of(mesh, normals, frames[index])
        return None if seen is None else (seen, *texture.around(seen.point, seen.side), _grey(frames[index].image))

    progress(0.0, "aligning frames")
    trust = nearness([frame.camera for frame in frames], fixed)
    sampled = range(0, len(frames), PRIOR_STEP)
    for index, found in zip(sampled, ahead(look, sampled, 2), strict=True):
        if found is not None:
            seen, nodes, weights, grey = found
            importance = PRIOR_WEIGHT * trust[index] * seen.clean.astype(np.float32)
            texture.add(nodes, weights, grey.reshape(-1)[seen.pixel], importance)
    order = visiting_order([frame.camera for frame in frames], fixed)
    for step, (index, found) in enumerate(zip(order, ahead(look, order), strict=True)):
        progress(step / len(frames), f"aligning frame {step + 1} of {len(frames)}")
        if found is None:
            continue
        seen, nodes, weights, grey = found
        gain = 1.0
        if index >= fixed:
            template, known = texture.read(nodes, weights)
            gain = _gain(template, grey.reshape(-1)[seen.pixel], known)
            flow = seen.flow(template, known, grey * np.float32(gain))
            flows[index] = round(float(np.linalg.norm(flow, axis=-1).mean()), 3)
            if flow.any():
                aligned[index] = warped_frame(frames[index], seen.pixel, flow)
                grey = _grey(aligned[index].image)
        importance = trust[index] * seen.weight
        texture.add(nodes, weights, grey.reshape(-1)[seen.pixel] * np.float32(gain), importance)
    return aligned, flows


def ahead(function: Callable[[int], T], items: Sequence[int], threads: int = 1) -> Iterator[T]:
    """``map(function, items)``, whose next `threads` results are made on as many threads while the caller works on
    this one."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(function, item) for item in items[:threads]]
        for item in items[threads:]:
            waiting.append(pool.submit(function, item))
            yield waiting.pop(0).result()
        for last in waiting:
            yield last.result()


def visiting_order(cameras: Sequence[Camera], fixed: int) -> list[int]:
    """Frame indices by angle (whole degrees) of the camera's direction from the nearest of the first `fixed` ones."""
    if not cameras:
        return []
    angle = np.rint(angles(cameras, fixed))
    angle[:fixed] = -1
    return np.lexsort([np.arange(len(cameras)), angle]).tolist()


def nearness(cameras: Sequence[Camera], fixed: int) -> NDArray[np.float32]:
    """How much each frame knows of the true place of what it shows, float32 (n,): 1 from FAR on, the first `fixed`
    ANCHOR_WEIGHT. Drift is taken to grow with the angle from the nearest anchor, so this falls with its square."""
    if not cameras:
        return np.zeros(0, np.float32)
    angle = np.maximum(angles(cameras, fixed), 1e-3)
    angle[:fixed] = 1e-3
    return np.clip(np.square(FAR / angle), 1, ANCHOR_WEIGHT).astype(np.float32)


def angles(cameras: Sequence[Camera], fixed: int) -> NDArray[np.float64]:
    """Degrees between the direction of each camera and the nearest of the first `fixed` ones."""
    direction = np.array([camera.centre / max(float(np.linalg.norm(camera.centre)), 1e-9) for camera in cameras])
    cosine = (direction @ direction[:fixed].T).max(axis=1)
    return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))


class LatticeTexture:
    """Grey values on the nodes of a lattice of `size`^3 cells over the unit cube, stored near the surface only.

    `around` may be called on any thread, `read` and `add` on one.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        blocks = size // 4 + 2
        # Side and place of a block of 4 x 4 x 4 nodes -> its number, -1 where there is none.
        self._block = np.full((2, blocks, blocks, blocks), -1, np.int32)
        self._count = 0
        self._numbering = Lock()
        self._sum = np.zeros(0, np.float32)
        self._weight = np.zeros(0, np.float32)

    def around(
        self, points: NDArray[np.floating], side: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The eight nodes around each of n points, int32 (n, 8), and their trilinear weights float32 (n, 8).

        points (n, 3) in the unit cube (others are clamped to it); side (n,) 0 or 1.
        """
        place = np.clip((np.asarray(points, np.float64) + 0.5) * self.size, 0, self.size - 1e-3)
        nodes, weights = self._corners(place, side)
        missing = nodes < 0
        if missing.any():
            self._number(np.unique(-1 - nodes[missing].astype(np.int64)))
            nodes, weights = self._corners(place, side)
        return nodes, weights

    def _corners(
        self, place: NDArray[np.float64], side: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Nodes and weights as in `around`; -1 - (key of the block) where there is no such block yet."""
        nodes, weights = np.empty((len(side), 8), np.int32), np.empty((len(side), 8), np.float32)
        blocks, table = self._block.shape[1], self._block.reshape(-1)
        if accel.NUMBA:
            from .kernels_align import corners

            corners(place, side, table, blocks, nodes, weights)
            return nodes, weights
        low = place.astype(np.int64)
        fraction = (place - low).astype(np.float32)
        for corner, step in enumerate(np.ndindex(2, 2, 2)):
            i, j, k = (low + step).T
            key = ((side * blocks + i // 4) * blocks + j // 4) * blocks + k // 4
            number = table[key].astype(np.int64)
            nodes[:, corner] = np.where(number >= 0, ((number * 4 + i % 4) * 4 + j % 4) * 4 + k % 4, -1 - key)
            weights[:, corner] = np.where(step, fraction, 1 - fraction).prod(axis=1)
        return nodes, weights

    def _number(self, keys: NDArray[np.int64]) -> None:
        table = self._block.reshape(-1)
        with self._numbering:
            keys = keys[table[keys] < 0]  # another thread may have been here
            table[keys] = np.arange(self._count, self._count + len(keys))
            self._count += len(keys)

    def _grow(self) -> None:
        needed = self._count * 64
        if needed > len(self._sum):
            extra = np.zeros(max(needed, 3 * len(self._sum) // 2) - len(self._sum), np.float32)
            self._sum = np.concatenate([self._sum, extra])
            self._weight = np.concatenate([self._weight, extra])

    def read(
        self, nodes: NDArray[np.int32], weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values float32 (n,) and whether enough was written near the point to trust them."""
        self._grow()
        if accel.NUMBA:
            from .kernels_align import lattice_read

            value, weight = np.empty(len(nodes), np.float32), np.empty(len(nodes), np.float32)
            lattice_read(nodes, weights, self._sum, self._weight, value, weight)
            return value, weight > 0.02
        weight = (weights * self._weight[nodes]).sum(axis=1)
        return (weights * self._sum[nodes]).sum(axis=1) / np.maximum(weight, np.float32(1e-9)), weight > 0.02

    def add(
        self,
        nodes: NDArray[np.int32],
        weights: NDArray[np.float32],
        values: NDArray[np.float32],
        importance: NDArray[np.float32],
    ) -> None:
        """Write n values with their importance (n,)."""
        self._grow()
        if accel.NUMBA:
            from .kernels_align import lattice_add

            lattice_add(nodes, weights, values, importance, self._sum, self._weight)
            return
        weights = weights * importance[:, None]
        np.add.at(self._sum, nodes.reshape(-1), (weights * values[:, None]).reshape(-1))
        np.add.at(self._weight, nodes.reshape(-1), weights.reshape(-1))


def _lattice_size(cameras: Sequence[Camera]) -> int:
    """A cell for about 0.8 of a frame pixel at the object's centre, at most MAX_LATTICE cells along the cube."""
    density = [
        camera.focal / (1.0 if camera.orthographic else max(float(np.linalg.norm(camera.centre)), 0.5))
        for camera in cameras
    ]
    return int(np.clip(round(1.25 * max(density, default=64.0)), 32, MAX_LATTICE))


class _SeenSurface:
    """The surface behind the object pixels of one frame.

    pixel int64 (n,) in row order; point float64 (n, 3); side int64 (n,) 0 or 1; weight float32 (n,): cos^4 of the
    viewing angle, 0.05 of that beside a jump of depth, where neighbouring surfaces mix in a pixel; clean bool (n,): two
    pixels or more from any such jump.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        pixel: NDArray[np.int64],
        point: NDArray[np.float64],
        side: NDArray[np.int64],
        weight: NDArray[np.float32],
        clean: NDArray[np.bool_],
    ) -> None:
        self.shape, self.pixel, self.point, self.side, self.weight = shape, pixel, point, side, weight
        self.clean = clean
        rows, columns = pixel // shape[1], pixel % shape[1]
        self._box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))

    @staticmethod
    def of(mesh: MeshData, normals: NDArray[np.float64], frame: Frame) -> _SeenSurface | None:
        """None where the frame shows nothing of the mesh."""
        height, width = frame.image.shape[:2]
        camera = frame.camera.resized(width, height)
        depth, triangle = depth_map(mesh.vertices, mesh.faces, camera, holes=mesh.holes)
        pixel = np.flatnonzero((triangle >= 0) & _opaque(frame.image))
        if len(pixel) < 2:
            return None
        origin, direction = camera.rays(np.stack([pixel % width + 0.5, pixel // width + 0.5], axis=-1))
        distance = depth.reshape(-1)[pixel] / (direction @ camera.forward)
        normal = normals[triangle.reshape(-1)[pixel]]
        cosine = np.abs(np.einsum("ij,ij->i", normal, direction))
        jump = _depth_jump(depth, camera)
        weight = (np.square(np.square(cosine)) * np.where(jump.reshape(-1)[pixel], 0.05, 1.0)).astype(np.float32)
        clean = ~_widened(jump).reshape(-1)[pixel]
        point = origin + distance[:, None] * direction
        return _SeenSurface((height, width), pixel, point, (normal @ _SIDE > 0).astype(np.int64), weight, clean)

    def flow(
        self, template: NDArray[np.float32], known: NDArray[np.bool_], grey: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Guarded flow (n, 2) at the pixels from template values (n,), known where `known` (n,), to the frame."""
        drawn, valid = np.zeros(self.shape, np.float32), np.zeros(self.shape, bool)
        drawn.reshape(-1)[self.pixel] = template
        valid.reshape(-1)[self.pixel] = known & self.clean
        flow = np.zeros((*self.shape, 2), np.float32)
        if min(drawn[self._box].shape) >= 16:
            flow[self._box] = guarded_flow(drawn[self._box], grey[self._box], valid[self._box])
        return flow.reshape(-1, 2)[self.pixel]


# What a frame shows: the surface, its lattice nodes and their weights as from `around`, and the frame in grey.
_Look = tuple[_SeenSurface, NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]


def _depth_jump(depth: NDArray[np.float32], camera: Camera) -> NDArray[np.bool_]:
    """Pixels with a depth discontinuity among their eight neighbours (4.3); background counts as one."""
    low = np.pad(depth, 1, mode="edge")
    high = low
    for _ in range(2):  # rows, then columns
        low = np.minimum(np.minimum(low[:-2], low[1:-1]), low[2:]).T
        high = np.maximum(np.maximum(high[:-2], high[1:-1]), high[2:]).T
    pixel = 1 / camera.focal if camera.orthographic else depth / camera.focal
    with np.errstate(invalid="ignore"):
        return ~(high - low <= 0.02 + 3 * pixel)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and its eight neighbours."""
    wide = np.pad(mask, 1)
    for _ in range(2):  # rows, then columns
        wide = (wide[:-2] | wide[1:-1] | wide[2:]).T
    return wide


def _grey(image: NDArray[np.unsignedinteger]) -> NDArray[np.float32]:
    scale = np.array([0.299, 0.587, 0.114], np.float32) / np.iinfo(image.dtype).max
    return image[..., :3].astype(np.float32) @ scale.astype(np.float32)


def _opaque(image: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
    """Pixels of an RGBA image (h, w, 4) that are at least half opaque."""
    return image[..., 3] > np.iinfo(image.dtype).max // 2


def _gain(template: NDArray[np.float32], grey: NDArray[np.float32], known: NDArray[np.bool_]) -> float:
    """The factor that brings the frame to the brightness of the template, from the pixels known in both.

    Without it a frame that is darker as a whole would be pulled towards whatever is brighter nearby.
    """
    if known.sum() < 64:
        return 1.0
    a, b = template[known].astype(np.float64), grey[known].astype(np.float64)
    gain = 1.0
    for _ in range(3):  # pixels that disagree count less: text that has moved says nothing about brightness
        weight = 1 / (1 + ((gain * b - a) / 0.1) ** 2)
        gain = float((weight * a * b).sum() / max(float((weight * b * b).sum()), 1e-9))
    return float(np.clip(gain, 0.8, 1.25))


def warped_frame(frame: Frame, pixel: NDArray[np.int64], flow: NDArray[np.float32]) -> Frame:
    """The frame with colours (and confidence) at p taken from p + flow, bicubic, from object pixels only.

    pixel int64 (n,) in row order; flow float32 (n, 2). Where too few object pixels lie around p + flow, p is kept.
    """
    length = np.abs(flow).max(axis=1)
    moving = length > 1e-3
    pixel, flow = pixel[moving], flow[moving]
    if len(pixel) == 0:
        return frame
    width = frame.image.shape[1]
    rows, columns = pixel // width, pixel % width
    reach = int(length.max()) + 3  # as far as any sample reaches
    top, left = max(int(rows.min()) - reach, 0), max(int(columns.min()) - reach, 0)
    box = slice(top, int(rows.max()) + reach + 1), slice(left, int(columns.max()) + reach + 1)
    mask = _opaque(frame.image[box]).astype(np.float32)
    channels = [frame.image[box][..., :3].astype(np.float32) * mask[..., None], mask[..., None]]
    if frame.confidence is not None:
        channels.insert(1, frame.confidence[box][..., None] * mask[..., None])
    source = np.concatenate(channels, axis=-1)
    value = _bicubic(source, (columns - left) + flow[:, 0], (rows - top) + flow[:, 1])
    usable = value[:, -1] > 0.6
    value = np.rint(value[usable, :-1] / value[usable, -1:])
    image = frame.image.copy()
    image.reshape(-1, 4)[pixel[usable], :3] = np.clip(value[:, :3], 0, np.iinfo(image.dtype).max)
    if frame.confidence is None:
        return replace(frame, image=image)
    confidence = frame.confidence.copy()
    confidence.reshape(-1)[pixel[usable]] = np.clip(value[:, 3], 0, 255)
    return replace(frame, image=image, confidence=confidence)


def _bicubic(image: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
    """Catmull-Rom samples (n, c) of an image (h, w, c) at pixel indices x, y (0 is the centre of the first pixel)."""
    height, width = image.shape[:2]
    if accel.NUMBA:
        from .kernels_align import bicubic

        value = np.empty((len(x), image.shape[2]), np.float32)

        def work(block: tuple[int, int]) -> None:
            bicubic(image, x, y, *block, value)

        for _ in accel.mapped(work, blocks(len(x))):
            pass
        return value
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across, down = catmull_rom((x - column).astype(np.float32)), catmull_rom((y - row).astype(np.float32))
    columns = [np.clip(column + k, 0, width - 1) for k in (-1, 0, 1, 2)]
    flat = image.reshape(-1, image.shape[2])
    total = np.zeros((len(x), image.shape[2]), np.float32)
    for k in range(4):
        start = np.clip(row + k - 1, 0, height - 1) * width
        for l in range(4):
            total += (down[k] * across[l])[:, None] * flat[start + columns[l]]
    return total


def catmull_rom(t: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Weights (n,) of the pixels at -1, 0, 1 and 2 for a place t (n,) in 0...1 between the middle two."""
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]
