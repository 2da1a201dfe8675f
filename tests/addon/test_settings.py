# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a scene, references, and the jobs that are made of them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from orbit_painter.backend.errors import EngineMissingError, InputError, OutputError, UsageError
from orbit_painter.backend.job import Job

REFERENCE = Path(__file__).resolve().parents[2] / "examples" / "reference.png"


@pytest.fixture
def scene(extension):
    """A selected cube with a reference; its settings."""
    extension.ops.mesh.primitive_cube_add()
    extension.ops.orbit_painter.reference_add(filepath=str(REFERENCE))
    return extension.context.scene


def jobs_of(bpy):
    from orbit_painter.addon.job_settings import jobs_from_settings

    return jobs_from_settings(bpy.context)


def job_of(bpy):
    ((job, _),) = jobs_of(bpy)
    return job


def refused(bpy):
    from orbit_painter.addon import job_folder

    with pytest.raises((InputError, UsageError, OutputError)) as caught:
        jobs_of(bpy)
    left = list(job_folder.root().glob("*")) if job_folder.root().is_dir() else []
    assert left == [], "a job that never started leaves no folder"
    assert caught.value.message.endswith((".", ":")) or "\n" not in caught.value.message
    return caught.value


def test_default_settings_are_the_default_job(scene, extension):
    job = job_of(extension)
    default = Job(out=job.out, references=job.references, objects=("Cube",), still="flat", turntable=False)
    assert job.references[0].path == str(REFERENCE)
    assert {**job.engine_options} == {"symmetry": "auto", "detail": 1.0, "grid": 192, "background": "auto"}
    assert Job.from_json({**job.to_json(), "engine_options": {}}) == default


def test_every_setting_reaches_the_job(scene, extension):
    settings = scene.orbit_painter
    settings.quality = "CUSTOM"
    for name, value in {
        "seed": 7,
        "views_horizontal": 9,
        "views_vertical": 5,
        "frame_size": 128,
        "label_grid": 64,
        "grid": 96,
        "surface_grid": 64,
        "texture_size": 256,
        "uv": "NEW",
        "atlas": "slot",
        "pose": "rest",
        "renderer": "embree",
        "device": "gpu",
        "supersample": 2,
        "symmetry": "x",
        "detail": 0.5,
        "keep_background": True,
        "engine_options": "patch=7",
        "smoothness": 3.0,
        "margin": 8,
        "fuse_options": "solver=exact feather=1",
        "turntable": True,
    }.items():
        setattr(settings, name, value)
    job = job_of(extension)
    assert (job.seed, job.views, job.size, job.supersample) == (7, (9, 5), 128, 2)
    assert (job.texture_size, job.uv, job.atlas, job.renderer, job.device) == (256, "new", "slot", "embree", "gpu")
    assert job.pose == "rest"
    assert {**job.engine_options} == {"symmetry": "x", "detail": 0.5, "grid": 64, "background": "keep", "patch": 7}
    assert {**job.fuse} == {
        "label_grid": 64,
        "grid": 96,
        "smoothness": 3.0,
        "margin": 8,
        "solver": "exact",
        "feather": 1,
    }
    assert job.turntable
    settings.uv, settings.uv_name = "NAMED", "Second"
    assert job_of(extension).uv == "Second"


def test_presets_show_their_numbers_and_custom_keeps_them(scene):
    settings = scene.orbit_painter
    settings.quality = "DRAFT"
    draft = settings.views_horizontal, settings.frame_size
    settings.quality = "HIGH"
    assert (settings.views_horizontal, settings.frame_size) > draft
    high = settings.frame_size
    settings.quality = "CUSTOM"
    assert settings.frame_size == high


def test_the_published_parameters_decide_all_but_the_margin(scene, extension):
    scene.orbit_painter.fuse_preset = "paper"
    fuse = job_of(extension).fuse
    assert fuse["grid"] == 1024
    assert fuse["sampling"] == "voxel"


def test_several_objects_together_or_one_by_one(scene, extension):
    extension.ops.mesh.primitive_cone_add()
    extension.data.objects["Cube"].select_set(True)
    assert set(job_of(extension).objects) == {"Cube", "Cone"}
    scene.orbit_painter.combine = "EACH"
    work = jobs_of(extension)
    assert {job.objects for job, _ in work} == {("Cube",), ("Cone",)}
    assert len({job.out for job, _ in work}) == 2
    assert all([obj.name for obj in objects] == list(job.objects) for job, objects in work)


@pytest.mark.parametrize(
    ("setting", "code"),
    [({"engine_options": "patch"}, "usage"), ({"fuse_options": "nonsense=1"}, "parameter-unknown")],
)
def test_a_wrong_option_is_said(scene, extension, setting, code):
    for name, value in setting.items():
        setattr(scene.orbit_painter, name, value)
    assert refused(extension).code == code


