# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials that are cut out: what is read of them, and that the renderer sees through them as we do."""

import numpy as np
import pytest
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.files import open_passes, save_header
from orbit_painter.backend.orbits.raycast import raycast_view

pytestmark = pytest.mark.bpy


@pytest.fixture
def card(empty):
    """A square with a leaf on it: alpha 0.3 in its left half and 0.8 in its right; object, shader, image node."""
    bpy = empty
    bpy.ops.mesh.primitive_plane_add()
    obj = bpy.context.object
    image = bpy.data.images.new("Leaf", 16, 8, alpha=True)
    pixels = np.ones((8, 16, 4), np.float32)
    pixels[:, :8, 3], pixels[:, 8:, 3] = 0.3, 0.8
    image.pixels.foreach_set(pixels.ravel())
    material = bpy.data.materials.new("Leaf")
    material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    tree.links.new(texture.outputs["Alpha"], shader.inputs["Alpha"])
    obj.data.materials.append(material)
    return obj, shader, texture


def read(obj, alpha="sample"):
    from orbit_painter.addon.scene_read import read_mesh

    mesh, _, notes = read_mesh([obj], alpha=alpha)
    return mesh, notes


def math(tree, operation, first, second):
    """A Math node with one socket or number for each input."""
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    for value, target in zip((first, second), node.inputs, strict=False):
        if isinstance(value, float):
            target.default_value = value
        else:
            tree.links.new(value, target)
    return node.outputs[0]


def test_a_picture_in_the_alpha(card):
    obj, _, _ = card
    mesh, notes = read(obj)
    assert notes == []
    assert mesh.cutouts[0].uv_map == "UVMap"
    assert np.array_equal(mesh.cutouts[0].solid, np.tile(np.arange(16) >= 8, (8, 1)))
    mesh, notes = read(obj, "opaque")
    assert (mesh.cutouts, mesh.holes, notes) == ({}, None, [])


@pytest.mark.parametrize(("cutoff", "solid"), [(0.2, 16), (0.5, 8), (0.9, 0)])
def test_a_threshold_as_importers_build_it(card, cutoff, solid):
    obj, shader, texture = card
    tree = shader.id_data
    below = math(tree, "LESS_THAN", texture.outputs["Alpha"], cutoff)
    tree.links.new(math(tree, "SUBTRACT", 1.0, below), shader.inputs["Alpha"])
    mesh, _ = read(obj)
    assert (mesh.cutouts[0].solid[0].sum() if mesh.cutouts else 16) == solid


def test_the_map_that_the_picture_names(card):
    obj, shader, texture = card
    obj.data.uv_layers.new(name="Second")
    node = shader.id_data.nodes.new("ShaderNodeUVMap")
    node.uv_map = "Second"
    shader.id_data.links.new(node.outputs[0], texture.inputs["Vector"])
    mesh, _ = read(obj)
    assert mesh.cutouts[0].uv_map == "Second"


@pytest.mark.parametrize("kind", ["mapped", "clipped", "mixed", "missing"])
def test_what_is_not_understood_is_solid_and_told(card, kind):
    obj, shader, texture = card
    tree = shader.id_data
    if kind == "mapped":
        tree.links.new(tree.nodes.new("ShaderNodeMapping").outputs[0], texture.inputs["Vector"])
    elif kind == "clipped":
        texture.extension = "CLIP"
    elif kind == "mixed":
        noise = tree.nodes.new("ShaderNodeTexNoise").outputs[0]
        tree.links.new(math(tree, "MULTIPLY", texture.outputs["Alpha"], noise), shader.inputs["Alpha"])
    else:
        texture.image = None
    mesh, notes = read(obj)
    assert mesh.cutouts == {}
    assert "'Leaf'" in notes[0]
    assert "solid" in notes[0]


def test_nothing_to_see_through_is_told(empty):
    empty.ops.mesh.primitive_cube_add()
    mesh, notes = read(empty.context.object)
    assert mesh.cutouts == {}
    assert len(notes) == 1
    assert "seen through" in notes[0]


def test_cycles_sees_what_our_rays_see(card, tmp_path, snapshot):
    """Two crossing cards and a wall behind them, from all around and above."""
    bpy = pytest.importorskip("bpy")
    from orbit_painter.addon.passes import render_passes
    from orbit_painter.addon.scene_read import read_mesh

    obj, _, _ = card
    obj.rotation_euler = (np.pi / 2, 0, 0.2)
    other = obj.copy()
    other.rotation_euler = (np.pi / 2, 0, 1.5)
    bpy.context.scene.collection.objects.link(other)
    bpy.ops.mesh.primitive_cube_add(location=(0.2, 1.6, 0), scale=(1, 0.1, 1))
    wall = bpy.context.object
    bpy.context.view_layer.update()
    mesh, _, _ = read_mesh([obj, other, wall], alpha="sample")
    cameras = [orbit_cameras("H", 8, 128)[k] for k in (0, 1, 4, 6)] + [orbit_cameras("V", 8, 128)[1]]
    save_header(tmp_path, mesh, cameras, (5, 0), renderer="cycles")
    before = snapshot()
    render_passes(mesh, cameras, tmp_path)
    assert snapshot() == before
    through = 0
    for view in open_passes(tmp_path):
        ours = raycast_view(mesh, view.camera)
        assert (view.mask != ours.mask).mean() < 4e-3
        same = view.mask & ours.mask & (view.object_id == ours.object_id)
        assert same.sum() > 0.99 * (view.mask & ours.mask).sum()
        assert np.quantile(np.abs(view.position[same] - ours.position[same]), 0.999) < 1e-4
        through += (raycast_view(read_mesh([obj, other, wall])[0], view.camera).object_id != ours.object_id).sum()
    assert through > 1000, "the cards hide what is behind them"


def test_a_job_asks_for_it(card, tmp_path):
    """The host reads it, guides and jobs of the panel carry it, and a program without Blender says that it cannot."""
    from orbit_painter.addon.host import BlenderHost
    from orbit_painter.backend.arguments import job_of, parser
    from orbit_painter.backend.errors import UsageError
    from orbit_painter.backend.file_host import FileHost
    from orbit_painter.backend.job import Job

    obj, _, _ = card
    words = ["passes", "--object", obj.name, "--alpha", "sample", "--out", str(tmp_path / "out")]
    job = job_of(parser().parse_args(words), None)
    assert BlenderHost().load(job).mesh.holes is not None
    assert BlenderHost().load(Job(str(tmp_path / "out"), objects=(obj.name,))).mesh.holes is None
    with pytest.raises(UsageError) as caught:
        FileHost().load(Job(str(tmp_path), mesh="x.glb", alpha="sample"))
    assert caught.value.code == "alpha-needs-blender"
