# SPDX-License-Identifier: GPL-3.0-or-later
import time

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.mesh import face_normals

pytestmark = pytest.mark.bpy


def read(*names, pose="evaluated"):
    from orbit_painter.addon.scene_read import find_objects, read_mesh

    return read_mesh(find_objects(names or None), pose=pose)


def add(bpy, name, vertices, faces, edges=()):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, edges, faces)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def cube(bpy, name="Cube", **place):
    bpy.ops.mesh.primitive_cube_add(**place)
    bpy.context.object.name = bpy.context.object.data.name = name
    return bpy.context.object


def code(*names):
    with pytest.raises(InputError) as caught:
        read(*names)
    assert caught.value.advice
    return caught.value.code


def outward(mesh, rows=slice(None)):
    """Geometric and shading normals of faces point away from the middle of a convex object."""
    normals, _ = face_normals(mesh.vertices, mesh.faces[rows])
    centres = mesh.triangles[rows].mean(axis=1)
    middle = mesh.vertices[np.unique(mesh.faces[rows])].mean(axis=0)
    away = centres - middle
    return ((normals * away).sum(-1) > 0).all() and (
        (mesh.corner_normals[rows] * away[:, None]).sum(-1) > 0
    ).all()  # fmt: skip


def test_a_cube(empty):
    cube(empty, location=(5, 0, 0), scale=(2, 1, 1))
    mesh, (source,), notes = read()
    assert notes == []
    assert mesh.faces.shape == (12, 3)
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.dtype == mesh.corner_loop.dtype == mesh.face_polygon.dtype == np.int32
    assert mesh.normalisation.invert(mesh.vertices).min(axis=0) == pytest.approx([3, -1, -1], abs=1e-5)
    assert np.abs(mesh.vertices).max(axis=0) == pytest.approx([0.499995, 0.2499975, 0.2499975])
    assert outward(mesh)
    assert sorted(np.bincount(mesh.face_polygon)) == [2] * 6
    assert sorted(np.unique(mesh.corner_loop)) == list(range(24))
    assert mesh.active_uv == {0: "UVMap"}
    assert (source.topology_kept, source.instanced, source.editable, source.loops) == (True, False, True, 24)
    assert source.resolve() == empty.data.objects["Cube"]
    assert mesh.double_sided.all()


def test_loops_lead_back_to_the_uvs_and_vertices(empty):
    obj = cube(empty, scale=(1, -2, 3))
    mesh, _, _ = read()
    layer = obj.data.uv_layers[0]
    uv = np.array([d.vector[:] for d in layer.uv], np.float32)
    assert np.array_equal(mesh.uv["UVMap"], uv[mesh.corner_loop])
    vertex = np.array([loop.vertex_index for loop in obj.data.loops])
    world = np.array([obj.matrix_world @ v.co for v in obj.data.vertices])
    expected = mesh.normalisation.apply(world)[vertex[mesh.corner_loop]]
    assert np.abs(mesh.triangles - expected).max() < 1e-6


@pytest.mark.parametrize("scale", [(1, 1, 1), (-1, 1, 1), (-1, -2, 1), (-0.5, -2, -3), (1e-4, 1e-4, -1e-4)])
def test_scale_keeps_the_outside_outside(empty, scale):
    empty.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24)
    empty.ops.object.shade_smooth()
    obj = empty.context.object
    obj.scale = scale
    obj.rotation_euler = (0.3, 0.2, 0.1)
    mesh, _, _ = read()
    assert outward(mesh)
    # normals of an ellipsoid: the inverse transpose of the sphere's
    world = mesh.normalisation.invert(mesh.triangles)
    empty.context.view_layer.update()
    inverse = np.array(obj.matrix_world.inverted_safe(), np.float64)[:3, :3]
    expected = (world @ inverse.T) @ inverse
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    assert np.abs(mesh.corner_normals - expected).max() < 0.01


def test_a_uv_map_that_a_script_removed_without_a_word(empty):
    """Blender evaluates nothing again for it; a texture laid out in it would fit nothing."""
    obj = cube(empty)
    assert list(read()[0].uv) == ["UVMap"]
    obj.data.uv_layers.remove(obj.data.uv_layers[0])
    assert list(read()[0].uv) == []


def test_ngons_are_split_inside(empty):
    points = [(0, 0, 0), (4, 0, 0), (4, 1, 0), (1, 1, 0), (1, 4, 0), (0, 4, 0)]  # an L
    add(empty, "L", points, [range(6)])
    mesh, _, _ = read()
    assert (mesh.face_polygon == 0).all()
    _, area = face_normals(mesh.normalisation.invert(mesh.vertices), mesh.faces)
    assert area.sum() == pytest.approx(7)


