# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection in place of the selection: in the panel, for scripts, and on the command line."""

from pathlib import Path

import pytest
from orbit_painter.backend import batch
from orbit_painter.backend.arguments import job_of, parser
from orbit_painter.backend.errors import InputError, UsageError
from orbit_painter.backend.job import Job

from .conftest import load_sibling

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def props(extension):
    """The collection Props with a cube, and Inner nested in it with another, and what else may lie around."""
    bpy = extension
    outer, inner = bpy.data.collections.new("Props"), bpy.data.collections.new("Inner")
    bpy.context.scene.collection.children.link(outer)
    outer.children.link(inner)
    for name, place in (("Crate", outer), ("Lid", inner), ("Ghost", outer), ("Cutter", outer), ("Other", None)):
        bpy.ops.mesh.primitive_cube_add()
        obj = bpy.context.object
        obj.name = name
        if place is not None:
            bpy.context.collection.objects.unlink(obj)
            place.objects.link(obj)
    outer.objects.link(bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN")))
    bpy.data.objects["Ghost"].hide_viewport = True
    bpy.data.objects["Cutter"].hide_render = True
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.update()
    return outer


def looked(bpy):
    from orbit_painter.addon import targets

    return targets.overview(bpy.context)


def usable(bpy):
    from orbit_painter.addon import targets

    return {obj.name for obj in targets.usable_objects(bpy.context)}


def load(tmp_path, **changes):
    from orbit_painter.addon.host import BlenderHost

    return BlenderHost().load(Job(str(tmp_path / "out"), **changes))


def instance_of(bpy, collection, name="Set"):
    holder = bpy.data.objects.new(name, None)
    holder.instance_type, holder.instance_collection = "COLLECTION", collection
    bpy.context.scene.collection.objects.link(holder)
    bpy.context.view_layer.update()
    return holder


def test_the_panel_says_what_will_happen_to_each_member(props, extension):
    extension.context.scene.orbit_painter.collection = props
    found = looked(extension)
    assert {t.name for t in found.usable} == usable(extension) == {"Crate", "Lid"}
    said = {t.name: t.problem for t in found.targets if t.problem}
    assert "hidden" in said["Ghost"]
    assert "disabled in renders" in said["Cutter"]
    assert (found.others, found.problem) == (1, "")
    assert extension.ops.orbit_painter.guide_export.poll(), "nothing is selected, and nothing needs to be"


def test_the_selection_counts_again_without_one(props, extension):
    settings = extension.context.scene.orbit_painter
    settings.collection = props
    extension.data.objects["Other"].select_set(True)
    assert usable(extension) == {"Crate", "Lid"}
    settings.collection = None
    assert usable(extension) == {"Other"}
    extension.data.objects["Other"].hide_render = True
    assert usable(extension) == {"Other"}, "what is selected by itself is meant"


def test_collections_that_cannot_be_used(props, extension):
    bpy = extension
    settings = bpy.context.scene.orbit_painter
    settings.collection = bpy.data.collections.new("Nowhere")
    assert "not in this scene" in looked(bpy).problem
    bpy.context.scene.collection.children.link(settings.collection)
    assert "no mesh" in looked(bpy).problem
    with pytest.raises(InputError, match="Nowhere"):
        usable(bpy)
    settings.collection = props
    for name in ("Crate", "Lid"):
        bpy.data.objects[name].hide_viewport = True
    assert "hidden" in looked(bpy).problem or "renders" in looked(bpy).problem
    bpy.data.collections.remove(props)
    assert settings.collection is None


def test_an_instance_of_linked_meshes_cannot_be_textured(extension, tmp_path):
    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    kit = bpy.data.collections.new("Kit")
    kit.objects.link(bpy.context.object)
    bpy.data.libraries.write(str(tmp_path / "kit.blend"), {kit})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "kit.blend"), link=True) as (_, into):
        into.collections = ["Kit"]
    instance_of(bpy, into.collections[0]).select_set(True)
    assert "linked" in looked(bpy).problem


def test_the_command_line_takes_the_same_members(props, extension, tmp_path):
    job = job_of(parser().parse_args(["generate", "--collection", "Props", "--out", str(tmp_path / "out")]), None)
    loaded = load(tmp_path, collection=job.collection)
    assert (set(loaded.mesh.object_names), loaded.name) == ({"Crate", "Lid"}, "Props")
    assert {note.split(".")[0] for note in loaded.notes} == {
        "'Ghost' is hidden",
        "'Cutter' is disabled in renders",
        "Left out of the collection 'Props', because they are not meshes: 1 objects",
    }
    said = []
    found = batch.items(job, None, None, _host(), said.append)
    assert {item.name: (item.job.objects, item.job.collection) for item in found} == {
        "Crate": (("Crate",), ""),
        "Lid": (("Lid",), ""),
    }
    assert said == list(loaded.notes)


def _host():
    from orbit_painter.addon.host import BlenderHost

    return BlenderHost()


def test_names_that_cannot_be_used(props, extension, tmp_path):
    bpy = extension
    bpy.data.collections.new("Nowhere")
    bpy.context.scene.collection.children.link(bpy.data.collections.new("Bare"))
    for name, code, word in (
        ("props", "collection-unknown", "'Props'"),
        ("Nowhere", "collection-not-in-scene", "link it"),
        ("Bare", "collection-empty", "another"),
    ):
        with pytest.raises(InputError) as caught:
            load(tmp_path, collection=name)
        assert caught.value.code == code
        assert word in caught.value.advice
    with pytest.raises(UsageError):
        Job(str(tmp_path), objects=("Crate",), collection="Props")


def test_without_blender_it_says_so(tmp_path):
    from orbit_painter.backend.file_host import FileHost

    with pytest.raises(UsageError) as caught:
        FileHost().load(Job(str(tmp_path), mesh="x.glb", collection="Props"))
    assert caught.value.code == "collection-needs-blender"


@pytest.mark.slow
def test_a_collection_with_an_instance_is_textured(extension):
    """The instanced mesh itself is nowhere in the scene; all its instances show the texture that it gets."""
    generating = load_sibling("test_generate")
    bpy = extension
    bpy.ops.import_scene.gltf(filepath=str(EXAMPLES / "sample.glb"))
    owl = bpy.data.objects["Owl"]
    source, shelf = bpy.data.collections.new("Source"), bpy.data.collections.new("Shelf")
    bpy.context.collection.objects.unlink(owl)
    source.objects.link(owl)
    bpy.context.scene.collection.children.link(shelf)
    for index, holder in enumerate((instance_of(bpy, source), instance_of(bpy, source))):
        bpy.context.scene.collection.objects.unlink(holder)
        shelf.objects.link(holder)
        holder.location.x = 1.2 * owl.dimensions.x * index
    bpy.ops.orbit_painter.reference_add(filepath=str(EXAMPLES / "reference.png"))
    settings = bpy.context.scene.orbit_painter
    for name, value in generating.TINY.items():
        setattr(settings, name, value)
    settings.collection, settings.uv = shelf, "NEW"
    maps = len(owl.data.uv_layers)
    assert {target.name for target in looked(bpy).usable} == {"Set", "Set.001"}
    assert bpy.ops.orbit_painter.generate() == {"FINISHED"}
    (image,) = generating.images_of(owl)
    assert tuple(image.size) == (64, 64)
    assert len(owl.data.uv_layers) == maps + 1
    assert len(owl.orbit_painter.variants) == 1
