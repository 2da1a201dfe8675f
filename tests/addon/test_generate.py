# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Texture as a script calls it: it returns when the texture is on the object."""

import json
from pathlib import Path

import pytest
from orbit_painter.backend.guide import guide_camera

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TINY = {
    "quality": "CUSTOM",
    "views_horizontal": 5,
    "views_vertical": 3,
    "frame_size": 64,
    "label_grid": 32,
    "grid": 48,
    "surface_grid": 32,
    "texture_size": 64,
    "renderer": "embree",
}


@pytest.fixture
def owl(extension):
    """The sample with its reference and settings that take seconds."""
    extension.ops.import_scene.gltf(filepath=str(EXAMPLES / "sample.glb"))
    extension.ops.orbit_painter.reference_add(filepath=str(EXAMPLES / "reference.png"))
    for name, value in TINY.items():
        setattr(extension.context.scene.orbit_painter, name, value)
    return extension.data.objects["Owl"]


def images_of(obj):
    nodes = [node for slot in obj.material_slots for node in slot.material.node_tree.nodes]
    return [node.image for node in nodes if node.type == "TEX_IMAGE"]


@pytest.mark.slow
def test_a_script_gets_its_texture_and_bakes_it_again(owl, extension, tmp_path):
    """Also where the first result has brought a UV map and materials with it, and the object has a new name."""
    for layer in list(owl.data.uv_layers):
        owl.data.uv_layers.remove(layer)
    owl.data.update()
    extension.context.scene.orbit_painter.atlas = "slot"
    assert extension.ops.orbit_painter.generate() == {"FINISHED"}
    (image,) = images_of(owl)
    assert tuple(image.size) == (64, 64)
    owl.name = "Bird"
    (folder,) = (tmp_path / "jobs").glob("*-Owl-*")
    painted = (folder / "work" / "paint" / "stage.json").read_bytes()

    extension.context.scene.orbit_painter.texture_size = 128
    assert extension.ops.orbit_painter.rebake() == {"FINISHED"}
    (image,) = images_of(owl)
    assert tuple(image.size) == (128, 128)
    assert len(owl.orbit_painter.variants) == 2
    assert [layer.name for layer in owl.data.uv_layers] == ["OrbitPainter"]
    (again,) = (tmp_path / "jobs").glob("*-Bird-*")
    assert (again / "work" / "paint" / "stage.json").read_bytes() == painted, "it was painted again"
    assert (folder / "textures").is_dir()


@pytest.mark.slow
def test_coverage_is_seen_before_anything_is_painted(owl, extension, tmp_path, snapshot):
    """Without a reference too, and with an unpainted guide; a texture that is made afterwards keeps its passes."""
    from orbit_painter.addon import jobs, planned
    from orbit_painter.addon.coverage_figures import planned_figures

    settings = extension.context.scene.orbit_painter
    picture = settings.references[0].image
    settings.references.clear()
    before = snapshot()
    assert extension.ops.orbit_painter.coverage() == {"FINISHED"}
    assert snapshot() == before
    first = planned.of(owl)
    assert (first.out / "planned" / "Owl.png").is_file()
    assert "by none" in planned_figures(first.out)
    assert not (first.out / "session" / "done").exists(), "its folder would be kept for ever"
    assert not jobs.jobs()

    reference = settings.references.add()
    reference.image = picture
    guide = settings.references.add()
    guide.image, guide.camera = picture, json.dumps(guide_camera("back", 64).to_json())
    guide.guide_objects, guide.guide_digest = json.dumps(["Owl"]), "whatever the picture is"
    assert extension.ops.orbit_painter.coverage() == {"FINISHED"}
    plan = planned.of(owl)
    shares = json.loads((plan.out / "report.json").read_text())["coverage"]["coverage"]
    assert shares["reference"] > 0.3, "front and back"
    assert "References will show" in planned_figures(plan.out)

    settings.references.remove(1)
    rendered = (plan.out / "work" / "passes" / "stage.json").read_bytes()
    assert extension.ops.orbit_painter.generate() == {"FINISHED"}
    folder = next(path.parent for path in (tmp_path / "jobs").glob("*/textures"))
    assert (folder / "work" / "passes" / "stage.json").read_bytes() == rendered, "its passes were rendered again"
    assert not (folder / "planned").exists()
    baked = json.loads((folder / "report.json").read_text())["bake"]["coverage"]
    assert shares["unseen"] == pytest.approx(baked["unseen"], abs=0.1)