def test_several_objects_maps_and_slots(empty):
    a, b = cube(empty, "A"), cube(empty, "B", location=(4, 0, 0))
    a.data.uv_layers.new(name="Second").active_render = True
    b.data.uv_layers[0].name = "Other"
    red, blue = empty.data.materials.new("red"), empty.data.materials.new("blue")
    blue.use_backface_culling = True
    for material in (red, None, blue):
        a.data.materials.append(material)
    for polygon, slot in zip(a.data.polygons, (0, 0, 1, 2, 2, 2), strict=True):
        polygon.material_index = slot
    mesh, sources, _ = read()
    assert mesh.object_names == ("A", "B")
    assert mesh.active_uv == {0: "Second", 1: "Other"}
    assert np.isnan(mesh.uv["Other"][mesh.face_object == 0]).all()
    assert np.isfinite(mesh.uv["Other"][mesh.face_object == 1]).all()
    names = np.array([*mesh.material_names, ""])[mesh.face_material]
    assert [(names == n).sum() for n in ("red", "blue", "")] == [4, 6, 2 + 12]
    assert np.array_equal(mesh.double_sided, names != "blue")
    assert sources[0].slots == ("red", "", "blue")


def test_materials_of_the_object_win(empty):
    a, b = cube(empty, "A"), cube(empty, "B", location=(4, 0, 0))
    b.data = a.data
    a.data.materials.append(empty.data.materials.new("shared"))
    b.material_slots[0].link = "OBJECT"
    b.material_slots[0].material = empty.data.materials.new("own")
    mesh, _, _ = read()
    assert [mesh.material_names[mesh.face_material[mesh.face_object == i][0]] for i in (0, 1)] == ["shared", "own"]
    assert mesh.instance_of == {1: 0}


def test_modifiers_are_seen_and_not_applied(empty, snapshot):
    obj = cube(empty)
    obj.modifiers.new("array", "ARRAY").count = 3
    before = snapshot()
    mesh, (source,), _ = read()
    assert len(mesh.faces) == 36
    assert source.topology_kept is False
    obj.modifiers.clear()
    for kind in ("MIRROR", "TRIANGULATE"):
        obj.modifiers.clear()
        obj.modifiers.new("m", kind)
        assert read()[1][0].topology_kept is False
    obj.modifiers.clear()
    obj.modifiers.new("displace", "DISPLACE").strength = 0.5
    mesh, (source,), _ = read()
    assert source.topology_kept
    assert mesh.normalisation.scale < 0.49999
    obj.modifiers.clear()
    obj.modifiers.new("array", "ARRAY").count = 3
    assert snapshot() == before


def test_viewport_and_render_differ(empty):
    obj = cube(empty)
    modifier = obj.modifiers.new("Subdivision", "SUBSURF")
    modifier.levels, modifier.render_levels = 1, 3
    mesh, _, notes = read()
    assert len(mesh.faces) == 48
    assert len(notes) == 1
    assert "Subdivision" in notes[0]


def test_collection_instances_share_their_mesh(empty):
    source = cube(empty, "Stone", scale=(1, 1, 2))
    stones = empty.data.collections.new("Stones")
    stones.objects.link(source)
    empty.context.scene.collection.objects.unlink(source)
    for x, flip in ((3, 1), (9, -1)):
        holder = empty.data.objects.new("Holder", None)
        holder.instance_type, holder.instance_collection = "COLLECTION", stones
        holder.location, holder.scale = (x, 0, 0), (flip, 1, 1)
        empty.context.scene.collection.objects.link(holder)
    mesh, sources, _ = read()
    assert mesh.object_names == ("Stone", "Stone #2")
    assert mesh.instance_of == {1: 0}
    assert all(s.instanced and s.object_name == "Stone" and s.resolve() == source for s in sources)
    world = mesh.normalisation.invert(mesh.vertices)
    assert (world.min(), world.max()) == pytest.approx((-2, 10), abs=1e-4)
    assert all(outward(mesh, mesh.face_object == i) for i in (0, 1))
    assert len(read("Holder.001")[0].faces) == 12


