# SPDX-License-Identifier: GPL-3.0-or-later
"""The base colour of objects as a camera sees it, to compare written materials with what they should show."""

from orbit_painter.addon.studio import studio

SAMPLES = 16


def render_unlit(objects, camera, normalisation, size=None):
    """uint8 (h, w, 4), sRGB, straight alpha; camera in the normalised frame; size: pixels instead of the camera's own.

    Texel colours arrive unchanged but for filtering: no light, view transform Standard.
    """
    camera = camera if size is None else camera.resized(size, size)
    with studio(objects, samples=SAMPLES, lit=False, normalisation=normalisation) as made:
        made.set_camera(camera)
        return made.picture()