# References


def test_no_reference(scene, extension):
    extension.ops.orbit_painter.reference_remove()
    assert refused(extension).code == "reference-missing"


def test_a_reference_whose_file_is_gone(scene, extension, tmp_path):
    path = tmp_path / "gone.png"
    path.write_bytes(REFERENCE.read_bytes())
    scene.orbit_painter.references[0].image = extension.data.images.load(str(path))
    path.unlink()
    error = refused(extension)
    assert error.code == "reference-unreadable"
    assert str(path) in error.message


@pytest.mark.parametrize("kind", ["rubbish", "film", "cut off"])
def test_a_damaged_picture_is_refused_when_it_is_added(scene, extension, tmp_path, kind):
    path = tmp_path / {"rubbish": "broken.png", "film": "broken.gif", "cut off": "broken.jpg"}[kind]
    if kind == "rubbish":
        path.write_bytes(b"not a picture")
    else:
        from PIL import Image

        frame = Image.new("RGB", (64, 64), "red")
        frame.save(path, **({"save_all": True, "append_images": [frame.rotate(90)]} if kind == "film" else {}))
        path.write_bytes(path.read_bytes()[: -20 if kind == "cut off" else None])
    with pytest.raises(RuntimeError, match="broken"):
        extension.ops.orbit_painter.reference_add(filepath=str(path))
    assert len(scene.orbit_painter.references) == 1
    assert path.name not in extension.data.images


def test_a_picture_damaged_later_is_refused_before_the_job(scene, extension, tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"not a picture")
    scene.orbit_painter.references[0].image = extension.data.images.load(str(path))
    assert refused(extension).code == "reference-unreadable"


def test_pictures_that_are_in_no_file_are_written_for_the_job(scene, extension):
    """Painted in Blender and not saved, generated, or packed: the job gets what the artist sees."""
    from PIL import Image

    image = extension.data.images.new("painted", 8, 4, alpha=True)
    colours = np.zeros((4, 8, 4), np.float32)
    colours[..., 3] = 1
    colours[3, 0] = (1, 0, 0, 1)  # Blender's rows go up: this is the top left corner
    image.pixels.foreach_set(colours.ravel())
    scene.orbit_painter.references[0].image = image
    written = np.asarray(Image.open(job_of(extension).references[0].path))
    assert written.shape == (4, 8, 4)
    assert written[0, 0].tolist() == [255, 0, 0, 255]
    assert written[3, 7].tolist() == [0, 0, 0, 255]

    packed = extension.data.images.load(str(REFERENCE))
    packed.pack()
    scene.orbit_painter.references[0].image = packed
    assert Path(job_of(extension).references[0].path).read_bytes() == REFERENCE.read_bytes()


def test_references_are_ordered_and_removed(scene, extension):
    extension.ops.orbit_painter.reference_add(filepath=str(REFERENCE), view="back")
    settings = scene.orbit_painter
    assert [r.view for r in settings.references] == ["front", "back"]
    assert settings.active_reference == 1
    extension.ops.orbit_painter.reference_move(step=-1)
    assert [r.view for r in settings.references] == ["back", "front"]
    assert settings.active_reference == 0
    extension.ops.orbit_painter.reference_remove()
    extension.ops.orbit_painter.reference_remove()
    assert not extension.ops.orbit_painter.reference_remove.poll()


# Guides


def paint_over(path):
    from PIL import Image

    picture = np.asarray(Image.open(path)).copy()
    picture[..., 0] = 255
    Image.fromarray(picture).save(path)


def test_a_guide_becomes_a_reference_that_must_be_painted(scene, extension, tmp_path):
    path = tmp_path / "guide.png"
    extension.ops.orbit_painter.guide_export(filepath=str(path), view="back", size=128)
    settings = scene.orbit_painter
    reference = settings.references[settings.active_reference]
    assert reference.camera
    assert json.loads(reference.guide_objects) == ["Cube"]
    assert refused(extension).code == "guide-unpainted"
    paint_over(path)
    spec = job_of(extension).references[-1]
    assert spec.path == str(path)
    assert json.loads(Path(spec.camera).read_text()) == json.loads(path.with_suffix(".json").read_text())


def test_exporting_again_brings_the_reference_up_to_date(scene, extension, tmp_path):
    path = tmp_path / "guide.png"
    for view in ("back", "left"):
        extension.ops.orbit_painter.guide_export(filepath=str(path), view=view, size=64)
    assert len(scene.orbit_painter.references) == 2
    camera = json.loads(scene.orbit_painter.references[1].camera)
    assert np.allclose(np.array(camera["matrix"])[:3, 2], (-1, 0, 0), atol=1e-9)