def test_instances_made_by_nodes(empty):
    obj = cube(empty)
    group = empty.data.node_groups.new("Scatter", "GeometryNodeTree")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    nodes, link = group.nodes, group.links.new
    points, instance, ball = (
        nodes.new(f"GeometryNode{n}") for n in ("MeshLine", "InstanceOnPoints", "MeshIcoSphere")
    )  # fmt: skip
    points.inputs["Count"].default_value = 4
    points.inputs["Offset"].default_value = (3, 0, 0)
    link(points.outputs["Mesh"], instance.inputs["Points"])
    link(ball.outputs["Mesh"], instance.inputs["Instance"])
    link(instance.outputs["Instances"], nodes.new("NodeGroupOutput").inputs["Geometry"])
    obj.modifiers.new("Nodes", "NODES").node_group = group
    mesh, sources, _ = read()
    assert len(sources) == 4
    assert mesh.instance_of == {1: 0, 2: 0, 3: 0}
    assert len(mesh.faces) == 4 * 20
    assert not any(s.topology_kept for s in sources)


def test_bad_numbers_do_no_harm(empty):
    nan, inf = float("nan"), float("inf")
    good = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
    obj = add(
        empty, "Bad", [*good, (nan, 0, 0), (inf, 9, 9), (100, 0, 0)],
        [(0, 1, 2, 3), (0, 1, 4), (0, 1, 5), (0, 1, 1), (2, 3, 2)],
    )  # fmt: skip
    layer = obj.data.uv_layers.new(name="UV")
    layer.uv[0].vector = (nan, 0)
    mesh, _, notes = read()
    assert sorted(mesh.face_polygon) == [0, 0, 3, 4]
    assert "2 triangles" in notes[0]
    assert np.isfinite(mesh.vertices).all()
    assert np.abs(np.linalg.norm(mesh.corner_normals, axis=-1) - 1).max() < 1e-5
    # what no face uses has no say in the size
    assert mesh.normalisation.invert(mesh.vertices).max(axis=0) == pytest.approx([1, 1, 0], abs=1e-5)
    flat = mesh.uv["UV"][mesh.face_polygon == 0]
    assert [np.isnan(face).all() or np.isfinite(face).all() for face in flat] == [True, True]
    assert np.isnan(flat).any()


def test_names_and_what_cannot_be_used(empty):
    assert code() == "no-objects"
    body = cube(empty, "Body")
    empty.ops.object.text_add()
    empty.context.object.name = "Label"
    with pytest.raises(InputError) as caught:
        read("body")
    assert caught.value.code == "object-unknown"
    assert "'Body'" in caught.value.advice
    assert code("Label") == "object-not-mesh"
    body.hide_set(True)
    assert code("Body") == "object-hidden"
    assert code() == "no-meshes"  # only the text is shown
    body.hide_set(False)
    body.scale = (1, 0, 1)
    assert code("Body") == "object-zero-scale"
    add(empty, "Loose", [(0, 0, 0), (1, 0, 0)], [], [(0, 1)])
    add(empty, "Nothing", [], [])
    assert code("Loose") == "mesh-empty"
    assert code("Nothing") == "mesh-empty"
    other = empty.data.scenes.new("Elsewhere")
    other.collection.objects.link(empty.data.objects.new("Far", empty.data.meshes.new("Far")))
    assert code("Far") == "object-not-in-scene"
    body.scale = (1, 1, 1)
    mesh, _, notes = read("Body", "Loose", "Nothing")
    assert mesh.object_names == ("Body",)
    assert [n for n in notes if "'Loose'" in n]
    assert [n for n in notes if "'Nothing'" in n]
    add(empty, "Dot", [(1, 1, 1)] * 3, [(0, 1, 2)])
    assert code("Dot") == "mesh-zero-size"


def test_edit_mode_is_read_and_kept(empty):
    import bmesh

    obj = cube(empty)
    empty.ops.object.mode_set(mode="EDIT")
    edit = bmesh.from_edit_mesh(obj.data)
    edit.faces.ensure_lookup_table()
    bmesh.ops.delete(edit, geom=[edit.faces[0]], context="FACES_ONLY")
    bmesh.update_edit_mesh(obj.data)
    mesh, (source,), notes = read()
    assert len(mesh.faces) == 10
    assert source.topology_kept
    assert obj.mode == "EDIT"
    assert "Edit Mode" in notes[0]
    empty.ops.object.mode_set(mode="OBJECT")


