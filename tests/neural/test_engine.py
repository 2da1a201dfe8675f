"""The engine `orbitpainter` with tiny random weights in the released formats: painting, retrying, refusing."""

import gc
import shutil
import weakref
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.errors import (  # noqa: E402
    CancelledError,
    EngineMissingError,
    InputError,
    MemoryLimitError,
    OrbitPainterError,
    UsageError,
)
from orbit_painter.backend.painters.base import Existing, PaintRequest, Reference  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import engine as engines  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import session as sessions  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import weights as finding  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.options import OrbitPainterOptions  # noqa: E402
from orbit_painter.backend.painters.registry import create_painter  # noqa: E402
from orbit_painter.backend.progress import silent  # noqa: E402

SIZE, VIEWS = 32, 4


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Caches and the model store of this test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(finding, "default_root", lambda: tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def release(tiny, tmp_path_factory):
    return tiny.write_release(tmp_path_factory.mktemp("weights") / "release")


def disc(size=64, radius=0.4):
    """A red disc, as a sphere looks from the front, with alpha."""
    v, u = np.mgrid[:size, :size] / size - 0.5
    image = np.zeros((size, size, 4), np.uint8)
    image[u**2 + v**2 < radius**2] = (200, 40, 30, 255)
    return Reference(image, name="disc")


def request(tiny, release, seed=0, preview=None, **options):
    options = {"weights": str(release), "steps": 3, **options}
    more = {} if preview is None else {"preview": preview}
    return PaintRequest(tiny.sphere_passes((VIEWS, VIEWS), SIZE), [disc()], seed, options, **more)


def images(painted):
    return np.stack([frame.image for frame in painted.frames])


def test_paints_every_view(tiny, release):
    engine, heard, seen = create_painter("orbitpainter"), [], []
    assert engine.supersample == 2
    job = request(tiny, release, preview=lambda view, picture: seen.append((view, picture.shape)))
    painted = engine.paint(job, lambda fraction, detail: heard.append((fraction, detail)))
    assert len(painted.frames) == 2 * VIEWS
    assert not painted.exact
    for frame, camera, view in zip(painted.frames, job.passes.cameras, job.passes, strict=True):
        assert frame.camera is camera
        assert np.array_equal(frame.image[..., 3] == 255, view.mask)
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert any("step 2 of 3" in detail for _, detail in heard)
    assert {view for view, _ in seen} >= {0, VIEWS}
    assert painted.info["memory"] == "cpu"
    engine.close()


def existing_of(strength, size=SIZE):
    """Another picture for each view, opaque, to start from."""

    def frame(view):
        v, u = np.mgrid[:size, :size] / size
        colour = np.stack([u, v, np.full_like(u, view / (2 * VIEWS)), np.ones_like(u)], axis=-1)
        return np.round(255 * colour).astype(np.uint8)

    return Existing(strength, frame)


def shown(tiny, release, existing, **options):
    engine = create_painter("orbitpainter")
    job = replace(request(tiny, release, first_frame="off", **options), existing=existing)
    try:
        return images(engine.paint(job, silent)), job, engine._session.pipe
    finally:
        engine.close()


@pytest.mark.parametrize("options", [{}, {"v_mirrored": True}])
def test_the_present_texture_is_started_from(tiny, release, options):
    """With strength 0 it comes back as the VAE leaves it, with 1 nothing of it does, and between them the network has
    its say."""
    existing = existing_of(0.0)
    none, job, _ = shown(tiny, release, existing, **options)
    plain, *_ = shown(tiny, release, None, **options)
    assert np.array_equal(shown(tiny, release, existing_of(1.0), **options)[0], plain)
    some = shown(tiny, release, existing_of(0.7), **options)[0]
    assert not np.array_equal(some, plain)
    assert not np.array_equal(some, none)
    masks = np.stack([view.mask for view in job.passes])
    pictures = np.stack([existing.frame(k)[..., :3] for k in range(2 * VIEWS)])
    pictures = np.where(masks[..., None], pictures, 0).astype(np.uint8)
    assert np.array_equal(none[..., :3], through_vae(tiny, release, pictures, options.get("v_mirrored", False)))


def through_vae(tiny, release, pictures, mirrored):
    """Both orbits encoded and decoded again, the vertical one mirrored meanwhile if so wanted."""
    from orbit_painter.backend.painters.orbitpainter.latent_layouts import decode_run, encode_run, plan_runs

    engine, halves = create_painter("orbitpainter"), []
    engine.paint(request(tiny, release), silent)
    vae = engine._session.pipe.vae
    for run, views in zip(plan_runs("release", (VIEWS, VIEWS)), np.split(pictures, 2), strict=True):
        flip = np.s_[:, :, ::-1] if mirrored and run.segments[0].orbit == "V" else np.s_[:]
        with torch.no_grad():
            latents = encode_run(vae, run, [np.ascontiguousarray(views[flip])])
            halves.append(decode_run(vae, run, latents)[0][flip])
    engine.close()
    return np.concatenate(halves)


def test_the_present_texture_cannot_be_freed_of_agx(tiny, release):
    with pytest.raises(UsageError) as caught:
        shown(tiny, release, existing_of(0.5), output_transform="inverse_agx")
    assert caught.value.code == "existing-transform"


def test_a_seed_repeats_and_a_loaded_engine_gives_the_same(tiny, release, monkeypatch):
    engine, loads = create_painter("orbitpainter"), []
    real = sessions.load_expert
    monkeypatch.setattr(sessions, "load_expert", lambda *a, **k: loads.append(a) or real(*a, **k))
    first = images(engine.paint(request(tiny, release, seed=5), silent))
    again = images(engine.paint(request(tiny, release, seed=5), silent))
    assert len(loads) == 2  # one for each expert: the second job found them there
    other = images(engine.paint(request(tiny, release, seed=6), silent))
    engine.close()
    fresh = images(engine.paint(request(tiny, release, seed=5), silent))
    assert len(loads) == 4
    assert np.array_equal(first, again)
    assert np.array_equal(first, fresh)
    assert not np.array_equal(first, other)


def test_attention_and_compiling_change_from_job_to_job(tiny, release, monkeypatch):
    """On the loaded model. Compiled blocks are told by what is asked to compile them, which costs a test too much."""
    loads, compiled = [], []
    real = sessions.load_expert
    monkeypatch.setattr(sessions, "load_expert", lambda *a, **k: loads.append(a) or real(*a, **k))
    monkeypatch.setattr(sessions.speed, "compile_problem", lambda device: None)
    kind = sessions.OrbitWanTransformer3DModel
    monkeypatch.setattr(kind, "compile_repeated_blocks", lambda self, **how: compiled.append(1))
    engine = create_painter("orbitpainter")
    plain = images(engine.paint(request(tiny, release), silent))
    block = engine._session.pipe.transformer.blocks[0]
    engine.paint(request(tiny, release, preset="balanced", attention="_native_math"), silent)
    assert block.attn1.processor._attention_backend == "_native_math"
    assert not compiled  # on a processor no preset does
    engine.paint(request(tiny, release, compile=True), silent)
    assert len(compiled) == 2
    assert np.array_equal(images(engine.paint(request(tiny, release), silent)), plain)
    assert block.attn1.processor._attention_backend == "native"
    noted = engine.paint(request(tiny, release, attention="sage"), silent)
    assert any("sage" in note for note in noted.notes)
    assert len(loads) == 2


def test_weights_that_changed_are_read_again(tiny, tmp_path):
    """Deep inside a folder, whose own time of change tells nothing of it."""
    from safetensors.torch import load_file, save_file

    folder = tiny.write_release(tmp_path / "w")
    engine = create_painter("orbitpainter")
    first = images(engine.paint(request(tiny, folder), silent))
    file = next(folder.rglob("high_noise_model/*.safetensors"))
    before = file.parent.stat().st_mtime_ns
    state = load_file(file)
    with open(file, "r+b") as stored:  # as a downloader that resumes: the folder is not touched
        save_file({name: value * 1.01 for name, value in state.items()}, tmp_path / "other.safetensors")
        stored.write((tmp_path / "other.safetensors").read_bytes())
        stored.truncate()
    assert file.parent.stat().st_mtime_ns == before
    assert not np.array_equal(images(engine.paint(request(tiny, folder), silent)), first)


def test_options_reach_the_network(tiny, release):
    engine = create_painter("orbitpainter")
    plain = images(engine.paint(request(tiny, release), silent))
    for change in (
        {"mode": "paper"},
        {"guidance": 1.0},
        {"first_frame": "off"},
        {"boundary": 0.0},
        {"v_mirrored": True},
        {"output_transform": "inverse_agx"},
        {"preset": "fast", "steps": 10},
    ):
        assert not np.array_equal(images(engine.paint(request(tiny, release, **change), silent)), plain), change
    same = engine.paint(request(tiny, release, attention="native", background="auto"), silent)
    assert np.array_equal(images(same), plain)


def test_mirrored_input_comes_back_unmirrored(tiny, release):
    painted = create_painter("orbitpainter").paint(request(tiny, release, v_mirrored=True), silent)
    for frame, view in zip(painted.frames, tiny.sphere_passes((VIEWS, VIEWS), SIZE), strict=True):
        assert np.array_equal(frame.image[..., 3] == 255, view.mask)


def test_stopping_within_a_step_leaves_a_usable_engine(tiny, release):
    engine = create_painter("orbitpainter")
    plain = images(engine.paint(request(tiny, release), silent))

    def stop(fraction, detail):
        if "step 2" in detail:
            raise CancelledError

    with pytest.raises(CancelledError):
        engine.paint(request(tiny, release), stop)
    assert np.array_equal(images(engine.paint(request(tiny, release), silent)), plain)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sweetness": 3}, "no option named"),
        ({"mode": "papr"}, "release, paper"),
        ({"steps": 0}, "whole number from 1"),
        ({"steps": 2.5}, "whole number"),
        ({"guidance": "much"}, "from 0 to 30"),
        ({"memory": 7}, "80, 48, 24"),
        ({"compile": "yes"}, "true or false"),
        ({"device": "abacus"}, "auto, cuda"),
        ({"attention": "flash_hub"}, "auto"),
    ],
)
def test_wrong_options_are_explained(tiny, release, options, match):
    with pytest.raises(UsageError, match=match):
        create_painter("orbitpainter").paint(request(tiny, release, **options), silent)


