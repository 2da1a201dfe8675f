# SPDX-License-Identifier: GPL-3.0-or-later
"""The two texts of OrbitPainter and their embeddings (specs/orbitpainter.md section 4).

The texts never change, so their embeddings are kept in a file of about a megabyte, and the text encoder (11 GB) is only
needed once, to make it.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...errors import InputError
from ...files import atomic_path

PROMPT = "This is a 3D model"
NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，丑陋的，残缺的，"
    "多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
LENGTH = 512  # tokens the network sees; those after the text are zero, and take part
CACHE_FILE = "prompts.safetensors"


@dataclass(frozen=True, eq=False)
class PromptEmbeddings:
    """positive, negative: (1, tokens, width), without padding."""

    positive: torch.Tensor
    negative: torch.Tensor

    def padded(self, length: int = LENGTH) -> tuple[torch.Tensor, torch.Tensor]:
        """Both with zeros up to `length` tokens, as the network wants them."""
        short = (F.pad(text, (0, 0, 0, length - text.shape[1])) for text in (self.positive, self.negative))
        positive, negative = short
        return positive, negative


def cleaned(text: str) -> str:
    """Broken Unicode mended where the package ftfy is there, HTML entities replaced twice, white space collapsed."""
    try:
        import ftfy
    except ImportError:
        pass  # the project's own two texts are clean
    else:
        text = ftfy.fix_text(text)
    return " ".join(html.unescape(html.unescape(text)).split())


@torch.no_grad()
def encode_prompts(
    tokenizer: Any, text_encoder: Any, prompt: str = PROMPT, negative: str = NEGATIVE_PROMPT
) -> PromptEmbeddings:
    """Run the text encoder on both texts; rows of padding are left out."""
    rows = []
    for text in (prompt, negative):
        tokens = tokenizer(cleaned(text), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
        mask = tokens.attention_mask.to(text_encoder.device)
        hidden = text_encoder(tokens.input_ids.to(text_encoder.device), mask).last_hidden_state
        rows.append(hidden[:, : int(mask.sum())].cpu())
    return PromptEmbeddings(*rows)


def save_prompts(
    path: Path, embeddings: PromptEmbeddings, prompt: str = PROMPT, negative: str = NEGATIVE_PROMPT
) -> None:
    """Write the file that `load_prompts` reads. Raises OutputError."""
    tensors = {"positive": embeddings.positive.contiguous(), "negative": embeddings.negative.contiguous()}
    with atomic_path(path) as part:
        part.write_bytes(save(tensors, {"texts": json.dumps([prompt, negative])}))


def load_prompts(path: Path, prompt: str = PROMPT, negative: str = NEGATIVE_PROMPT) -> PromptEmbeddings:
    """Embeddings of these two texts. Raises InputError where the file is damaged or of other texts."""
    try:
        with safe_open(path, "pt") as file:
            texts = json.loads(file.metadata()["texts"])
            result = PromptEmbeddings(file.get_tensor("positive"), file.get_tensor("negative"))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "prompts-damaged", f"{path} is no file of prompt embeddings ({error}).", "Delete it; it is made again."
        ) from error
    if texts != [prompt, negative]:
        raise InputError("prompts-other", f"{path} holds the embeddings of other texts.", "Delete it.")
    for tensor in (result.positive, result.negative):
        if tensor.ndim != 3 or not torch.isfinite(tensor).all():
            raise InputError("prompts-damaged", f"{path} holds values that are not numbers.", "Delete it.")
    return result
