# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples in WebDataset shards: plain tar files in which the members of a sample share the part before the first dot.

    KEY.albedo.png  KEY.normal.png  KEY.position.png  KEY.mask.png   the frames below each other, H then V
    KEY.material.png (metallic, roughness)   KEY.reference.png (RGBA)   KEY.json

The library webdataset streams them; here they are opened by sample, so that a training run can go on exactly where it
was. Nothing is unpickled.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_path
from .sample import CAPTION, OrbitSample, ReferenceView

_PICTURES = ("albedo", "normal", "position", "mask", "material", "reference")
_ADVICE = "Render the shard again (dataset render), or leave it out."


def write_shard(path: Path | str, samples: Iterable[OrbitSample]) -> list[str]:
    """Write samples one at a time; the keys written. The file appears when it is whole. Raises OutputError."""
    keys = []
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for sample in samples:
            for name, data in _members(sample).items():
                info = tarfile.TarInfo(f"{sample.key}.{name}")  # no time, no owner: equal samples, equal bytes
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            keys.append(sample.key)
    return keys


def _members(sample: OrbitSample) -> dict[str, bytes]:
    pictures = {name: getattr(sample, name) for name in _PICTURES if name != "reference"}
    pictures["reference"] = sample.references
    members = {f"{name}.png": _png(frames) for name, frames in pictures.items() if frames is not None}
    about = {
        "views": list(sample.views),
        "size": sample.size,
        "caption": sample.caption,
        "references": [asdict(view) for view in sample.reference_views],
        "info": sample.info,
    }
    members["json"] = json.dumps(about, ensure_ascii=False, sort_keys=True).encode()
    return members


def _png(frames: NDArray[np.uint8]) -> bytes:
    """Frames (N, S, S[, C]) below each other."""
    from PIL import Image

    buffer = io.BytesIO()
    strip = frames.reshape(frames.shape[0] * frames.shape[1], *frames.shape[2:])
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[strip.shape[2] if strip.ndim == 3 else 1]
    Image.frombytes(mode, (strip.shape[1], strip.shape[0]), np.ascontiguousarray(strip).tobytes()).save(
        buffer, "png", compress_level=4
    )
    return buffer.getvalue()


@dataclass(frozen=True)
class StoredSample:
    """Where the members of a sample lie in a shard: name without the key -> offset and size in bytes."""

    shard: Path
    key: str
    members: Mapping[str, tuple[int, int]]

    def read(self) -> OrbitSample:
        """Read and check it. Raises InputError."""
        with _damage(self.shard, self.key), open(self.shard, "rb") as file:

            def data(name: str) -> bytes:
                offset, size = self.members[name]
                file.seek(offset)
                return file.read(size)

            about = json.loads(data("json"))
            size, views = int(about["size"]), (int(about["views"][0]), int(about["views"][1]))
            frames = {name: _frames(data(f"{name}.png"), size) for name in _PICTURES if f"{name}.png" in self.members}
            sample = OrbitSample(
                key=self.key,
                views=views,
                albedo=frames["albedo"],
                normal=frames["normal"],
                position=frames["position"],
                mask=frames["mask"],
                references=frames["reference"],
                reference_views=tuple(ReferenceView(**view) for view in about["references"]),
                caption=str(about.get("caption", CAPTION)),
                material=frames.get("material"),
                info=dict(about.get("info", {})),
            )
        sample.check()
        return sample


def _frames(data: bytes, size: int) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        strip = np.array(picture)
    return strip.reshape(-1, size, size, *strip.shape[2:])


class _damage:
    """Turns whatever a damaged shard makes a reader raise into an InputError that names shard and sample."""

    def __init__(self, shard: Path, key: str) -> None:
        self.shard, self.key = shard, key

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from PIL import Image

        expected = (OSError, ValueError, KeyError, TypeError, IndexError, SyntaxError, EOFError)
        if isinstance(error, (*expected, Image.DecompressionBombError)):
            raise InputError(
                "shard-damaged",
                f"Sample {self.key} of {self.shard} cannot be read ({type(error).__name__}: {error}).",
                _ADVICE,
            ) from error


def index_shard(path: Path | str) -> list[StoredSample]:
    """The samples of a shard in order. Raises InputError where it is missing, cut short or no such file."""
    path, end = Path(path), 0
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        size = path.stat().st_size
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, _, name = member.name.partition(".")
                found.setdefault(key, {})[name] = (member.offset_data, member.size)
                if member.offset_data + member.size > size:
                    raise tarfile.ReadError("it ends in the middle of a picture")
                end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if not _ends_at(path, end):
            raise tarfile.ReadError("it ends between two pictures")
    except (OSError, tarfile.TarError) as error:
        raise InputError("shard-damaged", f"{path} is cut short or is no shard ({error}).", _ADVICE) from error
    needed = {"json", "albedo.png", "normal.png", "position.png", "mask.png", "reference.png"}
    for key, members in found.items():
        if missing := needed - set(members):
            raise InputError("shard-incomplete", f"Sample {key} of {path} lacks {', '.join(sorted(missing))}.", _ADVICE)
    return [StoredSample(path, key, members) for key, members in found.items()]


def _ends_at(path: Path, end: int) -> bool:
    """Whether the two empty blocks that close an archive stand there."""
    closing = bytes(2 * tarfile.BLOCKSIZE)
    with open(path, "rb") as file:
        file.seek(end)
        return file.read(len(closing)) == closing


def shard_files(folder: Path | str) -> list[Path]:
    """The shards of a data set, by name. Raises InputError where there are none."""
    folder = Path(folder)
    files = [folder] if folder.is_file() else sorted(folder.glob("[!.]*.tar"))
    if not files:
        raise InputError(
            "dataset-empty", f"There is no shard (.tar) in {folder}.", "Render the data set first (dataset render)."
        )
    return files


def stored_samples(folder: Path | str) -> Iterator[StoredSample]:
    """All samples of a data set, in order of shard and place. Raises InputError."""
    for path in shard_files(folder):
        yield from index_shard(path)
