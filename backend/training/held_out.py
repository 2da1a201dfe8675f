# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a network paints objects that it was not trained on, in the views that the reference does not show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.sample import OrbitSample
from ..errors import InputError, UsageError
from ..files import write_png
from ..progress import Progress, part, silent
from .config import ModelConfig, TrainConfig
from .painting import masked_psnr, paint_sample, plain_reference, sample_disagreement, sheet_of, views_away
from .source import ShardSource

Painter = Callable[[OrbitSample, NDArray[np.uint8]], NDArray[np.uint8]]
STEPS = (1, 4, 16)  # of the sampler; after one step the picture is the network's mean guess, with more of them a sample
USUAL_STEPS = 4


@dataclass(frozen=True)
class Score:
    """One number for each object.

    hidden    PSNR in dB over the object's pixels, in the views from 90 degrees or more away from the reference
    others    the same in all views but the reference's own
    mv_mse    how little the painted views agree with each other on the surface they share (`disagreement`); objects
              none of whose views share any are not in it
    """

    hidden: tuple[float, ...]
    others: tuple[float, ...]
    mv_mse: tuple[float, ...]

    def to_json(self) -> dict[str, list[float]]:
        return {name: list(values) for name, values in asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Sequence[float]]) -> Score:
        return Score(**{name: tuple(values) for name, values in data.items()})


def held_out_folder(given: Path | None, config: TrainConfig) -> Path:
    """The shards to compare on: those given, else the configuration's. Raises UsageError where there are none."""
    if given is None and not config.data.held_out:
        raise UsageError("held-out-missing", "The comparison needs objects of its own.", "Give --held-out FOLDER.")
    return given or Path(config.data.held_out)


def held_out_samples(folder: Path, most: int = 24) -> list[OrbitSample]:
    """The first samples of a data set that was not trained on. Raises InputError."""
    source = ShardSource(folder)
    return [source.sample(index) for index in range(min(most, len(source)))]


def score(painter: Painter, samples: Sequence[OrbitSample], progress: Progress = silent) -> Score:
    """Paint every sample from its frontal reference and compare with the truth. Raises InputError."""
    hidden, others, mv_mse = [], [], []
    for number, sample in enumerate(samples):
        progress(number / len(samples), f"held-out object {number + 1} of {len(samples)}")
        painted = painter(sample, plain_reference(sample))
        away, turned = views_away(sample.views, 90.0), views_away(sample.views, 1.0)
        if not (sample.mask[away] == 255).any():
            continue  # thinner than a pixel
        hidden.append(masked_psnr(painted[away], sample.albedo[away], sample.mask[away]))
        others.append(masked_psnr(painted[turned], sample.albedo[turned], sample.mask[turned]))
        mv_mse.append(sample_disagreement(painted, sample))
    if not hidden:
        raise InputError("dataset-empty", "No held-out object has a hidden view.", "Render more objects.")
    return Score(tuple(hidden), tuple(others), tuple(value for value in mv_mse if np.isfinite(value)))


def mean_colour(sample: OrbitSample, reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The painter to beat: the mean colour of the reference's object, everywhere."""
    inside = reference.max(axis=-1) > 10
    colour = reference[inside].mean(axis=0) if inside.any() else np.full(3, 127.0)
    return np.broadcast_to(np.round(colour).astype(np.uint8), sample.albedo.shape)


def grey(sample: OrbitSample, reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Chance: middle grey everywhere, which is the best guess of one who has seen nothing."""
    return np.full_like(sample.albedo, 127)


def network_painter(
    network: Any, vae: Any, prompt: torch.Tensor, model: ModelConfig, steps: int = USUAL_STEPS
) -> Painter:
    """Paints with a network in so many steps of the sampler. All objects start from the same noise."""

    def paint(sample: OrbitSample, reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return paint_sample(network, vae, sample, reference, prompt, model, network.gasa_options, steps)

    return paint


@contextmanager
def gates_closed(network: Any) -> Any:
    """While inside, GASA adds nothing."""
    gates = [block.attn1.gasa.gate for block in network.blocks]
    kept = [gate.detach().clone() for gate in gates]
    with torch.no_grad():
        for gate in gates:
            gate.zero_()
    try:
        yield
    finally:
        with torch.no_grad():
            for gate, value in zip(gates, kept, strict=True):
                gate.copy_(value)


def withheld(
    network: Any,
    vae: Any,
    prompt: torch.Tensor,
    model: ModelConfig,
    samples: Sequence[OrbitSample],
    progress: Progress = silent,
) -> dict[str, Score]:
    """One trained network, whole and with one input or part taken away when it paints: what it makes use of."""

    def black(sample: OrbitSample, reference: NDArray[np.uint8], painter: Painter) -> NDArray[np.uint8]:
        return painter(sample, np.zeros_like(reference))

    whole = network_painter(network, vae, prompt, model)
    rows: dict[str, tuple[Painter, AbstractContextManager[Any]]] = {
        "everything": (whole, nullcontext()),
        "no position": (network_painter(network, vae, prompt, replace(model, position=False)), nullcontext()),
        "no normal": (network_painter(network, vae, prompt, replace(model, normal=False)), nullcontext()),
        "black reference": (lambda sample, reference: black(sample, reference, whole), nullcontext()),
        "mean colour of the reference": (mean_colour, nullcontext()),
        "grey": (grey, nullcontext()),
    }
    if model.gasa:
        rows["no GASA"] = (whole, gates_closed(network))
    result = {}
    for number, (name, (painter, state)) in enumerate(rows.items()):
        report = part(progress, number / len(rows), (number + 1) / len(rows))
        with state:
            result[name] = score(
                painter, samples, lambda done, detail, name=name, to=report: to(done, f"{name}, {detail}")
            )
    return result


def write_sheet(path: Path, painter: Painter, samples: Sequence[OrbitSample], columns: int = 8) -> None:
    """A picture: for each sample the reference, some true views, and the painted ones below them."""
    rows = []
    for sample in samples:
        reference = plain_reference(sample)
        rows.append(sheet_of(sample, reference, painter(sample, reference), columns))
    write_png(path, np.concatenate(rows), level=9)
