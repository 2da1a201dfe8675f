"""What a run writes for engines is what it trained: a LoRA as released, or a whole network for diffusers."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from orbit_painter.backend.errors import InputError, OutputError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.checkpoints import ExpertFiles, load_expert  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.prompts import (  # noqa: E402
    CACHE_FILE,
    PromptEmbeddings,
    load_prompts,
    save_prompts,
)
from orbit_painter.backend.training import export  # noqa: E402
from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.network import build_network, trained_parameters  # noqa: E402
from orbit_painter.backend.training.trainer import train  # noqa: E402
from safetensors.torch import load_file  # noqa: E402


def lora_config(settings, base, **model):
    adapted = {"base": str(base), "train": "lora", "rank": 4, "alpha": 8.0, "text_dim": 24, "layout": "release"}
    adapted |= {"channels": 68, "gasa": False, "gasa_gate": 0.0, **model}
    tables = {"model": adapted, "objective": {"kind": "release"}, "run": {**settings["run"], "steps": 3}}
    return make_config({**settings, **tables, "optimiser": {"rate": 1e-2}})


def forward(network, channels=68, **more):
    torch.manual_seed(0)
    x, text, reference = torch.randn(1, channels, 2, 4, 4), torch.randn(1, 3, 24), torch.randn(1, 16, 1, 4, 4)
    if network.config.gasa:
        more["gasa_layout"] = empty_layout(network)
    with torch.no_grad():
        return network.float().eval()(
            x, torch.tensor([700.0]), text, reference_latents=reference, return_dict=False, **more
        )[0]


def empty_layout(network):
    import numpy as np
    from orbit_painter.backend.painters.orbitpainter.gasa_layout import build_layout
    from orbit_painter.backend.painters.orbitpainter.gasa_tokens import TokenGeometry

    voxel = np.zeros((2, 2, 2, 3), np.int32)
    return build_layout(TokenGeometry(voxel, np.ones((2, 2, 2), bool)), network.gasa_options)


def test_the_specified_weights_are_trained_and_no_others(settings, base):
    network = build_network(lora_config(settings, base))
    names = set(trained_parameters(network))
    matrices = ["attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"]
    matrices += [name.replace("attn1", "attn2") for name in matrices] + ["ffn.net.0.proj", "ffn.net.2"]
    expected = {f"blocks.{b}.{m}.lora_{h}.default.weight" for b in range(2) for m in matrices for h in "AB"}
    assert names == expected | {"patch_embedding.weight", "patch_embedding.bias"}
    half = lora_config({**settings, "run": {**settings["run"], "precision": "bf16"}}, base)
    network = build_network(half)
    assert {p.dtype for p in trained_parameters(network).values()} == {torch.float32}
    assert network.ref_conv.weight.dtype == torch.bfloat16


def test_a_lora_starts_from_the_seed_of_the_run(settings, base):
    """Two runs with one seed are the same run, and the processes of one run begin with equal weights."""
    first, second, other = (
        trained_parameters(build_network(lora_config({**settings, "run": {**settings["run"], "seed": seed}}, base)))
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_half_precision_with_checkpointing_trains(settings, base, tmp_path):
    run = {**settings["run"], "precision": "bf16", "gradient_checkpointing": True}
    train(lora_config({**settings, "run": run}, base), tmp_path / "run")


def test_gasa_is_trained_through_loras_of_its_own_and_its_gates(settings, base):
    names = set(trained_parameters(build_network(lora_config(settings, base, gasa=True, layout="paper"))))
    for part in ("to_q.lora_A", "to_v.lora_B", "to_out.lora_A"):
        assert f"blocks.0.attn1.gasa.{part}.default.weight" in names
    assert "blocks.1.attn1.gasa.gate" in names


def test_a_lora_comes_out_in_the_released_format(settings, base, tmp_path):
    folder = train(lora_config(settings, base), tmp_path / "run")
    path = tmp_path / "high_noise.safetensors"
    export.export_released(folder, path)
    keys = set(load_file(path))
    assert len(keys) == 2 * 20 + 2
    assert {"blocks.0.self_attn.q.lora_A.default.weight", "blocks.1.ffn.2.lora_B.default.weight"} < keys
    ours = export.load_network(folder, export.newest(tmp_path / "run")[1])
    theirs = load_expert(ExpertFiles(base, path), dtype=torch.float32).model
    plain = load_expert(ExpertFiles(base), in_channels=68, dtype=torch.float32).model
    difference = (forward(ours) - forward(theirs)).norm() / forward(theirs).norm()
    assert difference < 0.02  # bfloat16 in the file
    assert (forward(plain) - forward(theirs)).norm() / forward(theirs).norm() > 5 * difference


@pytest.mark.parametrize("gasa", [False, True])
def test_a_merged_lora_is_a_diffusers_folder(settings, base, tmp_path, gasa):
    layout = "paper" if gasa else "release"
    folder = train(lora_config(settings, base, gasa=gasa, layout=layout), tmp_path / "run")
    export.export_diffusers(folder, tmp_path / "model", dtype=torch.float32)
    ours = export.load_network(folder, export.newest(tmp_path / "run")[1])
    theirs = load_expert(ExpertFiles(tmp_path / "model" / "transformer"), dtype=torch.float32).model
    torch.testing.assert_close(forward(ours), forward(theirs), atol=2e-2, rtol=2e-2)
    assert json.loads((tmp_path / "model" / "model_index.json").read_text())["boundary_ratio"] == 0
    with pytest.raises(OutputError):
        export.export_diffusers(folder, tmp_path / "model")


def test_averaged_weights_are_exported_unless_the_last_are_wanted(settings, tmp_path):
    folder = train(make_config(settings), tmp_path / "run")
    export.export_diffusers(folder, tmp_path / "averaged", dtype=torch.float32)
    export.export_diffusers(folder, tmp_path / "last", averaged=False, dtype=torch.float32)
    loaded = [
        load_expert(ExpertFiles(tmp_path / name / "transformer"), dtype=torch.float32).model
        for name in ("averaged", "last")
    ]
    assert not torch.equal(loaded[0].proj_out.weight, loaded[1].proj_out.weight)
    state = load_file(folder / "ema.safetensors")
    assert torch.equal(loaded[0].proj_out.weight, state["proj_out.weight"])


def test_the_engine_paints_with_an_exported_network(settings, tmp_path, monkeypatch, neural):
    from orbit_painter.backend.painters.base import PaintRequest, Reference
    from orbit_painter.backend.painters.registry import create_painter
    from orbit_painter.backend.progress import silent

    monkeypatch.setenv("ORBIT_PAINTER_HOME", str(tmp_path / "home"))
    export.export_diffusers(train(make_config(settings), tmp_path / "run"), tmp_path / "model")
    picture = torch.full((32, 32, 4), 200, dtype=torch.uint8).numpy()
    picture[:8, :, 3] = 0
    options = {"weights": str(tmp_path / "model"), "mode": "paper", "steps": 2}
    frames = {}
    for memory in ("auto", "48", "12", "8"):
        passes = neural("tiny_models").sphere_passes((4, 4), 32)
        request = PaintRequest(passes, [Reference(picture)], 0, {**options, "memory": memory})
        painted = create_painter("orbitpainter").paint(request, silent).frames
        assert len(painted) == 8
        frames[memory] = [frame.image for frame in painted]
    assert all((a == b).all() for a, b in zip(frames["auto"], frames["48"], strict=True))


def test_both_texts_go_with_an_exported_network(settings, tmp_path):
    """Guidance contrasts them."""
    texts = PromptEmbeddings(torch.randn(1, 3, 8), torch.randn(1, 5, 8))
    save_prompts(tmp_path / CACHE_FILE, texts)
    settings["model"]["prompt"] = str(tmp_path / CACHE_FILE)
    settings["run"]["steps"] = 1
    export.export_diffusers(train(make_config(settings), tmp_path / "run"), tmp_path / "model")
    for wanted, found in zip(texts.padded(), load_prompts(tmp_path / "model" / CACHE_FILE).padded(), strict=True):
        assert torch.equal(wanted, found)


def test_what_the_released_format_cannot_hold_is_refused(settings, base, tmp_path):
    folder = train(make_config(settings), tmp_path / "whole")
    with pytest.raises(InputError, match="whole network"):
        export.export_released(folder, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no checkpoint"):
        export.newest(tmp_path / "nowhere")


def test_the_engines_pipeline_paints_with_an_exported_network(settings, tmp_path):
    """As training's own sampler does, with the weights in bfloat16."""
    import numpy as np
    from orbit_painter.backend.painters.orbitpainter.conditions import OrbitPictures
    from orbit_painter.backend.painters.orbitpainter.latent_layouts import segment_of
    from orbit_painter.backend.painters.orbitpainter.pipeline import OrbitPainterPipeline
    from orbit_painter.backend.training.examples import encode_sample
    from orbit_painter.backend.training.network import encoded_prompt
    from orbit_painter.backend.training.painting import paint_sample, plain_reference
    from orbit_painter.backend.training.source import open_source

    config = make_config(settings)
    folder = train(config, tmp_path / "run")
    export.export_diffusers(folder, tmp_path / "model", dtype=torch.float32)
    pipe = OrbitPainterPipeline.from_pretrained(tmp_path / "model")
    sample = open_source(config.data).sample(0)
    reference, options = plain_reference(sample), pipe.transformer.gasa_options
    orbits = []
    for name, part in (("H", slice(0, 4)), ("V", slice(4, 8))):
        segment = segment_of(name, 4, stride=1)
        geometry = encode_sample(pipe.vae, sample, _run(segment), options.grid).geometry
        orbits.append(
            OrbitPictures(segment, sample.position[part], sample.normal[part], sample.mask[part] > 127, geometry)
        )
    painted = pipe(
        orbits,
        reference,
        load_prompts(tmp_path / "model" / CACHE_FILE),
        mode="paper",
        num_inference_steps=3,
        guidance=1.0,
        generator=torch.Generator("cpu").manual_seed(0),
    )
    network = export.load_network(folder, config)
    own = paint_sample(network, pipe.vae, sample, reference, encoded_prompt(config.model), config.model, options, 3)
    assert np.abs(np.concatenate(painted.frames).astype(int) - own).max() <= 1


def _run(segment):
    from orbit_painter.backend.painters.orbitpainter.latent_layouts import Run

    return Run((segment,))