def test_numbers_of_the_command_line_are_names_of_profiles():
    assert OrbitPainterOptions.parse({"memory": 24}).memory == "24"


def test_missing_weights_say_what_to_download(tiny, release, tmp_path):
    with pytest.raises(EngineMissingError, match=r"28\.6 GB.*Apache-2\.0.*models download") as caught:
        create_painter("orbitpainter").paint(request(tiny, None, weights=None), silent)
    assert caught.value.exit_status == 4
    (tmp_path / "some").mkdir()
    shutil.copy(release / "high_noise.safetensors", tmp_path / "some")
    with pytest.raises(EngineMissingError, match=r"low_noise\.safetensors") as caught:
        create_painter("orbitpainter").paint(request(tiny, tmp_path / "some"), silent)
    with pytest.raises(InputError, match="no folder"):
        create_painter("orbitpainter").paint(request(tiny, tmp_path / "none"), silent)


def test_without_torch_the_environment_is_named(tiny, release, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match="environment install"):
        create_painter("orbitpainter").paint(request(tiny, release), silent)


def test_prompts_are_made_once(tiny, tmp_path, home):
    folder = tiny.write_release(tmp_path / "w", prompts=False)
    with pytest.raises(EngineMissingError, match="wan-text-encoder"):
        create_painter("orbitpainter").paint(request(tiny, folder), silent)
    wan = tiny.reference_wan()
    state = tiny.tiny_text_encoder().state_dict()
    original = {wan.original_text_name(n): v.clone() for n, v in state.items() if "embed_tokens" not in n}
    encoder = folder / "Wan2.2-Fun-A14B-Control" / "models_t5_umt5-xxl-enc-bf16.pth"
    torch.save(original, encoder)
    tiny.tiny_tokenizer().save_pretrained(folder / "tokenizer")
    first = images(create_painter("orbitpainter").paint(request(tiny, folder), silent))
    encoder.unlink()
    shutil.rmtree(folder / "tokenizer")
    assert (home / "cache" / "orbitpainter" / "prompts.safetensors").is_file()
    assert np.array_equal(images(create_painter("orbitpainter").paint(request(tiny, folder), silent)), first)


