# SPDX-License-Identifier: GPL-3.0-or-later
"""Training data sees the plain base colour, metallic and roughness of a model's materials."""

import numpy as np
import pytest
from orbit_painter.backend.dataset.lighting import linear_to_srgb
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.raycast import raycast_view

pytestmark = pytest.mark.bpy

# base colour (linear), metallic, roughness of the sides that the first and the second of four frames show
FRONT, RIGHT = ((0.8, 0.1, 0.1), 0.0, 0.3), ((0.5, 0.5, 0.5), 1.0, 0.7)


@pytest.fixture
def model(empty, tmp_path):
    """A cube with two materials, one of them half transparent, in a file that wants AgX."""
    empty.ops.mesh.primitive_cube_add(location=(3, 0, 1))
    obj = empty.context.object
    for index, (colour, metallic, roughness) in enumerate((FRONT, RIGHT)):
        material = empty.data.materials.new(f"side {index}")
        material.use_nodes = True
        inputs = material.node_tree.nodes["Principled BSDF"].inputs
        inputs["Base Color"].default_value = (*colour, 1)
        inputs["Metallic"].default_value, inputs["Roughness"].default_value = metallic, roughness
        inputs["Alpha"].default_value = 0.5 if index else 1.0
        obj.data.materials.append(material)
    for polygon in obj.data.polygons:
        polygon.material_index = int(polygon.normal.x > 0.5)
    empty.context.scene.view_settings.view_transform = "AgX"
    path = tmp_path / "cube.blend"
    empty.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def test_colours_and_values_arrive_as_they_are(model):
    from orbit_painter.addon.textured_model import textured_model

    with textured_model(model) as (mesh, paint_of):
        for camera, (colour, metallic, roughness) in zip(orbit_cameras("H", 4, 64)[:2], (FRONT, RIGHT), strict=True):
            view = raycast_view(mesh, camera)
            for _ in range(2):  # what is shown changes and changes back
                paint = paint_of(view)
                assert len(paint.colour) == view.mask.sum() > 1000
                expected = linear_to_srgb(np.array(colour))
                assert np.abs(np.median(paint.colour, axis=0) - expected).max() < 1.5 / 255
                assert np.median(paint.metallic) == pytest.approx(metallic, abs=0.01)
                assert np.median(paint.roughness) == pytest.approx(roughness, abs=0.01)


def test_nothing_is_left_behind(model):
    import bpy
    from orbit_painter.addon.textured_model import textured_model

    with textured_model(model):
        pass
    assert [material.name for material in bpy.data.materials] == ["side 0", "side 1"]
    assert len(bpy.data.scenes) == 1


def test_a_model_is_evaluated_against_its_own_texture(model, tmp_path):
    import json
    import sys

    from orbit_painter.addon.host import BlenderHost
    from orbit_painter.backend.console import TerminalConsole
    from orbit_painter.backend.evaluation.evaluation_set import EvaluationItem
    from orbit_painter.backend.evaluation.score import score_item
    from orbit_painter.backend.evaluation.settings import Settings
    from orbit_painter.backend.files import read_png
    from orbit_painter.backend.job import Job

    fuse = {"label_grid": 48, "grid": 48}
    job = Job(str(tmp_path / "out"), mesh=str(model), engine="truth", views=(5, 5), size=64, renderer="embree",
              texture_size=128, fuse=fuse)  # fmt: skip
    settings = Settings(textured=True, held_out=3, picture_size=64)
    console = TerminalConsole(sys.stderr)
    path = score_item(EvaluationItem("cube", job), settings, BlenderHost, console, lambda: None)
    row = json.loads(path.read_text())["bakes"]["ours"]
    assert row["psnr"] > 20
    assert row["coverage"] > 0.8  # seen at a grazing angle does not count
    reference = read_png(tmp_path / "out" / "reference.png")
    inside = reference[reference[..., 3] == 255][:, :3]
    assert np.abs(np.median(inside, axis=0) - 255 * linear_to_srgb(np.array(FRONT[0]))).max() < 1.5
