# SPDX-License-Identifier: GPL-3.0-or-later
"""Which textures are baked, in which UVs."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.errors import UsageError
from orbit_painter.backend.texturing.targets import NEW_UV_MAP, plan_targets, with_unwrapped
from orbit_painter.backend.texturing.unwrap import box_unwrap
from orbit_painter.tests.texturing.asset_mesh import build, load_asset, triangles

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def plate(name, at, place=(0.1, 0.1), size=0.3, material=0, **more):
    """A square plate; its UVs are a square at `place`."""
    uv = CORNERS[:, :2][FACES] * size + np.asarray(place)
    return triangles(name, CORNERS + np.array([at, 0, 0]), FACES, {"UVMap": uv, **more}, material)


def test_one_texture_per_object():
    mesh = build([plate("a", 0, material=0), plate("b", 2, material=1)], ("red", "blue"))
    plan = plan_targets(mesh, size=64)
    assert [t.name for t in plan.targets] == ["a", "b"]
    assert [t.faces.tolist() for t in plan.targets] == [[0, 1], [2, 3]]
    assert not plan.needs_unwrap
    assert not plan.notes


def test_objects_of_one_material_share_a_texture_only_where_they_fit():
    beside = build([plate("a", 0), plate("b", 2, (0.6, 0.6))], ("red",))
    plan = plan_targets(beside)
    assert [(t.name, len(t.faces)) for t in plan.targets] == [("red", 4)]
    on_top = build([plate("a", 0), plate("b", 2)], ("red",))
    assert [t.name for t in plan_targets(on_top).targets] == ["a", "b"]


def test_names_are_safe_and_different():
    mesh = build([plate("a/b", 0, material=0), plate("A b", 2, material=1), plate("..", 4, material=2)], "rgb")
    names = [t.name for t in plan_targets(mesh).targets]
    assert names == ["a_b", "A_b_2", "texture"]


def test_another_map_of_the_object_before_a_new_one():
    bad = CORNERS[:, :2][FACES] * 20
    good = CORNERS[:, :2][FACES]
    mesh = build([triangles("a", CORNERS, FACES, {"A": bad, "B": good}, 0)], ("red",))
    plan = plan_targets(mesh)
    assert plan.targets[0].uv_map == "B"
    assert "B is used instead" in plan.notes[0]
    kept = plan_targets(mesh, uv_choice="keep")
    assert kept.targets[0].uv_map == "A"
    assert "the first one wins" in kept.notes[0]
    assert plan_targets(mesh, uv_choice="A").targets[0].uv_map == "A"
    assert plan_targets(mesh, uv_choice="new").needs_unwrap == (0,)
    with pytest.raises(UsageError):
        plan_targets(mesh, uv_choice="C")


def test_slots_have_textures_of_their_own():
    objects = [triangles("a", CORNERS, FACES, {"UVMap": CORNERS[:, :2][FACES]}, 0)]
    mesh = build(objects, ("red", "blue"))
    mesh.face_material[1] = 1
    plan = plan_targets(mesh, atlas="slot")
    assert [(t.name, t.faces.tolist(), t.one_slot) for t in plan.targets] == [
        ("a_red", [0], True),
        ("a_blue", [1], True),
    ]
    assert len(plan_targets(mesh).targets) == 1


def test_shared_atlas_unwraps_together():
    mesh = build([plate("a", 0, material=0), plate("b", 2, material=1)], ("red", "blue"))
    plan = plan_targets(mesh, atlas="shared")
    assert plan.needs_unwrap == (0, 1)
    assert plan.together
    new, targets = with_unwrapped(mesh, plan, box_unwrap)
    assert len(targets) == 1
    assert targets[0].uv_map == NEW_UV_MAP
    assert new.active_uv == {0: NEW_UV_MAP, 1: NEW_UV_MAP}
    assert mesh.active_uv == {0: "UVMap", 1: "UVMap"}


def test_many_objects_without_a_map_are_told_in_one_sentence():
    mesh = build([triangles(f"part {i}", CORNERS + np.array([2 * i, 0, 0]), FACES) for i in range(5)])
    plan = plan_targets(mesh)
    assert plan.needs_unwrap == (0, 1, 2, 3, 4)
    assert plan.notes == [
        f"part 0, part 1, part 2 and 2 more have no UV map, so each gets a new one named {NEW_UV_MAP}."
    ]


def test_instances_follow_their_original():
    original = triangles("a", CORNERS, FACES)
    copy = triangles("b", CORNERS + np.array([2, 0, 0]), FACES)
    mesh = build([original, copy], instance_of={1: 0})
    plan = plan_targets(mesh)
    assert plan.needs_unwrap == (0,)
    assert "no UV map" in plan.notes[0]
    new, targets = with_unwrapped(mesh, plan, box_unwrap)
    assert [t.faces.tolist() for t in targets] == [[0, 1]]
    np.testing.assert_array_equal(new.uv[NEW_UV_MAP][:2], new.uv[NEW_UV_MAP][2:])
    again = plan_targets(new, uv_choice=plan.uv_maps())
    assert [t.faces.tolist() for t in again.targets] == [[0, 1]]
    assert again.chosen == {0: NEW_UV_MAP, 1: NEW_UV_MAP}


def test_an_unwrap_that_tears_corners_is_refused():
    mesh = build([(*triangles("a", CORNERS, FACES)[:5], np.zeros(2, int), np.array([[0, 1, 2], [0, 2, 3]]))])

    def torn(vertices, faces, polygon):
        return np.random.default_rng(0).random((len(faces), 3, 2)).astype(np.float32)

    with pytest.raises(ValueError, match="two UVs"):
        with_unwrapped(mesh, plan_targets(mesh), torn)


@pytest.mark.assets
def test_assets(assets):
    tea, _ = load_asset(assets / "tea-set")
    plan = plan_targets(tea)
    assert [(t.name, len(t.faces)) for t in plan.targets] == [("tea_set_01", len(tea.faces))]
    udim, _ = load_asset(assets / "nasty-udim")
    assert plan_targets(udim).targets[0].tiles == (1001, 1002, 1011)
    pawn, _ = load_asset(assets / "nasty-shared-mirrored")
    assert plan_targets(pawn).needs_unwrap == (0,)
    kept = plan_targets(pawn, uv_choice="keep").targets
    assert [len(t.faces) for t in kept] == [1056]
    tree, _ = load_asset(assets / "leafy-tree")
    assert len(plan_targets(tree).needs_unwrap) == 6
