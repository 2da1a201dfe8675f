# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading weights one tensor at a time: safetensors (whole or in shards), .pth without pickle, GGUF; what writing
them may raise.

Everything that can be wrong with a file is an InputError with a sentence; nothing is unpickled.
"""

from __future__ import annotations

import errno
import json
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ...errors import EngineMissingError, InputError
from ...files import output_errors

DOWNLOAD_AGAIN = "Download it again, or run the check of the model store."


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that is still in its file: its shape, and a function that reads it."""

    shape: tuple[int, ...]
    read: Callable[[], torch.Tensor]
    file: Path


class TensorStore(Mapping[str, StoredTensor]):
    """The tensors of a file or a folder by their stored names. Keeps files mapped, not tensors in memory."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._tensors: dict[str, StoredTensor] = {}
        for file in weight_files(self.path):
            for name, tensor in _open(file).items():
                if name in self._tensors:
                    raise InputError(
                        "weights-duplicate",
                        f"{name} is stored in {self._tensors[name].file.name} and in {file.name}.",
                        f"Keep the files of one model only in {self.path}.",
                    )
                self._tensors[name] = tensor

    def __getitem__(self, name: str) -> StoredTensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def tensor(self, name: str) -> torch.Tensor:
        """Read one tensor, refusing infinities and NaN. Raises InputError."""
        stored = self._tensors[name]
        tensor = stored.read()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InputError(
                "weights-not-finite",
                f"{name} in {stored.file} holds values that are not numbers; the file is damaged.",
                DOWNLOAD_AGAIN,
            )
        return tensor


def weight_files(path: Path) -> list[Path]:
    """The files of a model: the file itself, or those of a folder in order. Raises InputError.

    In a folder: the shards that an index names; else all .safetensors, .pth or .gguf files, the first kind there is.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError("weights-missing", f"There are no weights at {path}.", "Download them or correct the path.")
    indices = sorted(path.glob("*.safetensors.index.json"))
    if indices:
        return _indexed(indices[0])
    for suffix in (".safetensors", ".pth", ".gguf"):
        if files := sorted(path.glob(f"*{suffix}")):
            return files
    raise InputError(
        "weights-missing", f"The folder {path} holds no .safetensors, .pth or .gguf file.", "Correct the path."
    )


def _indexed(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("weights-damaged", f"{index} is not a list of weight files.", DOWNLOAD_AGAIN) from error
    files = [index.with_name(Path(str(name)).name) for name in names]
    if absent := [file.name for file in files if not file.is_file()]:
        raise InputError(
            "weights-missing", f"{', '.join(absent)} named by {index} is not there.", "Finish the download."
        )
    return files


@contextmanager
def tensors_output(path: Path | str) -> Iterator[None]:
    """Turn what writing tensors to `path` raises into an OutputError: safetensors hides the system's error in words."""
    with output_errors(path):
        try:
            yield
        except SafetensorError as error:
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error


def _open(file: Path) -> dict[str, StoredTensor]:
    if file.suffix == ".safetensors":
        return _open_safetensors(file)
    if file.suffix in (".pth", ".pt", ".bin", ".ckpt"):
        return _open_torch(file)
    if file.suffix == ".gguf":
        return _open_gguf(file)
    raise InputError(
        "weights-format", f"{file} is of no known kind of weights.", "Use .safetensors, .pth or .gguf files."
    )


def _damaged(file: Path, error: Exception) -> InputError:
    return InputError("weights-damaged", f"{file} is cut short or damaged ({error}).", DOWNLOAD_AGAIN)


def _open_safetensors(file: Path) -> dict[str, StoredTensor]:
    def reader(handle: Any, name: str) -> Callable[[], torch.Tensor]:
        return lambda: handle.get_tensor(name)

    try:
        handle: Any = safe_open(str(file), framework="pt", device="cpu")
        shapes = {name: tuple(handle.get_slice(name).get_shape()) for name in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(file, error) from error
    return {name: StoredTensor(shape, reader(handle, name), file) for name, shape in shapes.items()}


def _open_torch(file: Path) -> dict[str, StoredTensor]:
    """A .pth is a zip of a pickle: read with the loader that builds tensors only, mapped into memory where it can."""
    try:
        try:
            state: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # files older than the zip format cannot be mapped
            state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            "weights-unsafe",
            f"{file} holds more than tensors or is damaged, and is not opened because it could run a program.",
            "Use a .safetensors file of the same model.",
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise _damaged(file, error) from error
    while isinstance(state, dict) and not any(isinstance(value, torch.Tensor) for value in state.values()):
        inner = next((state[name] for name in ("model_state", "state_dict", "model", "module") if name in state), None)
        if inner is None:
            break
        state = inner
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError("weights-format", f"{file} holds no table of tensors.", "Choose the model's weight file.")

    def reader(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        return lambda: tensor

    return {str(name): StoredTensor(tuple(value.shape), reader(value), file) for name, value in state.items()}


def _open_gguf(file: Path) -> dict[str, StoredTensor]:
    """GGUF through the `gguf` package of llama.cpp; values are de-quantised to float32 as they are read."""
    try:
        import gguf
    except ImportError as error:
        raise EngineMissingError(
            "gguf-missing",
            f"{file} is a GGUF file, and the package gguf, which reads such files, is not installed.",
            "Install gguf into the environment of the engine, or use the .safetensors files of the model.",
        ) from error
    try:
        reader = gguf.GGUFReader(str(file))
    except Exception as error:  # the package raises whatever NumPy meets in a damaged file
        raise _damaged(file, error) from error

    def read(tensor: Any, shape: tuple[int, ...]) -> Callable[[], torch.Tensor]:
        def values() -> torch.Tensor:
            plain = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            return torch.from_numpy(np.array(plain)).reshape(shape)

        return values

    tensors = {}
    for tensor in reader.tensors:
        # GGUF lists the fastest axis first and has four axes; converters note the shape of tensors with more.
        original = reader.get_field(f"comfy.gguf.orig_shape.{tensor.name}")
        if original is not None:
            shape = tuple(int(original.parts[part][0]) for part in original.data)
        else:
            shape = tuple(int(size) for size in reversed(tensor.shape))
        tensors[tensor.name] = StoredTensor(shape, read(tensor, shape), file)
    return tensors


def listed(names: Iterable[str], limit: int = 5) -> str:
    """Names for a sentence: the first few, then how many more."""
    ordered = sorted(names)
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(ordered[:limit]) + more


def check_names(where: Path, given: Iterable[str], wanted: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Raises InputError that names what is unknown and what is missing."""
    given, wanted = set(given), set(wanted)
    if unknown := given - wanted:
        raise InputError(
            "weights-unknown-keys",
            f"{where} holds weights that this model does not have: {listed(unknown)}.",
            "Choose the file of the right model.",
        )
    if missing := wanted - given - set(optional):
        raise InputError(
            "weights-missing-keys",
            f"{where} lacks weights of this model: {listed(missing)}.",
            "Finish the download, or choose the file of the right model.",
        )


def check_shape(where: Path, name: str, given: Iterable[int], wanted: Iterable[int]) -> None:
    """Raises InputError unless both shapes are equal."""
    given, wanted = tuple(given), tuple(wanted)
    if given != wanted:
        raise InputError(
            "weights-shape",
            f"{name} in {where} is of shape {given}, and the model needs {wanted}.",
            "Choose the file of the right model.",
        )
