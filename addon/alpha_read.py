# SPDX-License-Identifier: GPL-3.0-or-later
"""Where materials are cut out, for whoever must see through them (specs/blender-extension.md section 8).

Understood is what artists and importers build: the alpha of a Principled BSDF that comes from one picture, placed by a
UV map, perhaps through a threshold. Anything else is taken as solid, with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.cutouts import THRESHOLD, Cutout
from ..backend.dataset.lighting import srgb_to_linear
from . import compat
from .picture_read import image_pixels

MOST_PIXELS = 4096  # along a side; larger pictures are thinned out
# Math node -> what it computes
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "GREATER_THAN": np.greater,
    "LESS_THAN": np.less,
    "ADD": np.add,
    "SUBTRACT": np.subtract,
    "MULTIPLY": np.multiply,
    "ROUND": lambda value: np.floor(value + np.float32(0.5)),
}
_Test = tuple[str, list[float | None]]  # a Math node and its inputs, None where the picture comes in


class _NotReadError(Exception):
    """The alpha is made in a way that is not understood."""


def cutout_of(material: bpy.types.Material, active_uv: str) -> tuple[Cutout | None, str]:
    """Where the material is solid, None if everywhere; and a note if that could not be found out.

    active_uv: the UV map that renders, which places pictures that name none
    """
    tree = material.node_tree if compat.uses_nodes(material) else None
    output: Any = tree.get_output_node("ALL") if tree is not None else None
    links = output.inputs["Surface"].links if output is not None else ()
    shader = links[0].from_node if links else None
    if shader is None or shader.type != "BSDF_PRINCIPLED":
        return None, ""
    alpha: Any = compat.socket(shader.inputs, "Alpha")
    if not alpha.links:
        return None, ""
    try:
        picture, output_name, tests = _source(alpha)
        solid = _tested(_alpha(picture, output_name), tests) >= THRESHOLD
        return (None if solid.all() else Cutout(solid, _uv_map(picture, active_uv))), ""
    except _NotReadError as error:
        return None, f"The transparency of the material '{material.name}' {error}. It is taken as solid."


def _source(socket: Any) -> tuple[Any, str, list[_Test]]:
    """The image node behind a socket, its output, and the Math nodes between, the one at the picture first."""
    tests: list[_Test] = []
    while True:
        link = socket.links[0]
        node = link.from_node
        if node.type == "TEX_IMAGE":
            return node, link.from_socket.name, tests[::-1]
        if node.type == "REROUTE":
            socket = node.inputs[0]
            continue
        inputs = [item for item in node.inputs if not getattr(item, "is_unavailable", False)]
        linked = [item for item in inputs if item.links]
        if node.type != "MATH" or node.mute or len(linked) != 1:
            raise _NotReadError("does not come from one picture alone")
        tests.append((node.operation, [None if item.links else float(item.default_value) for item in inputs]))
        socket = linked[0]


def _tested(alpha: NDArray[np.float32], tests: Sequence[_Test]) -> NDArray[np.float32]:
    """The values after the Math nodes."""
    values = alpha
    for operation, given in tests:
        if operation not in _OPERATIONS:
            raise _NotReadError("is computed in a way that is not understood")
        inputs = [values if value is None else np.float32(value) for value in given]
        values = np.asarray(_OPERATIONS[operation](*inputs), np.float32)
    return values


def _alpha(node: Any, output: str) -> NDArray[np.float32]:
    """What an image node gives out, float32 (h, w), first row at the top."""
    image = node.image
    if image is None or image.source not in ("FILE", "GENERATED") or not image.size[0]:
        raise _NotReadError("comes from a picture that cannot be read")
    if node.projection != "FLAT" or node.extension != "REPEAT":
        raise _NotReadError("comes from a picture that is not simply repeated over the UV map")
    pixels = image_pixels(image, linear=image.is_float)
    step = -(-max(pixels.shape[:2]) // MOST_PIXELS)
    pixels = pixels[::step, ::step]
    if output == "Alpha":
        return pixels[..., 3].astype(np.float32) / 255
    grey = pixels[..., :3].mean(axis=-1).astype(np.float32) / 255
    return grey if image.colorspace_settings.is_data else srgb_to_linear(grey).astype(np.float32)


def _uv_map(node: Any, active_uv: str) -> str:
    vector = node.inputs["Vector"]
    if not vector.links:
        return active_uv
    source = vector.links[0].from_node
    if source.type == "UVMAP":
        return source.uv_map or active_uv
    if source.type == "TEX_COORD" and vector.links[0].from_socket.name == "UV":
        return active_uv
    raise _NotReadError("is moved or placed by more than a UV map")
