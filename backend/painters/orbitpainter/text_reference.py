# SPDX-License-Identifier: GPL-3.0-or-later
"""A reference picture from words: an image model of the user's choice, guided by the object's depth or normals.

Any text-to-image pipeline in diffusers' layout that takes a control picture, from a local folder: nothing is
downloaded, and no code that comes with a model is run.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.pipelines.auto_pipeline import AutoPipelineForText2Image
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from numpy.typing import NDArray

from ...errors import InputError
from ...orbits.passes import ViewPasses
from ...progress import Progress

Control = Literal["depth", "normal"]
STEPS = 30


def control_picture(passes: ViewPasses, kind: Control) -> NDArray[np.uint8]:
    """What the image model is guided by, uint8 (H, W, 3).

    depth: near is white, background black. normal: in the camera's axes, right, up and towards it as red, green, blue.
    """
    if kind == "normal":
        right, down, forward = passes.camera.rotation
        local = passes.normal @ np.stack([right, -down, -forward]).T
        local = np.where(passes.mask[..., None], local, (0, 0, 1))
        return np.round((local + 1) * 127.5).clip(0, 255).astype(np.uint8)
    depth = passes.depth
    inside = depth[passes.mask]
    if not len(inside):
        raise InputError("reference-elsewhere", "The front view does not show the object.", "Check the object.")
    near, far = float(inside.min()), float(inside.max())
    value = np.where(passes.mask, 255 - 191 * (np.where(passes.mask, depth, far) - near) / max(far - near, 1e-6), 0)
    return np.repeat(np.round(value).astype(np.uint8)[..., None], 3, axis=2)


def load(folder: Path, control: Path | None, device: torch.device, dtype: torch.dtype) -> Any:
    """The image pipeline. control: folder of a ControlNet, where it has none of its own. Raises InputError."""
    try:
        for path in (folder, control):
            if path is not None and not path.is_dir():
                raise OSError(f"there is no folder {path}")
        options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "torch_dtype": dtype}
        if control is not None:
            options["controlnet"] = ControlNetModel.from_pretrained(control, **options)
            pipe: Any = AutoPipelineForText2Image.from_pretrained(folder, **options)
        else:
            pipe = DiffusionPipeline.from_pretrained(folder, **options)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "image-model-unusable",
            f"{folder} cannot be used as an image model ({error}).",
            "Give the folder of a text-to-image pipeline in diffusers' layout, with safetensors files.",
        ) from error
    if control_argument(pipe) is None:
        raise InputError(
            "image-model-uncontrolled",
            f"The image model in {folder} takes no control picture, so it could not follow the object.",
            "Add --control with the folder of a depth or normal ControlNet made for it.",
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def control_argument(pipe: Any) -> str | None:
    """How the pipeline calls its control picture: `control_image`, or `image` where that is one; None: it has none."""
    parameters = inspect.signature(pipe.__call__).parameters
    if "control_image" in parameters:
        return "control_image"
    return "image" if "image" in parameters and "controlnet" in pipe.components else None


def paint_reference(
    pipe: Any, text: str, passes: ViewPasses, kind: Control, seed: int, steps: int, progress: Progress
) -> NDArray[np.uint8]:
    """The picture uint8 (H, W, 4): what the model painted, cut out along the object's outline.

    Raises CancelledError from `progress`, which is called after every step.
    """
    from PIL import Image

    height, width = passes.mask.shape

    def after(pipeline: Any, step: int, timestep: Any, known: dict[str, Any]) -> dict[str, Any]:
        progress((step + 1) / steps, f"step {step + 1} of {steps}")
        return {}

    given = {control_argument(pipe) or "image": Image.fromarray(control_picture(passes, kind))}
    progress(0.0, "painting the reference")
    result = pipe(
        text,
        num_inference_steps=steps,
        generator=torch.Generator("cpu").manual_seed(seed),
        height=height,
        width=width,
        callback_on_step_end=after,
        output_type="pil",
        **given,
    )
    colour = np.asarray(result.images[0].convert("RGB").resize((width, height)))
    return np.concatenate([colour, np.where(passes.mask, 255, 0).astype(np.uint8)[..., None]], axis=-1)
