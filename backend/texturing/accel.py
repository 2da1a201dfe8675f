# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows whether numba can be used.

Kernels live in modules of their own (``kernels_*.py``), decorated with `njit`, and callers choose at call time::

    from . import accel
    if accel.NUMBA:
        from .kernels_depth import rasterise      # imported here, so that plain NumPy never pays for it
    ...                                           # else the NumPy reference beside it

so a test can compare both paths with ``monkeypatch.setattr(accel, "NUMBA", False)``.
ORBIT_PAINTER_NO_NUMBA=1 in the environment switches compiled kernels off for the whole process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")

numba: Any = None
if os.environ.get("ORBIT_PAINTER_NO_NUMBA", "") in ("", "0"):
    try:
        import numba
    except (ImportError, SystemError, AttributeError):  # absent, or built for another NumPy
        numba = None

NUMBA: bool = numba is not None
unsigned = np.uintp  # in kernels, an index of this type is not tested for counting from the end
_here = threading.local()


def njit(function: Callable[..., Any]) -> Any:
    """Compile `function` with numba (GIL released, division as in NumPy, cached on disk); unchanged without numba.

    Kernels are serial. `mapped` runs them on several threads over disjoint blocks, which unlike numba's own
    parallel loops may be called from any thread and cannot change the order of a sum.
    """
    if numba is None:
        return function
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # neither the package folder nor the user's cache folder can be written
        return numba.njit(nogil=True, error_model="numpy")(function)


def workers() -> int:
    """Number of threads to use: the cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def mapped(function: Callable[[T], R], items: Iterable[T], most: int | None = None) -> Iterator[R]:
    """``map(function, items)`` on `workers()` threads, or `most` if that is fewer, results in the order of `items`.

    Inside a function that is mapped itself it goes on in that thread: all cores are at work already. Leaving the loop
    early, as a raised CancelledError does, drops the items that have not started.
    """
    work = list(items)
    threads = min(len(work), workers() if most is None else min(workers(), most))
    if threads < 2 or getattr(_here, "mapped", False):
        yield from map(function, work)
        return
    pool = ThreadPoolExecutor(threads, initializer=setattr, initargs=(_here, "mapped", True))
    try:
        yield from pool.map(function, work)
    finally:
        pool.shutdown(cancel_futures=True)
