# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, InputError
from orbit_painter.backend.files import read_png, write_png
from orbit_painter.backend.mesh import Normalisation, normalisation_of
from orbit_painter.backend.orbits.cameras import orbit_cameras, orthographic_front

pytestmark = pytest.mark.bpy


@pytest.fixture
def cube(empty):
    """A cube whose faces have the colours red, green, blue, yellow, cyan, magenta by their directions."""
    colours = {(-1, 0, 0): (1, 0, 0), (1, 0, 0): (0, 1, 0), (0, -1, 0): (0, 0, 1)}
    colours |= {(0, 1, 0): (1, 1, 0), (0, 0, -1): (0, 1, 1), (0, 0, 1): (1, 0, 1)}
    empty.ops.mesh.primitive_cube_add(location=(5, 2, 1), scale=(2, 2, 2))
    obj = empty.context.object
    for index, (normal, colour) in enumerate(colours.items()):
        material = empty.data.materials.new(f"Side {index}")
        material.use_nodes = True
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*colour, 1)
        obj.data.materials.append(material)
        for polygon in obj.data.polygons:
            if np.allclose(polygon.normal, normal):
                polygon.material_index = index
    empty.context.view_layer.update()
    return obj


def unlit(objects, camera, normalisation=None, **options):
    from orbit_painter.tests.addon.unlit import render_unlit

    normalisation = normalisation or Normalisation((5, 2, 1), 0.25)
    return render_unlit(objects, camera, normalisation, **options)


def turntable(objects, path, **options):
    from orbit_painter.addon.preview import render_turntable

    render_turntable(objects, path, **options)


# Base colour


def test_base_colours_arrive_unchanged(cube, snapshot):
    before = snapshot()
    picture = unlit([cube], orthographic_front(64))
    assert snapshot() == before
    assert picture.shape == (64, 64, 4)
    assert np.abs(picture[32, 32].astype(int) - (0, 0, 255, 255)).max() <= 1
    assert picture[0, 0, 3] == 0
    across = (picture[32, :, 3] == 255).sum()
    assert abs(across - 64 / 1.1) <= 3


def test_cameras_are_those_of_the_orbits(cube):
    seen = [tuple(unlit([cube], camera)[16, 16, :3] > 127) for camera in orbit_cameras("H", 4, 32)]
    assert seen == [(0, 0, 1), (0, 1, 0), (1, 1, 0), (1, 0, 0)]
    seen = [tuple(unlit([cube], camera, size=16)[8, 8, :3] > 127) for camera in orbit_cameras("V", 4, 32)]
    assert seen == [(0, 0, 1), (1, 0, 1), (1, 1, 0), (0, 1, 1)]


@pytest.mark.assets
@pytest.mark.parametrize("name", ["spot", "water-bottle", "fox", "sheen-chair", "tea-set", "leafy-tree"])
def test_the_reference_pictures_again(empty, assets, name):
    """render_ref.py of the shared assets made ref.png in the same way."""
    from orbit_painter.addon.import_file import import_file

    path = next(path for path in (assets / name).glob("model.*") if path.suffix in (".glb", ".obj"))
    objects = [obj for obj in import_file(path) if obj.type == "MESH"]
    empty.context.scene.frame_set(1)
    deps = empty.context.evaluated_depsgraph_get()
    points = [obj.matrix_world @ v.co for o in objects for obj in [o.evaluated_get(deps)] for v in obj.data.vertices]
    at = normalisation_of(np.array(points))
    picture = unlit(objects, orthographic_front(512), Normalisation(at.centre, at.scale / 0.99999)).astype(int)
    expected = read_png(assets / name / "ref.png").astype(int)
    solid = (picture[..., 3] == 255) & (expected[..., 3] == 255)
    assert solid.sum() > 0.97 * (expected[..., 3] == 255).sum()
    apart = np.abs(picture - expected)[solid].max(axis=1)
    assert (apart <= 2).mean() > 0.98
    assert np.abs(picture[..., 3] - expected[..., 3]).mean() < 0.5


def test_textures_and_their_transparency(empty, tmp_path):
    from orbit_painter.addon.scene_write import apply_textures

    empty.ops.mesh.primitive_plane_add(size=2, rotation=(np.pi / 2, 0, 0))
    obj = empty.context.object
    write_png(tmp_path / "paint.png", np.full((8, 8, 4), (180, 90, 30, 255), np.uint8))
    apply_textures([obj], {obj.name: [tmp_path / "paint.png"]}, {obj.name: "UVMap"})
    shader = obj.material_slots[0].material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Alpha"].default_value = 0.5
    picture = unlit([obj], orthographic_front(64), Normalisation((0, 0, 0), 0.5))
    assert np.abs(picture[32, 32].astype(int) - (180, 90, 30, 128)).max() <= 12  # 16 samples of a half
    shader.inputs["Alpha"].default_value = 1.0
    picture = unlit([obj], orthographic_front(64), Normalisation((0, 0, 0), 0.5))
    assert np.abs(picture[32, 32].astype(int) - (180, 90, 30, 255)).max() <= 1