def test_passes_that_cannot_be_shared_are_rendered_again(tmp_path, monkeypatch):
    from orbit_painter.addon import job_folder

    (tmp_path / "old" / "work" / "passes").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "old" / "work" / "passes" / name).write_text(name)
    job_folder.share_stage(tmp_path / "old", tmp_path / "new", "passes")
    assert (tmp_path / "new" / "work" / "passes" / "b").read_text() == "b"

    def refused(source, target):
        raise OSError("this disk has no links")

    monkeypatch.setattr(job_folder.os, "link", refused)
    job_folder.share_stage(tmp_path / "old", tmp_path / "other", "passes")
    assert not (tmp_path / "other" / "work" / "passes").exists()


def test_a_look_ahead_says_why_it_cannot_be_had(owl, extension, tmp_path):
    extension.ops.object.select_all(action="DESELECT")
    assert not extension.ops.orbit_painter.coverage.poll()
    owl.select_set(True)
    extension.context.scene.orbit_painter.fuse_options = "candidates=0"
    with pytest.raises(RuntimeError, match="candidates"):
        extension.ops.orbit_painter.coverage()
    assert not [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]


def test_a_failure_of_one_object_leaves_no_folders_of_the_others(owl, extension, tmp_path):
    from orbit_painter.backend.whole_files import file_digest

    other = owl.copy()
    extension.context.collection.objects.link(other)
    other.select_set(True)
    settings = extension.context.scene.orbit_painter
    settings.combine, settings.engine_options = "EACH", "patch=4"
    with pytest.raises(RuntimeError, match="patch"):
        extension.ops.orbit_painter.generate()
    folders = [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]
    assert len(folders) <= 1, "the job that failed keeps its log"
    guide, picture = settings.references.add(), settings.references[0].image
    guide.image, guide.camera, guide.guide_objects = picture, "{}", json.dumps([other.name])
    guide.guide_digest = file_digest(EXAMPLES / "reference.png")  # not painted over
    before = sorted((tmp_path / "jobs").iterdir())
    with pytest.raises(RuntimeError, match="bare object"):
        extension.ops.orbit_painter.generate()
    assert sorted((tmp_path / "jobs").iterdir()) == before


def test_a_failure_is_raised_with_its_sentence_and_changes_nothing(owl, extension, snapshot):
    extension.context.scene.orbit_painter.engine_options = "patch=4"
    before = snapshot()
    with pytest.raises(RuntimeError, match="patch"):
        extension.ops.orbit_painter.generate()
    assert snapshot() == before


def test_a_mode_that_no_result_can_be_put_on_in_is_told_before_anything_is_painted(owl, extension, tmp_path):
    extension.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Go to Object Mode"):
        extension.ops.orbit_painter.generate()
    assert extension.context.object.mode == "EDIT"
    assert not [path for path in (tmp_path / "jobs").glob("*") if path.is_dir()]


@pytest.mark.slow
def test_all_objects_of_a_scene_one_by_one(owl, extension, tmp_path):
    """What a script does headless; every object gets a texture of its own."""
    other = owl.copy()
    other.data = owl.data.copy()
    extension.context.collection.objects.link(other)
    extension.ops.object.select_all(action="SELECT")
    extension.context.scene.orbit_painter.combine = "EACH"
    assert extension.ops.orbit_painter.generate() == {"FINISHED"}
    (first,), (second,) = images_of(owl), images_of(other)
    assert first != second
    assert len(list((tmp_path / "jobs").glob("*-Owl*"))) == 2


def test_every_operator_can_be_called_from_a_script(extension):
    """`work` alone cannot: it draws while it works; scripts use generate."""
    ours = [cls for cls in extension.types.Operator.__subclasses__() if cls.__module__.startswith("orbit_painter.")]
    while below := [child for cls in ours for child in cls.__subclasses__() if child not in ours]:
        ours += below
    named = [cls for cls in ours if hasattr(cls, "bl_idname") and cls.is_registered]
    assert len(named) > 30
    assert [cls.bl_idname for cls in named if not hasattr(cls, "execute")] == ["orbit_painter.work"]


def test_what_is_asked_wrongly_is_answered_with_a_sentence(owl, extension):
    """No traceback, as Blender would show it for an error of ours."""
    for operator in ("cancel", "retry", "dismiss"):
        with pytest.raises(RuntimeError, match="There is no job 'x'") as error:
            getattr(extension.ops.orbit_painter, operator)(job_id="x")
        assert "Traceback" not in str(error.value)
    with pytest.raises(RuntimeError, match="which file") as error:
        extension.ops.orbit_painter.guide_export()
    assert "Traceback" not in str(error.value)
