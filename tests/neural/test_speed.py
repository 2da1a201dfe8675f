"""Switches of speed and storage: off is plain, on does what it says."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from diffusers.models.attention_dispatch import _AttentionBackendRegistry  # noqa: E402
from orbit_painter.backend.errors import UsageError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import attention_backends, quantised, speed  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.placement import chunk_feed_forward, stream  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.presets import Speed, preset, with_changes  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.profiles import NAMES, profile_named  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402

CPU = torch.device("cpu")


class Pipe:
    """As much of the pipeline as the switches look at: one network that does all steps."""

    group = None

    def __init__(self, model):
        self.transformer, self.transformer_2 = model, None

    def networks(self):
        return [self.transformer]

    def is_high(self, model):
        return True


def network(wan, **changes):
    torch.manual_seed(0)
    return OrbitWanTransformer3DModel(in_channels=48, **{**wan.TINY, **changes}).eval()


def inputs(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 48, 3, 8, 8, generator=generator), torch.randn(1, 6, 24, generator=generator)


@torch.no_grad()
def call(model, time, x=None, step=0):
    given, text = inputs()
    with model.cache_context("positive", step_index=step, sigma=time / 1000, num_inference_steps=20):
        return model(given if x is None else x, torch.tensor([time]), text).sample


def relative(a, b):
    return float((a - b).square().mean().sqrt() / b.square().mean().sqrt())


# Attention --------------------------------------------------------------------------------------------------------


def test_probing_leaves_the_process_as_it_was(wan):
    before = _AttentionBackendRegistry.get_active_backend()[0]
    model, other = network(wan), network(wan)
    plain = call(model, 500.0)
    name, note = attention_backends.choose_backend("sage", CPU, torch.float32, 16)
    assert (name, "sage" in note) == ("native", True)  # cannot run here: said, and replaced
    attention_backends.set_backend(model, "_native_math")
    assert torch.allclose(call(model, 500.0), plain, atol=1e-5)
    assert _AttentionBackendRegistry.get_active_backend()[0] == before
    assert other.blocks[0].attn1.processor._attention_backend is None


@pytest.mark.parametrize("wanted", ["auto", "fastest"])
def test_automatic_attention_works_everywhere(wanted):
    assert attention_backends.choose_backend(wanted, CPU, torch.float32) == ("native", None)
    assert attention_backends.problem("native", CPU, torch.bfloat16) is None
    assert attention_backends.problem("sage", CPU, torch.bfloat16) is not None


@pytest.mark.parametrize("capability", [(8, 9), (9, 0), (12, 0)])
def test_eight_bits_are_tried_only_where_the_fastest_is_asked_for(monkeypatch, capability):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    device = torch.device("cuda")
    exact, fastest = attention_backends.candidates(device), attention_backends.candidates(device, exact=False)
    assert not any("sage" in name for name in exact)
    assert "sage" in fastest[0]
    assert fastest[1:] == exact
    assert exact[-1] == "native"
    assert set(fastest) <= set(attention_backends.known_backends())


@pytest.mark.parametrize("name", ["magic", "flash_hub"])
def test_unknown_attention_and_downloading_kernels_are_refused(name):
    with pytest.raises(UsageError):
        attention_backends.choose_backend(name, CPU, torch.float32)


# Step caches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["first-block", "taylorseer", "magcache", "seacache"])
def test_a_step_cache_is_used_and_leaves_no_trace(wan, name, tmp_path):
    model = network(wan)
    chosen = Speed(steps=20, cache=name, cache_threshold=1e9)
    known = tmp_path / "ratios.json"
    known.write_text(json.dumps({"high": [1.0] * 20, "low": [1.0]}))
    times = [900.0 - 40 * step for step in range(9)]
    plain = [call(model, time) for time in times]
    blocks = []
    hook = model.blocks[1].ffn.register_forward_hook(lambda *given: blocks.append(1))
    with speed.step_cache(Pipe(model), chosen, 0.0, known) as notes:
        cached = [call(model, time, step=step) for step, time in enumerate(times)]
    hook.remove()
    assert name == "taylorseer" or len(blocks) < len(times)  # whole blocks are left out
    assert notes == []
    assert torch.equal(cached[0], plain[0])
    assert any(not torch.equal(a, b) for a, b in zip(cached[1:], plain[1:], strict=True))
    again = [call(model, time) for time in times]
    assert all(torch.equal(a, b) for a, b in zip(again, plain, strict=True))


def test_the_first_run_with_magcache_measures_and_is_plain(wan, tmp_path, capfd):
    model, known = network(wan), tmp_path / "cache" / "ratios.json"
    times = [900.0 - 40 * step for step in range(9)]
    plain = [call(model, time) for time in times]
    chosen = Speed(steps=9, cache="magcache", cache_threshold=0.5)
    with speed.step_cache(Pipe(model), chosen, 0.0, known) as notes:
        first = [call(model, time, step=step) for step, time in enumerate(times)]
    assert notes == [speed.MEASURED]
    assert all(torch.equal(a, b) for a, b in zip(first, plain, strict=True))
    ratios = json.loads(known.read_text())["high"]
    assert len(ratios) == 9
    assert ratios[0] == 1
    assert all(0.1 < ratio < 10 for ratio in ratios)
    with speed.step_cache(Pipe(model), chosen, 0.0, known) as notes:
        second = [call(model, time, step=step) for step, time in enumerate(times)]
    assert notes == []
    assert any(not torch.equal(a, b) for a, b in zip(second, plain, strict=True))
    known.write_text("{}")  # damaged: measured again
    with speed.step_cache(Pipe(model), chosen, 0.0, known) as notes:
        call(model, 900.0)
    assert notes == [speed.MEASURED]
    assert capfd.readouterr().out == ""  # standard output belongs to the events


def test_a_full_disk_does_not_take_the_run_that_measured(wan, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    model = network(wan)
    with speed.step_cache(Pipe(model), Speed(steps=9, cache="magcache"), 0.0, tmp_path / "cache" / "r.json") as notes:
        call(model, 900.0)
    assert "could not be kept" in notes[0]
    assert not model.is_cache_enabled


def test_steps_of_each_expert():
    assert speed.steps_of_experts(50, 0.875) == {"high": 21, "low": 29}  # specs/orbitpainter.md section 7
    assert speed.steps_of_experts(50, 0.0) == {"high": 50, "low": 0}


def test_no_cache_where_it_is_off_or_the_run_is_short(wan):
    model = network(wan)
    for chosen in (Speed(), Speed(steps=4, cache="first-block")):
        with speed.step_cache(Pipe(model), chosen):
            assert not model.is_cache_enabled


def test_a_failing_run_removes_the_cache(wan):
    model = network(wan)
    with pytest.raises(KeyError), speed.step_cache(Pipe(model), Speed(steps=20, cache="taylorseer")):
        raise KeyError
    assert not model.is_cache_enabled


def test_presets():
    assert preset("best", True) == Speed()
    assert preset("balanced", False).steps == 20
    assert preset("balanced", False).guidance_stop == 0.5
    assert preset("balanced", False).compile
    assert preset("fast", True).attention == preset("fast", False).attention == "fastest"
    assert (preset("fast", True).steps, preset("fast", True).guidance) == (4, 1.0)
    assert not preset("fast", True).foreground_only
    assert preset("fast", False).foreground_only
    assert with_changes(preset("fast", False), steps=7, cache=None).steps == 7
    assert with_changes(Speed(), foreground_only=False) == Speed()


def test_presets_compile_where_whole_blocks_stay_on_the_card():
    pays = {name for name in NAMES if speed.compiling_pays(profile_named(name), torch.device("cuda"))}
    assert pays == {"80", "48", "cpu"}
    assert not speed.compiling_pays(profile_named("80"), CPU)


def test_compilation_that_cannot_be_is_said(wan, monkeypatch):
    def broken(*given, **options):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", broken)
    speed.compile_problem.cache_clear()
    model = network(wan)
    assert "no compiler" in speed.compile_blocks(Pipe(model), CPU)
    speed.compile_problem.cache_clear()
    call(model, 500.0)


# Storage ----------------------------------------------------------------------------------------------------------


def test_four_bits():
    torch.manual_seed(1)
    linear = torch.nn.Linear(150, 70)  # not a multiple of the block
    small = quantised.Linear4Bit(linear)
    assert small.weight.shape == linear.weight.shape
    assert 0.05 < relative(small.weight, linear.weight) < 0.12
    stored = small.codes.numel() + 2 * small.scale.numel()
    assert stored / linear.weight.numel() < 0.55
    x = torch.randn(3, 150)
    assert torch.allclose(small(x), x @ small.weight.T + linear.bias, atol=1e-5)
    levels = torch.tensor(quantised._LEVELS)
    exact = torch.nn.Linear(64, 16, bias=False)
    exact.weight.data = levels[torch.randint(0, 16, (16, 64))] * 0.5
    exact.weight.data[:, 0] = 0.5
    assert torch.allclose(quantised.Linear4Bit(exact).weight, exact.weight, atol=1e-6)
    assert not quantised.Linear4Bit(torch.nn.Linear(64, 2)).codes.requires_grad


def test_four_bits_of_nothing_stay_nothing():
    codes, scale = quantised.quantise(torch.zeros(4, 64))
    assert not quantised.dequantise(codes, scale, torch.Size((4, 64)), torch.float32).any()


def test_chunked_feed_forward_and_streaming_are_exact(wan):
    model = network(wan)
    plain = call(model, 500.0)
    chunk_feed_forward(model, 5)
    assert torch.allclose(call(model, 500.0), plain, atol=1e-6)
    stream(model, CPU, 1)
    assert torch.allclose(call(model, 500.0), plain, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None and shutil.which("clang++") is None, reason="needs a C++ compiler")
def test_compiled_blocks_give_the_same(wan, monkeypatch):
    """Inductor for the CPU: one block is compiled and used for all."""
    import torch._dynamo
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor, "compile_threads", 1)
    monkeypatch.setattr(speed, "compile_problem", lambda device: None)  # its own small trial costs as much again
    torch._dynamo.reset()
    model = network(wan, num_layers=3)
    plain = call(model, 500.0)
    assert speed.compile_blocks(Pipe(model), CPU) is None
    torch._dynamo.utils.counters.clear()
    torch.testing.assert_close(call(model, 500.0), plain, atol=1e-5, rtol=1e-4)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2
    speed.uncompile_blocks(Pipe(model))
    assert torch.equal(call(model, 500.0), plain)
    torch._dynamo.reset()
