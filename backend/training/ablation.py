# SPDX-License-Identifier: GPL-3.0-or-later
"""Table 2 of the paper on a small network: the same short training with and without each part.

Every row is a run of its own with the same seed, samples, noise and number of steps. A row that is finished is kept, so
the command can be stopped and run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..files import write_json
from ..progress import Progress, part, silent
from . import checkpoint
from .config import TrainConfig
from .export import load_network
from .held_out import (
    STEPS,
    USUAL_STEPS,
    Score,
    grey,
    held_out_folder,
    held_out_samples,
    mean_colour,
    network_painter,
    score,
    write_sheet,
)
from .network import build_vae, encoded_prompt
from .trainer import train

ROWS = ("everything", "no position", "no normal", "no GASA", "no reference")
BySteps = dict[int, Score]  # by the sampler's steps
BASELINES = {"mean colour of the reference": mean_colour, "grey": grey}


def row_config(config: TrainConfig, row: str) -> TrainConfig:
    """The configuration without the part that a row is named after."""
    parts = {"no position": "position", "no normal": "normal", "no GASA": "gasa", "no reference": "reference"}
    if row not in ROWS:
        raise UsageError("ablation-row", f"There is no row '{row}'.", f"Use {', '.join(ROWS)}.")
    return config if row == ROWS[0] else replace(config, model=replace(config.model, **{parts[row]: False}))


def run_ablation(
    config: TrainConfig,
    out: Path,
    held_out: Path | None,
    only: Sequence[str] | None = None,
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train and score what is not there yet; write OUT/ablation.md and .json; the table's path.

    held_out: shards of objects that are not trained on. Raises UsageError, InputError, OutputError, CancelledError.
    """
    samples = held_out_samples(held_out_folder(held_out, config))
    rows = list(only or ROWS)
    for row in rows:
        row_config(config, row)
    kept = {row: _finished(row_config(config, row), out / _folder(row)) for row in ROWS}
    for number, row in enumerate(rows):
        report = part(progress, number / len(rows), (number + 1) / len(rows))
        if kept[row] is None:
            kept[row] = _row(row_config(config, row), out / _folder(row), samples, report, note)
    found = {row: one for row, one in kept.items() if one is not None}
    found |= {name: dict.fromkeys(STEPS, score(painter, samples)) for name, painter in BASELINES.items()}
    write_json(out / "ablation.json", {name: _to_json(one) for name, one in found.items()})
    (out / "ablation.md").write_text(table(found, config), encoding="utf-8")
    return out / "ablation.md"


def _row(config: TrainConfig, out: Path, samples: Sequence, progress: Progress, note: Callable[[str], None]) -> BySteps:
    folder = train(config, out, resume=True, progress=part(progress, 0, 0.9), note=note)
    network, vae, prompt = load_network(folder, config), build_vae(config.model), encoded_prompt(config.model)
    painters = {steps: network_painter(network, vae, prompt, config.model, steps) for steps in STEPS}
    write_sheet(out / "held_out.png", painters[USUAL_STEPS], samples[:4])
    report = part(progress, 0.9, 1.0)
    found = {
        steps: score(painter, samples, part(report, place / len(STEPS), (place + 1) / len(STEPS)))
        for place, (steps, painter) in enumerate(painters.items())
    }
    write_json(out / "score.json", _to_json(found))
    return found


def _to_json(scores: BySteps) -> dict[str, dict[str, list[float]]]:
    return {str(steps): one.to_json() for steps, one in scores.items()}


def _folder(row: str) -> str:
    return row.replace(" ", "-")


def _finished(config: TrainConfig, out: Path) -> BySteps | None:
    """The scores of a row that has been trained for as many steps. Raises UsageError where it had other settings."""
    found = checkpoint.checkpoints(out)
    if not found or not (out / "score.json").exists():
        return None
    state = checkpoint.read_state(found[-1])
    checkpoint.check_same(config, state, found[-1])
    if state["step"] != config.run.steps:
        return None
    written = json.loads((out / "score.json").read_text(encoding="utf-8"))
    return {int(steps): Score.from_json(one) for steps, one in written.items()}


@dataclass(frozen=True)
class Column:
    """Of the tables: a number of `Score` after so many sampler steps, times `factor`; sign: -1 if less is better."""

    steps: int
    name: str
    head: str
    factor: float = 1.0
    sign: int = 1

    def values(self, scores: BySteps) -> NDArray[np.float64]:
        return self.factor * np.array(getattr(scores[self.steps], self.name))


COLUMNS = (
    *(Column(steps, "hidden", f"hidden views, {steps} step{'s' * (steps > 1)}, dB") for steps in STEPS),
    Column(USUAL_STEPS, "others", f"all but the reference's, {USUAL_STEPS} steps, dB"),
    Column(USUAL_STEPS, "mv_mse", f"MV-MSE × 1000, {USUAL_STEPS} steps", 1000.0, -1),
)


def table(scores: dict[str, BySteps], config: TrainConfig) -> str:
    """Markdown: the means over the held-out objects, and what each part brings."""
    run, count = config.run, len(next(iter(scores.values()))[USUAL_STEPS].hidden)
    means = [
        f"| {name} | " + " | ".join(f"{column.values(one).mean():.2f}" for column in COLUMNS) + " |"
        for name, one in scores.items()
    ]
    whole = scores.get(ROWS[0], {})
    gains = [
        f"| {name} | " + " | ".join(_gain(column, whole, one) for column in COLUMNS) + " |"
        for name, one in scores.items()
        if whole and name in ROWS[1:]
    ]
    lines = [_head("trained with"), *means]
    if gains:
        lines += ["", _head("better than"), *gains]
    return "\n".join(lines) + (
        f"\n\n{run.steps} steps of {run.batch} objects with {run.draws} noise levels each, the same for every row. "
        f"Means over {count} held-out objects. Hidden views look from 90 degrees or more away from the reference. The "
        f"second table says how much better everything is than the row, object by object: mean ± its standard error.\n"
    )


def _head(first: str) -> str:
    return f"| {first} | {' | '.join(column.head for column in COLUMNS)} |\n| --- |{' --- |' * len(COLUMNS)}"


def _gain(column: Column, whole: BySteps, without: BySteps) -> str:
    """By how much the whole is better than the row without a part: mean over objects ± standard error."""
    gain = column.sign * (column.values(whole) - column.values(without))
    error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else float("nan")
    return f"{gain.mean():+.2f} ± {error:.2f}"