def test_a_guide_is_not_used_for_other_objects(scene, extension, tmp_path):
    path = tmp_path / "guide.png"
    extension.ops.orbit_painter.guide_export(filepath=str(path), view="back", size=64)
    paint_over(path)
    extension.ops.mesh.primitive_cone_add()
    assert [r.camera for r in job_of(extension).references] == [None]
    scene.orbit_painter.references.remove(0)
    error = refused_with_folder(extension)
    assert error.code == "guide-objects"
    assert "Cube" in error.message


def refused_with_folder(bpy):
    with pytest.raises(InputError) as caught:
        jobs_of(bpy)
    return caught.value


@pytest.mark.parametrize("perspective", [False, True])
def test_a_guide_shows_what_the_viewport_shows(scene, extension, tmp_path, monkeypatch, perspective):
    """The camera looks from where the viewport does, and the object fills the picture."""
    from mathutils import Euler, Matrix
    from orbit_painter.addon import guides
    from orbit_painter.backend.orbits.cameras import Camera
    from PIL import Image

    # Without a window there is no viewport that could be turned.
    world = Matrix.Translation((3.0, 1.0, 8.0)) @ Euler((0.2, 0.3, 0.5)).to_matrix().to_4x4()
    view = SimpleNamespace(view_matrix=world.inverted(), is_perspective=perspective)
    monkeypatch.setattr(guides, "_viewport", lambda context: view)
    path = tmp_path / "guide.png"
    extension.ops.orbit_painter.guide_export(filepath=str(path), view="VIEWPORT", size=128)
    settings = scene.orbit_painter
    camera = Camera.from_json(json.loads(settings.references[settings.active_reference].camera))
    assert np.allclose(camera.matrix[:3, :3], np.array(world)[:3, :3], atol=1e-6)
    assert camera.orthographic != perspective
    alpha = np.asarray(Image.open(path))[..., 3] > 127
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    assert abs(extent - 128 / 1.1) <= 2
    assert alpha[64, 64]


def test_a_guide_in_a_folder_that_cannot_be_written(scene, extension, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeError, match="could not be written"):
        extension.ops.orbit_painter.guide_export(filepath=str(tmp_path / "file" / "g.png"), view="front", size=64)
    assert len(scene.orbit_painter.references) == 1


def test_a_jobs_folder_that_cannot_be_written(scene, extension, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ORBIT_PAINTER_JOBS", str(tmp_path / "file" / "jobs"))
    with pytest.raises(OutputError, match="could not be written"):
        jobs_of(extension)


# Files


def test_settings_are_kept_in_the_file(scene, extension, tmp_path):
    scene.orbit_painter.seed = 11
    extension.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    extension.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert extension.context.scene.orbit_painter.seed == 0
    extension.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    loaded = extension.context.scene.orbit_painter
    assert loaded.seed == 11
    assert loaded.references[0].image.name == "reference.png"


def test_files_of_older_versions_are_brought_up_to_date(scene, extension, tmp_path):
    from orbit_painter.addon import props

    scene.orbit_painter.schema = 0
    extension.ops.wm.save_as_mainfile(filepath=str(tmp_path / "old.blend"))
    extension.ops.wm.open_mainfile(filepath=str(tmp_path / "old.blend"))
    assert extension.context.scene.orbit_painter.schema == props.SCHEMA
    extension.context.scene.orbit_painter.schema = props.SCHEMA + 5  # a file of a newer version keeps its number
    props.migrate(extension.context.scene.orbit_painter)
    assert extension.context.scene.orbit_painter.schema == props.SCHEMA + 5


def test_a_file_that_asks_for_an_engine_of_another_version(scene, extension, monkeypatch):
    from orbit_painter.addon import engine_state
    from orbit_painter.addon.ops_generate import problem

    scene.orbit_painter.engine = "orbitpainter"
    with monkeypatch.context() as patch:
        patch.setattr(engine_state, "engine_names", lambda: ("projection",))
        engine_state.refresh()
        assert scene.orbit_painter.engine == ""
        assert "not in this version" in problem(extension.context)
        with pytest.raises(EngineMissingError, match="not in this version"):
            jobs_of(extension)
    engine_state.refresh()


def test_of_several_pictures_all_are_added_or_none(extension, tmp_path):
    (tmp_path / "reference.png").write_bytes(REFERENCE.read_bytes())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    files = [{"name": "reference.png"}, {"name": "broken.png"}]
    references = extension.context.scene.orbit_painter.references
    with pytest.raises(RuntimeError, match="broken"):
        extension.ops.orbit_painter.reference_add(directory=str(tmp_path), files=files)
    assert len(references) == 0
    extension.ops.orbit_painter.reference_add(directory=str(tmp_path), files=files[:1])
    assert len(references) == 1
