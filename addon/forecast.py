# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job of a neural engine will need and take, for the panel. The driver is asked once, beside the main thread."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ..backend.errors import OrbitPainterError
from . import targets, threads

if TYPE_CHECKING:
    from ..backend.painters.orbitpainter.forecast import Machine

_known: list[Machine] = []
_asked = False


def ask() -> None:
    """Find out what this computer has, unless that is known or on its way."""
    global _asked
    if not _asked:
        _asked = True
        threads.start(_look, _keep, traceback.print_exception)


def text(settings: Any) -> str:
    """A sentence for the settings as they are; "" for an engine that needs no card, or while nothing is known yet."""
    if settings.engine != "orbitpainter" or not _known:
        return ""
    from ..backend.painters.orbitpainter.forecast import forecast
    from .job_settings import engine_options_of  # needs NumPy, which enabling must not

    views = (settings.views_horizontal, settings.views_vertical)
    try:
        return forecast(engine_options_of(settings), views, settings.frame_size, _known[-1]).sentence()
    except OrbitPainterError:  # an engine option that is being typed: the job says what is wrong with it
        return ""


def _look() -> Machine:
    from ..backend.painters.orbitpainter.forecast import this_machine  # not while enabling

    return this_machine()


def _keep(machine: Machine) -> None:
    _known[:] = [machine]
    targets.redraw()
