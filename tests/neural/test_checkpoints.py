"""Files in exactly the published formats are loaded with equal values; damaged ones are refused with a sentence."""

import importlib.util
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from orbit_painter.backend.arguments import parser
from orbit_painter.backend.console import JsonConsole
from orbit_painter.backend.environment.states import State
from orbit_painter.backend.environment.status import EngineStatus
from orbit_painter.backend.models.command import run_command
from orbit_painter.backend.models.store import find

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.errors import CancelledError, EngineMissingError, InputError, OutputError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import checkpoints  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.checkpoint_mapping import transformer_name  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.checkpoints import ExpertFiles, ExtraLora  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.convert import ModelFiles, convert  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402


def heads(folder):
    """The configuration as VideoX-Fun writes it; only the number of heads cannot be read off the shapes."""
    (folder / "config.json").write_text(json.dumps({"dim": 32, "num_heads": 2, "in_dim": 52}))


@pytest.fixture
def base(wan):
    return wan.weights(in_channels=52)


@pytest.fixture
def lora(wan):
    return wan.lora()


@pytest.fixture
def files(tmp_path, base, lora):
    """Base expert in one file, and the released file."""
    folder = tmp_path / "high_noise_model"
    folder.mkdir()
    heads(folder)
    save_file(base, folder / "diffusion_pytorch_model.safetensors")
    save_file(lora, tmp_path / "high_noise.safetensors")
    return ExpertFiles(folder, tmp_path / "high_noise.safetensors")


def load(files, dtype=torch.float32, **options):
    return checkpoints.load_expert(files, dtype=dtype, **options).model


def check_equal(model, state):
    ours = model.state_dict()
    assert sorted(ours) == sorted(transformer_name(name) for name in state)
    for name, value in state.items():
        torch.testing.assert_close(ours[transformer_name(name)], value, atol=2e-7, rtol=1e-6)


def test_release_is_merged_in_float32(files, wan, base, lora):
    model = load(files)
    check_equal(model, wan.merged(base, lora))
    assert model.config.in_channels == 68
    assert model.config.num_attention_heads == 2
    assert not model.training


@torch.no_grad()
def test_a_loaded_release_runs_as_the_reference(files, wan, base, lora):
    generator = torch.Generator().manual_seed(0)
    x, text = torch.randn(1, 68, 2, 4, 4, generator=generator), torch.randn(1, 4, 24, generator=generator)
    reference = torch.randn(1, 16, 1, 4, 4, generator=generator)
    ours = load(files)(x, torch.tensor([890.0]), text, reference).sample
    exact = wan.forward(wan.merged(base, lora), x.double(), 890.0, text.double(), reference.double())
    torch.testing.assert_close(ours.double(), exact, atol=2e-5, rtol=0)


