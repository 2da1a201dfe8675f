# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks behind the learned metrics, each read from a file that is given and never from anywhere else.

torchmetrics would fetch the weights of its own backbones from the network and needs torchvision and torch-fidelity to
build them. These are the same networks by the names that the public weight files use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..painters.orbitpainter.tensor_files import TensorStore


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], what: str, path: Path) -> None:
    """Fill a module. Raises InputError (weights-unknown) where a tensor is missing or has another shape."""
    wanted = dict(module.state_dict())
    wrong = [name for name, old in wanted.items() if name not in tensors or tensors[name].shape != old.shape]
    wrong = [name for name in wrong if not name.endswith("num_batches_tracked")]  # old files do not have it
    if wrong:
        raise InputError(
            "weights-unknown",
            f"{path} does not hold the weights of {what}: {wrong[0]} is missing or has another shape.",
            "See docs/evaluation.md for the file that is meant.",
        )
    module.load_state_dict({name: tensors[name].float() for name in wanted if name in tensors}, strict=False)
    module.eval().requires_grad_(False)


def _stored(path: Path) -> dict[str, Tensor]:
    store = TensorStore(path)
    return {name: store.tensor(name) for name in store}


class _Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int | tuple[int, int], **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _MixedA(nn.Module):
    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(channels, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _Conv(channels, 48, 1), _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(channels, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3, self.branch_pool = _Conv(96, 96, 3, padding=1), _Conv(channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat(
            [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_average(x))], 1
        )


class _MixedB(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = _Conv(288, 384, 3, stride=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(288, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class _MixedC(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        flat: dict[str, Any] = {"kernel": (1, 7), "padding": (0, 3)}
        tall: dict[str, Any] = {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1, self.branch_pool = _Conv(768, 192, 1), _Conv(768, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = _Conv(768, width, 1), _Conv(width, width, **flat)
        self.branch7x7_3, self.branch7x7dbl_1 = _Conv(width, 192, **tall), _Conv(768, width, 1)
        self.branch7x7dbl_2, self.branch7x7dbl_3 = _Conv(width, width, **tall), _Conv(width, width, **flat)
        self.branch7x7dbl_4, self.branch7x7dbl_5 = _Conv(width, width, **tall), _Conv(width, 192, **flat)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class _MixedD(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _Conv(768, 192, 1), _Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1, self.branch7x7x3_2 = _Conv(768, 192, 1), _Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = _Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = _Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class _MixedE(nn.Module):
    def __init__(self, channels: int, largest: bool) -> None:
        super().__init__()
        self._largest = largest  # the last block takes the maximum where the others average, as the original did
        self.branch1x1, self.branch_pool = _Conv(channels, 320, 1), _Conv(channels, 192, 1)
        self.branch3x3_1 = _Conv(channels, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(channels, 448, 1), _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        three, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self._largest else _average(x)
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(three), self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double),
                self.branch_pool(pooled),
            ],
            1,
        )  # fmt: skip


class Inception(nn.Module):
    """Inception v3 as FID is defined with (TensorFlow's graph of 2015-12-05): uint8 pictures to 2048 features."""

    num_features = 2048

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = _Conv(3, 32, 3, stride=2), _Conv(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = _Conv(32, 64, 3, padding=1), _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _MixedA(192, 32), _MixedA(256, 64), _MixedA(288, 64)
        self.Mixed_6a = _MixedB()
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d = _MixedC(128), _MixedC(160), _MixedC(160)
        self.Mixed_6e, self.Mixed_7a = _MixedC(192), _MixedD()
        self.Mixed_7b, self.Mixed_7c = _MixedE(1280, False), _MixedE(2048, True)

    @staticmethod
    def load(path: Path) -> Inception:
        """From pt_inception-2015-12-05-6726825d.pth, or the same as safetensors. Raises InputError."""
        network = Inception()
        load_weights(network, _stored(path), "FID's Inception v3", path)
        return network

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 (n, 3, h, w) -> float32 (n, 2048); resized to 299 x 299 bilinearly with antialiasing."""
        x = F.interpolate(pictures.float(), (299, 299), mode="bilinear", align_corners=False, antialias=True)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3((x - 128) / 128)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


# Layers of the two classifiers: (channels, kernel, stride, padding) or "pool"; the ReLUs whose output LPIPS compares.
_VGG = ((64, 3, 1, 1), (64, 3, 1, 1), "pool", (128, 3, 1, 1), (128, 3, 1, 1), "pool", (256, 3, 1, 1), (256, 3, 1, 1),
        (256, 3, 1, 1), "pool", (512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1), "pool", (512, 3, 1, 1), (512, 3, 1, 1),
        (512, 3, 1, 1))  # fmt: skip
_ALEX = ((64, 11, 4, 2), "pool", (192, 5, 1, 2), "pool", (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
_COMPARED = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """Learned perceptual image patch similarity 0.1 (Zhang et al. 2018) with VGG-16 or AlexNet.

    The weights of the layers (`lpips_models/` of torchmetrics) come with that package.
    """

    def __init__(self, net: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for layer in _VGG if net == "vgg" else _ALEX:
            if isinstance(layer, str):
                layers.append(nn.MaxPool2d(2 if net == "vgg" else 3, 2))
            else:
                layers += [nn.Conv2d(channels, *layer), nn.ReLU()]
                channels = layer[0]
        self.features = nn.Sequential(*layers)
        self.net, self.weights = net, list[Tensor]()

    @staticmethod
    def load(path: Path) -> Lpips:
        """From torchvision's vgg16-397923af.pth or alexnet-owt-7be5be79.pth, or safetensors. Raises InputError."""
        tensors = _stored(path)
        first = tensors.get("features.0.weight")
        network = Lpips("vgg" if first is not None and first.shape[-1] == 3 else "alex")
        load_weights(network, tensors, "VGG-16 or AlexNet", path)
        import torchmetrics.functional.image

        folder = Path(torchmetrics.functional.image.__file__).parent / "lpips_models"
        heads = TensorStore(folder / f"{network.net}.pth")
        network.weights = [heads.tensor(f"lin{i}.model.1.weight").float() for i in range(5)]
        return network

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Distances float32 (n,) of pictures in 0..1, float32 (n, 3, h, w) each."""
        total = torch.zeros(len(one), device=one.device)
        for a, b, weight in zip(self._compared(one), self._compared(other), self.weights, strict=True):
            total = total + F.conv2d((a - b) ** 2, weight.to(a)).mean((1, 2, 3))
        return total

    def _compared(self, pictures: Tensor) -> list[Tensor]:
        shift, scale = (pictures.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        x, found = (2 * pictures - 1 - shift) / scale, []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in _COMPARED[self.net]:
                found.append(x / torch.sqrt(1e-8 + (x**2).sum(1, keepdim=True)))
        return found


class Clip(nn.Module):
    """The picture half of a CLIP model: uint8 pictures to unit vectors."""

    MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, config: Mapping[str, Any]) -> None:
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        super().__init__()
        vision = dict(config.get("vision_config") or config)
        vision["projection_dim"] = config.get("projection_dim", vision.get("projection_dim", 512))
        known: Any = CLIPVisionConfig.from_dict(vision)
        self.model = CLIPVisionModelWithProjection(known)
        self.size, self.num_features = int(known.image_size), int(known.projection_dim)

    @staticmethod
    def load(folder: Path) -> Clip:
        """From a folder with config.json and model.safetensors, as transformers saves CLIP. Raises InputError."""
        path = folder / "config.json"
        if not path.is_file():
            raise InputError(
                "weights-missing", f"There is no CLIP model at {folder}.", "Give the folder with its config.json."
            )
        try:
            network = Clip(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError("weights-unknown", f"{path} does not describe a CLIP model.", "Correct --clip.") from error
        load_weights(network.model, _stored(folder), "this CLIP model", folder)
        return network

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 (n, 3, h, w), square -> float32 (n, num_features); resized bicubically with antialiasing."""
        x = F.interpolate(pictures.float() / 255, (self.size, self.size), mode="bicubic", antialias=True).clamp(0, 1)
        mean, deviation = (x.new_tensor(values)[:, None, None] for values in (self.MEAN, self.DEVIATION))
        return self.model(pixel_values=(x - mean) / deviation).image_embeds
