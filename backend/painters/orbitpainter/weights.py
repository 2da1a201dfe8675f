# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the model's files: in the model store, or in a folder of the user's. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...environment.layout import default_root
from ...errors import EngineMissingError, InputError
from ...models.catalogue import CATALOGUE, MATTING, Model, model_named
from ...models.store import ModelStore

ENGINE = "orbitpainter"
PROMPTS = "prompts.safetensors"
_OPTIONAL = {"text_encoder", "tokenizer", "folder"}


def find_parts(weights: str | None) -> dict[str, Path]:
    """The model's parts by role: high, low, high_lora, low_lora, vae, and where there are text_encoder, tokenizer,
    prompts; or `folder`, converted, with everything in it.

    weights: a folder (a copy of the repositories, or one that `models convert` wrote); None: the model store. Raises
    EngineMissingError that says what to download, InputError for a folder that is not there.
    """
    if weights is None:
        parts = ModelStore().find(ENGINE)
        home = parts["folder"] if "folder" in parts else parts["high_lora"].parent
    else:
        home = Path(weights).expanduser()
        if not home.is_dir():
            raise InputError("weights-missing", f"There is no folder {home}.", "Correct the option weights.")
        parts = _in_folder(home)
    for prompts in (home / PROMPTS, cache_folder() / PROMPTS):
        if prompts.is_file():
            return {**parts, "prompts": prompts}
    return parts


def find_matting() -> Path | None:
    """The folder of the matting model in the model store, or None."""
    return ModelStore().status(model_named(MATTING)).folder


def fingerprint(path: Path | str) -> str:
    """Changes when a file, or any file below a folder, is added, removed or written: hexadecimal.

    Names, sizes and times of change; the contents, tens of gigabytes, are not read. A file that is not there counts as
    such.
    """
    top = Path(path)
    files = sorted(file for file in top.rglob("*") if file.is_file()) if top.is_dir() else [top]
    digest = hashlib.sha256(str(top).encode())
    for file in files:
        try:
            facts = file.stat()
        except OSError:  # gone since it was listed, or never there: reading it will say so
            continue
        digest.update(f"{file.relative_to(top)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:40]


def cache_folder() -> Path:
    """Where latents and prompt embeddings are kept between runs."""
    return default_root() / "cache" / ENGINE


def _in_folder(home: Path) -> dict[str, Path]:
    if (home / "model_index.json").is_file():
        return {"folder": home}
    models = [model for model in CATALOGUE if model.engine == ENGINE]
    parts: dict[str, Path] = {}
    missing: list[Model] = []
    for model in models:
        for role, path in model.roles.items():
            found = next((place for place in (home / path, *home.glob(f"*/{path}")) if place.exists()), None)
            if role in _OPTIONAL:
                found = found if path != "." else None
            elif found is None and model not in missing:
                missing.append(model)
            if found is not None:
                parts[role] = found
    if missing:
        listed = "; ".join(
            f"{', '.join(m.roles.values())} of {m.repository} ({m.bytes / 1e9:.1f} GB, licence: {m.licence})"
            for m in missing
        )
        raise EngineMissingError(
            "models-missing",
            f"The folder {home} lacks parts of OrbitPainter: {listed}.",
            f"Put them there, or run 'models download {ENGINE}' and leave out the option.",
        )
    return parts


def prompts_missing() -> EngineMissingError:
    """Neither the embeddings of the two texts are there, nor what makes them."""
    encoder = next(model for model in CATALOGUE if model.name == "wan-text-encoder")
    return EngineMissingError(
        "prompts-missing",
        f"The embeddings of OrbitPainter's two texts are not here ({PROMPTS}), and neither is the text encoder that "
        f"makes them once ({encoder.bytes / 1e9:.1f} GB, licence: {encoder.licence}).",
        "Run 'models download wan-text-encoder wan-tokenizer'; after the first run they can be removed.",
    )
