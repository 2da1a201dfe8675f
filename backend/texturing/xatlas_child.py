# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs xatlas in a process of its own: python xatlas_child.py INPUT.npz OUTPUT.npz.

INPUT: faces uint32 (n, 3); points float32 (v, 3) to unwrap, or (v, 2) to pack again as they are; size and padding in
texels. OUTPUT: uv float32 (n, 3, 2) in texels, before normalisation by width and height; vertex uint32 (n, 3), equal
where corners are joined; width, height.
"""

import sys

import numpy as np
import xatlas


def main(source: str, result: str) -> None:
    with np.load(source, allow_pickle=False) as data:
        points, faces = data["points"], data["faces"]
        size, padding = int(data["size"]), int(data["padding"])
    atlas = xatlas.Atlas()
    if points.shape[1] == 3:
        atlas.add_mesh(points, faces)
    else:
        atlas.add_uv_mesh(points, faces)
    pack = xatlas.PackOptions()
    pack.padding, pack.resolution, pack.bilinear = padding, size, True
    charts = xatlas.ChartOptions()
    charts.fix_winding = True
    atlas.generate(charts, pack)
    _, vertex, uv = atlas.get_mesh(0)
    if len(vertex) != len(faces) or atlas.atlas_count != 1:
        raise SystemExit("xatlas left faces out")
    with open(result, "wb") as file:
        np.savez(file, uv=uv[vertex], vertex=vertex, width=atlas.width, height=atlas.height)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
