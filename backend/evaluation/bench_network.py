# SPDX-License-Identifier: GPL-3.0-or-later
"""OrbitPainter's networks with random weights: seconds, memory, cost of GASA, every switch of speed, whole runs.

On a GPU at full size, with the targets of specs/inference-speed.md section 5 beside. Without one the same measurements
of small networks, where only ratios mean something; `--quick` makes all of them tiny.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import OrbitPainterError
from .bench import Table, case
from .network_cases import SCALES, forward, run, sparse_attention

Result = Mapping[str, Any]

GASA_SHARE = 0.15  # of a forward pass, that GASA may add
SWITCH_STEPS = 10  # more than a distilled run has, for which step caches are left out
PLAIN = {"attention": "native", "cache": "off", "compile": False, "foreground_only": False, "guided": 0.0}
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "attention: fastest exact": {"attention": "auto"},
    "attention: 8-bit too": {"attention": "fastest"},
    "compile": {"compile": True},
    "cache: first-block": {"cache": "first-block"},
    "cache: taylorseer": {"cache": "taylorseer"},
    "cache: magcache": {"cache": "magcache"},
    "cache: seacache": {"cache": "seacache"},
    "foreground only": {"foreground_only": True},
    "half as many steps": {"steps": SWITCH_STEPS // 2},
    "guidance on all steps": {"guided": 1.0},
    "guidance on half of the steps": {"guided": 0.5},
    "guidance in one pass": {"guided": 1.0, "batched": True},
}
FORWARDS: dict[str, dict[str, Any]] = {
    "plain": {"attention": "native"},
    "best attention": {},
    "best attention, compiled": {"compiled": True},
    "with GASA": {"gasa": True},
    "with GASA, compiled": {"gasa": True, "compiled": True},
}
ENDS: dict[str, dict[str, Any]] = {
    "best": {"preset": "best"},
    "best, compiled": {"preset": "best", "compile": True},
    "balanced": {"preset": "balanced"},
    "fast, with distillation LoRAs": {"preset": "fast", "distilled": True},
    "fast, without": {"preset": "fast"},
}
PROFILES = ("80", "48", "24", "16", "12", "8", "8-disk")


@dataclass(frozen=True)
class Target:
    """A figure to reach on an H100 or H200, both orbits in one sequence; paper: what the paper has, where it says."""

    most: float
    unit: str
    paper: str = ""


TARGETS = {
    "forward pass, eager": Target(5.0, "s"),
    "forward pass, best attention, compiled": Target(3.5, "s"),
    "release settings, end to end": Target(7 * 60.0, "s", "720 s"),
    "20 steps, guidance on half, end to end": Target(2 * 60.0, "s"),
    "4 steps, end to end": Target(25.0, "s", "120 s with DMD2"),
    "memory, both experts": Target(66.0, "GB", "45 GB"),
    "memory, one expert at a time": Target(36.0, "GB", "45 GB"),
    "GASA adds": Target(100 * GASA_SHARE, "%"),
}


def measure(what: str, scale: str = "tiny", **options: Any) -> dict[str, Any]:
    """One case: `forward`, `attention` or `run` of network_cases.py; `device`: which one there is, and how large."""
    if importlib.util.find_spec("torch") is None:
        return {"missing": "this Python has no torch"}
    import torch

    from ..painters.orbitpainter.devices import find_device

    device = find_device("auto")
    if what == "device":
        gigabytes = device.free / 1e9
        name = f"{device.name}, {gigabytes:.0f} GB free, PyTorch {torch.__version__}"
        return {"device": name, "gpu": device.device.type != "cpu"}
    return {"forward": forward, "attention": sparse_attention, "run": run}[what](device, SCALES[scale], **options)


def tables(quick: bool) -> Iterator[Table]:
    """Each large measurement in a process of its own, so that its peak memory is its own and a failure stays alone.

    A table is given as soon as it is measured: at full size all of them take about an hour.
    """
    found = case("network", what="device")
    if "missing" in found:
        yield Table("OrbitPainter's networks", ["result"], [[f"not measured: {found['missing']}"]])
        return
    full = found["gpu"] and not quick
    large, small = ("full", "full") if full else ("tiny" if quick else "quarter", "tiny")
    forwards = _all("forward", large, FORWARDS, repeats=3 if full else 1, **_FORWARD)
    yield _forward_table(SCALES[large].title, found["device"], forwards)
    yield _attention_table("quarter" if quick else "full", full)
    steps = {} if full else {"steps": 4}
    cases = {name: {"memory": name, "preset": "balanced", "compile": False, "steps": 2} for name in PROFILES}
    profiles = _all("run", small, cases, **_RUN)
    yield _profile_table(SCALES[small].title, profiles, full)
    ends = _all("run", small, {name: each | steps for name, each in ENDS.items()}, **{**_RUN, "memory": "80"})
    yield _end_table(SCALES[small].title, ends)
    options = {**_RUN, **PLAIN, "memory": "80", "preset": "best", "steps": SWITCH_STEPS}
    yield _switch_table(SCALES[small].title, _all("run", small, SWITCHES, **options))
    if full:
        yield _target_table(found["device"], forwards, profiles, ends)


_FORWARD = {"gasa": False, "compiled": False, "attention": "auto"}
_RUN = {"distilled": False}


def _all(what: str, scale: str, cases: Mapping[str, dict[str, Any]], **common: Any) -> dict[str, Result]:
    return {name: _tried(what, scale, **{**common, **each}) for name, each in cases.items()}


def _tried(what: str, scale: str, **options: Any) -> Result:
    try:
        if scale == "full":
            return case("network", what=what, scale=scale, **options)
        return measure(what, scale, **options)  # small: importing torch again would take longer than measuring
    except OrbitPainterError as error:  # out of memory on a small card, or no compiler, is a result too
        return {"failed": error.message}


def _forward_table(title: str, device: str, found: Mapping[str, Result]) -> Table:
    rows = []
    for name, each in found.items():
        rows.append([name, *_seconds(each, found["plain"]), _gigabytes(each), each.get("attention", "")])
    return Table(
        f"OrbitPainter, one forward pass: {title}",
        ["", "s", "of plain", "peak GB", "attention"],
        rows,
        [f"{device}. Random weights. GASA: each expert's weights are 29 % more, with projections of its own."],
    )


def _attention_table(scale: str, gpu: bool) -> Table:
    """GASA's attention beside the full one. One head is enough on a processor: heads only repeat."""
    common = {"heads": 40 if gpu else 1, "repeats": 3 if gpu else 1}
    full = _tried("attention", scale, grid=64, kernel="full", **common)
    rows: list[list[object]] = [["full", "", "", *_seconds(full, full)]]
    for grid in (32, 64, 128):
        for kernel in ("flex", "chunked") if gpu else ("chunked",):
            each = _tried("attention", scale, grid=grid, kernel=kernel, **common)
            rows.append([f"GASA, {kernel}", grid, each.get("keys", ""), *_seconds(each, full)])
    return Table(
        f"OrbitPainter, attention alone: {SCALES[scale].title}, {'40 heads' if gpu else 'one head'} of 128",
        ["attention", "grid", "keys per token", "s", "of full"],
        rows,
        ["Tokens of a sphere, half of which are foreground."],
    )


