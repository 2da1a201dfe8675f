# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the `orbitpainter` engine. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...errors import UsageError
from .presets import STEP_CACHES, Speed, preset, with_changes
from .profiles import NAMES

_CHOICES = {
    "mode": ("release", "paper"),
    "preset": ("best", "balanced", "fast"),
    "memory": ("auto", *NAMES),
    "first_frame": ("clean", "noised", "off"),
    "cache": STEP_CACHES,
    "split": ("auto", "context"),
    "output_transform": ("none", "inverse_agx"),
    "framing": ("auto", "keep"),
    "background": ("auto", "keep"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 200),
    "guidance": (0, 30),
    "guidance_stop": (0, 1),
    "boundary": (0, 1),
    "first_frame_steps": (0, 200),
    "cache_threshold": (0, 10),
    "lora_high_strength": (-4, 4),
    "lora_low_strength": (-4, 4),
}
_WHOLE = ("steps", "first_frame_steps")
_SWITCHES = ("v_mirrored", "compile", "foreground_only", "truncate", "batched_guidance", "vae_tiled")
_TEXTS = ("weights", "device", "more_devices", "attention", "lora_high", "lora_low", "matting")


@dataclass(frozen=True)
class OrbitPainterOptions:
    """weights       folder with the model's files; none: the model store
    mode          release: one orbit after the other; paper: both in one sequence (needs weights trained so)
    preset        best, balanced or fast: what the eight below are where they are not given
    steps, guidance, guidance_stop, cache, cache_threshold, foreground_only, attention, compile   see `presets.Speed`
    memory        auto, 80, 48, 24, 16, 12, 8 (GB of GPU memory), 8-disk (little RAM too) or cpu
    device        auto, cuda, cuda:1, mps or cpu
    more_devices  further devices, with commas between. One takes the other orbit where neither needs the other's frames
                  (first_frame off), else the other guidance branch; several share each forward pass
    split         context: one more device shares each forward pass too
    batched_guidance   both guidance branches in one forward pass, which takes more memory
    vae_tiled     the VAE works on one tile after the other; not given: where memory demands it
    boundary      sigma at which the experts change: 0.875 as published, 0.9 as trained
    first_frame   how the vertical orbit takes over the horizontal one's first frame; first_frame_steps: for how long
    v_mirrored    the vertical orbit is shown to the network left-right mirrored
    truncate      convert to 8 bits as the published code does
    output_transform   inverse_agx: Blender's AgX, which the published training data went through, is taken off
    lora_high, lora_low   further LoRAs (distillation), one per expert, each with its strength
    framing       auto: the reference is scaled to the object's framing; keep: as it is, padded to a square
    background    auto: a reference without useful alpha gets its background removed; keep: it is all object
    matting       folder of a ViTMatte model that refines the reference's outline; not given: the model store's, where
                  it has one; off: none
    """

    weights: str | None = None
    mode: str = "release"
    preset: str = "best"
    steps: int | None = None
    guidance: float | None = None
    guidance_stop: float | None = None
    cache: str | None = None
    cache_threshold: float | None = None
    foreground_only: bool | None = None
    attention: str | None = None
    compile: bool | None = None
    memory: str = "auto"
    device: str = "auto"
    more_devices: str | None = None
    split: str = "auto"
    batched_guidance: bool = False
    vae_tiled: bool | None = None
    boundary: float = 0.875
    first_frame: str = "clean"
    first_frame_steps: int | None = None
    v_mirrored: bool = False
    truncate: bool = False
    output_transform: str = "none"
    lora_high: str | None = None
    lora_low: str | None = None
    lora_high_strength: float = 1.0
    lora_low_strength: float = 1.0
    framing: str = "auto"
    background: str = "auto"
    matting: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or value not in choices):
                raise _refused(name, value, f"Choose one of {', '.join(choices)}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            kinds = int if name in _WHOLE else (int, float)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high
            ):
                kind = "a whole number" if name in _WHOLE else "a number"
                raise _refused(name, value, f"Choose {kind} from {low:g} to {high:g}.")
        for name in _SWITCHES:
            if getattr(self, name) not in (None, True, False):
                raise _refused(name, getattr(self, name), "Choose true or false.")
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str | None):
                raise _refused(name, getattr(self, name), "Give a text.")

    @staticmethod
    def parse(options: Mapping[str, Any]) -> OrbitPainterOptions:
        """Checked options from a mapping; unknown names and bad values raise UsageError."""
        known = [field.name for field in fields(OrbitPainterOptions)]
        for name in options:
            if name not in known:
                raise UsageError(
                    "option-unknown",
                    f"The orbitpainter engine has no option named {name!r}.",
                    f"It knows {', '.join(known)}.",
                )
        values = dict(options)
        for name in ("memory", "device"):  # memory=24 is a number to the command line
            if isinstance(values.get(name), int) and not isinstance(values[name], bool):
                values[name] = str(values[name])
        return OrbitPainterOptions(**values)

    @property
    def further(self) -> tuple[str, ...]:
        """Names of the further devices."""
        return tuple(name for word in (self.more_devices or "").split(",") if (name := word.strip()))

    @property
    def shared_forward(self) -> bool:
        """All devices share each forward pass."""
        return len(self.further) > 1 or (self.split == "context" and len(self.further) == 1)

    @property
    def speed(self) -> Speed:
        """The preset with what was given."""
        return with_changes(
            preset(self.preset, self.distilled),
            steps=self.steps,
            guidance=self.guidance,
            guidance_stop=self.guidance_stop,
            cache=self.cache,
            cache_threshold=self.cache_threshold,
            foreground_only=self.foreground_only,
            attention=self.attention,
            compile=self.compile,
        )

    @property
    def distilled(self) -> bool:
        """Both experts have a further LoRA, which a 4-step run needs."""
        return self.lora_high is not None and self.lora_low is not None


def _refused(name: str, value: Any, advice: str) -> UsageError:
    return UsageError("option-range", f"The option {name} is {value!r}.", advice)
