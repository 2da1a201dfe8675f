"""Data sets: procedural objects, shards, resuming, and what is broken."""

import errno
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.arguments import parser
from orbit_painter.backend.console import JsonConsole, TerminalConsole
from orbit_painter.backend.dataset.command import run_command
from orbit_painter.backend.dataset.items import Item, Procedural, key_of, model_files
from orbit_painter.backend.dataset.plan import RenderPlan
from orbit_painter.backend.dataset.procedural import procedural_object, procedural_sample
from orbit_painter.backend.dataset.procedural_carving import (
    carved_body,
    intersection,
    subtraction,
    surface_net,
    union,
)
from orbit_painter.backend.dataset.procedural_shapes import CARVED
from orbit_painter.backend.dataset.render import Share, render_dataset
from orbit_painter.backend.dataset.sample import ReferenceView
from orbit_painter.backend.dataset.shards import index_shard, stored_samples, write_shard
from orbit_painter.backend.errors import EngineMissingError, InputError, OutputError, UsageError
from orbit_painter.backend.file_host import FileHost
from orbit_painter.backend.mesh import face_normals
from orbit_painter.backend.orbits.encoding import encode_view
from orbit_painter.backend.orbits.raycast import raycast_view
from orbit_painter.backend.protocol import Writer

PLAN = RenderPlan(views=(4, 4), size=32, references=(2, 1, 1))


def same(a, b):
    arrays = ("albedo", "normal", "position", "mask", "references", "material")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays) and (
        (a.key, a.views, a.reference_views, a.caption, a.info) == (b.key, b.views, b.reference_views, b.caption, b.info)
    )


def test_a_seed_makes_an_object():
    first, again, other = (procedural_sample(procedural_object(seed), PLAN) for seed in (7, 7, 8))
    assert same(first, again)
    assert not np.array_equal(first.albedo, other.albedo)


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_bodies_face_outwards_and_fill_the_cube(seed):
    mesh = procedural_object(seed).mesh
    assert np.abs(mesh.vertices).max() == pytest.approx(0.5, abs=1e-3)
    normal, area = face_normals(mesh.vertices, mesh.faces)
    parts = [mesh.face_object == part for part in range(len(mesh.object_names))]
    if procedural_object(seed).kind == CARVED:  # its cuts are no body of their own
        parts = [np.ones(len(mesh.faces), bool)]
    for faces in parts:  # a closed body that faces outwards has a positive volume
        centre = mesh.triangles[faces].mean(axis=1)
        assert (np.einsum("ij,ij->i", centre, normal[faces]) * area[faces]).sum() > 0