def _profile_table(title: str, found: Mapping[str, Result], planned: bool) -> Table:
    rows = []
    for name, each in found.items():
        rows.append([name, _gigabytes(each), _planned(name) if planned else "", *_seconds(each, found["80"])])
    head = ["profile", "peak GB", "planned GB", "s", "of 80"]
    return Table(f"OrbitPainter, two steps with each memory profile: {title}", head, rows)


def _planned(name: str) -> float:
    from ..painters.orbitpainter import profiles
    from ..painters.orbitpainter.arithmetic import NetworkSize, Workload

    workload = Workload.of("paper", (61, 61), 512)
    return profiles.plan(profiles.profile_named(name), workload, NetworkSize(in_channels=48)).peak / 1e9


def _end_table(title: str, found: Mapping[str, Result]) -> Table:
    rows = []
    for name, each in found.items():
        rows.append([name, each.get("steps", ""), *_seconds(each, found["best"]), _gigabytes(each)])
    return Table(
        f"OrbitPainter, end to end: {title}",
        ["preset", "steps", "s", "of best", "peak GB"],
        rows,
        ["Passes encoded, both orbits painted and decoded; the model is loaded, and compiled where it is."],
    )


def _switch_table(title: str, found: Mapping[str, Result]) -> Table:
    rows = [[name, *_seconds(each, found["plain"]), _gigabytes(each)] for name, each in found.items()]
    return Table(
        f"OrbitPainter, {SWITCH_STEPS} steps without guidance, with one switch at a time: {title}",
        ["switch", "s", "of plain", "peak GB"],
        rows,
        ["How often a step cache can be used depends on the weights; random ones only show that it works."],
    )


def _target_table(
    device: str, forwards: Mapping[str, Result], profiles: Mapping[str, Result], ends: Mapping[str, Result]
) -> Table:
    best = [ends[name] for name in ("best", "best, compiled") if "seconds" in ends[name]]
    measured = {
        "forward pass, eager": forwards["plain"].get("seconds"),
        "forward pass, best attention, compiled": forwards["best attention, compiled"].get("seconds"),
        "release settings, end to end": min((each["seconds"] for each in best), default=None),
        "20 steps, guidance on half, end to end": ends["balanced"].get("seconds"),
        "4 steps, end to end": ends["fast, with distillation LoRAs"].get("seconds"),
        "memory, both experts": _share(profiles["80"].get("memory"), 1e9),
        "memory, one expert at a time": _share(profiles["48"].get("memory"), 1e9),
        "GASA adds": _added(forwards["with GASA"], forwards["best attention"]),
    }
    rows = []
    for name, target in TARGETS.items():
        value = measured[name]
        met = "not measured" if value is None else "yes" if value <= target.most else "no"
        rows.append([name, "" if value is None else value, target.most, target.unit, target.paper, met])
    head = ["2 x 61 frames of 512", "measured", "at most", "", "the paper's", "met"]
    return Table("OrbitPainter, the targets for an H100 or H200", head, rows, [device])


def _share(value: float | None, of: float) -> float | None:
    return None if value is None else value / of


def _added(longer: Result, plain: Result) -> float | None:
    """By how many percent."""
    both = {"seconds"} <= set(longer) & set(plain)
    return 100 * (longer["seconds"] / plain["seconds"] - 1) if both else None


def _seconds(result: Result, plain: Result) -> list[object]:
    """Seconds and their share of `plain`'s; what a failure said in the first cell."""
    if "seconds" not in result:
        return [result.get("failed", ""), ""]
    return [result["seconds"], result["seconds"] / plain["seconds"] if "seconds" in plain else ""]


def _gigabytes(result: Result) -> object:
    return result["memory"] / 1e9 if result.get("memory") else ""
