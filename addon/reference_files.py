# SPDX-License-Identifier: GPL-3.0-or-later
"""The references of a scene's settings as files that a job can read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..backend.arguments import reference_spec
from ..backend.errors import InputError
from ..backend.files import output_errors, write_json, write_png
from ..backend.images import is_cut_off
from ..backend.job import ReferenceSpec
from ..backend.whole_files import file_digest
from .picture_read import image_pixels
from .props import belongs_to, guide_objects
from .translations import tr

FOLDER = "inputs"  # of a job, for pictures that are in no file of their own and for the cameras of guides


def reference_specs(settings: Any, objects: Sequence[str], job_folder: Path) -> tuple[ReferenceSpec, ...]:
    """The references that show these objects; what is in no file yet is written into `job_folder`.

    A painted guide belongs to the objects that it was saved for. Raises InputError (reference-missing,
    reference-unreadable, guide-unpainted, guide-objects), OutputError.
    """
    given = [reference for reference in settings.references if reference.image is not None]
    if not given:
        raise InputError(
            "reference-missing", tr("No reference picture is chosen."), tr("Add one under References, then try again.")
        )
    fitting = [reference for reference in given if belongs_to(reference, objects)]
    if not fitting:
        names = ", ".join(guide_objects(given[0]))
        raise InputError(
            "guide-objects",
            tr("The guide was saved for {names}, which is not what is textured now.", names=names),
            tr("Choose the same objects again, or save a new guide."),
        )
    folder = job_folder / FOLDER
    return tuple(_spec(reference, folder, index) for index, reference in enumerate(fitting))


def reference_looks(settings: Any, objects: Sequence[str], job_folder: Path) -> tuple[ReferenceSpec, ...]:
    """Where the references that show these objects look from, for a job that paints nothing: there may be none, and
    guides need not be painted over. Raises OutputError."""
    shown = [ref for ref in settings.references if ref.image is not None and belongs_to(ref, objects)]
    folder = job_folder / FOLDER
    return tuple(
        ReferenceSpec(ref.image.name, camera=_camera(ref, folder, index))
        if ref.camera
        else ReferenceSpec(ref.image.name, ref.view)
        for index, ref in enumerate(shown)
    )


def _spec(reference: Any, folder: Path, index: int) -> ReferenceSpec:
    path = _file(reference.image, folder, index)
    if not reference.camera:
        return reference_spec([path, reference.view])
    if reference.guide_digest and file_digest(path) == reference.guide_digest:
        raise InputError(
            "guide-unpainted",
            tr("The guide '{name}' is still the bare object.", name=reference.image.name),
            tr("Paint over {path} and save it under the same name, or remove it from the references.", path=path),
        )
    return ReferenceSpec(path, camera=_camera(reference, folder, index))


def _camera(reference: Any, folder: Path, index: int) -> str:
    """The file with a guide's camera."""
    path = folder / f"camera_{index:02d}.json"
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(path, json.loads(reference.camera))
    return str(path)


def _file(image: bpy.types.Image, folder: Path, index: int) -> str:
    """The file of the picture; one is written for pictures that are packed, generated, or painted on and not saved."""
    name = image.name
    if image.source not in ("FILE", "GENERATED"):
        raise InputError(
            "reference-unreadable",
            tr("'{name}' is not a single picture.", name=name),
            tr("Choose a picture file such as a PNG or JPEG."),
        )
    path = Path(bpy.path.abspath(image.filepath, library=image.library)) if image.filepath else None
    if image.source == "FILE" and image.packed_file is None and not image.is_dirty:
        if path is None or not path.is_file():
            raise InputError(
                "reference-unreadable",
                tr("The file of the reference '{name}' is not there ({path}).", name=name, path=path or "-"),
                tr("Choose the picture again."),
            )
        if image.size[0] == 0 or is_cut_off(path):
            raise InputError(
                "reference-unreadable",
                tr("The reference '{name}' cannot be read: it is damaged, or of an unknown format.", name=name),
                tr("Save it again as PNG or JPEG."),
            )
        return str(path.resolve())
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    packed = image.packed_file
    if packed is not None and not image.is_dirty:
        copy = folder / f"reference_{index:02d}{(path.suffix if path else '') or '.png'}"
        with output_errors(copy):
            copy.write_bytes(packed.data)  # pyright: ignore[reportArgumentType]
        return str(copy)
    if image.size[0] == 0:
        raise InputError(
            "reference-unreadable",
            tr("The reference '{name}' has no pixels.", name=name),
            tr("Choose the picture again."),
        )
    copy = folder / f"reference_{index:02d}.png"
    write_png(copy, image_pixels(image, linear=image.is_float), level=1)
    return str(copy)