# Memory -----------------------------------------------------------------------------------------------------------


def test_every_profile_gives_the_frames_of_resident(tiny, release):
    """Exactly where weights are stored as they are; fp8 and 4 bits round them."""
    exact = images(create_painter("orbitpainter").paint(request(tiny, release, memory="80"), silent))
    for name, tolerance in (("48", 0), ("24", 6), ("16", 20), ("12", 6), ("8", 20), ("8-disk", 20)):
        ours = images(create_painter("orbitpainter").paint(request(tiny, release, memory=name), silent))
        error = np.sqrt(np.mean((ours[..., :3].astype(float) - exact[..., :3]) ** 2))
        assert error <= tolerance, name
        assert (error > 0) == (tolerance > 0), name  # a quantised profile does quantise
        if name == "8":
            streamed = ours
    assert np.array_equal(ours, streamed)  # from the disk come the same blocks


def test_a_full_memory_is_tried_once_more_one_profile_lower(tiny, release, monkeypatch):
    tried = []
    real = sessions.Session.paint

    def full(self, *given):
        tried.append(self.key.profile.name)
        if len(tried) < 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *given)

    monkeypatch.setattr(sessions.Session, "paint", full)
    painted = create_painter("orbitpainter").paint(request(tiny, release, memory="48"), silent)
    assert tried == ["48", "24"]
    assert any("full" in note and "24" in note for note in painted.notes)

    def always(self, *given):
        tried.append(self.key.profile.name)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(sessions.Session, "paint", always)
    tried.clear()
    with pytest.raises(MemoryLimitError):
        create_painter("orbitpainter").paint(request(tiny, release, memory="48"), silent)
    assert tried == ["48", "24"]


