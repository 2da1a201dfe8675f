"""The pipeline: both modes, first-frame sharing, guidance, seeds, callbacks, and its folder on disk."""

import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from diffusers import FlowMatchEulerDiscreteScheduler  # noqa: E402
from orbit_painter.backend.errors import CancelledError, InputError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import profiles  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import prompts as texts  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.conditions import LatentCache, OrbitPictures, read_orbits  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.gasa_tokens import GasaOptions  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.latents import decode, encode, network_input, pixels_to_video  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.parallel import SecondDevice  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.pipeline import OrbitPainterPipeline, Sharing  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.placement import place  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.prompts import PromptEmbeddings  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.sampler import (  # noqa: E402
    Guidance,
    expert_of,
    initial_noise,
    sampling_sigmas,
)
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402

SIZE, VIEWS = 32, 4


def network(wan, seed, channels=68, gate=0.0, **config):
    model = OrbitWanTransformer3DModel(in_channels=channels, **wan.TINY, **config).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            scale = gate if name.endswith("gate") else 0.15
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator) + ("norm" in name))
    return model


@pytest.fixture
def pipe(wan, tiny):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    return OrbitPainterPipeline(tiny.tiny_vae(), scheduler, network(wan, 1), network(wan, 2))


@pytest.fixture
def orbits(tiny):
    return read_orbits(tiny.sphere_passes((VIEWS, VIEWS), SIZE), GasaOptions(grid=8))


@pytest.fixture
def prompts():
    generator = torch.Generator().manual_seed(9)
    return PromptEmbeddings(*(torch.randn(1, n, 24, generator=generator) for n in (4, 7)))


@pytest.fixture
def picture():
    return np.random.default_rng(2).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


def run(pipe, orbits, picture, prompts, seed=3, steps=4, **options):
    options.setdefault("num_inference_steps", steps)
    return pipe(orbits, picture, prompts, generator=torch.Generator().manual_seed(seed), **options)


