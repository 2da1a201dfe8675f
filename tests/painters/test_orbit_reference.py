# SPDX-License-Identifier: GPL-3.0-or-later
"""How OrbitPainter's reference is cut out, framed and compared with the object."""

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.orbits.cameras import FOCAL_PER_WIDTH, Camera, look, orbit_cameras
from orbit_painter.backend.painters.base import VIEWS, Reference
from orbit_painter.backend.painters.orbitpainter.reference import ENLARGED, framed, frontal, prepare, squared
from orbit_painter.backend.painters.projection.gbuffer import coverage
from orbit_painter.backend.progress import silent
from orbit_painter.tests.painters.scenes import blob, paint, waves

SIZE = 128
MESH = blob()
FRONT = orbit_cameras("H", 1, SIZE)[0]
SILHOUETTE = coverage(MESH, FRONT, 2) > 0.5


def prepared(image, framing="auto", keep=False, matte=None, view="front"):
    return prepare(Reference(image, name="pot.png", view=view), MESH, SIZE, framing, keep, matte, silent)


def box(mask):
    """First and last + 1 row and column."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])


def placed(picture, size, top, left):
    """`picture` somewhere on a larger transparent page."""
    page = np.zeros((*size, 4), np.uint8)
    page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return page


def test_the_one_that_shows_the_front_is_used():
    picture = np.zeros((8, 8, 4), np.uint8)
    back, front = Reference(picture, name="a", view="back"), Reference(picture, name="b")
    assert frontal([back, front]).name == "b"
    assert frontal([back]).name == "a"


def test_a_reference_is_framed_as_the_object_is_in_the_first_frame_a_little_larger():
    picture = paint(MESH, FRONT, waves)
    result = prepared(placed(picture, (300, 420), 150, 20))
    assert result.picture.shape == (SIZE, SIZE, 3)
    assert result.notes == []
    assert result.info["iou"] > 0.95
    found, wanted = box(result.picture.max(-1) > 8), box(SILHOUETTE)
    assert np.abs((found[:2] + found[2:]) - (wanted[:2] + wanted[2:])).max() <= 4  # twice the centres
    assert max(found[2:] - found[:2]) == pytest.approx(ENLARGED * max(wanted[2:] - wanted[:2]), abs=3)


def test_framing_never_cuts_the_object_off():
    mask = np.ones((64, 64), bool)
    image = np.zeros((100, 100, 3), np.uint8)
    image[30:50, 20:80] = 200
    alpha = (image[..., 0] > 0).astype(np.float32)
    inside = framed(image, alpha, mask)[..., 0] > 100
    assert 58 <= box(inside)[3] - box(inside)[1] <= 64


def test_what_is_a_dot_from_the_front_becomes_one():
    """A needle that points at the camera; its picture is large."""
    mask = np.zeros((512, 512), bool)
    mask[200:206, 300:306] = True
    image, alpha = np.full((900, 900, 3), 200, np.uint8), np.ones((900, 900), np.float32)
    inside = framed(image, alpha, mask)[..., 0] > 100
    assert np.abs(box(inside) - [200, 300, 206, 306]).max() <= 1


def test_kept_framing_only_pads_to_a_square():
    image = np.zeros((60, 120, 3), np.uint8)
    image[:, :60] = 100
    out = squared(image, 120)
    assert out.shape == (120, 120, 3)
    assert np.array_equal(box(out[..., 0] > 50), [30, 0, 90, 60])


def test_what_is_transparent_is_black_whatever_colour_hides_there():
    picture = placed(paint(MESH, FRONT, waves), (160, 160), 16, 16)
    hidden = picture.copy()
    hidden[picture[..., 3] == 0, :3] = (255, 0, 255)
    for framing in ("auto", "keep"):
        out = prepared(hidden, framing).picture
        assert np.array_equal(out, prepared(picture, framing).picture)
        assert not out[:4].any()


def test_a_plain_background_is_removed_unless_it_is_kept():
    picture = placed(paint(MESH, FRONT, waves), (160, 160), 16, 16)
    picture[picture[..., 3] < 128, :3] = 250
    picture[..., 3] = 255
    removed, kept = prepared(picture, "keep"), prepared(picture, "keep", keep=True)
    assert removed.info["background_removed"]
    assert not removed.picture[:4].any()
    assert not kept.info["background_removed"]
    assert (kept.picture[:4] > 240).all()


def test_a_picture_of_something_else_is_told():
    image = np.zeros((200, 200, 4), np.uint8)
    image[95:105, 5:195] = (90, 120, 60, 255)
    result = prepared(image)
    assert len(result.notes) == 1
    assert "pot.png" in result.notes[0]
    assert result.info["iou"] < 0.8


@pytest.mark.parametrize("view", ["left", "top"])
def test_a_picture_of_another_side_is_compared_and_framed_with_that_side(view):
    """The needle's side is long, its front a dot."""
    needle = replace(MESH, vertices=MESH.vertices * np.float32([0.2, 1, 0.2]))
    direction, up = VIEWS[view]
    camera = Camera(look([1.5 * x for x in direction], up), SIZE, SIZE, SIZE * FOCAL_PER_WIDTH, (SIZE / 2, SIZE / 2))
    picture = placed(paint(needle, camera, waves), (300, 300), 100, 30)

    def result(named):
        return prepare(Reference(picture, name="n", view=named), needle, SIZE, "auto", False, None, silent)

    fitting = result(view)
    assert fitting.info["iou"] > 0.9
    assert len(fitting.notes) == (view == "top")  # not a side that training used
    found, wanted = box(fitting.picture.max(-1) > 8), box(coverage(needle, camera, 2) > 0.5)
    assert max(found[2:] - found[:2]) == pytest.approx(ENLARGED * max(wanted[2:] - wanted[:2]), abs=3)
    assert any("from the front" in note for note in result("front").notes)


def test_a_matte_of_the_users_takes_the_place_of_the_outline():
    picture = placed(paint(MESH, FRONT, waves), (160, 160), 16, 16)
    half = prepared(picture, "keep", matte=lambda colour, alpha: alpha * 0.5).picture
    assert half.max() == pytest.approx(prepared(picture, "keep").picture.max() / 2, abs=2)


def test_a_picture_without_an_object():
    with pytest.raises(InputError, match="transparent"):
        prepared(np.zeros((100, 100, 4), np.uint8))
