# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender: blender -b --factory-startup -P check_writing.py -- FOLDER MODEL. Applies, saves, exports."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE)]


def main(folder, model):
    spec = importlib.util.spec_from_file_location(
        "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = sys.modules["orbit_painter"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from orbit_painter.addon.export import export_glb, save_blend
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.picture_read import read_picture
    from orbit_painter.addon.preview import render_still, render_turntable
    from orbit_painter.addon.scene_read import read_mesh
    from orbit_painter.addon.scene_write import apply_textures, restore
    from orbit_painter.addon.unwrap import unwrap_objects
    from orbit_painter.addon.uv_write import write_uv_map
    from orbit_painter.backend.files import write_png
    from orbit_painter.backend.orbits.cameras import orthographic_front
    from state_guard import snapshot
    from unlit import render_unlit

    (obj,) = (o for o in import_file(model) if o.type == "MESH")
    before = snapshot()
    uv = unwrap_objects([obj])[obj.name]
    assert snapshot() == before
    first = obj.data.uv_layers[0].name
    name = write_uv_map(obj, "OrbitPainter", uv)
    assert (name, obj.data.uv_layers.active.name) == ("OrbitPainter", first)

    tiles = [folder / f"paint.{number}.png" for number in (1001, 1002)]
    for path, colour in zip(tiles, ((210, 60, 20, 255), (20, 60, 210, 255)), strict=True):
        write_png(path, np.full((16, 16, 4), colour, np.uint8))
    assert tuple(read_picture(tiles[0])[3, 3]) == (210, 60, 20, 255)
    before = snapshot()
    for files, mode in ((tiles[:1], "new_material"), (tiles, "add_to_existing"), (tiles[:1], "image_only")):
        restore(apply_textures([obj], {obj.name: files}, {obj.name: name}, mode=mode, recipe_id="x"))
        after = snapshot()
        changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        assert [key for key in changed if ".node_tree.links[" not in key] == [], (mode, changed[:9])
    apply_textures([obj], {obj.name: tiles[:1]}, {obj.name: name}, recipe_id="x")

    before = snapshot()
    mesh, _, _ = read_mesh([obj])
    picture = render_unlit([obj], orthographic_front(64), mesh.normalisation)
    assert np.abs(picture[32, 32].astype(int) - (210, 60, 20, 255)).max() <= 1, picture[32, 32]
    render_still([obj], folder / "still.png", size=64)
    render_turntable([obj], folder / "turntable.mp4", frames=3, size=64)
    assert (folder / "turntable.mp4").stat().st_size > 1000
    save_blend(folder / "scene.blend")
    export_glb(folder / "scene.glb", [obj])
    after = snapshot()
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    assert changed == []

    count = len(mesh.faces)
    for path in (folder / "scene.blend", folder / "scene.glb"):
        for tile in tiles:
            tile.unlink(missing_ok=True)
        (obj,) = (o for o in import_file(path) if o.type == "MESH")
        mesh, _, _ = read_mesh([obj])
        assert len(mesh.faces) == count, path
        picture = render_unlit([obj], orthographic_front(64), mesh.normalisation)
        assert np.abs(picture[32, 32].astype(int) - (210, 60, 20, 255)).max() <= 1, (path, picture[32, 32])
    print("WRITING OK")


if __name__ == "__main__":
    main(*map(Path, sys.argv[sys.argv.index("--") + 1 :]))