@torch.no_grad()
def written_out(pipe, orbits, picture, prompts, seed, steps, sharing=True):
    """The release, step by step, from the specification: sections 5 and 7."""

    def latents(pixels):
        return encode(pipe.vae, pixels_to_video(pixels))

    reference = latents(picture[None])
    positive, negative = prompts.padded()
    result, first = [], None
    for orbit in orbits:
        position, normal = (latents(np.concatenate([p, p[:1]])) for p in (orbit.position, orbit.normal))
        x = initial_noise((1, 16, 2, SIZE // 8, SIZE // 8), seed)
        if first is not None and sharing:
            x[:, :, :1] = first
        sigmas = sampling_sigmas(steps)
        for sigma, following in pairwise(sigmas):
            model = pipe.transformer if expert_of(float(sigma)) == "high" else pipe.transformer_2
            inputs = network_input(x, position, normal)
            time = torch.tensor([1000 * float(sigma)])
            v, w = (model(inputs, time, text, reference).sample for text in (positive, negative))
            x = x + (w + 6 * (v - w)) * (float(following) - float(sigma))
            if first is not None and sharing:
                x[:, :, :1] = first
        std = torch.tensor(pipe.vae.config.latents_std).view(1, -1, 1, 1, 1)
        mean = torch.tensor(pipe.vae.config.latents_mean).view(1, -1, 1, 1, 1)
        video = pipe.vae.decode(x * std + mean).sample.clamp(-1, 1)
        frames = ((video[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).numpy()[: orbit.segment.views]
        first = latents(frames[:1])
        result.append(frames)
    return result


@pytest.mark.parametrize("sharing", [True, False])
def test_release_equals_the_loop_of_the_specification(pipe, orbits, picture, prompts, sharing):
    expected = written_out(pipe, orbits, picture, prompts, 3, 5, sharing)
    ours = run(pipe, orbits, picture, prompts, 3, 5, sharing=Sharing("clean" if sharing else "off"))
    assert len(ours.frames) == 2
    for a, b in zip(ours.frames, expected, strict=True):
        assert a.shape == (VIEWS, SIZE, SIZE, 3)
        assert np.abs(a.astype(int) - b).max() <= 1


def test_a_seed_repeats_a_run_and_another_changes_it(pipe, orbits, picture, prompts):
    first, again, other = (run(pipe, orbits, picture, prompts, seed, 2) for seed in (3, 3, 4))
    for a, b, c in zip(first.frames, again.frames, other.frames, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)


def test_shared_first_frame_is_that_of_the_horizontal_orbit(pipe, orbits, picture, prompts):
    shared = run(pipe, orbits, picture, prompts)
    latent = pipe.encode_picture(shared.frames[0][0])
    torch.testing.assert_close(shared.latents[1][:, :, :1], latent)
    alone = run(pipe, orbits, picture, prompts, sharing=Sharing("off"))
    assert np.array_equal(shared.frames[0], alone.frames[0])
    assert not np.array_equal(shared.frames[1], alone.frames[1])
    noised = run(pipe, orbits, picture, prompts, sharing=Sharing("noised"))
    torch.testing.assert_close(noised.latents[1][:, :, :1], latent)  # at sigma 0 both are the clean frame
    assert not torch.equal(noised.latents[1], shared.latents[1])


def test_paper_paints_both_orbits_in_one_sequence(wan, pipe, orbits, picture, prompts):
    seen = []
    for name in ("transformer", "transformer_2"):
        model = network(wan, 5, channels=48, gate=0.5, gasa=True, gasa_grid=8)
        model.register_forward_pre_hook(lambda module, given: seen.append(given[0].shape))
        setattr(pipe, name, model)
    both = run(pipe, orbits, picture, prompts, mode="paper")
    assert set(seen) == {(1, 48, 4, SIZE // 8, SIZE // 8)}
    assert len(seen) == 8
    assert [len(frames) for frames in both.frames] == [VIEWS, VIEWS]
    other = [orbits[0], replace(orbits[1], position=orbits[1].position[:, ::-1].copy())]
    changed = run(pipe, other, picture, prompts, mode="paper")
    assert not np.array_equal(both.frames[0], changed.frames[0])  # the vertical orbit matters to the horizontal one
    for model in (pipe.transformer, pipe.transformer_2):
        for block in model.blocks:
            torch.nn.init.zeros_(block.attn1.gasa.gate)
    assert not np.array_equal(run(pipe, orbits, picture, prompts, mode="paper").frames[0], both.frames[0])


def test_one_orbit_alone(pipe, orbits, picture, prompts):
    both = run(pipe, orbits, picture, prompts, sharing=Sharing("off"))
    for index in (0, 1):
        alone = run(pipe, orbits[index : index + 1], picture, prompts)
        assert np.array_equal(alone.frames[0], both.frames[index])


def test_everything_shown_to_the_network_matters(pipe, orbits, picture, prompts):
    plain = run(pipe, orbits[:1], picture, prompts).frames[0]
    turned = orbits[0].normal[:, ::-1].copy()
    changes = [
        run(pipe, [replace(orbits[0], normal=turned)], picture, prompts),
        run(pipe, [replace(orbits[0], position=turned)], picture, prompts),
        run(pipe, orbits[:1], picture[::-1].copy(), prompts),
        run(pipe, orbits[:1], picture, PromptEmbeddings(prompts.negative, prompts.positive)),
        run(pipe, orbits[:1], picture, prompts, guidance=Guidance(6.0, 0.0, 0.5)),
        run(pipe, orbits[:1], picture, prompts, boundary=0.0),
    ]
    for changed in changes:
        assert not np.array_equal(changed.frames[0], plain)


def test_step_callback_sees_and_replaces_latents(pipe, orbits, picture, prompts):
    heard = []

    def look(pipeline, step, timestep, known):
        heard.append((known["index"], step, timestep))
        assert pipeline is pipe
        assert known["latents"].shape == known["clean"].shape
        return {"latents": torch.zeros_like(known["latents"])} if step == 3 else None

    out = run(pipe, orbits, picture, prompts, callback_on_step_end=look)
    assert [entry[:2] for entry in heard] == [(i, step) for i in (0, 1) for step in range(4)]
    assert heard[3][2] == 0
    assert not out.latents[0].any()


def test_progress_rises_and_can_stop_inside_a_step(pipe, orbits, picture, prompts):
    heard = []
    run(pipe, orbits, picture, prompts, progress=lambda fraction, detail: heard.append(fraction))
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert len(heard) > 2 * 4 * 2 * len(pipe.transformer.blocks)  # runs, steps, branches, blocks

    def stop(fraction, detail):
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(pipe, orbits, picture, prompts, progress=stop)
    assert pipe.transformer.on_block is None
    assert pipe.transformer_2.on_block is None


@pytest.mark.parametrize("word", ["encoding", "decoding"])
def test_the_vae_can_be_stopped_too(pipe, orbits, picture, prompts, word):
    heard = []

    def stop(fraction, detail):
        heard.append(detail)
        if heard.count(detail) > 1 and word in detail:
            raise CancelledError

    def work():
        return pipe.encode_orbit(orbits[0], stop) if word == "encoding" else run(*given, progress=stop)

    given = (pipe, orbits, picture, prompts)
    with pytest.raises(CancelledError):
        work()
    assert not pipe.vae.encoder._forward_pre_hooks
    assert not pipe.vae.decoder._forward_pre_hooks


def test_latents_are_kept_per_mesh(pipe, orbits, picture, prompts, tmp_path):
    pipe.cache = LatentCache(tmp_path)
    calls = []
    encode_whole = pipe.vae.encode
    pipe.vae.encode = lambda *given, **options: calls.append(1) or encode_whole(*given, **options)
    first = run(pipe, orbits, picture, prompts)
    assert len(calls) == 6  # position and normal of two orbits, the reference, and frame 0 of H
    pipe.cache = LatentCache(tmp_path)  # as in another process
    again = run(pipe, orbits, picture, prompts)
    assert len(calls) == 6
    assert np.array_equal(first.frames[1], again.frames[1])
    for file in tmp_path.iterdir():
        file.write_bytes(b"cut short")
    pipe.cache = LatentCache(tmp_path)
    assert np.array_equal(run(pipe, orbits, picture, prompts).frames[1], first.frames[1])
    assert len(calls) == 12


def test_threads_share_a_cache_and_others_its_folder(tmp_path, monkeypatch):
    """Entries come and go under the feet of the one that asks."""
    from concurrent.futures import ThreadPoolExecutor

    from orbit_painter.backend.painters.orbitpainter import conditions

    monkeypatch.setattr(conditions, "KEPT", 2)
    monkeypatch.setattr(conditions, "KEPT_ON_DISK", 2)
    cache = LatentCache(tmp_path)
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in range(6)]

    def ask(number):
        value = number % 6
        if number % 7 == 0:  # what another process may do
            for file in tmp_path.glob("[!.]*.safetensors"):
                file.unlink(missing_ok=True)
        encoded = torch.full((2,), float(value))
        return float(cache.get(pictures[value], "vae", lambda: encoded)[0]) == value

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(120)))
    assert len(cache._kept) <= 2


def test_a_tiled_vae_gives_nearly_the_same(pipe):
    """What differs is what a tile does not see of its neighbours: little away from the borders."""
    vae = pipe.vae
    vae.tile_sample_min_height = vae.tile_sample_min_width = 128
    vae.tile_sample_stride_height = vae.tile_sample_stride_width = 96
    frames = np.random.default_rng(3).integers(0, 256, (1, 18, 18, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    with torch.no_grad():
        whole = encode(vae, pixels_to_video(frames))
        picture = decode(vae, whole)
        place(pipe, profiles.MemoryProfile("test", "bf16", "resident", vae_tiled=True), torch.device("cpu"))
        tiled, again = encode(vae, pixels_to_video(frames)), decode(vae, whole)
    for ours, exact, inside in ((tiled, whole, 3), (again, picture, 24)):
        assert ours.shape == exact.shape
        assert not torch.equal(ours, exact)
        difference = (ours - exact).square()
        assert difference[..., :inside, :inside].mean().sqrt() < 0.1 * exact.std()
        assert difference.mean().sqrt() < exact.std()  # an untrained codec mixes far pixels in as it likes


def test_saved_and_loaded(pipe, orbits, picture, prompts, tmp_path):
    pipe.save_pretrained(tmp_path)
    loaded = OrbitPainterPipeline.from_pretrained(tmp_path, torch_dtype=torch.float32)
    assert loaded.config["boundary_ratio"] == 0.875
    a, b = (run(p, orbits, picture, prompts).frames for p in (pipe, loaded))
    assert np.array_equal(a[1], b[1])


def test_two_devices_for_the_two_branches_change_nothing(wan, pipe, orbits, picture, prompts):
    plain = run(pipe, orbits, picture, prompts)
    copies = {"high": network(wan, 1), "low": network(wan, 2)}
    pipe.second = SecondDevice(copies, torch.device("cpu"))
    both = run(pipe, orbits, picture, prompts)
    pipe.second.close()
    for a, b in zip(plain.frames, both.frames, strict=True):
        assert np.array_equal(a, b)


def test_two_devices_for_two_orbits_that_need_nothing_from_each_other(wan, pipe, orbits, picture, prompts):
    options = {"sharing": Sharing("off"), "guidance": Guidance(6.0, 0.0, 0.5)}
    plain = run(pipe, orbits, picture, prompts, **options)
    pipe.second = SecondDevice({"high": network(wan, 1), "low": network(wan, 2)}, torch.device("cpu"))
    threads, heard, steps = set(), [], []
    for model in (*pipe.second.copies.values(), pipe.transformer):
        model.register_forward_pre_hook(lambda module, given: threads.add(threading.get_ident()))
    both = run(
        pipe, orbits, picture, prompts, **options,
        progress=lambda fraction, detail: heard.append(fraction),
        callback_on_step_end=lambda pipe, step, timestep, known: steps.append((known["index"], step)),
    )  # fmt: skip
    assert len(threads) == 2
    for a, b in zip(plain.frames, both.frames, strict=True):
        assert np.array_equal(a, b)
    assert heard == sorted(heard)
    assert sorted(steps) == [(index, step) for index in (0, 1) for step in range(4)]

    def stop(fraction, detail):
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(pipe, orbits, picture, prompts, **options, progress=stop)
    pipe.second.copies["high"].blocks[0].attn1.to_q = torch.nn.Linear(3, 3)
    with pytest.raises(RuntimeError):  # what fails on the second device stops the first one too
        run(pipe, orbits, picture, prompts, **options)
    pipe.second.close()


@pytest.mark.parametrize("foreground_only", [False, True])
def test_guidance_as_a_batch_of_two_is_guidance_by_two_passes(pipe, orbits, picture, prompts, foreground_only):
    options = {"guidance": Guidance(6.0, 0.0, 0.5), "foreground_only": foreground_only}
    plain = run(pipe, orbits, picture, prompts, **options)
    sizes = []
    pipe.transformer.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    pipe.batched_guidance = True
    batched = run(pipe, orbits, picture, prompts, **options)
    assert set(sizes) == {2}  # the high-noise expert does the guided steps
    for a, b in zip(plain.latents, batched.latents, strict=True):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=1e-4)


def test_batched_guidance_with_geometry_aware_attention(wan, pipe, orbits, picture, prompts):
    for name in ("transformer", "transformer_2"):
        setattr(pipe, name, network(wan, 5, channels=48, gate=0.5, gasa=True, gasa_grid=8))
    plain = run(pipe, orbits, picture, prompts, mode="paper")
    pipe.batched_guidance = True
    batched = run(pipe, orbits, picture, prompts, mode="paper")
    torch.testing.assert_close(plain.latents[0], batched.latents[0], atol=2e-4, rtol=1e-4)


def test_a_failure_on_the_second_device_comes_out(wan, pipe, orbits, picture, prompts):
    pipe.second = SecondDevice({"high": network(wan, 1, channels=48), "low": network(wan, 2)}, torch.device("cpu"))
    pipe.second.copies["high"].blocks[0].attn1.to_q = torch.nn.Linear(3, 3)
    with pytest.raises(RuntimeError):
        run(pipe, orbits, picture, prompts)
    pipe.second.close()


def test_without_background_tokens(pipe, orbits, picture, prompts):
    """Near in the foreground; exactly the way to black where no token was computed."""
    plain = run(pipe, orbits[:1], picture, prompts)
    geometry = orbits[0].geometry
    everything = replace(geometry, foreground=np.ones_like(geometry.foreground))
    whole = run(pipe, [replace(orbits[0], geometry=everything)], picture, prompts, foreground_only=True)
    assert torch.equal(whole.latents[0], plain.latents[0])  # nothing to leave out: off equals plain
    few = np.zeros_like(geometry.foreground)
    few[:, :1, :1] = True
    fewer = replace(orbits[0], geometry=replace(geometry, foreground=few))
    from orbit_painter.backend.painters.orbitpainter import background

    dropped = run(pipe, [fewer], picture, prompts, foreground_only=True)
    kept = set(background.tokens_to_keep(fewer.geometry).tolist())
    known = np.array([token not in kept for token in range(few.size)]).reshape(few.shape)
    if known.any():
        pixels = torch.from_numpy(known.repeat(2, axis=1).repeat(2, axis=2))
        black = encode(pipe.vae, pixels_to_video(np.zeros((VIEWS + 1, SIZE, SIZE, 3), np.uint8)))
        torch.testing.assert_close(dropped.latents[0][0, :, pixels], black[0, :, pixels], atol=1e-5, rtol=0)


# What the passes look like to the network ------------------------------------------------------------------------


def test_orbits_are_read_in_order(orbits):
    assert [orbit.segment.orbit for orbit in orbits] == ["H", "V"]
    horizontal = orbits[0]
    assert horizontal.position.shape == (VIEWS, SIZE, SIZE, 3)
    assert horizontal.mask[0, SIZE // 2, SIZE // 2]
    assert not horizontal.mask[0, 0, 0]
    assert horizontal.position[0, 0, 0].tolist() == [127, 127, 127]
    assert horizontal.normal[0, SIZE // 2, SIZE // 2].tolist()[1] < 10  # the front faces -Y
    assert horizontal.geometry.foreground.shape == (2, SIZE // 16, SIZE // 16)


def test_mirrored_vertical_orbit(tiny, orbits):
    mirrored = read_orbits(tiny.sphere_passes((VIEWS, VIEWS), SIZE), GasaOptions(grid=8), v_mirrored=True)
    assert np.array_equal(mirrored[0].position, orbits[0].position)
    assert np.array_equal(mirrored[1].position, orbits[1].position[:, :, ::-1])
    assert np.array_equal(mirrored[1].normal, orbits[1].normal[:, :, ::-1])


@pytest.mark.parametrize(("views", "size", "code"), [((4, 4), 40, "size-multiple"), ((6, 4), 32, "video-length")])
def test_sizes_and_lengths_the_network_cannot_take(tiny, views, size, code):
    with pytest.raises(InputError) as caught:
        read_orbits(tiny.sphere_passes(views, size), GasaOptions())
    assert caught.value.code == code


# Texts -----------------------------------------------------------------------------------------------------------


def test_padding_is_zero_and_the_file_holds_no_padding(tiny, tmp_path):
    embeddings = texts.encode_prompts(tiny.tiny_tokenizer(), tiny.tiny_text_encoder())
    assert embeddings.positive.shape == (1, 5, 24)
    positive, negative = embeddings.padded()
    assert positive.shape == negative.shape == (1, 512, 24)
    assert not positive[:, 5:].any()
    texts.save_prompts(tmp_path / "p.safetensors", embeddings)
    loaded = texts.load_prompts(tmp_path / "p.safetensors")
    assert torch.equal(loaded.positive, embeddings.positive)
    assert (tmp_path / "p.safetensors").stat().st_size < 10_000
    with pytest.raises(InputError, match="other texts"):
        texts.load_prompts(tmp_path / "p.safetensors", prompt="a cat")
    (tmp_path / "p.safetensors").write_bytes(b"x" * 30)
    with pytest.raises(InputError, match="no file of prompt"):
        texts.load_prompts(tmp_path / "p.safetensors")


def test_texts_are_cleaned():
    assert texts.cleaned("  a &amp;lt; b\n c ") == "a < b c"


def test_pipeline_makes_the_embeddings_itself(pipe, orbits, picture, tiny):
    pipe.register_modules(tokenizer=tiny.tiny_tokenizer(), text_encoder=tiny.tiny_text_encoder())
    a = run(pipe, orbits[:1], picture, None, steps=2)
    b = run(pipe, orbits[:1], picture, pipe.encode_prompts(), steps=2)
    assert np.array_equal(a.frames[0], b.frames[0])
    assert isinstance(orbits[0], OrbitPictures)
