# SPDX-License-Identifier: GPL-3.0-or-later
"""The `orbitpainter` painter (docs/orbitpainter.md): passes and a reference in, painted orbits out.

Importing this needs no torch; `paint` does, and keeps the loaded model for the next job until `close`.
"""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import EngineMissingError, InputError, MemoryLimitError
from ...progress import Progress, part
from ..base import PaintedFrames, PaintRequest
from . import profiles
from .arithmetic import NetworkSize, Workload
from .options import OrbitPainterOptions
from .weights import find_parts

_PACKAGES = ("torch", "diffusers", "accelerate", "safetensors")


class OrbitPainterPainter:
    """Two experts of 14 billion parameters paint both orbits (Ink3D, arXiv 2607.01222)."""

    name = "orbitpainter"
    supersample = 2

    def __init__(self) -> None:
        self._session: Any = None

    def paint(self, request: PaintRequest, progress: Progress) -> PaintedFrames:
        """Paint all views of the pass set. Where a memory is full, once again with the next smaller profile.

        Raises UsageError, InputError, EngineMissingError, MemoryLimitError, CancelledError.
        """
        options = OrbitPainterOptions.parse(request.options)
        if not request.references:
            raise InputError("reference-missing", "No reference picture was given.", "Give one picture of the object.")
        require_packages()
        parts = find_parts(options.weights)
        from .devices import HOST, find_device, free_memory, full_memory

        camera = request.passes.cameras[0]
        workload = Workload.of(options.mode, request.passes.orbit_counts, camera.width)
        device = find_device(options.device)
        loaded = None if self._session is None else self._session.key
        if loaded is not None and options.memory == "auto" and loaded.devices[0] == str(device.device):
            profile = loaded.profile  # it was measured before the model filled the device
        else:
            profile = chosen_profile(options.memory, device, workload, options.mode == "paper")
        if options.vae_tiled is not None:
            profile = replace(profile, vae_tiled=options.vae_tiled)
        notes: list[str] = []
        while True:
            try:
                painted = self._paint(request, options, parts, device, profile, progress)
                return PaintedFrames(painted.frames, painted.anchors, False, [*notes, *painted.notes], painted.info)
            except (RuntimeError, MemoryError) as error:
                if (full := full_memory(error, device.name)) is None:
                    raise
                self.close()
                smaller = profiles.lower(profile, device.storages)
                if notes or smaller is None:
                    raise MemoryLimitError(
                        "out-of-memory" if full == HOST else "gpu-out-of-memory",
                        f"The memory of {full} is full, with the memory profile {profile.name} too.",
                        "Close other programs, use fewer or smaller views, or set memory to a smaller number.",
                    ) from error
                notes = [
                    f"The memory of {full} was full with the memory profile {profile.name}; "
                    f"the run was started again with {smaller.name}."
                ]
                profile = smaller
                if options.vae_tiled is not None:
                    profile = replace(profile, vae_tiled=options.vae_tiled)
                if options.further:
                    notes.append(f"Only one device was used: {profile.name} has no room for what several need.")
                    options = replace(options, more_devices=None)
            # Outside the handler, whose traceback holds what was loaded; blocks and their hooks hold each other.
            gc.collect()
            free_memory(device.device)

    def close(self) -> None:
        """Free the model and the device's memory."""
        if self._session is not None:
            session, self._session = self._session, None
            session.close()
            gc.collect()

    def lighter(self, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
        """None: `paint` has already tried again with a smaller memory profile."""
        return None

    def _paint(
        self,
        request: PaintRequest,
        options: OrbitPainterOptions,
        parts: Any,
        device: Any,
        profile: profiles.MemoryProfile,
        progress: Progress,
    ) -> PaintedFrames:
        from .session import Session, SessionKey

        key, start = SessionKey.of(parts, options, profile, device), 0.0
        # A retry after a full memory starts the stage's progress again where it was: it never falls.
        rising = _rising(progress)
        if self._session is None or self._session.key != key or not self._session.usable:
            self.close()
            start = 0.15
            self._session = Session.load(key, parts, options, device, part(rising, 0.0, start))
        return self._session.paint(request, options, part(rising, start, 1.0))


def _rising(progress: Progress) -> Progress:
    """The same callback, kept from falling."""
    highest = 0.0

    def report(fraction: float, detail: str = "") -> None:
        nonlocal highest
        highest = max(highest, fraction)
        progress(highest, detail)

    return report


def require_packages() -> None:
    """Raises EngineMissingError unless what the engine runs on can be imported here."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineMissingError(
            "engine-environment-missing",
            f"The engine orbitpainter needs {', '.join(missing)}, which this Python does not have.",
            "Install the engine environment: 'environment install', or the button in the preferences.",
        )


def chosen_profile(wanted: str, device: Any, workload: Workload, gasa: bool) -> profiles.MemoryProfile:
    """The profile of that name, or the largest that fits into what is free; the VAE tiled where it has to be.

    Raises MemoryLimitError.
    """
    if wanted == "auto" and device.device.type == "cpu":
        return profiles.CPU
    size = NetworkSize(gasa=gasa)
    if wanted != "auto":
        profile = profiles.profile_named(wanted)
        full = device.device.type != "cpu" and profiles.plan(profile, workload, size).peak > device.free
        return replace(profile, vae_tiled=full)
    return profiles.choose(device.free * profiles.USABLE, device.ram, workload, size, device.storages).profile
