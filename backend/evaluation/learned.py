# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS, FID, KID, CLIP-FID and CLIP-I, with weights from given paths. torch is imported when they are asked for.

Features of pictures are computed item by item and kept; distances between sets of features are torchmetrics'.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from ..packages import require_packages

if TYPE_CHECKING:
    from .backbones import Clip, Inception, Lpips

Features = NDArray[np.float32]
# metric -> the field of Weights that it needs, the option that gives it, and what that is
NEEDS = {
    "lpips": ("lpips", "--lpips-weights FILE", "VGG-16's or AlexNet's weights"),
    "fid": ("inception", "--inception-weights FILE", "FID's Inception v3 weights"),
    "kid": ("inception", "--inception-weights FILE", "FID's Inception v3 weights"),
    "clip_fid": ("clip", "--clip FOLDER", "a CLIP model"),
    "clip_i": ("clip", "--clip FOLDER", "a CLIP model"),
}
TITLES = {"lpips": "LPIPS", "fid": "FID", "kid": "KID", "clip_fid": "CLIP-FID", "clip_i": "CLIP-I"}
KID_SUBSET, KID_SUBSETS = 1000, 100


@dataclass(frozen=True)
class Weights:
    """Where the networks are, as absolute paths; None: not given."""

    lpips: str | None = None
    inception: str | None = None
    clip: str | None = None

    def metrics(self) -> list[str]:
        """The learned metrics that these allow."""
        return [name for name, (field, _, _) in NEEDS.items() if getattr(self, field) is not None]

    def to_json(self) -> dict[str, str | None]:
        return asdict(self)


def check_metrics(asked: Sequence[str], weights: Weights) -> list[str]:
    """The learned metrics to compute: those asked for, else all that are possible.

    Raises UsageError (metric-unknown, weights-not-given), InputError (weights-missing), EngineMissingError.
    """
    for name in asked:
        if name not in NEEDS:
            raise UsageError("metric-unknown", f"There is no learned metric {name}.", f"Use {', '.join(NEEDS)}.")
        field, option, what = NEEDS[name]
        if getattr(weights, field) is None:
            raise UsageError(
                "weights-not-given",
                f"{TITLES[name]} needs {what}, which are never downloaded by themselves.",
                f"Give them with {option}, or leave --metric {name} away.",
            )
    chosen = list(asked) or weights.metrics()
    for name in chosen:
        path = getattr(weights, NEEDS[name][0])
        if not Path(path).exists():
            raise InputError("weights-missing", f"There is nothing at {path}.", f"Correct {NEEDS[name][1].split()[0]}.")
    if chosen:
        packages = ("torch", "torchmetrics", "transformers", "safetensors")
        require_packages(packages, "metrics-missing", "The learned metrics need")
    return chosen


def left_out(chosen: Sequence[str]) -> str | None:
    """A sentence about the learned metrics that are not computed."""
    absent: dict[str, list[str]] = {}
    for name, (_, option, _) in NEEDS.items():
        if name not in chosen:
            absent.setdefault(option, []).append(TITLES[name])
    if not absent:
        return None
    ways = "; ".join(f"{', '.join(names)} with {option}" for option, names in absent.items())
    return f"Left out because no weights were given: {ways}."


class Networks:
    """The networks of some metrics, loaded. Raises InputError for weights that are broken or of something else."""

    def __init__(self, chosen: Sequence[str], weights: Weights, gpu: bool = False) -> None:
        import torch

        from .backbones import Clip, Inception, Lpips

        self._device = torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
        paths = {NEEDS[name][0]: Path(getattr(weights, NEEDS[name][0])) for name in chosen}
        self.lpips: Lpips | None = Lpips.load(paths["lpips"]) if "lpips" in paths else None
        self.inception: Inception | None = Inception.load(paths["inception"]) if "inception" in paths else None
        self.clip: Clip | None = Clip.load(paths["clip"]) if "clip" in paths else None
        for network in (self.lpips, self.inception, self.clip):
            if network is not None:
                network.to(self._device)

    def features(self, picture: NDArray[np.uint8]) -> dict[str, Features]:
        """What is kept of a picture uint8 (h, w, 3): its features (n,) by network."""
        import torch

        found = {}
        with torch.no_grad():
            for name, network in (("inception", self.inception), ("clip", self.clip)):
                if network is not None:
                    found[name] = network(self._batch(picture))[0].cpu().numpy()
        return found

    def distance(self, picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float | None:
        """LPIPS of two pictures uint8 (h, w, 3); None without its network."""
        import torch

        if self.lpips is None:
            return None
        with torch.no_grad():
            return float(self.lpips(self._batch(picture) / 255, self._batch(truth) / 255)[0])

    def _batch(self, picture: NDArray[np.uint8]) -> Any:
        import torch

        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(picture, -1, 0)))[None].to(self._device)


def similarity(one: Features, other: Features) -> float:
    """Cosine of the angle between two feature vectors."""
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12))


def set_distances(
    chosen: Sequence[str], real: Mapping[str, Features], made: Mapping[str, Features]
) -> dict[str, float | None]:
    """FID, KID and CLIP-FID between two sets of features (n, f) by network; None for fewer than two pictures."""
    found: dict[str, float | None] = {}
    for name, network in (("fid", "inception"), ("kid", "inception"), ("clip_fid", "clip")):
        if name not in chosen:
            continue
        enough = network in real and network in made and min(len(real[network]), len(made[network])) >= 2
        distance = kernel_distance if name == "kid" else frechet_distance
        found[name] = distance(real[network], made[network]) if enough else None
    return found


def frechet_distance(real: Features, made: Features) -> float:
    """FrechetInceptionDistance of features that are known already, (n, f) each."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    return float(_compared(FrechetInceptionDistance(feature=_given(real.shape[1])), real, made))


def kernel_distance(real: Features, made: Features, seed: int = 0) -> float:
    """Mean of KernelInceptionDistance over subsets of at most 1,000 pictures; all of them where there are fewer."""
    import torch
    from torchmetrics.image.kid import KernelInceptionDistance

    least = min(len(real), len(made))
    subsets = KID_SUBSETS if least > KID_SUBSET or len(real) != len(made) else 1
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        warnings.simplefilter("ignore", UserWarning)  # that it keeps the features
        metric = KernelInceptionDistance(
            feature=_given(real.shape[1]), subsets=subsets, subset_size=min(least, KID_SUBSET)
        )
        return float(_compared(metric, real, made)[0])


def _given(count: int) -> Any:
    """Stands where torchmetrics wants a network: hands its input on."""
    import torch

    network = torch.nn.Identity()
    network.num_features = count  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
    return network


def _compared(metric: Any, real: Features, made: Features) -> Any:
    import torch

    metric.update(torch.from_numpy(real.astype(np.float64)), real=True)
    metric.update(torch.from_numpy(made.astype(np.float64)), real=False)
    return metric.compute()
