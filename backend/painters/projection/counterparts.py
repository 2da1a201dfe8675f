# SPDX-License-Identifier: GPL-3.0-or-later
"""Which seen place an unseen point would look like if the object were the same all round: its *counterpart*.

The far side takes what lies on the same line of sight in front of it, so that the outline keeps its colours. The walls
of box-like objects take the picture folded back at their front and rear edges, the top and bottom likewise; all three
join without a step. A counterpart is only a guess to start from: completion keeps it where it fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .sampling import nearest_index
from .surface import SurfacePoints

AWAY = 0.35  # cosine to the line of sight from which a point belongs to the far side
WALL = 0.1  # cosine below which a surface runs along the line of sight
BOXY = 0.25  # share of such surface that makes an object box-like: a cube has 1/2, a sphere 1/10
LEVEL = 0.5  # references whose line of sight rises more than this sine have no far side that is upright
FLIPPED, UPTURNED = (-1.0, 1.0), (1.0, -1.0)  # the picture is continued mirrored, or upside down


@dataclass(frozen=True, eq=False)
class Counterparts:
    """Of n surface points.

    place  float32 (n, 2), atlas coordinates, 0 where there is none; pixel int32 (n,), the atlas pixel there, -1
    sign   float32 (n, 2), -1 where the picture is to be continued backwards along the surface's right or down
    """

    place: NDArray[np.float32]
    pixel: NDArray[np.int32]
    sign: NDArray[np.float32]


def counterparts(
    evidence: Evidence, surface: SurfacePoints, index: NDArray[np.int32], mend: NDArray[np.float32]
) -> Counterparts:
    """Counterparts of the surface points `index` (n,), in the reference that faces them or their far side most.

    mend (H W, 3): what to add to each atlas place to come to what may stand there instead (salience.Ordinariness).
    """
    place = np.zeros((len(index), 2), np.float32)
    pixel = np.full(len(index), -1, np.int32)
    sign = np.ones((len(index), 2), np.float32)
    best = np.zeros(len(index), np.float32)
    for reference in range(len(evidence.cameras)):
        camera = evidence.cameras[reference]
        if abs(camera.rotation[2, 2]) > LEVEL:
            continue
        table = _Table(evidence, reference, surface.spacing)
        for at, rows, direction, score in _folds(surface, index, camera.rotation):
            uv, found = table.find(surface.object[index[rows]], at)
            better = (found >= 0) & (score > best[rows])
            rows = rows[better]
            place[rows], pixel[rows], best[rows], sign[rows] = uv[better], found[better], score[better], direction
    change = np.where(pixel[:, None] >= 0, mend[pixel], 0)
    place += change[:, :2]
    sign[:, 0] *= 1 - 2 * change[:, 2]
    return Counterparts(place, np.where(pixel >= 0, nearest_index(place, *evidence.size), -1), sign)


def _folds(surface: SurfacePoints, index: NDArray[np.int32], axes: NDArray[np.float64]):
    """Where points look for their counterparts: (across, up) (m, 2), rows of `index` (m,), sign, score (m,).

    axes (3, 3): columns right, up and towards the camera.
    """
    place = (surface.point @ axes).astype(np.float32)
    normal = (surface.normal @ axes).astype(np.float32)
    away = np.abs(normal[index, 2])
    rows = np.flatnonzero(away > AWAY)
    yield place[index[rows], :2], rows, FLIPPED, away[rows]
    for part in np.unique(surface.object[index]):
        own = surface.object == part
        low, high = place[own].min(axis=0), place[own].max(axis=0)
        depth = np.minimum(high[2] - place[index, 2], place[index, 2] - low[2])  # from the nearer edge
        wall = np.abs(normal[:, 2]) < WALL
        for axis, direction in ((0, FLIPPED), (1, UPTURNED)):
            facing = np.abs(normal[:, axis]) > 1 - WALL
            if np.mean(wall[own] & facing[own]) < BOXY / 2 or (axis == 1 and abs(axes[0, 0]) < 1 - WALL):
                continue  # seen from elsewhere than the front, level surfaces are not continued along the picture
            rows = np.flatnonzero(own[index] & facing[index] & (away <= AWAY))
            at = place[index[rows], :2].copy()
            inwards = np.where(normal[index[rows], axis] > 0, high[axis] - depth[rows], low[axis] + depth[rows])
            at[:, axis] = inwards
            yield at, rows, direction, np.full(len(rows), AWAY / 2, np.float32)


class _Table:
    """The front-most source pixel of a reference by object and by cell of the plane across its line of sight."""

    def __init__(self, evidence: Evidence, reference: int, spacing: float) -> None:
        self._evidence, self._spacing = evidence, spacing
        self._camera, self._row = evidence.cameras[reference], evidence.rows[reference]
        width = evidence.size[0]
        first, last = self._row * width, (self._row + self._camera.height) * width
        pixel = np.flatnonzero(evidence.source.ravel()[first:last]) + first
        place = evidence.position.reshape(-1, 3)[pixel] @ self._camera.rotation
        key = self._key(evidence.object.ravel()[pixel], place[:, :2])
        order = np.lexsort((-place[:, 2], key))
        self._keys, first = np.unique(key[order], return_index=True)
        self._pixel = pixel[order][first].astype(np.int32)

    def _key(self, part: NDArray[np.int32], place: NDArray[np.floating]) -> NDArray[np.int64]:
        cell = np.clip(np.floor(place / self._spacing), -2047, 2047).astype(np.int64) + 2048
        return (part.astype(np.int64) * 4096 + cell[:, 0]) * 4096 + cell[:, 1]

    def find(
        self, part: NDArray[np.int32], place: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Atlas coordinates (m, 2) and pixels (m,) of what is seen at `place` (m, 2) of the objects `part` (m,); the
        pixel is -1 where nothing is."""
        evidence = self._evidence
        if len(self._keys) == 0:
            return np.zeros((len(part), 2), np.float32), np.full(len(part), -1, np.int32)
        key = self._key(part, place)
        at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        seen = evidence.position.reshape(-1, 3)[self._pixel[at]]
        axes = self._camera.rotation
        seen = seen + (place - seen @ axes[:, :2]) @ axes[:, :2].T  # from the pixel to the very place
        uv = (self._camera.project(seen)[0] + np.array([0, self._row])).astype(np.float32)
        pixel = nearest_index(uv, *evidence.size)
        good = (self._keys[at] == key) & evidence.source.ravel()[pixel] & (evidence.object.ravel()[pixel] == part)
        return uv, np.where(good, pixel, -1)
