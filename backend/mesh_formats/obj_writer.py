# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh as a Wavefront .obj, for programs of ours that are handed a file."""

from __future__ import annotations

from pathlib import Path

from ..mesh import MeshData
from ..whole_files import output_errors


def write_obj(path: Path, mesh: MeshData) -> None:
    """Vertices (Y up), the first UV map where there is one, and triangles. Raises OutputError."""
    lines = [f"v {x:.6f} {z:.6f} {-y:.6f}" for x, y, z in mesh.vertices.tolist()]
    maps = next(iter(mesh.uv.values()), None)
    if maps is not None:
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in maps.reshape(-1, 2).tolist()]
    for row, corners in enumerate((mesh.faces + 1).tolist()):
        places = (f"{c}/{3 * row + k + 1}" if maps is not None else str(c) for k, c in enumerate(corners))
        lines.append("f " + " ".join(places))
    with output_errors(path):
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
