# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting from the texture that objects have: what the engine is given, and what becomes of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError, UsageError
from orbit_painter.backend.job import Job
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.existing import existing_name, read_existing
from orbit_painter.backend.orbits.raycast import raycast_view
from orbit_painter.backend.painters.frames_file import load_frames
from orbit_painter.backend.progress import silent

from .conftest import load_sibling

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
pytestmark = pytest.mark.bpy


@pytest.fixture
def painted_cube(empty):
    """A cube whose sides are red, but the -Y side, which is blue; half of the blue is transparent."""
    bpy = empty
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    for name, colour in (("Red", (0.8, 0.1, 0.1, 1)), ("Blue", (0.1, 0.1, 0.8, 1))):
        material = bpy.data.materials.new(name)
        material.use_nodes = True
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Base Color"].default_value = colour
        shader.inputs["Alpha"].default_value = 0.5 if name == "Blue" else 1.0
        obj.data.materials.append(material)
    for polygon in obj.data.polygons:
        polygon.material_index = int(polygon.normal.y < -0.5)
    return obj


def loaded(job):
    from orbit_painter.addon.host import BlenderHost

    host = BlenderHost()
    return host, host.load(job).mesh


def srgb(value):
    return 255 * (1.055 * value ** (1 / 2.4) - 0.055)


def test_the_base_colour_of_each_view(painted_cube, tmp_path, snapshot):
    job = Job(str(tmp_path / "out"), objects=("Cube",), existing=0.5)
    host, mesh = loaded(job)
    cameras = orbit_cameras("H", 4, 64)
    before = snapshot()
    host.render_existing(mesh, cameras, tmp_path, job, silent)
    assert snapshot() == before
    for index, (red, blue) in enumerate(((0.1, 0.8), (0.8, 0.1), (0.8, 0.1), (0.8, 0.1))):
        picture, mask = read_existing(tmp_path, index), raycast_view(mesh, cameras[index]).mask
        inside = mask & np.roll(mask, 2, 0) & np.roll(mask, -2, 0) & np.roll(mask, 2, 1) & np.roll(mask, -2, 1)
        assert (picture[inside, 3] == 255).all(), "what is transparent has a colour, too"
        expected = [srgb(red), srgb(0.1), srgb(blue)]
        assert np.abs(picture[inside, :3] - expected).max() < 2
        outside = ~mask & ~np.roll(mask, 2, 0) & ~np.roll(mask, -2, 0) & ~np.roll(mask, 2, 1) & ~np.roll(mask, -2, 1)
        assert (picture[outside, 3] == 0).all()


def test_what_cannot_be_started_from(empty, tmp_path):
    empty.ops.mesh.primitive_cube_add()
    job = Job(str(tmp_path / "out"), objects=("Cube",), existing=0.5)
    host, mesh = loaded(job)
    with pytest.raises(InputError) as caught:
        host.render_existing(mesh, orbit_cameras("H", 4, 64), tmp_path, job, silent)
    assert caught.value.code == "existing-missing"
    with pytest.raises(InputError) as caught:
        read_existing(tmp_path, 0)
    assert caught.value.code == "existing-not-rendered"
    with pytest.raises(UsageError):
        Job(str(tmp_path), existing=1.5)


def test_the_panel_knows_whether_there_is_a_texture(extension):
    from orbit_painter.addon import targets

    extension.ops.mesh.primitive_cube_add()
    assert not targets.overview(extension.context).usable[0].has_material
    extension.context.object.data.materials.append(extension.data.materials.new("Plain"))
    assert targets.overview(extension.context).usable[0].has_material


@pytest.mark.slow
def test_what_references_do_not_show_stays(extension, tmp_path):
    """Painted again with strength 0, the back of the owl is what it was; strength 1 asks for the job without it."""
    generating = load_sibling("test_generate")
    bpy = extension
    bpy.ops.import_scene.gltf(filepath=str(EXAMPLES / "sample.glb"))
    owl, settings = bpy.data.objects["Owl"], bpy.context.scene.orbit_painter
    shader = next(n for n in owl.active_material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    for link in list(shader.inputs["Base Color"].links):
        owl.active_material.node_tree.links.remove(link)
    shader.inputs["Base Color"].default_value = (0.05, 0.5, 0.9, 1)
    bpy.ops.orbit_painter.reference_add(filepath=str(EXAMPLES / "reference.png"))
    for name, value in generating.TINY.items():
        setattr(settings, name, value)
    frames = {}
    for strength in (None, 0.0):
        settings.use_existing = strength is not None
        settings.existing = strength or 0.0
        known = set((tmp_path / "jobs").glob("*-Owl-*")) if (tmp_path / "jobs").is_dir() else set()
        if strength is not None:
            bpy.ops.orbit_painter.restore_original()
        assert bpy.ops.orbit_painter.generate() == {"FINISHED"}
        (folder,) = set((tmp_path / "jobs").glob("*-Owl-*")) - known
        frames[strength] = load_frames(folder / "work" / "paint").frames
        used = json.loads((folder / "recipe.json").read_text())["job"]["existing"]
        assert used == (0.0 if strength == 0 else 1.0)
        assert (folder / "work" / "passes" / existing_name(0)).is_file() == (strength == 0.0)
    settings.existing = 1.0
    from orbit_painter.addon.job_settings import jobs_from_settings

    assert jobs_from_settings(bpy.context)[0][0].existing == 1.0
    blue = np.array([srgb(0.05), srgb(0.5), srgb(0.9)])
    back = frames[0.0][2]  # of 5 views around
    unseen = (back.image[..., 3] > 0) & (back.confidence == 0)
    assert unseen.sum() > 200
    assert np.abs(back.image[unseen, :3] - blue).max() < 3
    front = frames[0.0][0]
    seen = (front.image[..., 3] > 0) & (front.confidence == 255)
    assert seen.sum() > 200
    assert np.array_equal(front.image[seen], frames[None][0].image[seen])


def test_strokes_that_are_in_no_file_are_told_before_another_blender_misses_them(extension, tmp_path):
    from orbit_painter.addon import jobs

    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    image, material = bpy.data.images.new("Strokes", 4, 4), bpy.data.materials.new("Skin")
    material.use_nodes = True
    group = bpy.data.node_groups.new("Inner", "ShaderNodeTree")
    group.nodes.new("ShaderNodeTexImage").image = image
    material.node_tree.nodes.new("ShaderNodeGroup").node_tree = group
    bpy.context.object.data.materials.append(material)
    image.pixels[0] = 1.0
    assert image.is_dirty
    for number, changes in enumerate(({"existing": 0.5}, {"alpha": "sample"})):
        job = Job(str(tmp_path / str(number)), objects=("Cube",), **changes)
        with pytest.raises(InputError, match="Strokes") as caught:
            jobs.submit(bpy.context, job, [bpy.context.object])
        assert caught.value.code == "picture-unsaved"
    assert not jobs.jobs()