def test_a_full_host_memory_is_explained_and_tried_once_more(tiny, release, monkeypatch):
    """PyTorch's own words for it, and Python's."""
    from orbit_painter.backend.commands import explained

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert explained(caught.value).code == "out-of-memory"
    tried = []

    def full(self, *given):
        tried.append(self.key.profile.name)
        raise caught.value if len(tried) < 2 else MemoryError

    monkeypatch.setattr(sessions.Session, "paint", full)
    with pytest.raises(MemoryLimitError, match="this computer") as failed:
        create_painter("orbitpainter").paint(request(tiny, release), silent)
    assert tried == ["cpu", "16"]
    assert failed.value.code == "out-of-memory"


def test_other_failures_are_not_taken_for_a_full_memory(tiny, release, monkeypatch):
    def broken(self, *given):
        raise RuntimeError("another")

    monkeypatch.setattr(sessions.Session, "paint", broken)
    with pytest.raises(RuntimeError, match="another"):
        create_painter("orbitpainter").paint(request(tiny, release), silent)


def test_the_second_try_does_without_the_second_device(tiny, release, monkeypatch):
    tried = []
    real = sessions.Session.paint

    def full(self, *given):
        tried.append((self.key.profile.name, self.pipe.second is not None))
        if len(tried) < 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, *given)

    monkeypatch.setattr(sessions.Session, "paint", full)
    painted = create_painter("orbitpainter").paint(request(tiny, release, memory="80", more_devices="cpu"), silent)
    assert tried == [("80", True), ("48", False)]
    assert any("one device" in note for note in painted.notes)


def test_what_a_full_memory_broke_off_is_freed_before_the_second_try(tiny, release, monkeypatch):
    loaded = []
    real = sessions.load_expert

    def full(*given, **named):
        if len(loaded) == 1:
            loaded.append(None)
            raise torch.OutOfMemoryError("CUDA out of memory")
        if len(loaded) == 2:
            assert loaded[0]() is None
        result = real(*given, **named)
        result.model.itself = [result.model]  # as hooks do
        loaded.append(weakref.ref(result.model))
        return result

    monkeypatch.setattr(sessions, "load_expert", full)
    gc.disable()
    try:
        create_painter("orbitpainter").paint(request(tiny, release, memory="24"), silent)
    finally:
        gc.enable()
    assert len(loaded) == 4


def test_a_loaded_models_profile_is_for_its_own_device_only(tiny, release, monkeypatch):
    """Jobs of one worker may ask for different devices."""
    asked = []
    monkeypatch.setattr(engines, "chosen_profile", lambda *given: asked.append(given) or engines.profiles.CPU)
    engine = create_painter("orbitpainter")
    engine.paint(request(tiny, release), silent)
    engine.paint(request(tiny, release, seed=1), silent)
    assert len(asked) == 1
    engine._session.key = replace(engine._session.key, devices=("cuda:0",))
    engine.paint(request(tiny, release), silent)
    assert len(asked) == 2