def test_what_the_viewport_shows_is_what_is_pictured(empty):
    """Modifiers, instances of a hidden object, and objects without materials."""
    empty.ops.mesh.primitive_cube_add(size=0.2)
    part = empty.context.object
    part.modifiers.new("Array", "ARRAY").count = 2
    group = empty.data.collections.new("Group")
    group.objects.link(part)
    empty.context.scene.collection.objects.unlink(part)
    empty_object = empty.data.objects.new("Instance", None)
    empty_object.instance_type, empty_object.instance_collection = "COLLECTION", group
    empty_object.location = (-0.4, 0, 0)
    empty.context.scene.collection.objects.link(empty_object)
    empty.context.view_layer.update()
    picture = unlit([empty_object], orthographic_front(110), Normalisation())
    columns = np.flatnonzero((picture[..., 3] > 128).any(axis=0))
    assert abs(columns[0] - 5) <= 1
    assert abs(columns[-1] - 44) <= 1


def test_nothing_to_show(empty):
    obj = empty.data.objects.new("Nothing", empty.data.meshes.new("Nothing"))
    empty.context.scene.collection.objects.link(obj)
    with pytest.raises(InputError) as error:
        unlit([obj], orthographic_front(16))
    assert error.value.code == "mesh-empty"
    assert len(empty.data.scenes) == 1


# Lit pictures


def test_a_still(cube, tmp_path, snapshot, capfd):
    from orbit_painter.addon.preview import render_still

    before = snapshot()
    capfd.readouterr()
    render_still([cube], tmp_path / "still.png", size=96)
    assert capfd.readouterr().out == ""
    assert snapshot() == before
    picture = read_png(tmp_path / "still.png").astype(int)
    assert picture.shape == (96, 96, 4)
    assert (picture[..., 3] == 255).all()
    assert np.ptp(picture[0, :, :3]) <= 10  # an even backdrop
    assert picture[0, 0, :3].min() > 200
    middle = picture[40:70, 40:56, :3].reshape(-1, 3)
    assert (middle[:, 2] > middle[:, 0] + 60).mean() > 0.5  # the front is blue


def test_floor_and_backdrop_are_of_one_brightness(empty, tmp_path):
    """No horizon: only what the object shades is darker."""
    from orbit_painter.addon.preview import render_still

    empty.ops.mesh.primitive_cube_add(size=1)
    empty.context.object.scale = (0.2, 0.2, 3)
    empty.context.view_layer.update()
    render_still([empty.context.object], tmp_path / "still.png", size=128)
    left = read_png(tmp_path / "still.png")[:, 4, :3].astype(int)
    assert np.ptp(left) <= 8


def frames_of(bpy, path, count):
    """The frames of a video, by Blender itself: uint8 (count, h, w, 4)."""
    scene = bpy.data.scenes.new("Read")
    from orbit_painter.addon import compat

    image = bpy.data.images.load(str(path))
    assert image.source == "MOVIE"
    assert image.frame_duration == count
    size = tuple(image.size)
    strip = compat.strips(scene.sequence_editor_create()).new_movie("film", str(path), 1, 1)
    assert strip.frame_final_duration == count
    bpy.data.scenes.remove(scene)
    bpy.data.images.remove(image)
    return size


def test_a_turntable(bpy, cube, tmp_path, snapshot, capfd):
    before = snapshot()
    seen = []
    capfd.readouterr()
    turntable([cube], tmp_path / "turn.mp4", frames=6, size=65, progress=lambda f, d="": seen.append(f))
    assert capfd.readouterr().out == ""
    assert snapshot() == before
    assert [p.name for p in tmp_path.iterdir()] == ["turn.mp4"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 7
    assert frames_of(bpy, tmp_path / "turn.mp4", 6) == (64, 64)


def test_a_turntable_shows_all_sides(cube, tmp_path):
    iio = pytest.importorskip("imageio.v2")
    turntable([cube], tmp_path / "turn.mp4", frames=4, size=64)
    frames = [np.asarray(frame, int) for frame in iio.mimread(tmp_path / "turn.mp4")]
    sides = [frame[34:44, 28:36].mean(axis=(0, 1)) > 100 for frame in frames]
    expected = [(False, False, True), (False, True, False), (True, True, False), (True, False, False)]
    assert [tuple(side) for side in sides] == expected


def test_stopping_a_turntable_leaves_nothing(cube, tmp_path, snapshot, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    before = snapshot()
    (tmp_path / "turn.mp4").write_text("older")

    def stop(fraction, detail=""):
        if fraction > 0.3:
            raise CancelledError()

    with pytest.raises(CancelledError):
        turntable([cube], tmp_path / "turn.mp4", frames=8, size=32, progress=stop)
    assert snapshot() == before
    assert [p.name for p in tmp_path.iterdir()] == ["turn.mp4"]
    assert (tmp_path / "turn.mp4").read_text() == "older"


@pytest.mark.assets
def test_a_rig_in_its_pose(bpy, empty, assets, snapshot, tmp_path):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.preview import render_still

    objects = [obj for obj in import_file(assets / "fox" / "model.glb") if obj.type == "MESH"]
    before = snapshot()
    render_still(objects, Path(tmp_path) / "fox.png", size=64)
    assert snapshot() == before