def test_a_carved_body_is_closed_and_lacks_what_was_cut():
    axis = np.linspace(-1, 1, 41)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)

    def ball(radius, x=0.0):
        return lambda p: np.linalg.norm(p - [x, 0, 0], axis=-1) - radius

    def volume(field):
        vertices, quads = surface_net(field(points), -1, 0.05)
        a, b, c, d = vertices[quads].transpose(1, 0, 2)
        return (np.cross(b - a, c - a) * a + np.cross(c - a, d - a) * a).sum() / 6

    whole, cut = ball(0.8), ball(0.4, 0.6)
    lens = volume(intersection(whole, cut))
    assert volume(whole) == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.02)
    assert 0 < lens < volume(cut)
    assert volume(subtraction(whole, cut)) == pytest.approx(volume(whole) - lens, rel=0.01)
    assert volume(union(whole, cut)) == pytest.approx(volume(whole) + volume(cut) - lens, rel=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_every_carved_body_is_whole_and_shows_its_cuts(seed):
    body = carved_body(np.random.default_rng(seed))
    edges = np.stack([body.quads, np.roll(body.quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    there, back = (np.unique(e, axis=0, return_counts=True) for e in (edges, edges[:, ::-1]))
    assert np.array_equal(there[0], back[0])  # every edge is passed both ways: no hole in the surface
    assert np.array_equal(there[1], back[1])
    assert 0 < body.cut.mean() < 1


def test_bodies_can_be_shared():
    made = [procedural_object(seed, bodies=10) for seed in (3, 13)]
    assert np.array_equal(made[0].mesh.vertices, made[1].mesh.vertices)
    assert not np.array_equal(*(procedural_sample(one, PLAN).albedo for one in made))


def test_both_orbits_agree_where_they_meet_and_passes_are_the_engines_own():
    made = procedural_object(5)
    sample = procedural_sample(made, PLAN)
    for name in ("albedo", "normal", "position", "mask"):
        frames = getattr(sample, name)
        assert np.array_equal(frames[0], frames[4])
    expected = encode_view(raycast_view(made.mesh, PLAN.cameras()[1]), 32, 32, "bilinear")
    assert np.array_equal(sample.position[1], expected.position)
    assert np.array_equal(sample.normal[1], expected.normal)


def test_albedo_is_the_plain_base_colour():
    made = procedural_object(11)
    plan = replace(PLAN, supersample=1)
    sample, view = procedural_sample(made, plan), raycast_view(made.mesh, plan.cameras()[0])
    colour = made.paint(view).colour
    assert np.abs(sample.albedo[0][view.mask] - 255.0 * colour).max() <= 1
    assert not sample.albedo[0][~view.mask].any()


def test_references_are_lit_and_stand_where_they_say():
    plan = replace(PLAN, references=(3, 2, 1), max_angle=60, max_elevation=10)
    sample = procedural_sample(procedural_object(11), plan)
    sources = [view.source for view in sample.reference_views]
    assert sources == ["orbit"] * 3 + ["random"] * 2 + ["points"]
    assert [view.azimuth for view in sample.reference_views[:3]] == [-30, 0, 30]
    assert all(abs(view.azimuth) <= 60 and abs(view.elevation) <= 10 for view in sample.reference_views)
    front = sample.references[1]
    inside = (front[..., 3] == 255) & (sample.mask[0] == 255)
    assert inside.sum() > 100
    assert np.abs(front[..., :3][inside].astype(int) - sample.albedo[0][inside]).mean() > 3
    camera = plan.reference_camera(ReferenceView("random", 90, 0))
    assert camera.centre == pytest.approx([1.5, 0, 0])


def test_references_have_lights_of_their_own_and_the_target_has_none():
    plan = replace(PLAN, references=(2, 3, 3), max_angle=0, max_elevation=0)  # all from the front
    sample = procedural_sample(procedural_object(11), plan)
    pictures = [picture.tobytes() for picture in sample.references]
    assert pictures[0] == pictures[1]  # the object's own orbit: one light
    assert len(set(pictures)) == 7  # random lights and three points: others in every picture
    other = procedural_sample(procedural_object(11), replace(plan, references=(1, 0, 0)))
    assert np.array_equal(sample.albedo, other.albedo)


def test_shards_keep_everything(tmp_path, shards):
    samples = [stored.read() for stored in stored_samples(shards)]
    assert [sample.key for sample in samples] == [f"procedural-{seed:08d}" for seed in _seeds(6)]
    write_shard(tmp_path / "again.tar", samples)
    assert all(same(a, b.read()) for a, b in zip(samples, index_shard(tmp_path / "again.tar"), strict=True))


def _seeds(count):
    from orbit_painter.backend.dataset.items import BODIES

    return [body % BODIES for body in range(count)]


def test_the_webdataset_library_reads_them(shards):
    webdataset = pytest.importorskip("webdataset")
    found = list(webdataset.WebDataset(str(shards / "000000.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in found] == ["procedural-00000000", "procedural-00000001"]
    assert json.loads(found[0]["json"])["views"] == [4, 4]


def test_a_shard_cut_short_is_named_wherever_it_was_cut(tmp_path, shards):
    data, cut = (shards / "000001.tar").read_bytes(), tmp_path / "cut.tar"
    first = index_shard(shards / "000001.tar")[1].members
    between = min(offset for offset, _ in first.values()) - 512  # where the second sample begins
    for length in (len(data) // 3, between, between + 512, between + 700):
        cut.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"cut\.tar is cut short") as caught:
            index_shard(cut)
        assert caught.value.code == "shard-damaged"


def _rewritten(source, target, change):
    """A copy of a shard in which `change` may replace members."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            data = change(member.name, old.extractfile(member).read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda name, data: data[:40] if name.endswith("00000.albedo.png") else data, "shard-damaged"),
        (lambda name, data: b"{}" if name.endswith("00000.json") else data, "shard-damaged"),
        (lambda name, data: data.replace(b"[4, 4]", b"[4, 3]"), "sample-shape"),
    ],
)
def test_broken_samples_are_named(tmp_path, shards, change, code):
    _rewritten(shards / "000000.tar", tmp_path / "broken.tar", change)
    with pytest.raises(InputError, match="procedural-00000000") as caught:
        index_shard(tmp_path / "broken.tar")[0].read()
    assert caught.value.code == code


def test_a_sample_without_a_part_is_named(tmp_path, shards):
    _rewritten(shards / "000000.tar", tmp_path / "broken.tar", lambda n, d: None if "normal" in n else d)
    with pytest.raises(InputError, match=r"lacks normal\.png"):
        index_shard(tmp_path / "broken.tar")


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(InputError) as caught:
        list(stored_samples(tmp_path))
    assert caught.value.code == "dataset-empty"


class Counting(Procedural):
    """Counts what it makes; object 1 is broken."""

    made = 0

    def __getitem__(self, index):
        def make(progress):
            if index == 1:
                raise ValueError("the importer fell over")
            self.made += 1
            return super(Counting, self).__getitem__(index).make(progress)

        return Item(f"object {index}", make)


def test_rendering_goes_on_where_it_was_and_names_the_broken(tmp_path):
    items, notes = Counting(0, 4, 1, PLAN), []
    render_dataset(items, tmp_path, PLAN, source="x", per_shard=2, share=Share(0, 2), note=notes.append)
    assert (items.made, [path.name for path in sorted(tmp_path.glob("*.tar"))]) == (1, ["000000.tar"])
    assert "object 1" in notes[0]
    assert "the importer fell over" in json.loads((tmp_path / "000000.failed.json").read_text())["object 1"]
    done = render_dataset(items, tmp_path, PLAN, source="x", per_shard=2)
    assert (done.samples, done.kept, items.made) == (2, 1, 3)
    assert len(list(stored_samples(tmp_path))) == 3


def test_another_plan_is_refused(tmp_path):
    items = Procedural(0, 1, 1, PLAN)
    render_dataset(items, tmp_path, PLAN, source="x")
    with pytest.raises(UsageError, match="plan"):
        render_dataset(items, tmp_path, replace(PLAN, size=64), source="x")


def test_an_interrupted_shard_leaves_nothing(tmp_path):
    def stop(fraction, detail=""):
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json"]


def test_a_full_disk_leaves_the_shards_before(tmp_path, monkeypatch):
    honest = tarfile.TarFile.addfile

    def full(self, info, file=None):
        if info.name.startswith("procedural-00000001.position"):
            raise OSError(errno.ENOSPC, "No space left on device")
        honest(self, info, file)

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(OutputError, match="disk is full"):
        render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", per_shard=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.tar", "dataset.json"]
    monkeypatch.undo()
    done = render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", per_shard=1)
    assert (done.kept, done.samples) == (1, 1)


@pytest.mark.parametrize("patterns", ["plaid,stars", "logo"])
def test_patterns_are_chosen_by_name(tmp_path, patterns):
    words = ["dataset", "render", "--source", "procedural", "--out", str(tmp_path / "x"), "--patterns", patterns]
    with pytest.raises(UsageError, match="pattern"):
        run_command(parser().parse_args(words), FileHost(), TerminalConsole(), lambda: None)
    assert {procedural_object(seed, patterns=["stripes", "logo"]).colour.words for seed in range(5)} == {
        "stripes, logo"
    }
    assert {procedural_object(seed, patterns=["stripes", "checks"]).colour.words for seed in range(20)} == {
        "stripes",
        "checks",
        "stripes, checks",
        "checks, stripes",
    }


@pytest.mark.parametrize("name", ["waves", "facing"])
def test_what_the_front_shows_goes_on_at_the_back(name):
    """The colours of these two do not depend on the way into the picture."""
    random = np.random.default_rng(3)
    points, normals = random.uniform(-0.5, 0.5, (200, 3)), random.normal(size=(200, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for seed in range(5):
        colour, part = procedural_object(seed, patterns=(name,)).colour, np.zeros(200, np.int32)
        mirror = np.array([1, -1, 1])
        seen = colour(points, normals, part)
        np.testing.assert_allclose(seen, colour(points * mirror, normals * mirror, part), atol=1e-6)
        assert seen.std(axis=0).max() > 0.02


def test_dust_lies_on_top_and_dirt_below():
    corners = np.array([[0, 0, 0.4], [0, 0, -0.45]])
    up, side = np.tile([0.0, 0, 1], (2, 1)), np.tile([1.0, 0, 0], (2, 1))
    for seed in range(5):
        made, part = procedural_object(seed, patterns=("plain", "dirt", "dust")).colour, np.zeros(2, np.int32)
        clean, dirty = made(corners, side, part)
        dusty = made(corners, up, part)
        assert np.abs(dusty - [0.87, 0.85, 0.79]).max() < 0.25
        assert np.abs(dirty - [0.24, 0.17, 0.11]).max() < 0.25
        assert np.abs(clean - dirty).max() > 0.05


def test_what_stands_out_is_worn():
    points, normals = np.array([[0.1, 0.1, 0.1], [0.4, -0.4, 0.3]]), np.tile([1.0, 0, 0], (2, 1))
    for seed in range(5):
        inner, outer = procedural_object(seed, patterns=("plain", "wear")).colour(
            points, normals, np.zeros(2, np.int32)
        )
        whole = procedural_object(seed, patterns=("plain",)).colour(points, normals, np.zeros(2, np.int32))
        assert np.abs(outer - [0.8, 0.42, 0.2]).max() < 0.25
        assert np.abs(inner - whole[0]).max() < 1e-6


def test_models_are_found_and_named(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/chair (1).glb", "b.obj", "notes.md"):
        (tmp_path / name).write_bytes(b"")
    found = model_files(tmp_path)
    assert [path.name for path in found] == ["chair (1).glb", "b.obj"]
    assert key_of(found[0]).startswith("chair--1-") or key_of(found[0]).startswith("chair--1")
    assert "." not in key_of(found[0])
    (tmp_path / "list.txt").write_text("# models\nb.obj\n")
    assert model_files(tmp_path / "list.txt") == [tmp_path / "b.obj"]
    with pytest.raises(InputError):
        model_files(tmp_path / "nowhere")


def test_whatever_ends_the_waiting_ends_the_processes(tmp_path, monkeypatch):
    children = []
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda words, **more: children.append(real(words, **more)) or children[-1])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", "import time; time.sleep(60)"])

    def check():
        if len(children) == 2:
            raise BrokenPipeError("nobody reads the progress any more")

    words = ["dataset", "render", "--source", "procedural", "--out", str(tmp_path / "x"), "--processes", "2"]
    try:
        with pytest.raises(BrokenPipeError):
            run_command(parser().parse_args(words), FileHost(), TerminalConsole(), check)
        assert [child.poll() is None for child in children] == [False, False]
    finally:
        for child in children:
            child.kill()


def test_a_damaged_shard_is_made_again_and_one_that_lacks_objects_too(tmp_path):
    render_dataset(Procedural(0, 3, 1, PLAN), tmp_path, PLAN, source="x", per_shard=2)
    shard = tmp_path / "000000.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    again = render_dataset(Procedural(0, 4, 1, PLAN), tmp_path, PLAN, source="x", per_shard=2)
    assert (again.samples, again.kept) == (4, 0)
    assert len(list(stored_samples(tmp_path))) == 4


def test_two_runs_do_not_render_the_same_share(tmp_path):
    def again(fraction, detail=""):
        render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", share=Share(0, 2))

    with pytest.raises(OutputError, match="part 0 of 2") as caught:
        render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", share=Share(0, 2), progress=again)
    assert caught.value.code == "output-busy"
    assert render_dataset(Procedural(0, 2, 1, PLAN), tmp_path, PLAN, source="x", share=Share(0, 2)).samples == 2


def test_a_folder_whose_models_have_changed_is_another_data_set(tmp_path):
    def render():
        words = ["dataset", "render", "--source", str(tmp_path / "models"), "--out", str(tmp_path / "x")]
        run_command(parser().parse_args(words), FileHost(), TerminalConsole(), lambda: None)

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "b.obj").write_bytes(b"")
    with pytest.raises(EngineMissingError):  # plain files have no materials; the folder has been begun
        render()
    (tmp_path / "models" / "a.obj").write_bytes(b"")
    with pytest.raises(UsageError, match=r"1 of them.*2 of them"):
        render()


@pytest.mark.slow
def test_a_model_that_crashes_the_program_is_left_out_and_the_others_are_rendered(tmp_path, monkeypatch):
    words = ["dataset", "render", "--source", "procedural", "--count", "4", "--per-shard", "2", "--out", str(tmp_path)]
    words += ["--views", "2,2", "--size", "32", "--references", "1,0,0", "--processes", "2", "--json"]
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, str(Path(__file__).with_name("crashing_render.py")), *words])
    stream = io.StringIO()
    run_command(parser().parse_args(words), FileHost(), JsonConsole(Writer(stream)), lambda: None)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert events[-1]["metrics"] == {"samples": 3, "shards": 2, "kept": 0, "failed": 1}
    assert any("procedural 1 is left out" in event.get("message", "") for event in events)
    left = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert left == ["000000.failed.json", "000000.tar", "000001.tar", "dataset.json"]
