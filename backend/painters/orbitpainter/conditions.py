# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network is told about the object: the passes of an orbit as pictures, then as latents kept per mesh."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...errors import InputError
from ...files import atomic_path
from ...orbits.encoding import encode_view
from ...orbits.files import PassFolder
from ...orbits.passes import PassSet, ViewPasses
from ...progress import Progress, silent
from .gasa_tokens import FRAMES_PER_LATENT, PATCH, GasaOptions, TokenGeometry, token_geometry
from .latent_layouts import Segment, segment_of

KEPT = 8  # orbits whose latents stay in memory: 16 MB each at 61 frames of 512 pixels
KEPT_ON_DISK = 64


@dataclass(frozen=True, eq=False)
class OrbitPictures:
    """One orbit as the network was trained to see it.

    position, normal  uint8 (views, H, W, 3), reduced with anti-aliasing (specs/orbitpainter.md 2.3)
    mask              bool (views, H, W), the object at frame size
    geometry          of the video's tokens, for GASA and for leaving out background
    """

    segment: Segment
    position: NDArray[np.uint8]
    normal: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    geometry: TokenGeometry


@dataclass(frozen=True, eq=False)
class OrbitLatents:
    """The same encoded: position, normal float32 (1, 16, t, H / 8, W / 8) on the CPU."""

    segment: Segment
    position: torch.Tensor
    normal: torch.Tensor
    geometry: TokenGeometry


def read_orbits(
    passes: PassSet,
    options: GasaOptions,
    v_mirrored: bool = False,
    progress: Progress = silent,
    stride: int = FRAMES_PER_LATENT,
) -> list[OrbitPictures]:
    """The horizontal and the vertical orbit of a pass set; an orbit without views is left out.

    v_mirrored: the vertical orbit is shown left-right mirrored (specs/orbitpainter.md 2.2); stride: the VAE's
    `scale_factor_temporal`. Raises InputError unless
    the frames are square, of a multiple of 16 pixels, and the orbits of 4 k or 4 k + 1 views.
    """
    width, height = passes.cameras[0].width, passes.cameras[0].height
    if width % PATCH or height % PATCH or width != height:
        raise InputError(
            "size-multiple",
            f"Frames of {width} x {height} pixels cannot be painted by OrbitPainter.",
            f"Use a size that is a multiple of {PATCH}; it was trained with 512.",
        )
    orbits, first = [], 0
    for name, count in zip(("H", "V"), passes.orbit_counts, strict=True):
        if count:
            segment = segment_of("H" if name == "H" else "V", count, stride)
            orbits.append(_read(passes, first, segment, options, name == "V" and v_mirrored, progress))
        first += count
    if not orbits:
        raise InputError("views-none", "There is no view to paint.", "Ask for at least one orbit.")
    return orbits


def _read(
    passes: PassSet, first: int, segment: Segment, options: GasaOptions, mirrored: bool, progress: Progress
) -> OrbitPictures:
    camera = passes.cameras[first]
    shape = (segment.views, camera.height, camera.width)
    position, normal = np.empty((*shape, 3), np.uint8), np.empty((*shape, 3), np.uint8)
    mask = np.empty(shape, np.bool_)
    standing = set(segment.standing_views.tolist())
    surfaces = {}
    for view in range(segment.views):
        progress((first + view) / len(passes), f"reading the passes of view {first + view + 1}")
        full = _full_view(passes, first + view)
        encoded = encode_view(full, camera.width, camera.height)
        flip = np.s_[:, ::-1] if mirrored else np.s_[:]
        position[view], normal[view] = encoded.position[flip], encoded.normal[flip]
        mask[view] = encoded.mask[flip] > 127
        if view in standing:
            surfaces[view] = (full.position[flip], full.mask[flip])
    rows, columns = camera.height // PATCH, camera.width // PATCH
    geometry = token_geometry((surfaces[int(view)] for view in segment.standing_views), rows, columns, options)
    return OrbitPictures(segment, position, normal, mask, geometry)


def _full_view(passes: PassSet, index: int) -> ViewPasses:
    """The view at the size it was rendered, which an anti-aliased reduction starts from."""
    return passes.full_view(index) if isinstance(passes, PassFolder) else passes.view(index)


class LatentCache:
    """Latents by a hash of the pixels and the VAE they come from: in memory, and in a folder where one is given.

    A file that cannot be read is made again. Memory: `KEPT` entries; the folder keeps the `KEPT_ON_DISK` newest.
    Threads may share an object, and processes the folder; what two of them miss at the same time both may encode.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, pixels: NDArray[np.uint8], vae_id: str, encode: Callable[[], torch.Tensor]) -> torch.Tensor:
        """The latents of `pixels`, from the cache or by `encode`, float32 on the CPU."""
        digest = hashlib.sha256(f"{vae_id} {pixels.shape}".encode())
        digest.update(pixels.tobytes())
        key = digest.hexdigest()[:40]
        with self._lock:
            found = self._kept.get(key)
        if found is None and (found := self._read(key)) is None:
            found = encode().float().cpu()
            self._write(key, found)
        with self._lock:
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget what is in memory."""
        with self._lock:
            self._kept.clear()

    def _read(self, key: str) -> torch.Tensor | None:
        if self.folder is None or not (file := self.folder / f"{key}.safetensors").is_file():
            return None
        try:
            with safe_open(file, "pt") as store:
                tensor = store.get_tensor("latents")
        except (OSError, SafetensorError):
            return None  # cut short by a full disk or another program: encoded again and overwritten
        return tensor if torch.isfinite(tensor).all() else None

    def _write(self, key: str, latents: torch.Tensor) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock:  # the temporary file's name is one for the whole process
            with atomic_path(self.folder / f"{key}.safetensors") as part:
                part.write_bytes(save({"latents": latents.contiguous()}))
            # not the hidden ones, which another process is writing
            files = sorted(self.folder.glob("[!.]*.safetensors"), key=_changed)
            for file in files[:-KEPT_ON_DISK]:
                file.unlink(missing_ok=True)


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
