# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose that a glTF file opens with in Blender: the first animation at frame 1, which is what artists draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .gltf import Document

SECONDS = 1 / 24  # frame 1 at Blender's own rate
_PATHS = ("translation", "rotation", "scale", "weights")


def posed_nodes(document: Document) -> list[dict[str, Any]]:
    """The file's nodes with the transforms and morph weights of its first animation (glTF 2.0, 3.11 and appendix C).

    Raises KeyError, IndexError, TypeError or ValueError where its parts do not fit together.
    """
    nodes = [dict(node) for node in document.items("nodes")]
    for animation in document.items("animations")[:1]:
        for channel in animation["channels"]:
            target = channel["target"]
            if "node" not in target or target["path"] not in _PATHS:
                continue
            sampler = animation["samplers"][channel["sampler"]]
            value = _sampled(document, sampler)
            if target["path"] == "rotation":
                value /= max(float(np.linalg.norm(value)), 1e-12)
            nodes[target["node"]][target["path"]] = value.tolist()
    return nodes


def _sampled(document: Document, sampler: Mapping[str, Any]) -> NDArray[np.float64]:
    """The sampler's value at SECONDS, held before the first and after the last key."""
    times = document.accessor(sampler["input"])[:, 0].astype(np.float64)
    kind = sampler.get("interpolation", "LINEAR")
    values = document.accessor(sampler["output"]).astype(np.float64)
    values = values.reshape(len(times), 3 if kind == "CUBICSPLINE" else 1, -1)  # (keys, in-tangent, value, out-tangent)
    middle = values.shape[1] // 2
    at = int(np.searchsorted(times, SECONDS, side="right")) - 1
    if at < 0 or at == len(times) - 1 or kind == "STEP":
        return values[max(at, 0), middle]
    span = times[at + 1] - times[at]
    t = (SECONDS - times[at]) / max(span, 1e-12)
    first, second = values[at, middle], values[at + 1, middle]
    if kind == "CUBICSPLINE":
        out, into = span * values[at, 2], span * values[at + 1, 0]
        a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
        return a * first + b * out + (1 - a) * second + (t**3 - t**2) * into
    if len(first) == 4 and first @ second < 0:  # the shorter way between two rotations
        second = -second
    return (1 - t) * first + t * second
