# SPDX-License-Identifier: GPL-3.0-or-later
"""A better outline of the reference by ViTMatte (Apache-2.0), where its folder is here; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ..projection.sampling import local_maximum, local_minimum


def vitmatte(folder: Path | str, colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Alpha float32 (h, w) of `colour` (h, w, 3), sure where a simple matte is, found anew along its outline.

    Raises InputError where the folder holds no ViTMatte model.
    """
    from transformers import VitMatteForImageMatting, VitMatteImageProcessor

    try:
        if not Path(folder).is_dir():
            raise OSError("there is no such folder")
        model = VitMatteForImageMatting.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise InputError(
            "matting-missing",
            f"{folder} holds no ViTMatte model ({error}).",
            "Correct the option matting, or set it to off.",
        ) from error
    radius = max(2, round(0.02 * max(alpha.shape)))
    sure = local_minimum((alpha > 0.5).astype(np.float32), radius)
    near = local_maximum((alpha > 0.05).astype(np.float32), radius)
    trimap = np.where(sure > 0.5, 255, np.where(near > 0.5, 128, 0)).astype(np.uint8)
    picture = np.floor(colour * 255 + 0.5).astype(np.uint8)
    inputs = VitMatteImageProcessor()(images=picture, trimaps=trimap, return_tensors="pt")
    with torch.no_grad():
        found = model(**inputs).alphas[0, 0, : alpha.shape[0], : alpha.shape[1]]
    return np.where(trimap == 128, found.float().numpy(), trimap / np.float32(255)).astype(np.float32)
