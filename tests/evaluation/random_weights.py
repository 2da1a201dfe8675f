"""Weight files in the formats that people have, with reproducible random numbers in place of learned ones."""

import json

import numpy as np
import torch

ALEX = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))
ALEX_PLACES = (0, 3, 6, 8, 10)
VGG = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def inception_file(path):
    """Inception v3 as pt_inception-2015-12-05-6726825d.pth has it, its unused last layer included."""
    from orbit_painter.backend.evaluation.backbones import Inception

    random, state = np.random.default_rng(1), {}
    for name, old in sorted(Inception().state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        values = random.random(tuple(old.shape), np.float32)
        if name.endswith("conv.weight"):
            values = (values - 0.5) * 4.8 / np.sqrt(values[0].size)
        elif name.endswith(("running_var", "bn.weight")):
            values = values + 0.5
        else:
            values = (values - 0.5) * 0.3
        state[name] = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    state["fc.weight"], state["fc.bias"] = torch.zeros(1008, 2048), torch.zeros(1008)
    torch.save(state, path)
    return path


def classifier_file(path, net):
    """VGG-16 or AlexNet as torchvision saves them."""
    random = np.random.default_rng(2)
    shapes = ALEX if net == "alex" else [(out, before, 3) for before, out in zip((3, *VGG), VGG, strict=False)]
    state = {}
    for place, (out, channels, kernel) in zip(ALEX_PLACES if net == "alex" else VGG_PLACES, shapes, strict=True):
        weight = random.random((out, channels, kernel, kernel), np.float32) - 0.5
        state[f"features.{place}.weight"] = torch.from_numpy(weight * np.float32(4.8 / np.sqrt(weight[0].size)))
        state[f"features.{place}.bias"] = torch.from_numpy(random.random(out, np.float32) * np.float32(0.1))
    state["classifier.6.weight"] = torch.zeros(1000, 8)
    torch.save(state, path)
    return path


def clip_folder(folder):
    """A tiny CLIP model, both halves, as transformers saves it."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(3)
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": 50}  # fmt: skip
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["projection_dim"] == 12
    return folder


def pictures(count, size, seed=0):
    """uint8 (count, size, size, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)
