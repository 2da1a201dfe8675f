# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage before painting tells what a bake with the same views will find."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.evaluation.bench_inputs import body
from orbit_painter.backend.evaluation.drift import render_frames
from orbit_painter.backend.guide import guide_camera
from orbit_painter.backend.mesh import MeshData, face_normals
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.painters.base import PaintedFrames
from orbit_painter.backend.texturing.atlas import texel_points
from orbit_painter.backend.texturing.coverage import coverage_numbers
from orbit_painter.backend.texturing.fuse import fuse
from orbit_painter.backend.texturing.planned import planned_coverage
from orbit_painter.backend.texturing.targets import plan_targets
from orbit_painter.backend.texturing.types import UNOBSERVED, FuseParams
from orbit_painter.backend.texturing.uv_raster import claim_texels

SIZE = 128
PARAMS = FuseParams(label_grid=64, grid=64, alignment=False, exposure=False, depth_size=256, candidates=2)


@pytest.fixture(scope="module")
def mesh() -> MeshData:
    return body(4_000)


def orbits(horizontal, vertical):
    return orbit_cameras("H", horizontal, SIZE) + orbit_cameras("V", vertical, SIZE)


def planned(mesh, cameras, references=(), **options):
    textures = planned_coverage(mesh, cameras, plan_targets(mesh, size=SIZE).targets, references, PARAMS, **options)
    ((tile,),) = textures.values()
    return tile, coverage_numbers(textures)


def test_what_no_view_will_see_is_what_the_bake_does_not_find(mesh):
    cameras = orbits(5, 3)
    before, shares = planned(mesh, cameras)
    frames = render_frames(
        mesh, lambda points: np.full((len(points), 3), 0.5, np.float32), cameras, (5, 3),
        gain=0.0, blur=0.0, noise=0.0, supersample=1,
    )  # fmt: skip
    result = fuse(mesh, plan_targets(mesh, size=SIZE).targets, PaintedFrames(frames, exact=True), PARAMS, (5, 3))
    ((after,),) = result.textures.values()
    assert np.array_equal(before.label >= UNOBSERVED, after.label >= UNOBSERVED), "other texels show surface"
    surface = after.label >= UNOBSERVED
    unseen = before.label == UNOBSERVED, after.label == UNOBSERVED
    assert (unseen[0] != unseen[1])[surface].mean() < 0.03
    assert 0.0 < shares["unseen"] < 0.5
    assert shares["unseen"] == pytest.approx(result.report["coverage"]["unseen"], abs=0.03)
    assert shares["reference"] == 0


def test_a_reference_counts_where_it_looks(mesh):
    tile, shares = planned(mesh, orbits(4, 0), [guide_camera("front", SIZE)])
    target = plan_targets(mesh, size=SIZE).targets[0]
    owner, corners = claim_texels(target.uv, SIZE, wrap=True), mesh.vertices[mesh.faces].astype(float)
    normals = face_normals(mesh.vertices, mesh.faces)[0]
    texels = np.flatnonzero(owner.reshape(-1) >= 0)
    face = owner.reshape(-1)[texels]
    label, sure = tile.label.reshape(-1)[texels], tile.confidence.reshape(-1)[texels]
    assert np.array_equal(label == 0, sure == 255)
    assert (normals[face][label == 0, 1] < 0).all(), "the front sees what is turned away from it"
    points = texel_points(target.uv.astype(float), corners, face, texels, SIZE)
    foremost = (normals[face][:, 1] < -0.9) & (points[:, 1] < -0.3)
    assert foremost.any()
    assert (label[foremost] == 0).mean() > 0.95, "a view takes the place of a reference"
    assert 0.1 < shares["reference"] < 0.5
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_it_can_be_cancelled_at_any_view(mesh):
    told = []

    def stop(fraction, detail=""):
        told.append(fraction)
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        planned(mesh, orbits(5, 3), progress=stop)
    assert told == sorted(told)
