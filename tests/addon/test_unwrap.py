# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.texturing.uv_quality import measure_uv

pytestmark = pytest.mark.bpy


def unwrap(objects, **options):
    from orbit_painter.addon.unwrap import unwrap_objects

    return unwrap_objects(objects, **options)


def quality(obj, uv):
    """How the UVs of an object measure, by its triangles; also their areas in the world."""
    mesh = obj.data
    mesh.calc_loop_triangles()
    loops = np.array([t.loops[:] for t in mesh.loop_triangles])
    co = np.array([obj.matrix_world @ v.co for v in mesh.vertices])
    corners = co[np.array([t.vertices[:] for t in mesh.loop_triangles])]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    return measure_uv(uv[loops], area, np.array([t.polygon_index for t in mesh.loop_triangles])), area


def uv_area(obj, uv):
    obj.data.calc_loop_triangles()
    t = uv[np.array([t.loops[:] for t in obj.data.loop_triangles])]
    a, b = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2


@pytest.mark.assets
@pytest.mark.parametrize(
    "name",
    [
        "spot",
        "fox",
        "sheen-chair",
        "cracker-box",
        "nasty-no-uv",
        "nasty-degenerate",
        "nasty-shared-mirrored",
        "nasty-udim",
    ],
)
def test_clean_uvs_and_nothing_else(empty, assets, snapshot, name):
    from orbit_painter.addon.import_file import import_file

    path = next(path for path in (assets / name).glob("model.*") if path.suffix in (".glb", ".obj"))
    objects = [obj for obj in import_file(path) if obj.type == "MESH"]
    before = snapshot()
    found = unwrap(objects)
    assert snapshot() == before
    assert list(found) == [obj.name for obj in objects]
    for obj in objects:
        uv = found[obj.name]
        assert uv.shape == (len(obj.data.loops), 2)
        assert uv.dtype == np.float32
        measured, _ = quality(obj, uv)
        assert measured.usable, measured.reason
        assert measured.overlap < (0.03 if name in ("nasty-degenerate", "nasty-no-uv") else 0.005)
        assert uv_area(obj, uv) > 0.2  # of the texture


def test_polygons_stored_one_by_one_are_joined(empty):
    """An icosphere whose triangles share no vertices is not cut into its triangles."""
    empty.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
    whole = empty.context.object
    mesh = empty.data.meshes.new("Split")
    co = np.array([whole.data.vertices[loop.vertex_index].co for loop in whole.data.loops])
    mesh.from_pydata(co.tolist(), [], np.arange(len(co)).reshape(-1, 3).tolist())
    split = empty.data.objects.new("Split", mesh)
    empty.context.scene.collection.objects.link(split)
    found = unwrap([whole, split])
    assert np.allclose(found[whole.name], found["Split"], atol=0.02)


def test_a_polygon_that_uses_a_vertex_twice(empty):
    mesh = empty.data.meshes.new("Odd")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3), (0, 1, 1), (2, 2, 2), (0, 2, 3)])
    obj = empty.data.objects.new("Odd", mesh)
    empty.context.scene.collection.objects.link(obj)
    assert unwrap([obj])["Odd"].shape == (len(mesh.loops), 2)


def test_together_in_one_texture_at_one_scale(empty):
    empty.ops.mesh.primitive_cube_add(location=(-3, 0, 0))
    small = empty.context.object
    empty.ops.mesh.primitive_cube_add(location=(3, 0, 0), scale=(2, 2, 2))
    large = empty.context.object
    found = unwrap([small, large], together=True)
    ratio = uv_area(large, found[large.name]) / uv_area(small, found[small.name])
    assert abs(ratio - 4) < 0.1
    both = np.concatenate([found[small.name], found[large.name]])
    measured = measure_uv(both.reshape(-1, 4, 2)[:, :3], np.ones(12), np.arange(12))
    assert measured.overlap == 0
    apart = unwrap([small, large])
    assert np.allclose(apart[small.name], apart[large.name], atol=1e-3)


def test_stretched_objects_get_even_texels(empty):
    empty.ops.mesh.primitive_cube_add(scale=(4, 1, 1))
    obj = empty.context.object
    empty.context.view_layer.update()
    uv = unwrap([obj])[obj.name]
    _, area = quality(obj, uv)
    obj.data.calc_loop_triangles()
    t = uv[np.array([t.loops[:] for t in obj.data.loop_triangles])]
    a, b = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]
    density = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2 / area
    assert density.max() / density.min() < 1.05


def test_linked_duplicates_get_equal_uvs(empty):
    empty.ops.mesh.primitive_cube_add()
    first = empty.context.object
    second = empty.data.objects.new("Second", first.data)
    empty.context.scene.collection.objects.link(second)
    found = unwrap([first, second])
    assert np.array_equal(found[first.name], found["Second"])


def test_an_object_without_faces(empty):
    obj = empty.data.objects.new("Nothing", empty.data.meshes.new("Nothing"))
    empty.context.scene.collection.objects.link(obj)
    with pytest.raises(InputError) as error:
        unwrap([obj])
    assert error.value.code == "mesh-empty"
    assert not [mesh for mesh in empty.data.meshes if mesh.name.startswith(".orbit")]
