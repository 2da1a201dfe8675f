"""Tiny random OrbitPainter models in the released formats, small enough for a run in a second."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent


def reference_wan():
    spec = importlib.util.spec_from_file_location("reference_wan", HERE / "reference_wan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny_vae(seed=0):
    from diffusers import AutoencoderKLWan

    torch.manual_seed(seed)
    return AutoencoderKLWan(base_dim=4).eval()


def tiny_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["<pad>", "<unk>", "This", "is", "a", "3D", "model"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")


def tiny_text_encoder(width=24):
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(3)
    config = UMT5Config(
        vocab_size=16, d_model=width, d_kv=4, d_ff=24, num_layers=1, num_heads=4, feed_forward_proj="gated-gelu"
    )
    return UMT5EncoderModel(config).eval()


def write_release(folder, prompts=True):
    """A folder as the downloads leave it: two released files, two base experts, VAE, and the prompt embeddings."""
    from orbit_painter.backend.painters.orbitpainter import prompts as texts

    wan = reference_wan()
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "Wan2.2-Fun-A14B-Control"
    for index, name in enumerate(("high_noise", "low_noise")):
        expert = base / f"{name}_model"
        expert.mkdir(parents=True)
        (expert / "config.json").write_text(json.dumps({"dim": 32, "num_heads": 2, "in_dim": 52}))
        save_file(wan.weights(seed=10 * index, in_channels=52), expert / "diffusion_pytorch_model.safetensors")
        save_file(wan.lora(seed=10 * index + 1), folder / f"{name}.safetensors")
    vae = tiny_vae()
    torch.save(
        {wan.original_vae_name(name): value for name, value in vae.state_dict().items()}, base / "Wan2.1_VAE.pth"
    )
    if prompts:
        generator = torch.Generator().manual_seed(5)
        rows = [torch.randn(1, n, 24, generator=generator) for n in (5, 9)]
        texts.save_prompts(folder / texts.CACHE_FILE, texts.PromptEmbeddings(*rows))
    return folder


def write_paper(folder):
    """A converted folder for the paper's mode: experts with GASA whose gates are open, VAE, and prompt embeddings."""
    from diffusers import FlowMatchEulerDiscreteScheduler
    from orbit_painter.backend.painters.orbitpainter import prompts as texts
    from orbit_painter.backend.painters.orbitpainter.pipeline import OrbitPainterPipeline
    from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel

    experts = []
    for seed in (1, 2):
        model = OrbitWanTransformer3DModel(in_channels=48, gasa=True, gasa_grid=8, **reference_wan().TINY).eval()
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in model.named_parameters():
            with torch.no_grad():
                parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator) + ("norm" in name))
                if name.endswith("gate"):
                    parameter.fill_(0.5)
        experts.append(model)
    OrbitPainterPipeline(tiny_vae(), FlowMatchEulerDiscreteScheduler(shift=5.0), *experts).save_pretrained(folder)
    generator = torch.Generator().manual_seed(5)
    rows = [torch.randn(1, n, 24, generator=generator) for n in (5, 9)]
    texts.save_prompts(folder / texts.CACHE_FILE, texts.PromptEmbeddings(*rows))
    return folder


def sphere_passes(counts, size, radius=0.45):
    """A pass set of a sphere about the origin, rendered exactly; its mesh is the same sphere in triangles."""
    from orbit_painter.backend.evaluation.bench_inputs import body
    from orbit_painter.backend.orbits.cameras import orbit_cameras
    from orbit_painter.backend.orbits.passes import ViewPasses

    class SpherePasses:
        mesh = body(500)
        orbit_counts = counts
        cameras = orbit_cameras("H", counts[0], size) + orbit_cameras("V", counts[1], size)

        def __len__(self):
            return len(self.cameras)

        def __iter__(self):
            return (self.view(index) for index in range(len(self)))

        def view(self, index):
            camera = self.cameras[index]
            origin, direction = camera.rays()
            b = (origin * direction).sum(-1)
            root = b**2 - (origin**2).sum(-1) + radius**2
            mask = root > 0
            position = origin + direction * (-b - np.sqrt(np.maximum(root, 0)))[..., None]
            position = np.where(mask[..., None], position, 0).astype(np.float32)
            return ViewPasses(
                camera, position, position / np.float32(radius), mask, np.where(mask, 0, -1).astype(np.int16)
            )

    return SpherePasses()