def test_two_devices(tiny, release):
    plain = images(create_painter("orbitpainter").paint(request(tiny, release, memory="80"), silent))
    engine = create_painter("orbitpainter")
    both = images(engine.paint(request(tiny, release, memory="80", more_devices="cpu"), silent))
    engine.close()
    assert np.array_equal(plain, both)
    with pytest.raises(InputError, match="more_devices"):
        engine.paint(request(tiny, release, memory="48", more_devices="cpu"), silent)


@pytest.mark.slow
def test_several_devices_share_each_forward_pass(tiny, release, monkeypatch):
    """Two processes. Stopping leaves both usable; one that ends by itself is an error with its last words."""
    options = {"memory": "48", "steps": 10, "cache": "first-block", "foreground_only": True, "preset": "best"}
    plain = images(create_painter("orbitpainter").paint(request(tiny, release, memory="48", steps=10), silent))
    engine = create_painter("orbitpainter")
    job = request(tiny, release, more_devices="cpu", split="context", **options)
    shared = engine.paint(job, silent)
    assert any("step cache" in note for note in shared.notes)
    assert any("background" in note for note in shared.notes)
    assert np.abs(images(shared).astype(int) - plain).max() <= 1
    (process,) = engine._session.pipe.group._processes

    def stop(fraction, detail):
        if "step 2" in detail:
            raise CancelledError

    with pytest.raises(CancelledError):
        engine.paint(job, stop)
    assert process.poll() is None
    assert np.array_equal(images(engine.paint(job, silent)), images(shared))
    process.kill()
    process.wait()
    with pytest.raises(OrbitPainterError, match="device cpu ended"):
        engine._session.paint(job, OrbitPainterOptions.parse(job.options), silent)
    assert np.array_equal(images(engine.paint(job, silent)), images(shared))  # it is started again
    engine.close()


@pytest.mark.slow
def test_several_devices_share_a_forward_pass_with_geometry_aware_attention(tiny, tmp_path):
    """Weights for the paper's mode, as `convert` and `train export` write them."""
    folder = tiny.write_paper(tmp_path / "paper")
    plain = images(create_painter("orbitpainter").paint(request(tiny, folder, mode="paper", memory="80"), silent))
    engine = create_painter("orbitpainter")
    job = request(tiny, folder, mode="paper", memory="80", more_devices="cpu", split="context")
    shared = images(engine.paint(job, silent))
    assert engine._session.pipe.group is not None
    for expert in (engine._session.pipe.transformer, engine._session.pipe.transformer_2):
        assert all(block.attn1.gasa.gate.abs() > 0.1 for block in expert.blocks)
    engine.close()
    assert np.abs(shared.astype(int) - plain).max() <= 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"memory": "8"}, "streams blocks"),
        ({"more_devices": "cuda:7"}, "no GPU cuda:7"),
        ({"more_devices": "abacus", "split": "auto"}, "no device named"),
    ],
)
def test_devices_that_cannot_work_together_are_explained(tiny, release, options, match):
    job = request(tiny, release, **{"more_devices": "cpu", "split": "context", **options})
    engine = create_painter("orbitpainter")
    with pytest.raises((UsageError, InputError), match=match):
        engine.paint(job, silent)
    engine.close()


def test_distilled_run(tiny, release, tmp_path):
    from safetensors.torch import save_file

    wan = tiny.reference_wan()
    paths = {}
    for name, seed in (("high", 31), ("low", 32)):
        state = {k: v for k, v in wan.lora(seed=seed).items() if "patch_embedding" not in k}
        paths[f"lora_{name}"] = str(tmp_path / f"{name}.safetensors")
        save_file(state, paths[f"lora_{name}"])
    job = request(tiny, release, preset="fast", **paths)
    job.options.pop("steps")
    painted = create_painter("orbitpainter").paint(job, silent)
    assert painted.info["steps"] == 4
    assert painted.info["guidance"] == 1

    def with_strengths(high, low):
        strengths = {"lora_high_strength": high, "lora_low_strength": low}
        job = request(tiny, release, steps=4, guidance=1.0, **paths, **strengths)
        return images(create_painter("orbitpainter").paint(job, silent))

    plain = images(create_painter("orbitpainter").paint(request(tiny, release, steps=4, guidance=1.0), silent))
    assert np.array_equal(with_strengths(0, 0), plain)
    both, high, low = with_strengths(1, 1), with_strengths(1, 0), with_strengths(0, 1.0)
    assert np.array_equal(both, images(painted))
    for a, b in ((both, high), (both, low), (high, low), (high, plain), (low, plain)):
        assert not np.array_equal(a, b)
