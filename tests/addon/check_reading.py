# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender: blender -b -P check_reading.py -- FOLDER. Imports, reads, renders, compares."""

import sys
from pathlib import Path

import bpy
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


def write_model(path):
    """A cube and a mirrored one beside it, in the format of the path."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_cube_add(location=(-2, 0, 0))
    bpy.ops.mesh.primitive_cube_add(location=(2, 0, 0), scale=(-1, 1, 0.5))
    export = {
        ".glb": bpy.ops.export_scene.gltf,
        ".obj": bpy.ops.wm.obj_export,
        ".ply": bpy.ops.wm.ply_export,
        ".stl": bpy.ops.wm.stl_export,
        ".fbx": bpy.ops.export_scene.fbx,
        ".usdc": bpy.ops.wm.usd_export if "usd_export" in dir(bpy.ops.wm) else None,
        ".blend": bpy.ops.wm.save_as_mainfile,
    }[path.suffix]
    if export is None:
        return False
    export(filepath=str(path), **({"copy": True} if path.suffix == ".blend" else {}))
    return True


def failure(call, *arguments):
    try:
        call(*arguments)
    except Exception as error:
        return getattr(error, "code", error)
    return None


def main(folder):
    try:
        import conftest  # noqa: F401  in a test environment it makes the package importable
    except ImportError:  # no pytest here
        import importlib.util

        root = HERE.parent.parent
        spec = importlib.util.spec_from_file_location(
            "orbit_painter", root / "__init__.py", submodule_search_locations=[str(root)]
        )
        module = sys.modules["orbit_painter"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.passes import render_passes
    from orbit_painter.addon.scene_read import find_objects, read_mesh
    from orbit_painter.backend.orbits.cameras import orbit_cameras
    from orbit_painter.backend.orbits.files import open_passes, save_header
    from state_guard import snapshot

    for suffix in (".glb", ".obj", ".ply", ".stl", ".fbx", ".usdc", ".blend"):
        path = folder / f"model{suffix}"
        if not write_model(path):
            continue
        assert import_file(path), suffix
        mesh, _, _ = read_mesh(find_objects())
        assert len(mesh.faces) == 24, suffix
        assert np.allclose(np.ptp(mesh.vertices, axis=0), [0.99999, 1 / 3, 1 / 3], atol=1e-4), suffix
        path.write_bytes(path.read_bytes()[:-200] if suffix != ".obj" else b"\0\1\2" * 99)
        assert failure(import_file, path) == "file-damaged", suffix

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_uv_sphere_add(segments=32, ring_count=16)
    bpy.ops.object.shade_smooth()
    ball = bpy.context.object
    ball.scale = (1, -2, 1)
    ball.modifiers.new("Array", "ARRAY").count = 2
    bpy.ops.mesh.primitive_cube_add(location=(0, 0, 3))
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.context.evaluated_depsgraph_get()
    before = snapshot()
    mesh, _, _ = read_mesh(find_objects())
    cameras = orbit_cameras("H", 5, 128) + orbit_cameras("V", 5, 128)
    save_header(folder, mesh, cameras, (5, 5), renderer="cycles")
    render_passes(mesh, cameras, folder)
    after = snapshot()
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert not changed, sorted(changed)[:20]
    for view in open_passes(folder):
        assert 0.05 < view.mask.mean() < 0.6
        assert set(np.unique(view.object_id)) <= {-1, 0, 1}
        pixels, _ = view.camera.project(view.position[view.mask])
        rows, columns = np.nonzero(view.mask)
        assert np.abs(pixels - np.stack([columns, rows], -1) - 0.5).max() < 0.05
        assert np.abs(np.linalg.norm(view.normal[view.mask], axis=-1) - 1).max() < 1e-4
        facing = (view.normal * view.camera.towards(view.position)).sum(-1)[view.mask]
        assert (facing > -0.2).all()
    print("READING AND RENDERING OK", bpy.app.version_string)


main(Path(sys.argv[sys.argv.index("--") + 1]))