def posed_cube(empty):
    """Five times as wide by its rig and three times as high by a shape key as it is at rest."""
    obj = cube(empty)
    obj.shape_key_add(name="Basis")
    key = obj.shape_key_add(name="Long")
    for point in key.data:
        point.co.z *= 3
    key.value = 1
    empty.ops.object.armature_add()
    rig = empty.context.object
    group = obj.vertex_groups.new(name=rig.data.bones[0].name)
    group.add(range(8), 1.0, "REPLACE")
    obj.modifiers.new("Armature", "ARMATURE").object = rig
    rig.pose.bones[0].scale = (5, 1, 1)
    empty.context.view_layer.update()
    return obj


def test_rest_pose(empty, snapshot):
    posed_cube(empty)
    before = snapshot()
    extent = np.ptp(read("Cube")[0].vertices, axis=0)
    assert extent[2] / extent[1] == pytest.approx(3, rel=1e-4)
    assert extent[0] / extent[1] == pytest.approx(5, rel=1e-4)
    rest = np.ptp(read("Cube", pose="rest")[0].vertices, axis=0)
    assert rest == pytest.approx([0.99999] * 3, rel=1e-4)
    after = np.ptp(read("Cube")[0].vertices, axis=0)
    assert after == pytest.approx(extent)
    assert snapshot() == before


def test_a_job_and_its_guides_read_the_pose_that_is_asked_for(extension, snapshot, tmp_path):
    from orbit_painter.addon import guides
    from orbit_painter.addon.host import BlenderHost
    from orbit_painter.backend.job import Job

    obj = posed_cube(extension)
    obj.select_set(True)
    extension.context.view_layer.objects.active = obj
    settings = extension.context.scene.orbit_painter
    for pose, extent in (("evaluated", [1, 0.2, 0.6]), ("rest", [1, 1, 1])):
        settings.pose = pose
        before = snapshot()
        loaded = BlenderHost().load(Job(str(tmp_path), objects=("Cube",), pose=pose)).mesh
        guide = guides.prepare(extension.context, "front", 64).mesh
        assert snapshot() == before
        for mesh in (loaded, guide):
            assert np.ptp(mesh.vertices, axis=0) == pytest.approx(extent, rel=1e-3)


def test_a_million_triangles(empty):
    side = 708
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), [0]), -1).reshape(-1, 3).astype(np.float32)
    quads = (np.arange(side * (side - 1)).reshape(-1, side)[:, :-1, None] + [0, 1, side + 1, side]).reshape(-1, 4)
    mesh = empty.data.meshes.new("Big")
    mesh.vertices.add(len(grid))
    mesh.vertices.foreach_set("co", grid.ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.ravel().astype(np.int32))
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    mesh.uv_layers.new(name="UV")
    mesh.update(calc_edges=True)
    empty.context.scene.collection.objects.link(empty.data.objects.new("Big", mesh))
    times = []
    for _ in range(3):
        start = time.process_time()
        result, _, _ = read()
        times.append(time.process_time() - start)
    assert len(result.faces) == 2 * (side - 1) ** 2
    print(f"read in {min(times):.2f} s of all cores together")
    assert min(times) < 10.0, "not read in whole arrays"


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "objects", "triangles", "materials"),
    [
        ("water-bottle", 1, 4510, 1),
        ("spot", 1, 5856, 1),
        ("fox", 1, 576, 1),
        ("sheen-chair", 1, 39936, 4),
        ("cracker-box", 1, 16384, 1),
        ("leafy-tree", 6, 646, 6),
        ("tea-set", 8, 33960, 1),
        ("nasty-no-uv", 1, 9600, 0),
        ("nasty-degenerate", 1, 1192, 2),
        ("nasty-shared-mirrored", 2, 2112, 2),
        ("nasty-udim", 1, 960, 1),
    ],
)
def test_assets(bpy, assets, snapshot, name, objects, triangles, materials):
    from orbit_painter.addon.import_file import import_file

    folder = assets / name
    import_file(folder / ("model.obj" if name == "spot" else "model.glb"))
    bpy.context.evaluated_depsgraph_get()
    before = snapshot()
    mesh, sources, _ = read()
    assert snapshot() == before
    assert (len(mesh.object_names), len(mesh.faces), len(mesh.material_names)) == (objects, triangles, materials)
    assert all(s.topology_kept for s in sources)
    assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(0.99999, abs=1e-6)
    normals, area = face_normals(mesh.vertices, mesh.faces)
    assert np.abs(np.linalg.norm(mesh.corner_normals, axis=-1) - 1).max() < 1e-4
    agree = ((mesh.corner_normals.mean(axis=1) * normals).sum(-1) > 0)[area > 1e-12].mean()
    assert agree > 0.95
    if name == "nasty-shared-mirrored":
        assert mesh.instance_of == {1: 0}
        assert agree == 1