def test_bfloat16_keeps_norms_and_modulation_in_float32(files):
    model, exact = load(files, torch.bfloat16), load(files)
    kinds = {name: parameter.dtype for name, parameter in model.named_parameters()}
    assert kinds["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    for name in ("blocks.0.scale_shift_table", "blocks.1.norm2.weight", "scale_shift_table"):
        assert kinds[name] == torch.float32
    for name, parameter in exact.named_parameters():  # rounded once, after the merge
        assert torch.equal(model.state_dict()[name], parameter.to(kinds[name])), name


@pytest.mark.parametrize("variant", ["plain", "lora_down", "pipe", "prefixed", "alpha", "48", "bf16"])
def test_spellings_of_the_released_file(tmp_path, files, wan, base, lora, variant):
    expected, state = wan.merged(base, lora), dict(lora)
    if variant == "plain":
        state = {name.replace(".default", ""): value for name, value in lora.items()}
    elif variant == "lora_down":
        names = (("lora_A.default", "lora_down"), ("lora_B.default", "lora_up"))
        state = {name.replace(*names[0]).replace(*names[1]): value for name, value in lora.items()}
    elif variant in ("pipe", "prefixed"):
        prefix = {"pipe": "pipe.dit.", "prefixed": "diffusion_model."}[variant]
        state = {f"{prefix}{name}": value for name, value in lora.items()}
    elif variant == "alpha":
        for name in lora:
            if "lora_A" in name:
                state[name.split(".lora_A")[0] + ".alpha"] = torch.tensor(2.0)  # rank 4: scale 0.5
        halved = {name: value / 2 if "lora_B" in name else value for name, value in lora.items()}
        expected = wan.merged(base, halved)
    elif variant == "48":
        weight = lora["patch_embedding.weight"].clone()
        weight[:, 32:52] = 0
        expected["patch_embedding.weight"] = weight
        state["patch_embedding.weight"] = torch.cat([weight[:, :32], weight[:, 52:]], dim=1)
    else:
        state = {name: value.bfloat16() for name, value in lora.items()}
        expected = wan.merged(base, {name: value.float() for name, value in state.items()})
    path = tmp_path / "variant.safetensors"
    save_file(state, path)
    check_equal(load(ExpertFiles(files.base, path), in_channels=68), expected)


def test_48_channels_from_a_release_of_68(files, lora):
    weight = lora["patch_embedding.weight"]
    model = load(files, in_channels=48)
    assert torch.equal(model.patch_embedding.weight, torch.cat([weight[:, :32], weight[:, 52:]], dim=1))


@pytest.mark.parametrize("layout", ["sharded", "shards without index", "pth", "prefixed", "diffusers", "one file"])
def test_layouts_of_the_base(tmp_path, files, wan, base, lora, layout):
    folder = tmp_path / "other"
    folder.mkdir()
    heads(folder)
    path, options = folder, {}
    if layout in ("sharded", "shards without index"):
        names = sorted(base)
        shards = {f"diffusion_pytorch_model-0000{i + 1}-of-00003.safetensors": names[i::3] for i in range(3)}
        for shard, held in shards.items():
            save_file({name: base[name] for name in held}, folder / shard)
        if layout == "sharded":
            index = {"weight_map": {name: shard for shard, held in shards.items() for name in held}}
            (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
            save_file({"unrelated": torch.ones(1)}, folder / "extra.safetensors")
    elif layout == "pth":
        torch.save({"state_dict": base}, folder / "model.pth")
    elif layout == "prefixed":
        save_file({f"model.diffusion_model.{name}": value for name, value in base.items()}, folder / "a.safetensors")
    elif layout == "diffusers":
        network = OrbitWanTransformer3DModel(**wan.TINY, in_channels=52)
        network.load_state_dict({transformer_name(name): value for name, value in base.items()})
        network.save_pretrained(folder, max_shard_size="60KB")
        assert len(list(folder.glob("*.safetensors"))) > 1
    else:
        path = tmp_path / "single.safetensors"
        save_file(base, path)
        options = {"overrides": {"num_attention_heads": 2, "attention_head_dim": 16}}
    check_equal(load(ExpertFiles(path, files.orbitpainter), **options), wan.merged(base, lora))
    check_equal(load(ExpertFiles(path), **options), base)


def test_gguf(tmp_path, files, wan, base, lora):
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "high.gguf"
    writer = gguf.GGUFWriter(str(path), "wan")
    expected = dict(base)
    for name, value in base.items():
        if name == "patch_embedding.weight":  # five axes: stored flat, its shape noted
            writer.add_array(f"comfy.gguf.orig_shape.{name}", list(value.shape))
            writer.add_tensor(name, value.reshape(32, -1).numpy())
        elif name.endswith("ffn.0.weight"):
            kind = gguf.GGMLQuantizationType.Q8_0
            data = gguf.quants.quantize(value.numpy(), kind)
            expected[name] = torch.from_numpy(gguf.quants.dequantize(data, kind))
            assert not torch.equal(expected[name], value)
            writer.add_tensor(name, data, raw_dtype=kind)
        else:
            writer.add_tensor(name, value.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    heads(tmp_path)
    check_equal(load(ExpertFiles(path, files.orbitpainter)), wan.merged(expected, lora))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError) as caught:
        load(ExpertFiles(path, files.orbitpainter))
    assert caught.value.code == "weights-damaged"


def test_gguf_without_its_package(tmp_path, files, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gguf", None)
    path = tmp_path / "high.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(EngineMissingError) as caught:
        load(ExpertFiles(path, files.orbitpainter))
    assert caught.value.code == "gguf-missing"


def test_gasa_starts_from_the_full_attention(files, tmp_path):
    model = load(files, overrides={"gasa": True})
    for block in model.blocks:
        assert torch.equal(block.attn1.gasa.to_k.weight, block.attn1.to_k.weight)
        assert torch.equal(block.attn1.gasa.to_out.bias, block.attn1.to_out[0].bias)
        assert not block.attn1.gasa.gate.any()
    torch.nn.init.constant_(model.blocks[1].attn1.gasa.gate, 0.5)
    model.save_pretrained(tmp_path / "trained")
    again = load(ExpertFiles(tmp_path / "trained"))
    assert again.config.gasa
    assert again.blocks[1].attn1.gasa.gate.item() == 0.5
    state = load_file(tmp_path / "trained" / "diffusion_pytorch_model.safetensors")
    del state["blocks.0.attn1.gasa.to_q.bias"]
    save_file(state, tmp_path / "trained" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(InputError, match=r"lacks .*blocks\.0\.attn1\.gasa\.to_q\.bias"):
        load(ExpertFiles(tmp_path / "trained"))


# What is refused ------------------------------------------------------------------------------------------------


def refused(code, files, match=None, **options):
    with pytest.raises(InputError, match=match) as caught:
        load(files, **options)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def rewrite(path, change):
    state = load_file(path)
    change(state)
    save_file(state, path)


@pytest.mark.parametrize("which", ["base", "released"])
@pytest.mark.parametrize("keep", [0, 5, 300, 0.6, 0.999])
def test_truncated_files(files, which, keep):
    path = files.orbitpainter if which == "released" else files.base / "diffusion_pytorch_model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    refused("weights-damaged", files, path.name)


def test_truncated_pth(tmp_path, files, base):
    folder = tmp_path / "pth"
    folder.mkdir()
    torch.save(base, folder / "model.pth")
    data = (folder / "model.pth").read_bytes()
    (folder / "model.pth").write_bytes(data[: len(data) // 2])
    refused("weights-damaged", ExpertFiles(folder), "model.pth")


def test_a_pickle_is_not_run(tmp_path, files):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pth")
    refused("weights-unsafe", ExpertFiles(tmp_path / "bomb.pth"), "could run a program")
    assert not (tmp_path / "ran").exists()


def test_missing_and_unknown_keys_are_named(files, base):
    path = files.base / "diffusion_pytorch_model.safetensors"
    rewrite(path, lambda state: state.pop("blocks.1.cross_attn.norm_q.weight"))
    refused("weights-missing-keys", files, r"blocks\.1\.attn2\.norm_q\.weight")
    save_file(base | {"control_adapter.conv.weight": torch.ones(1)}, path)
    refused("weights-unknown-keys", files, r"control_adapter\.conv\.weight")


def test_missing_and_unknown_keys_of_the_released_file(files, lora):
    path = files.orbitpainter
    gone = "blocks.1.ffn.2.lora_A.default.weight"
    save_file({name: value for name, value in lora.items() if name != gone}, path)
    refused("weights-missing-keys", files, "one half of the LoRA of blocks.1.ffn.net.2")
    save_file({name: value for name, value in lora.items() if "blocks.0.self_attn.q" not in name}, path)
    refused("weights-missing-keys", files, r"blocks\.0\.attn1\.to_q \(LoRA\)")
    save_file({name: value for name, value in lora.items() if "bias" not in name}, path)
    refused("weights-missing-keys", files, r"patch_embedding\.bias")
    save_file(lora | {"blocks.0.mystery": torch.ones(2)}, path)
    refused("weights-unknown-keys", files, r"blocks\.0\.mystery")
    more = {"blocks.7.ffn.0.lora_A.default.weight": torch.ones(4, 32)}
    more["blocks.7.ffn.0.lora_B.default.weight"] = torch.ones(48, 4)
    save_file(lora | more, path)
    refused("weights-unknown-keys", files, r"blocks\.7\.ffn\.net\.0\.proj")


def test_wrong_shapes(files):
    path = files.base / "diffusion_pytorch_model.safetensors"

    def narrow(name):
        return lambda state: state.update({name: state[name][..., :-1].contiguous()})

    rewrite(files.orbitpainter, narrow("blocks.0.self_attn.q.lora_A.default.weight"))
    refused("weights-shape", files, r"LoRA of blocks\.0\.attn1\.to_q")
    rewrite(path, narrow("blocks.1.self_attn.k.weight"))
    refused("weights-shape", ExpertFiles(files.base), r"blocks\.1\.self_attn\.k\.weight")
    rewrite(path, lambda state: state.update({"blocks.1.ffn.0.bias": torch.ones(())}))
    refused("weights-shape", ExpertFiles(files.base))


def test_patch_embedding_of_another_model(files, lora):
    save_file(lora | {"patch_embedding.weight": torch.ones(32, 36, 1, 2, 2)}, files.orbitpainter)
    refused("weights-shape", files, "36", in_channels=68)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("which", ["base", "released"])
def test_values_that_are_not_numbers(files, which, value):
    if which == "base":
        path, name = files.base / "diffusion_pytorch_model.safetensors", "blocks.1.ffn.0.bias"
    else:
        path, name = files.orbitpainter, "blocks.1.ffn.0.lora_B.default.weight"

    def spoil(state):
        state[name].view(-1)[3] = value

    rewrite(path, spoil)
    refused("weights-not-finite", files, name)


def test_missing_files(tmp_path, files):
    refused("weights-missing", ExpertFiles(tmp_path / "nowhere"), "nowhere")
    (tmp_path / "empty").mkdir()
    refused("weights-missing", ExpertFiles(tmp_path / "empty"), "empty")
    (tmp_path / "note.txt").write_text("hello")
    refused("weights-format", ExpertFiles(tmp_path / "note.txt"), "note.txt")
    index = {"weight_map": {"a": "gone-00001-of-00002.safetensors"}}
    (tmp_path / "empty" / "x.safetensors.index.json").write_text(json.dumps(index))
    refused("weights-missing", ExpertFiles(tmp_path / "empty"), "gone-00001")
    (tmp_path / "empty" / "x.safetensors.index.json").write_text("[]")
    refused("weights-damaged", ExpertFiles(tmp_path / "empty"))


def test_another_network_is_refused(tmp_path, files, lora):
    refused("weights-missing-keys", ExpertFiles(files.orbitpainter))
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    refused("weights-missing-keys", ExpertFiles(tmp_path / "a.safetensors"))


def test_a_base_without_reference_tokens_is_refused(files, base):
    """Any other Wan 2.2 model: it would run, and ignore the picture."""
    path = files.base / "diffusion_pytorch_model.safetensors"
    save_file({name: value for name, value in base.items() if "ref_conv" not in name}, path)
    refused("weights-missing-keys", files, r"ref_conv\.bias, ref_conv\.weight")
    text_only = base | {"patch_embedding.weight": torch.ones(32, 16, 1, 2, 2)}
    save_file(text_only, path)
    refused("weights-shape", files, "does not fit 68 input channels")


def test_stopping(files):
    def stop(fraction, detail=""):
        if fraction > 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        load(files, progress=stop)


# Third-party LoRAs ----------------------------------------------------------------------------------------------


def community(style, seed=7):
    """One pair for blocks.1.self_attn.q and one for blocks.0.ffn.0, rank 4."""
    generator = torch.Generator().manual_seed(seed)
    down, up = torch.randn(4, 32, generator=generator), torch.randn(48, 4, generator=generator)
    pairs = {"blocks.1.self_attn.q": (down, up[:32]), "blocks.0.ffn.0": (down + 1, up)}
    state = {}
    for module, (a, b) in pairs.items():
        if style in ("lora_unet_", "lora_unet__"):
            name, halves = style + module.replace(".", "_"), ("lora_down", "lora_up")
        elif style == "diffusers":
            name = transformer_name(f"transformer.{module}.weight").removesuffix(".weight")
            name, halves = f"transformer.{name}", ("lora_A", "lora_B")
        else:
            name, halves = f"diffusion_model.{module}", ("lora_down", "lora_up")
        state[f"{name}.{halves[0]}.weight"], state[f"{name}.{halves[1]}.weight"] = a.clone(), b.clone()
        if style.startswith("lora_unet"):
            state[f"{name}.alpha"] = torch.tensor(8.0)
    scale = 2.0 if style.startswith("lora_unet") else 1.0
    return state, {transformer_name(f"{module}.weight"): scale * (b @ a) for module, (a, b) in pairs.items()}


@pytest.mark.parametrize("style", ["original", "lora_unet_", "lora_unet__", "diffusers"])
def test_community_lora_with_strength(tmp_path, files, style):
    state, deltas = community(style)
    save_file(state, tmp_path / "extra.safetensors")
    plain = load(files).state_dict()
    with_extra = load(ExpertFiles(files.base, files.orbitpainter, [ExtraLora(tmp_path / "extra.safetensors", 0.125)]))
    for name, value in with_extra.state_dict().items():
        expected = plain[name] + 0.125 * deltas[name] if name in deltas else plain[name]
        torch.testing.assert_close(value, expected, atol=1e-6, rtol=1e-6)


def test_differences_are_added_and_foreign_parts_left_out(tmp_path, files):
    generator = torch.Generator().manual_seed(3)
    differences = {
        "blocks.0.norm3.diff": ("blocks.0.norm2.weight", (32,)),
        "blocks.0.norm3.diff_b": ("blocks.0.norm2.bias", (32,)),
        "blocks.1.self_attn.norm_k.diff": ("blocks.1.attn1.norm_k.weight", (32,)),
        "blocks.1.diff_m": ("blocks.1.scale_shift_table", (1, 6, 32)),
        "head.diff_m": ("scale_shift_table", (1, 2, 32)),
        "head.head.diff": ("proj_out.weight", (64, 32)),
        "time_projection.1.diff_b": ("condition_embedder.time_proj.bias", (192,)),
    }
    state = {f"diffusion_model.{key}": torch.randn(s, generator=generator) for key, (_, s) in differences.items()}
    foreign = {
        "diffusion_model.patch_embedding.diff": torch.ones(32, 36, 1, 2, 2),
        "diffusion_model.img_emb.proj.1.lora_down.weight": torch.ones(4, 32),
        "diffusion_model.blocks.0.cross_attn.k_img.diff_b": torch.ones(32),
    }
    save_file(state | foreign, tmp_path / "distill.safetensors")
    extra = [ExtraLora(tmp_path / "distill.safetensors", 0.5)]
    plain = load(files).state_dict()
    loaded = checkpoints.load_expert(ExpertFiles(files.base, files.orbitpainter, extra), dtype=torch.float32)
    added = {name: state[f"diffusion_model.{key}"] for key, (name, _) in differences.items()}
    for name, value in loaded.model.state_dict().items():
        torch.testing.assert_close(value, plain[name] + 0.5 * added[name] if name in added else plain[name])
    notes = sorted(loaded.notes)
    assert len(notes) == 2
    assert notes[0].startswith("1 weight of distill.safetensors left out: made for the patch embedding")
    assert notes[1].startswith("2 weights of distill.safetensors left out: made for the image branch")


def test_a_lora_of_another_model_is_refused(tmp_path, files):
    path = tmp_path / "x.safetensors"
    extra = ExpertFiles(files.base, files.orbitpainter, [ExtraLora(path)])
    save_file(
        {"double_blocks.0.lora_A.weight": torch.ones(4, 8), "double_blocks.0.lora_B.weight": torch.ones(8, 4)}, path
    )
    refused("weights-unknown-keys", extra, "double_blocks")
    save_file({"blocks.0.ffn.0.weight": torch.ones(4, 8)}, path)
    refused("weights-unknown-keys", extra, "no part of a LoRA")
    save_file(
        {"blocks.0.ffn.0.lora_A.weight": torch.ones(4, 32), "blocks.0.ffn.0.lora_B.weight": torch.ones(48, 5)}, path
    )
    refused("weights-shape", extra)


@torch.no_grad()
def test_unmerged_adapter_equals_merged(tmp_path, files):
    pytest.importorskip("peft")
    from orbit_painter.backend.painters.orbitpainter.lora import read_lora

    state, _ = community("lora_unet_")
    save_file(state, tmp_path / "extra.safetensors")
    merged = load(ExpertFiles(files.base, files.orbitpainter, [ExtraLora(tmp_path / "extra.safetensors", 0.3)]))
    model = load(files)
    lora = read_lora(tmp_path / "extra.safetensors", [name for name, _ in model.named_modules()])
    model.load_lora_adapter(lora.adapter(), prefix=None, adapter_name="extra")
    model.set_adapters("extra", 0.3)
    generator = torch.Generator().manual_seed(0)
    x, text = torch.randn(1, 68, 2, 4, 4, generator=generator), torch.randn(1, 4, 24, generator=generator)
    results = [m(x, torch.tensor([500.0]), text).sample for m in (merged, model)]
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)


# VAE and text encoder -------------------------------------------------------------------------------------------


@pytest.fixture
def vae():
    from diffusers import AutoencoderKLWan

    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=8).eval()


@pytest.mark.parametrize("layout", ["pth", "nested", "model prefix", "safetensors", "diffusers"])
def test_vae_layouts(tmp_path, wan, vae, layout):
    original = {wan.original_vae_name(name): value for name, value in vae.state_dict().items()}
    path = tmp_path / "Wan2.1_VAE.pth"
    if layout == "pth":
        torch.save(original, path)
    elif layout == "nested":
        torch.save({"model_state": original}, path)
    elif layout == "model prefix":
        torch.save({f"model.{name}": value for name, value in original.items()}, path)
    elif layout == "safetensors":
        path = tmp_path / "vae.safetensors"
        save_file(original, path)
    else:
        path = tmp_path / "vae"
        vae.save_pretrained(path)
    loaded = checkpoints.load_vae(path)
    assert loaded.config.base_dim == 8
    assert loaded.config.latents_mean == vae.config.latents_mean
    assert sorted(loaded.state_dict()) == sorted(vae.state_dict())
    for name, value in vae.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert checkpoints.load_vae(path, torch.bfloat16).dtype == torch.bfloat16


def test_vae_is_checked(tmp_path, wan, vae):
    original = {wan.original_vae_name(name): value for name, value in vae.state_dict().items()}
    del original["decoder.upsamples.3.resample.1.bias"]
    torch.save(original, tmp_path / "v.pth")
    with pytest.raises(InputError, match=r"decoder\.up_blocks\.0\.upsamplers\.0\.resample\.1\.bias"):
        checkpoints.load_vae(tmp_path / "v.pth")


@torch.no_grad()
def test_text_encoder(tmp_path, wan):
    transformers = pytest.importorskip("transformers")
    config = transformers.UMT5Config(
        vocab_size=50, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"
    )
    torch.manual_seed(0)
    model = transformers.UMT5EncoderModel(config).eval()
    state = {wan.original_text_name(n): v.clone() for n, v in model.state_dict().items() if "embed_tokens" not in n}
    torch.save(state, tmp_path / "models_t5_umt5-xxl-enc-bf16.pth")
    model.save_pretrained(tmp_path / "text_encoder")
    tokens = torch.tensor([[3, 14, 15, 9, 2]])
    expected = model(tokens).last_hidden_state
    for path in (tmp_path / "models_t5_umt5-xxl-enc-bf16.pth", tmp_path / "text_encoder"):
        loaded = checkpoints.load_text_encoder(path, torch.float32)
        torch.testing.assert_close(loaded(tokens).last_hidden_state, expected, atol=1e-6, rtol=1e-6)


# Conversion -----------------------------------------------------------------------------------------------------


@pytest.fixture
def model_files(tmp_path, files, wan, vae):
    low = tmp_path / "low_noise_model"
    low.mkdir()
    heads(low)
    save_file(wan.weights(seed=11, in_channels=52), low / "diffusion_pytorch_model.safetensors")
    save_file(wan.lora(seed=12), tmp_path / "low_noise.safetensors")
    original = {wan.original_vae_name(name): value for name, value in vae.state_dict().items()}
    torch.save(original, tmp_path / "Wan2.1_VAE.pth")
    return ModelFiles(files, ExpertFiles(low, tmp_path / "low_noise.safetensors"), tmp_path / "Wan2.1_VAE.pth")


def test_convert_writes_one_diffusers_folder(tmp_path, model_files, wan):
    heard = []
    folder = tmp_path / "models" / "orbitpainter"
    convert(model_files, folder, dtype=torch.float32, progress=lambda fraction, detail: heard.append(fraction))
    assert sorted(path.name for path in folder.iterdir()) == [
        "model_index.json",
        "scheduler",
        "transformer",
        "transformer_2",
        "vae",
    ]
    assert heard == sorted(heard)
    assert heard[-1] == 1
    high = OrbitWanTransformer3DModel.from_pretrained(folder / "transformer")
    check_equal(high, wan.merged(wan.weights(in_channels=52), wan.lora()))
    low = wan.merged(wan.weights(seed=11, in_channels=52), wan.lora(seed=12))
    check_equal(OrbitWanTransformer3DModel.from_pretrained(folder / "transformer_2"), low)
    check_equal(load(ExpertFiles(folder / "transformer_2")), low)
    checkpoints.load_vae(folder / "vae")
    assert [path for path in folder.parent.iterdir() if path != folder] == []


def test_convert_leaves_nothing_behind(tmp_path, model_files):
    def stop(fraction, detail=""):
        if fraction > 0.6:
            raise CancelledError

    folder = tmp_path / "models" / "orbitpainter"
    with pytest.raises(CancelledError):
        convert(model_files, folder, progress=stop)
    assert not list(folder.parent.iterdir())
    with pytest.raises(InputError, match="tokenizer"):
        convert(replace(model_files, tokenizer=tmp_path / "gone"), folder)
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    with pytest.raises(OutputError) as caught:
        convert(model_files, folder)
    assert caught.value.code == "output-exists"
    assert (folder / "mine.txt").read_text() == "keep"


def test_convert_looks_at_the_disk_first(tmp_path, model_files, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError) as caught:
        convert(model_files, tmp_path / "out")
    assert caught.value.code == "disk-full"
    assert not (tmp_path / "out").exists()


class Heard(JsonConsole):
    """What the command says."""

    def __init__(self):
        self.all = []

    def _send(self, kind, /, **fields):
        self.all.append({"type": kind, **fields})


@pytest.mark.parametrize("torch_is_here", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_command_converts_and_uses_the_result(tmp_path, model_files, monkeypatch, torch_is_here):
    """In this Python, or, where it has no torch, in that of the engine."""
    root = tmp_path / "root"
    root.mkdir()
    if not torch_is_here:
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *p: None if name == "torch" else real(name, *p))
        engine = EngineStatus(State.READY, Path(sys.executable))
        monkeypatch.setattr("orbit_painter.backend.models.convert.status", lambda place: engine)
    words = ["models", "convert", "--root", root, "--high", model_files.high.base, "--low", model_files.low.base]
    words += ["--high-lora", model_files.high.orbitpainter, "--low-lora", model_files.low.orbitpainter]
    console = Heard()
    options = parser().parse_args([*map(str, words), "--vae", str(model_files.vae)])
    run_command(options, False, console, lambda: None)
    folder = find("orbitpainter", root)["folder"]
    assert (folder / "model_index.json").is_file()
    OrbitWanTransformer3DModel.from_pretrained(folder / "transformer")
    assert any(event["type"] == "progress" and event["done"] > 0.4 for event in console.all)
    with pytest.raises(OutputError):  # it is there already
        run_command(options, False, console, lambda: None)


def test_the_command_says_what_there_is_nothing_to_convert_of(tmp_path):
    options = parser().parse_args(["models", "convert", "--root", str(tmp_path)])
    with pytest.raises(InputError, match="no high and no low and no vae"):
        run_command(options, False, Heard(), lambda: None)
