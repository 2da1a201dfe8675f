# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of passes: what was written is read, what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.mesh import MeshData, Normalisation, simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.exr import read_exr, write_exr
from orbit_painter.backend.orbits.files import load_mesh, open_passes, save_header, save_mesh, turned, view_name
from orbit_painter.backend.orbits.raycast import raycast_passes, raycast_view


def tilted_box() -> MeshData:
    corners = np.array([[x, y, z] for x in (-0.4, 0.4) for y in (-0.3, 0.3) for z in (-0.2, 0.2)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    mesh = simple_mesh(corners @ turn.T, faces, np.random.default_rng(0).random((12, 3, 2)))
    return replace(mesh, face_object=(np.arange(12) >= 6).astype(np.int32), object_names=("a", "b"))


def make(folder, supersample=2, size=48):
    mesh = tilted_box()
    cameras = orbit_cameras("H", 4, size) + orbit_cameras("V", 3, size)
    save_header(folder, mesh, cameras, (4, 3), renderer="test", supersample=supersample)
    raycast_passes(mesh, [c.resized(size * supersample, size * supersample) for c in cameras], folder)
    return mesh, cameras


def equal_meshes(a: MeshData, b: MeshData) -> None:
    for field in fields(MeshData):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if field.name == "uv":
            assert list(left) == list(right)
            for name in left:
                np.testing.assert_array_equal(left[name], right[name])
        elif isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right, field.name


def test_mesh_round_trip(tmp_path):
    mesh = tilted_box()
    uv = np.array(mesh.uv["UVMap"])
    uv[3] = np.nan
    full = replace(
        mesh.with_uv("second map / ä", uv),
        material_names=("m", "ü"),
        instance_of={1: 0},
        active_uv={0: "UVMap", 1: "second map / ä"},
        double_sided=np.arange(12) % 2 == 0,
        normalisation=Normalisation((1.0, -2.5, 1e-7), 0.1),
    )
    for each in (mesh, full):
        save_mesh(tmp_path / "m.npz", each)
        equal_meshes(load_mesh(tmp_path / "m.npz"), each)


@pytest.mark.parametrize("supersample", [1, 2, 3])
def test_views_are_exact_for_their_own_camera(tmp_path, supersample):
    mesh, cameras = make(tmp_path, supersample)
    passes = open_passes(tmp_path)
    assert len(passes) == 7
    assert passes.orbit_counts == (4, 3)
    equal_meshes(passes.mesh, mesh)
    for index, view in enumerate(passes):
        assert view.position.shape == (48, 48, 3)
        v, u = np.nonzero(view.mask)
        projected, _ = view.camera.project(view.position[view.mask])
        np.testing.assert_allclose(projected, np.stack([u, v], axis=1) + 0.5, atol=1e-3)
        shift = np.subtract(view.camera.principal, cameras[index].principal)
        np.testing.assert_allclose(shift, {1: 0, 2: 0.25, 3: 0}[supersample])
        full = passes.full_view(index)
        assert full.mask.shape == (48 * supersample,) * 2
        np.testing.assert_array_equal(full.camera.matrix, cameras[index].matrix)
        again = raycast_view(mesh, full.camera)
        np.testing.assert_array_equal(full.object_id, again.object_id)
        np.testing.assert_allclose(full.normal, again.normal, atol=1e-6)
        encoded = passes.encoded(index)
        assert encoded.position.shape == encoded.normal.shape == (48, 48, 3)
    assert {i for view in passes for i in np.unique(view.object_id)} == {-1, 0, 1}


def test_missing_and_damaged_views_are_named(tmp_path):
    make(tmp_path)
    path = tmp_path / view_name(5)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="view_0005") as caught:
        open_passes(tmp_path)
    assert caught.value.code == "exr-damaged"
    path.unlink()
    with pytest.raises(InputError, match="View 5 is missing") as caught:
        open_passes(tmp_path)
    assert caught.value.code == "pass-missing"
    path.write_bytes(whole)
    open_passes(tmp_path)
    header = json.loads((tmp_path / "passes.json").read_text())
    for change, code in (({"schema": 99}, "passes-version"), ({"supersample": 3}, "pass-size")):
        (tmp_path / "passes.json").write_text(json.dumps({**header, **change}))
        with pytest.raises(InputError) as caught:
            open_passes(tmp_path)
        assert caught.value.code == code
    for text in ("{", "[]", '{"schema": 1}', json.dumps({**header, "object_names": ["x"]})):
        (tmp_path / "passes.json").write_text(text)
        with pytest.raises(InputError) as caught:
            open_passes(tmp_path)
        assert caught.value.code in ("passes-damaged", "passes-version")
    with pytest.raises(InputError) as caught:
        open_passes(tmp_path / "none")
    assert caught.value.code == "passes-missing"


def test_lost_passes_are_refused(tmp_path):
    """A renderer that loses the position pass writes zeros without any error (specs/orbitpainter.md section 2.5)."""
    make(tmp_path)
    path = tmp_path / view_name(0)
    channels = read_exr(path)
    constant = {n: np.zeros_like(p) if ".Position." in n else p for n, p in channels.items()}
    nameless = {n: np.zeros_like(p) if n.endswith("Combined.R") else p for n, p in channels.items()}
    for broken in (constant, nameless):
        write_exr(path, broken)
        with pytest.raises(InputError) as caught:
            open_passes(tmp_path).view(0)
        assert caught.value.code == "pass-empty"
    write_exr(path, {n: p for n, p in channels.items() if not n.endswith("Normal.Z")})
    with pytest.raises(InputError, match=r"Normal\.Z"):
        open_passes(tmp_path)


def test_layers_may_have_any_name(tmp_path):
    make(tmp_path)
    path = tmp_path / view_name(2)
    before = open_passes(tmp_path).view(2)
    write_exr(path, {n.replace("ViewLayer", "Ebene 1.b"): p for n, p in read_exr(path).items()})
    np.testing.assert_array_equal(open_passes(tmp_path).view(2).position, before.position)


def test_normals_are_turned_only_where_they_clearly_point_away():
    camera = orbit_cameras("H", 4, 4)[0]  # looks along +Y
    normal = np.zeros((4, 4, 3), np.float32)
    normal[..., 0], normal[..., 1] = 2.0, 0.1  # a smooth silhouette, a little away
    normal[0] = (0, 3.0, 0)  # contradicts its face
    normal[1] = (0, -3.0, 0)
    out = turned(normal, np.zeros((4, 4, 3), np.float32), np.ones((4, 4), bool), camera)
    assert (out[..., 1][2:] > 0).all()
    assert (out[:2] == (0, -1, 0)).all()
    np.testing.assert_allclose(np.linalg.norm(out, axis=-1), 1, rtol=1e-6)
